"""Reassembler against a model that keeps every fragment of the frame so far."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.ctap.framing import TO_CLIENT, Frame, FrameCommand, Reassembler
from gateway.errors import FramingError

MESSAGE_BYTES_MAX = 60
FRAGMENT_BYTES_MAX = 24
CONTROL = {0x82: 1, 0xBF: 1}


class ReassemblerMachine(RuleBasedStateMachine):
    """A sender that mostly keeps the rules and sometimes breaks one."""

    @initialize()
    def begin(self) -> None:
        self.joiner = Reassembler(MESSAGE_BYTES_MAX, TO_CLIENT, FRAGMENT_BYTES_MAX)
        self.init = b""
        self.conts: list[bytes] = []

    @rule(
        command=st.sampled_from([0x81, 0x82, 0x83, 0xBF, 0xBE, 0x99]),
        total=st.integers(0, 70),
        body=st.binary(max_size=25),
    )
    def send_init(self, command: int, total: int, body: bytes) -> None:
        self._send(bytes((command, 0, total)) + body)

    @rule(total=st.integers(10, 60), body=st.binary(max_size=9))
    def send_sound_init(self, total: int, body: bytes) -> None:
        self._send(bytes((0x83, 0, total)) + body)

    @rule(body=st.binary(min_size=1, max_size=20))
    def send_due_cont(self, body: bytes) -> None:
        self._send(bytes((len(self.conts) % 128,)) + body)

    @rule(sequence=st.integers(0, 127), body=st.binary(max_size=25))
    def send_cont(self, sequence: int, body: bytes) -> None:
        self._send(bytes((sequence,)) + body)

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
        if len(gathered) == self.init[2]:
            assert frame == Frame(FrameCommand(self.init[0]), gathered)
            self.init, self.conts = b"", []
        else:
            assert frame is None

    def _gathered(self) -> bytes:
        return self.init[3:] + b"".join(cont[1:] for cont in self.conts)

    def _legal(self, piece: bytes) -> bool:
        if not 1 <= len(piece) <= FRAGMENT_BYTES_MAX:
            return False
        if piece[0] < 0x80:
            due = len(self.conts) % 128
            room = self.init[2] - len(self._gathered()) if self.init else 0
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
