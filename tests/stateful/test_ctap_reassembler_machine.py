"""Reassembler against a model that keeps every fragment of the frame so far."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from gateway.ctap.framing import TO_CLIENT, Frame, FrameCommand, Reassembler
from gateway.errors import FramingError

MESSAGE_BYTES_MAX = 300
FRAGMENT_BYTES_MAX = 24
CONTROL = {0x82: 1, 0xBF: 1}


class ReassemblerMachine(RuleBasedStateMachine):
    """A sender that mostly keeps the rules and sometimes breaks one."""

    @initialize(bold=st.booleans())
    def begin(self, *, bold: bool) -> None:
        self.bold = bold
        self.joiner = Reassembler(MESSAGE_BYTES_MAX, TO_CLIENT, FRAGMENT_BYTES_MAX)
        self.init = b""
        self.conts: list[bytes] = []

    @rule(
        command=st.sampled_from([0x81, 0x82, 0x83, 0xBF, 0xBE, 0x99]),
        total=st.integers(0, 3) | st.integers(0, 310),
        body=st.binary(max_size=30),
    )
    def send_init(self, command: int, total: int, body: bytes) -> None:
        self._send(bytes((command, total >> 8, total & 0xFF)) + body)

    @precondition(lambda self: not self.init)
    @rule(total=st.integers(10, 300), body=st.binary(max_size=9))
    def send_sound_init(self, total: int, body: bytes) -> None:
        self._send(bytes((0x83, total >> 8, total & 0xFF)) + body)

    @precondition(lambda self: bool(self.init))
    @rule(count=st.sampled_from([2, 126, 127, 128]))
    def send_many_small_conts(self, count: int) -> None:
        for _ in range(min(count, self._announced() - len(self._gathered()) - 1)):
            self._send(bytes((len(self.conts) % 128, 0xAA)))

    @precondition(lambda self: bool(self.init))
    @rule(body=st.binary(min_size=1, max_size=30))
    def send_due_cont(self, body: bytes) -> None:
        self._send(bytes((len(self.conts) % 128,)) + body)

    @precondition(lambda self: self.bold)
    @rule(sequence=st.integers(0, 127), body=st.binary(max_size=25))
    def send_cont(self, sequence: int, body: bytes) -> None:
        self._send(bytes((sequence,)) + body)

    @precondition(lambda self: self.bold)
    @rule(piece=st.binary(max_size=3))
    def send_rubbish(self, piece: bytes) -> None:
        self._send(piece)

    def _send(self, piece: bytes) -> None:
        legal = self._legal(piece)
        try:
            frame = self.joiner.feed(piece)
        except FramingError:
            assert not legal
            self.init, self.conts = b"", []
            return
        assert legal
        if piece[0] >= 0x80:
            self.init = piece
        else:
            self.conts.append(piece)
        gathered = self._gathered()
        if len(gathered) == self._announced():
            assert frame == Frame(FrameCommand(self.init[0]), gathered)
            self.init, self.conts = b"", []
        else:
            assert frame is None

    def _announced(self) -> int:
        return self.init[1] << 8 | self.init[2]

    def _gathered(self) -> bytes:
        return self.init[3:] + b"".join(cont[1:] for cont in self.conts)

    def _legal(self, piece: bytes) -> bool:
        if not 1 <= len(piece) <= FRAGMENT_BYTES_MAX:
            return False
        if piece[0] < 0x80:
            due = len(self.conts) % 128
            room = self._announced() - len(self._gathered()) if self.init else 0
            return bool(self.init) and piece[0] == due and 1 <= len(piece) - 1 <= room
        if self.init or piece[0] not in {0x81, 0x82, 0x83, 0xBF} or len(piece) < 3:
            return False
        total = piece[1] << 8 | piece[2]
        return (
            total <= MESSAGE_BYTES_MAX
            and CONTROL.get(piece[0], total) == total
            and len(piece) - 3 <= total
        )

    @invariant()
    def agrees(self) -> None:
        assert self.joiner.in_frame == bool(self.init)
        assert bytes(self.joiner._gathered) == self._gathered()


TestReassembler = ReassemblerMachine.TestCase
TestReassembler.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)
