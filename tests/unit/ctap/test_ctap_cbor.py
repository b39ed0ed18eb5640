"""gateway.ctap.cbor: canonical or refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ctap import cbor
from gateway.errors import MessageError

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "ctap_ble.json").read_text()
)


@pytest.mark.parametrize(
    "case", VECTORS["not_canonical"], ids=lambda case: case["name"]
)
def test_what_breaks_the_canonical_form_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(MessageError, match="§8"):
        cbor.decode_map(bytes.fromhex(case["cbor"]))


def test_four_levels_are_legal_and_the_fifth_is_named() -> None:
    assert cbor.decode_map(bytes.fromhex("a101818180")) == {1: [[[]]]}
    with pytest.raises(MessageError, match="nested 5 deep"):
        cbor.decode_map(bytes.fromhex("a1018181a10180"))


@pytest.mark.parametrize("opening", [b"\x81", b"\xa1\x01"])
@pytest.mark.parametrize("levels", [6, 100, 300, 500, 4000])
def test_nesting_without_end_is_refused(opening: bytes, levels: int) -> None:
    with pytest.raises(MessageError):
        cbor.decode_map(b"\xa1\x01" + opening * levels + b"\x01")


def test_length_is_bounded_before_anything_is_read() -> None:
    with pytest.raises(MessageError, match="8192 are the most"):
        cbor.decode_map(bytes(cbor.MESSAGE_BYTES_MAX + 1))


LEAVES = (
    st.integers(-(2**64), 2**64 - 1)
    | st.booleans()
    | st.binary(max_size=40)
    | st.text(max_size=20)
)
KEYS = st.integers(-(2**64), 2**64 - 1) | st.text(max_size=30)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=6,
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max([depth(inner) for inner in value.values()], default=0)
    if isinstance(value, list):
        return 1 + max([depth(inner) for inner in value], default=0)
    return 0


MAPS = st.dictionaries(KEYS, VALUES, max_size=5).filter(lambda value: depth(value) <= 4)


@given(MAPS)
def test_what_is_encoded_decodes_to_the_same(value: cbor.CborMap) -> None:
    assert cbor.decode_map(cbor.encode(value)) == value


@given(st.binary(max_size=200))
def test_rubbish_is_refused_or_canonical(data: bytes) -> None:
    try:
        value = cbor.decode_map(data)
    except MessageError:
        return
    assert cbor.encode(value) == data


@given(MAPS, st.data())
def test_no_two_messages_mean_the_same(
    value: cbor.CborMap, draw: st.DataObject
) -> None:
    data = bytearray(cbor.encode(value))
    at = draw.draw(st.integers(0, len(data) - 1))
    data[at] ^= draw.draw(st.integers(1, 255))
    try:
        other = cbor.decode_map(bytes(data))
    except MessageError:
        return
    assert cbor.encode(other) == data != cbor.encode(value)
