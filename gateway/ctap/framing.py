"""Fragments to frames and back (CTAP 2.2 §11.4.4 and §11.4.10), for both sides.

A frame is `CMD HLEN LLEN data…`, cut into one INIT fragment, which starts with the
command, and CONT fragments, each of which starts with a sequence number that counts
00 to 7F and wraps. Fragments of two frames never interleave.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from gateway.ctap.gatt import CONTROL_POINT_BYTES_MAX, CONTROL_POINT_BYTES_MIN
from gateway.errors import FramingError

_INIT_HEADER_BYTES: Final = 3
_CONT_HEADER_BYTES: Final = 1
_SEQUENCE_MASK: Final = 0x7F
_INIT_BIT: Final = 0x80
FRAME_BYTES_MAX: Final = 0xFFFF  # the length field has 16 bits


class FrameCommand(IntEnum):
    """CMD of a frame (§11.4.4.3)."""

    PING = 0x81
    KEEPALIVE = 0x82
    MSG = 0x83
    CANCEL = 0xBE
    ERROR = 0xBF


class KeepaliveStatus(IntEnum):
    """The byte that a KEEPALIVE carries (§11.4.4.3)."""

    PROCESSING = 1
    UP_NEEDED = 2


class BleError(IntEnum):
    """The byte that an ERROR carries (§11.4.4.3)."""

    INVALID_CMD = 0x01
    INVALID_PAR = 0x02
    INVALID_LEN = 0x03
    INVALID_SEQ = 0x04
    REQ_TIMEOUT = 0x05
    BUSY = 0x06
    OTHER = 0x7F


TO_KEY: Final = frozenset(
    {FrameCommand.PING, FrameCommand.MSG, FrameCommand.CANCEL},
)
TO_CLIENT: Final = frozenset(
    {FrameCommand.PING, FrameCommand.KEEPALIVE, FrameCommand.MSG, FrameCommand.ERROR},
)

_CONTROL_DATA_BYTES: Final = {
    FrameCommand.KEEPALIVE: 1,
    FrameCommand.CANCEL: 0,
    FrameCommand.ERROR: 1,
}


class FrameFault(StrEnum):
    """What is wrong with a fragment; `reason` of the FramingError."""

    EMPTY_FRAGMENT = "empty-fragment"
    FRAGMENT_TOO_LONG = "fragment-too-long"
    UNKNOWN_COMMAND = "unknown-command"
    SHORT_INIT = "short-init"
    CONTROL_LENGTH = "control-length"
    FRAME_TOO_LONG = "frame-too-long"
    OVER_LENGTH = "over-length"
    STRAY_CONT = "stray-cont"
    EMPTY_CONT = "empty-cont"
    SEQUENCE_GAP = "sequence-gap"
    DUPLICATE = "duplicate"
    INIT_INSIDE_FRAME = "init-inside-frame"
    KEEPALIVE_INSIDE_FRAME = "keepalive-inside-frame"
    STALLED = "stalled"
    KEEPALIVE_FLOOD = "keepalive-flood"
    UNEXPECTED_ANSWER = "unexpected-answer"


_ANSWERS: Final = {
    FrameFault.UNKNOWN_COMMAND: BleError.INVALID_CMD,
    FrameFault.STRAY_CONT: BleError.INVALID_SEQ,
    FrameFault.SEQUENCE_GAP: BleError.INVALID_SEQ,
    FrameFault.DUPLICATE: BleError.INVALID_SEQ,
    FrameFault.INIT_INSIDE_FRAME: BleError.INVALID_SEQ,
    FrameFault.KEEPALIVE_INSIDE_FRAME: BleError.INVALID_SEQ,
    FrameFault.STALLED: BleError.REQ_TIMEOUT,
    FrameFault.KEEPALIVE_FLOOD: BleError.OTHER,
    FrameFault.UNEXPECTED_ANSWER: BleError.OTHER,
}


def framing_error(fault: FrameFault, detail: str) -> FramingError:
    """Return the error for a fault, with the BLE error to answer it with.

    Args:
        fault: which rule was broken.
        detail: a clause on what was seen, with no text from the peer.
    """
    return FramingError(
        f"The peer broke CTAP's framing ({fault}): {detail}; connect again,"
        " and if it repeats look at the key's firmware.",
        fault,
        _ANSWERS.get(fault, BleError.INVALID_LEN),
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame."""

    command: FrameCommand
    data: bytes


def fragment(
    command: FrameCommand, data: bytes, fragment_bytes_max: int
) -> Iterator[bytes]:
    """Cut a frame into fragments, none longer than `fragment_bytes_max` (20-512).

    Raises:
        ValueError: a limit out of range, or more than 65,535 bytes of data.
    """
    if not CONTROL_POINT_BYTES_MIN <= fragment_bytes_max <= CONTROL_POINT_BYTES_MAX:
        raise ValueError(
            f"fragments of {fragment_bytes_max} bytes: 20 to 512 are legal"
        )
    if len(data) > FRAME_BYTES_MAX:
        raise ValueError(f"a frame of {len(data)} bytes: 65535 are the most")
    return _cut(command, data, fragment_bytes_max)


