"""gateway.ctap.framing: cutting and strict reassembly."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ctap.framing import (
    TO_CLIENT,
    TO_KEY,
    BleError,
    Frame,
    FrameCommand,
    FrameFault,
    Reassembler,
    fragment,
)
from gateway.errors import FramingError

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "ctap_ble.json").read_text()
)
MSG = FrameCommand.MSG
REASONS = set(FrameFault)


@pytest.mark.parametrize("case", VECTORS["framing"], ids=lambda case: case["name"])
def test_vectors_cut_and_join(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["data"]) * case["repeat"]
    command = FrameCommand[case["command"]]
    fragments = list(fragment(command, data, case["fragment_bytes_max"]))
    for piece, head in zip(fragments, case["heads"], strict=True):
        assert piece.hex().startswith(head)
    assert [len(piece) for piece in fragments] == case["lengths"]
    joiner = Reassembler(65535, TO_CLIENT | TO_KEY)
    frames = [joiner.feed(piece) for piece in fragments]
    assert frames == [None] * (len(fragments) - 1) + [Frame(command, data)]


@given(
    data=st.binary(max_size=6000),
    size=st.integers(20, 512),
    command=st.sampled_from([FrameCommand.PING, FrameCommand.MSG]),
)
def test_what_is_cut_joins_again(data: bytes, size: int, command: FrameCommand) -> None:
    fragments = list(fragment(command, data, size))
    assert all(len(piece) <= size for piece in fragments)
    joiner = Reassembler(6000, fragment_bytes_max=size)
    frames = [joiner.feed(piece) for piece in fragments]
    assert frames[-1] == Frame(command, data)
    assert not any(frames[:-1])
    assert not joiner.in_frame


def test_the_sequence_wraps_from_7f_to_00() -> None:
    fragments = list(fragment(MSG, bytes(17 + 19 * 300), 20))
    assert [piece[0] for piece in fragments[1:]] == [n % 128 for n in range(300)]


@pytest.mark.parametrize("size", [19, 513, 0, -1])
def test_fragments_out_of_the_standards_bounds_are_a_mistake(size: int) -> None:
    with pytest.raises(ValueError, match="20 to 512"):
        fragment(MSG, b"", size)


def test_the_length_field_bounds_a_frame() -> None:
    assert len(list(fragment(MSG, bytes(65535), 512))) == 129
    with pytest.raises(ValueError, match="65535"):
        fragment(MSG, bytes(65536), 512)


INIT_30 = b"\x83\x00\x1e" + bytes(17)  # the first 17 of 30 bytes
CONT_0 = b"\x00" + bytes(10)

FAULTS = [
    ([b""], FrameFault.EMPTY_FRAGMENT, BleError.INVALID_LEN),
    ([INIT_30, b""], FrameFault.EMPTY_FRAGMENT, BleError.INVALID_LEN),
    ([bytes([0x83, 2, 0, *bytes(510)])], FrameFault.FRAGMENT_TOO_LONG, 3),
    ([b"\x80\x00\x00"], FrameFault.UNKNOWN_COMMAND, BleError.INVALID_CMD),
    ([b"\xbe\x00\x00"], FrameFault.UNKNOWN_COMMAND, BleError.INVALID_CMD),
    ([b"\x83"], FrameFault.SHORT_INIT, BleError.INVALID_LEN),
    ([b"\x83\x00"], FrameFault.SHORT_INIT, BleError.INVALID_LEN),
    ([b"\x82\x00\x00"], FrameFault.CONTROL_LENGTH, BleError.INVALID_LEN),
    ([b"\x82\x00\x02\x01\x01"], FrameFault.CONTROL_LENGTH, BleError.INVALID_LEN),
    ([b"\xbf\x00\x00"], FrameFault.CONTROL_LENGTH, BleError.INVALID_LEN),
    ([b"\x83\x04\x01"], FrameFault.FRAME_TOO_LONG, BleError.INVALID_LEN),
    ([b"\x83\x00\x01ab"], FrameFault.OVER_LENGTH, BleError.INVALID_LEN),
    ([b"\x83\x00\x00a"], FrameFault.OVER_LENGTH, BleError.INVALID_LEN),
    ([INIT_30, b"\x00" + bytes(14)], FrameFault.OVER_LENGTH, BleError.INVALID_LEN),
    ([CONT_0], FrameFault.STRAY_CONT, BleError.INVALID_SEQ),
    ([b"\x83\x00\x01a", CONT_0], FrameFault.STRAY_CONT, BleError.INVALID_SEQ),
    ([INIT_30, b"\x00"], FrameFault.EMPTY_CONT, BleError.INVALID_LEN),
    ([INIT_30, b"\x01a"], FrameFault.SEQUENCE_GAP, BleError.INVALID_SEQ),
    ([INIT_30, CONT_0, b"\x02a"], FrameFault.SEQUENCE_GAP, BleError.INVALID_SEQ),
    ([INIT_30, CONT_0, CONT_0], FrameFault.DUPLICATE, BleError.INVALID_SEQ),
    ([INIT_30, INIT_30], FrameFault.INIT_INSIDE_FRAME, BleError.INVALID_SEQ),
    ([INIT_30, b"\xbf\x00\x01\x06"], FrameFault.INIT_INSIDE_FRAME, 4),
    ([INIT_30, b"\x82\x00\x01\x02"], FrameFault.KEEPALIVE_INSIDE_FRAME, 4),
]


@pytest.mark.parametrize(
    ("fragments", "fault", "answer"),
    FAULTS,
    ids=[f"{n}-{fault}" for n, (_, fault, _) in enumerate(FAULTS)],
)
def test_each_fault_has_its_name_and_drops_what_was_gathered(
    fragments: list[bytes], fault: FrameFault, answer: int
) -> None:
    joiner = Reassembler(1024)
    for piece in fragments[:-1]:
        joiner.feed(piece)
    with pytest.raises(FramingError) as caught:
        joiner.feed(fragments[-1])
    assert (caught.value.reason, caught.value.ble_error) == (fault, answer)
    assert str(fault) in str(caught.value)
    assert not joiner.in_frame
    assert joiner.feed(b"\x83\x00\x01a") == Frame(MSG, b"a")


def test_before_the_first_cont_a_7f_is_no_duplicate_to_excuse() -> None:
    joiner = Reassembler(1024)
    joiner.feed(INIT_30)
    with pytest.raises(FramingError) as caught:
        joiner.feed(b"\x7fa")
    assert caught.value.reason == FrameFault.SEQUENCE_GAP


def test_each_direction_takes_its_own_commands() -> None:
    to_key = Reassembler(1024, TO_KEY)
    assert to_key.feed(b"\xbe\x00\x00") == Frame(FrameCommand.CANCEL, b"")
    with pytest.raises(FramingError, match="in this direction"):
        to_key.feed(b"\x82\x00\x01\x02")


def test_a_key_takes_no_fragment_beyond_its_control_point() -> None:
    with pytest.raises(FramingError, match="20 are the most"):
        Reassembler(1024, TO_KEY, 20).feed(b"\x83\x00\x12" + bytes(18))


def feed(joiner: Reassembler, piece: bytes) -> Frame | str | None:
    """What `feed` returns, or the reason of what it raises."""
    try:
        return joiner.feed(piece)
    except FramingError as error:
        return error.reason


FRAGMENTS = st.binary(max_size=60) | st.builds(
    lambda head, rest: bytes(head) + rest,
    st.tuples(st.sampled_from([0x81, 0x82, 0x83, 0xBF, 0, 1, 2]), st.integers(0, 1)),
    st.binary(max_size=40),
)


@given(st.lists(FRAGMENTS, max_size=40))
def test_rubbish_raises_only_framing_errors(fragments: list[bytes]) -> None:
    joiner = Reassembler(200)
    for piece in fragments:
        outcome = feed(joiner, piece)
        assert outcome in REASONS or isinstance(outcome, Frame | None)
        assert len(joiner._gathered) <= 200


@given(data=st.binary(max_size=300), mutate=st.data())
def test_a_mutated_frame_is_refused_or_another_frame(
    data: bytes, mutate: st.DataObject
) -> None:
    fragments = [bytearray(piece) for piece in fragment(MSG, data, 20)]
    victim = mutate.draw(st.sampled_from(fragments))
    at = mutate.draw(st.integers(0, len(victim) - 1))
    victim[at] ^= mutate.draw(st.integers(1, 255))
    joiner = Reassembler(300)
    outcomes = [feed(joiner, bytes(piece)) for piece in fragments]
    assert Frame(MSG, data) not in outcomes


def test_memory_stays_within_the_announced_bound() -> None:
    joiner = Reassembler(1024)
    joiner.feed(b"\x83\x04\x00" + bytes(509))
    largest = 0
    outcome: object = None
    for sequence in range(10_000):
        if outcome is None:
            outcome = feed(joiner, bytes((sequence & 0x7F,)) + b"a")
        largest = max(largest, sys.getsizeof(joiner._gathered))
    assert outcome == Frame(MSG, bytes(509) + b"a" * 515)
    assert largest < 4096
