from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.entry import (
    ENTRY_BYTES_MAX,
    NO_PREVIOUS,
    Draft,
    Stamp,
    encode_entry,
    parse_entry,
)
from ledger.errors import EntryError, LedgerError

STAMP = Stamp(1_790_000_000_000, "0123456789abcdef", -1, 42)
GOLDEN = (
    b'{"at":1790000000000,"boot":"0123456789abcdef","err":-1,"ev":"door.exit","n":7,'
    b'"prev":"0000000000000000000000000000000000000000000000000000000000000000",'
    b'"up":42,"what":{"door":"front"}}'
)


def test_an_entry_has_exactly_these_bytes() -> None:
    entry = encode_entry(7, NO_PREVIOUS, STAMP, Draft("door.exit", {"door": "front"}))
    assert entry == GOLDEN
    parsed = parse_entry(entry)
    assert (parsed.n, parsed.stamp, parsed.ev) == (7, STAMP, "door.exit")
    assert parsed.what == {"door": "front"}
    assert parsed.prev == NO_PREVIOUS


@pytest.mark.parametrize("ev", ["", "Grant", "a" * 33, "a b", "grant\n", "é"])
def test_kinds_of_another_shape_are_refused(ev: str) -> None:
    with pytest.raises(EntryError):
        encode_entry(0, NO_PREVIOUS, STAMP, Draft(ev, {}))


def test_contents_that_cannot_be_written_are_refused() -> None:
    wrong: tuple[Any, ...] = ([], {"x": 1.5}, {"x": "y" * ENTRY_BYTES_MAX})
    for what in wrong:
        with pytest.raises(EntryError):
            encode_entry(0, NO_PREVIOUS, STAMP, Draft("x", what))


@pytest.mark.parametrize(
    "times",
    [
        (-1, "0" * 16, 0, 0),
        (0, "X", 0, 0),
        (0, "0" * 16, -2, 0),
        (0, "0" * 16, 0, 2**53),
    ],
)
def test_impossible_times_are_refused(times: tuple[int, str, int, int]) -> None:
    with pytest.raises(EntryError):
        Stamp(*times)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * (ENTRY_BYTES_MAX + 1),
        GOLDEN + b"\n",
        GOLDEN.replace(b'"door":"front"', b'"door": "front"'),
        GOLDEN.replace(b'"n":7', b'"n":07'),
        GOLDEN.replace(b'"n":7', b'"n":9999999999999999'),
        GOLDEN.replace(b'"at":1790000000000', b'"at":9999999999999999'),
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(EntryError):
        parse_entry(data)


@given(st.integers(0, len(GOLDEN) - 1), st.integers(1, 255))
def test_a_changed_byte_gives_another_entry_or_a_named_error(
    at: int, flip: int
) -> None:
    data = bytearray(GOLDEN)
    data[at] ^= flip
    try:
        entry = parse_entry(bytes(data))
    except LedgerError:
        return
    draft = Draft(entry.ev, entry.what)
    assert encode_entry(entry.n, entry.prev, entry.stamp, draft) == bytes(data)
