"""One value, one encoding."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.encoding import Json, canonical, from_base64url, to_base64url
from ledger.encoding import canonical as ledgers_canonical

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=126)), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(max_codepoint=126)), VALUES, max_size=6))
def test_canonical_is_rfc_8785_and_what_the_ledger_writes(
    value: dict[str, Json],
) -> None:
    assert canonical(value) == rfc8785.dumps(value)
    assert canonical(value) == ledgers_canonical(value)


@given(st.binary(max_size=70))
def test_base64url_comes_back(data: bytes) -> None:
    text = to_base64url(data)
    assert "=" not in text
    assert from_base64url(text) == data


@pytest.mark.parametrize(
    "text",
    ["AA==", "A", "A+/_", "AB", "AAAB\n", " AAAA", "AAAAA", "ÄAAA", "AA A"],
)
def test_anything_but_the_one_encoding_is_refused(text: str) -> None:
    assert from_base64url(text) is None


@given(st.text(max_size=20))
def test_rubbish_is_refused_or_is_canonical(text: str) -> None:
    data = from_base64url(text)
    assert data is None or to_base64url(data) == text
