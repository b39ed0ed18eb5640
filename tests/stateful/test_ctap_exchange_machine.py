"""Exchange against a model that keeps facts instead of states."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from gateway.ctap.exchange import SILENCE_MS_MAX, Exchange, ExchangeState
from gateway.ctap.framing import FrameCommand, fragment
from gateway.ctap.gatt import ERROR_WAIT_MS, TRANSMIT_DELAY_MS_MAX
from gateway.errors import (
    ExchangeCancelledError,
    FramingError,
    KeyraError,
    LinkTimeoutError,
    PeerError,
)

CANCEL = b"\xbe\x00\x00"
MESSAGE_BYTES_MAX = 200


def has_begun(machine: "ExchangeMachine") -> bool:
    return hasattr(machine, "exchange")


begun = precondition(has_begun)


class ExchangeMachine(RuleBasedStateMachine):
    """A key and a caller do anything, in any order, at any time."""

    @initialize()
    def first(self) -> None:
        self.now = 0
        self.end: bytes | type[KeyraError] | None = b""

    @precondition(lambda self: self.end is not None)
    @rule(
        request=st.binary(max_size=60),
        limit=st.sampled_from([1, 1_900, 2_500, 15_000]),
        hostile=st.booleans(),
        prompt=st.sampled_from([True, True, True, False]),
    )
    def begin(self, request: bytes, limit: int, *, hostile: bool, prompt: bool) -> None:
        self.hostile = hostile
        started = self.heard = self.now
        self.limit = started + limit
        self.exchange = Exchange(
            FrameCommand.MSG,
            request,
            fragment_bytes_max=20,
            message_bytes_max=MESSAGE_BYTES_MAX,
            started_ms=started,
            deadline_ms=self.limit,
        )
        self.due_out = list(fragment(FrameCommand.MSG, request, 20))
        self.handed = self.started = self.touch = False
        self.cancelled_at: int | None = None
        self.excuse: type[KeyraError] = LinkTimeoutError
        self.end = None
        self.message = b""
        self.rest: list[bytes] = []
        if prompt:
            self.take_outgoing()

    # -- the caller

    @begun
    @rule()
    def take_outgoing(self) -> None:
        assert self.exchange.outgoing() == self.due_out
        self.due_out = []
        self.handed = True

    @begun
    @rule()
    def confirm(self) -> None:
        self.exchange.sent(self.now)
        waits = self.end is None and self.cancelled_at is None
        if self.handed and waits and not self.started:
            self.started, self.heard = True, self.now

    @begun
    @rule()
    def cancel(self) -> None:
        self.exchange.cancel(self.now)
        if self.end is None and self.cancelled_at is None:
            self._give_up(ExchangeCancelledError)

    @begun
    @rule(early=st.sampled_from([0, 0, 1]))
    def wait_for_the_deadline(self, early: int) -> None:
        self.pass_time((self.exchange.deadline() or self.now) - self.now - early)

    @begun
    @rule(step=st.sampled_from([0, 1, 100, 499, 500, 1_499]))
    def pass_time(self, step: int) -> None:
        self.now += step
        self.exchange.tick(self.now)
        if self.end is not None:
            return
        asked_in_vain = (
            self.cancelled_at is not None
            and self.now >= self.cancelled_at + ERROR_WAIT_MS
        )
        silent = self.started and self.now >= self.heard + SILENCE_MS_MAX
        if asked_in_vain:
            self._end(self.excuse)
        elif self.rest and self.now >= self.heard + TRANSMIT_DELAY_MS_MAX:
            self._end(FramingError)
        elif self.cancelled_at is None and (silent or self.now >= self.limit):
            self._give_up(LinkTimeoutError)

    # -- the key

    @precondition(lambda self: has_begun(self) and (self.hostile or not self.rest))
    @rule(status=st.sampled_from([1, 2, 2, 7]))
    def keepalive(self, status: int) -> None:
        ended, broken = self.end is not None, bool(self.rest)
        seen = self._deliver(bytes((0x82, 0, 1, status)))
        if ended:
            assert not seen
        elif broken:
            self._end(FramingError)
        elif self.handed:
            assert seen
            self.started = True
            if self.cancelled_at is None:
                self.touch = status == 2

    @precondition(
        lambda self: has_begun(self) and not self.rest and (self.hostile or self.handed)
    )
    @rule(message=st.binary(max_size=MESSAGE_BYTES_MAX))
    def answer(self, message: bytes) -> None:
        self.message = message
        self.rest = list(fragment(FrameCommand.MSG, message, 20))
        self.go_on()

    @precondition(lambda self: has_begun(self) and bool(self.rest))
    @rule()
    def go_on(self) -> None:
        self._deliver(self.rest.pop(0))
        if not self.rest and self.end is None:
            self._end(self.message if self.handed else FramingError)

    @precondition(lambda self: has_begun(self) and self.hostile)
    @rule(code=st.integers(0, 255))
    def refuse(self, code: int) -> None:
        broken = bool(self.rest)
        self._deliver(bytes((0xBF, 0, 1, code)))
        if self.end is None:
            self._end(FramingError if broken else PeerError)

    @precondition(lambda self: has_begun(self) and self.hostile)
    @rule(rubbish=st.sampled_from([b"", b"\x80", b"\x83\xff\xff", b"\x7f\x00"]))
    def rubbish(self, rubbish: bytes) -> None:
        self._deliver(rubbish)
        if self.end is None:
            self._end(FramingError)

    # -- the model

    def _deliver(self, piece: bytes) -> bool:
        if self.end is None:
            self.heard = self.now
        return self.exchange.receive(piece, self.now) is not None

    def _end(self, end: bytes | type[KeyraError]) -> None:
        self.end = end
        self.due_out, self.rest = [], []

    def _give_up(self, excuse: type[KeyraError]) -> None:
        self.cancelled_at, self.excuse = self.now, excuse
        if self.handed:
            self.due_out.append(CANCEL)
        else:
            self._end(excuse)

    def _state(self) -> ExchangeState:
        if self.end is not None:
            answered = isinstance(self.end, bytes)
            return ExchangeState.DONE if answered else ExchangeState.FAILED
        if self.cancelled_at is not None:
            return ExchangeState.CANCELLING
        if not self.started:
            return ExchangeState.SENDING
        return ExchangeState.NEEDS_TOUCH if self.touch else ExchangeState.WAITING

    @begun
    @invariant()
    def agrees(self) -> None:
        assert self.exchange.state is self._state()
        assert self.exchange.cancelled == (self.cancelled_at is not None)
        assert self.exchange.late == (
            isinstance(self.end, bytes) and self.cancelled_at is not None
        )
        assert (self.exchange.deadline() is None) == self.exchange.ended
        if self.end is not None:
            assert self._result() == self.end

    def _result(self) -> bytes | type[KeyraError]:
        try:
            return self.exchange.result()
        except KeyraError as error:
            return type(error)

    @begun
    @invariant()
    def never_lasts(self) -> None:
        """A tick at each deadline ends it, in few steps and bounded time."""
        due = self.exchange.deadline()
        latest = max(self.limit, self.cancelled_at or 0) + ERROR_WAIT_MS
        assert due is None or due <= latest

    def teardown(self) -> None:
        exchange = getattr(self, "exchange", None)
        if exchange is None:
            return
        ticks = 0
        now = self.now
        while (due := exchange.deadline()) is not None:
            now = max(now, due)
            exchange.tick(now)
            ticks += 1
            assert ticks <= 2
            assert exchange.ended or (exchange.deadline() or 0) > now


TestExchange = ExchangeMachine.TestCase
TestExchange.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None
)
