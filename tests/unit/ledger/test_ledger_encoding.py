import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import (
    DEPTH_MAX,
    INTEGER_MAX,
    canonical,
    from_base64,
    from_hex,
    parse_canonical,
    to_base64,
)
from ledger.errors import EncodingError

KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_agrees_with_another_implementation_of_rfc_8785(value: object) -> None:
    data = canonical(value)  # type: ignore[arg-type] # whatever hypothesis made
    assert data == rfc8785.dumps(value)  # type: ignore[arg-type] # as above
    assert parse_canonical(data) == value


@given(st.binary(max_size=200))
def test_rubbish_is_refused_by_name(data: bytes) -> None:
    try:
        value = parse_canonical(data)
    except EncodingError:
        return
    assert canonical(value) == data


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        INTEGER_MAX + 1,
        {"é": 1},
        {1: 2},
        "\ud800",
        b"bytes",
        {"a": object()},
        json.loads("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1)),
    ],
)
def test_values_outside_the_canonical_form_are_refused(value: object) -> None:
    with pytest.raises(EncodingError):
        canonical(value)  # type: ignore[arg-type] # wrong on purpose


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nul",
        b" 1",
        b"01",
        b"-0",
        b"1.0",
        b"1e3",
        b"NaN",
        b"9007199254740992",
        b"1" * 5000,
        b'{"a":1,"a":1}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'"\\u0041"',
        b'"\\ud800"',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_bytes_outside_the_canonical_form_are_refused(data: bytes) -> None:
    with pytest.raises(EncodingError):
        parse_canonical(data)


@given(st.binary(max_size=80))
def test_base64_has_one_form(data: bytes) -> None:
    assert from_base64(to_base64(data)) == data


@pytest.mark.parametrize("text", ["QQ", "QQ==\n", "QR==", "Q Q=", "é", "=QQ="])
def test_loose_base64_is_refused(text: str) -> None:
    with pytest.raises(EncodingError):
        from_base64(text)


@pytest.mark.parametrize("text", ["AB", "a", "ag", "abcd", ""])
def test_loose_hexadecimal_is_refused(text: str) -> None:
    with pytest.raises(EncodingError):
        from_hex(text, 1)
    assert from_hex("0a", 1) == b"\n"