def _cut(command: FrameCommand, data: bytes, size: int) -> Iterator[bytes]:
    at = size - _INIT_HEADER_BYTES
    yield bytes((command, *len(data).to_bytes(2, "big"))) + data[:at]
    sequence = 0
    while at < len(data):
        upto = at + size - _CONT_HEADER_BYTES
        yield bytes((sequence,)) + data[at:upto]
        at = upto
        sequence = (sequence + 1) & _SEQUENCE_MASK


class Reassembler:
    """Puts fragments together, strictly.

    The first fault drops what was gathered, and the fragment with it; the next INIT
    begins anew. Holds at most `message_bytes_max` bytes.
    """

    def __init__(
        self,
        message_bytes_max: int,
        accepts: frozenset[FrameCommand] = TO_CLIENT,
        fragment_bytes_max: int = CONTROL_POINT_BYTES_MAX,
    ) -> None:
        """Start with nothing gathered.

        Args:
            message_bytes_max: longest frame data to take.
            accepts: commands that this direction carries, TO_CLIENT or TO_KEY.
            fragment_bytes_max: longest fragment to take.
        """
        self._message_bytes_max = message_bytes_max
        self._accepts = accepts
        self._fragment_bytes_max = fragment_bytes_max
        self._command: FrameCommand | None = None
        self._announced = 0
        self._sequence = 0
        self._previous: int | None = None  # none came yet: then nothing is a duplicate
        self._gathered = bytearray()

    @property
    def in_frame(self) -> bool:
        """Tell whether a frame has begun and not ended."""
        return self._command is not None

    def feed(self, fragment: bytes) -> Frame | None:
        """Take one fragment; return the frame that it completes.

        Raises:
            FramingError: `reason` is a FrameFault.
        """
        try:
            command = self._take(fragment)
        except FramingError:
            self._reset()
            raise
        if len(self._gathered) < self._announced:
            return None
        frame = Frame(command, bytes(self._gathered))
        self._reset()
        return frame

    def _reset(self) -> None:
        self._command = None
        self._announced = 0
        self._gathered.clear()

    def _take(self, fragment: bytes) -> FrameCommand:
        if not fragment:
            raise framing_error(FrameFault.EMPTY_FRAGMENT, "a fragment has no byte")
        if len(fragment) > self._fragment_bytes_max:
            raise framing_error(
                FrameFault.FRAGMENT_TOO_LONG,
                f"{len(fragment)} bytes where {self._fragment_bytes_max} are the most",
            )
        if fragment[0] & _INIT_BIT:
            command = self._begin(fragment)
            body = fragment[_INIT_HEADER_BYTES:]
        else:
            command = self._continue(fragment)
            body = fragment[_CONT_HEADER_BYTES:]
        if len(self._gathered) + len(body) > self._announced:
            raise framing_error(
                FrameFault.OVER_LENGTH,
                f"{len(self._gathered) + len(body)} bytes where {self._announced}"
                " were announced",
            )
        self._gathered += body
        return command

    def _begin(self, fragment: bytes) -> FrameCommand:
        if self._command is not None:
            keepalive = fragment[0] == FrameCommand.KEEPALIVE
            raise framing_error(
                FrameFault.KEEPALIVE_INSIDE_FRAME
                if keepalive
                else FrameFault.INIT_INSIDE_FRAME,
                f"command {fragment[0]:#04x} in the middle of a message",
            )
        if fragment[0] not in self._accepts:
            raise framing_error(
                FrameFault.UNKNOWN_COMMAND,
                f"command {fragment[0]:#04x} has no meaning in this direction",
            )
        if len(fragment) < _INIT_HEADER_BYTES:
            raise framing_error(
                FrameFault.SHORT_INIT, "an INIT fragment without its length field"
            )
        command = FrameCommand(fragment[0])
        announced = int.from_bytes(fragment[1:3], "big")
        if announced != _CONTROL_DATA_BYTES.get(command, announced):
            raise framing_error(
                FrameFault.CONTROL_LENGTH, f"{command.name} announces {announced} bytes"
            )
        if announced > self._message_bytes_max:
            raise framing_error(
                FrameFault.FRAME_TOO_LONG,
                f"{announced} bytes announced where {self._message_bytes_max}"
                " are the most",
            )
        self._command, self._announced = command, announced
        self._sequence, self._previous = 0, None
        return command

    def _continue(self, fragment: bytes) -> FrameCommand:
        if self._command is None:
            raise framing_error(
                FrameFault.STRAY_CONT, "a CONT fragment with no frame begun"
            )
        if fragment[0] != self._sequence:
            raise framing_error(
                FrameFault.DUPLICATE
                if fragment[0] == self._previous
                else FrameFault.SEQUENCE_GAP,
                f"sequence {fragment[0]:#04x} where {self._sequence:#04x} is due",
            )
        if len(fragment) == _CONT_HEADER_BYTES:
            raise framing_error(FrameFault.EMPTY_CONT, "a CONT fragment without data")
        self._previous = self._sequence
        self._sequence = (self._sequence + 1) & _SEQUENCE_MASK
        return self._command
