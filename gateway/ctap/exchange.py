"""One request and its answer as a machine without I/O (CTAP 2.2 §11.4.6, §11.4.13).

A client writes a request, the key sends KEEPALIVE every 500 ms while it works or waits
for its user, then one answer. The client may CANCEL; the key then answers at once, and
what it had already signed may still arrive.

The caller moves bytes and time::

    exchange = Exchange(FrameCommand.MSG, request, …)
    while not exchange.ended:
        for fragment in exchange.outgoing(): write it, in this order
        exchange.sent(now)
        wait for a fragment until exchange.deadline(), then
        exchange.receive(fragment, now)  or  exchange.tick(now)
    exchange.result()

All instants are milliseconds of one monotonic clock.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.ctap.framing import (
    BleError,
    Frame,
    FrameCommand,
    FrameFault,
    KeepaliveStatus,
    Reassembler,
    fragment,
    framing_error,
)
from gateway.ctap.gatt import ERROR_WAIT_MS, KEEPALIVE_MS, TRANSMIT_DELAY_MS_MAX
from gateway.errors import (
    ExchangeCancelledError,
    FramingError,
    KeyraError,
    LinkTimeoutError,
    PeerError,
)

SILENCE_MS_MAX: Final = 4 * KEEPALIVE_MS  # ours: three lost keepalives are forgiven
KEEPALIVES_MAX: Final = 1024  # ours: two minutes of a key five times too eager


class ExchangeState(Enum):
    """Where an exchange is."""

    SENDING = auto()
    WAITING = auto()
    NEEDS_TOUCH = auto()
    CANCELLING = auto()
    DONE = auto()
    FAILED = auto()


class _Event(Enum):
    SENT = auto()
    PROCESSING = auto()
    TOUCH_NEEDED = auto()
    ANSWERED = auto()
    BROKEN = auto()
    CANCEL = auto()
    GIVEN_UP = auto()


_S, _E = ExchangeState, _Event

# A pair that is not here changes nothing. CANCELLING heeds no keepalive: the key may
# send some before it has read the CANCEL.
TRANSITIONS: Final = {
    (_S.SENDING, _E.SENT): _S.WAITING,
    (_S.SENDING, _E.PROCESSING): _S.WAITING,
    (_S.SENDING, _E.TOUCH_NEEDED): _S.NEEDS_TOUCH,
    (_S.SENDING, _E.ANSWERED): _S.DONE,
    (_S.SENDING, _E.BROKEN): _S.FAILED,
    (_S.SENDING, _E.CANCEL): _S.CANCELLING,
    (_S.SENDING, _E.GIVEN_UP): _S.FAILED,
    (_S.WAITING, _E.TOUCH_NEEDED): _S.NEEDS_TOUCH,
    (_S.WAITING, _E.ANSWERED): _S.DONE,
    (_S.WAITING, _E.BROKEN): _S.FAILED,
    (_S.WAITING, _E.CANCEL): _S.CANCELLING,
    (_S.NEEDS_TOUCH, _E.PROCESSING): _S.WAITING,
    (_S.NEEDS_TOUCH, _E.ANSWERED): _S.DONE,
    (_S.NEEDS_TOUCH, _E.BROKEN): _S.FAILED,
    (_S.NEEDS_TOUCH, _E.CANCEL): _S.CANCELLING,
    (_S.CANCELLING, _E.ANSWERED): _S.DONE,
    (_S.CANCELLING, _E.BROKEN): _S.FAILED,
    (_S.CANCELLING, _E.GIVEN_UP): _S.FAILED,
}


@dataclass(frozen=True, slots=True)
class KeepaliveSeen:
    """The key says what it is doing; `status` may be one that the standard lacks."""

    status: int


class Exchange:
    """One conversation; make a new one for each request."""

    def __init__(
        self,
        command: FrameCommand,
        payload: bytes,
        *,
        fragment_bytes_max: int,
        message_bytes_max: int,
        started_ms: int,
        deadline_ms: int,
    ) -> None:
        """Queue the request.

        Args:
            command: MSG or PING.
            payload: the frame's data.
            fragment_bytes_max: longest fragment to write (20-512).
            message_bytes_max: longest answer to take.
            started_ms: now.
            deadline_ms: when to cancel, whatever the key does.

        Raises:
            ValueError: an argument out of range.
        """
        if deadline_ms <= started_ms:
            raise ValueError(f"a deadline {started_ms - deadline_ms} ms in the past")
        self._command = command
        self._fragment_bytes_max = fragment_bytes_max
        self._queue = list(fragment(command, payload, fragment_bytes_max))
        self._reassembler = Reassembler(message_bytes_max)
        self._state = ExchangeState.SENDING
        self._started_ms = started_ms
        self._deadline_ms = deadline_ms
        self._heard_ms = started_ms
        self._handed_out = False
        self._keepalives = 0
        self._cancel_ms: int | None = None
        self._answer = b""
        # What ends it if nothing more comes.
        self._error: KeyraError = LinkTimeoutError(
            f"The key gave no answer within {deadline_ms - started_ms} ms:"
            " wake it and try again."
        )

    @property
    def state(self) -> ExchangeState:
        """Return the present state."""
        return self._state

    @property
    def ended(self) -> bool:
        """Tell whether `result` has something to say."""
        return self._state in {ExchangeState.DONE, ExchangeState.FAILED}

    @property
    def cancelled(self) -> bool:
        """Tell whether this side cancelled: asked to, out of time, or for silence."""
        return self._cancel_ms is not None

    @property
    def late(self) -> bool:
        """Tell whether the answer came after the cancel."""
        return self._state is ExchangeState.DONE and self.cancelled

    def outgoing(self) -> list[bytes]:
        """Return the fragments to write now, in order; a second call has no repeats.

        A CANCEL comes here too: ask again after every call that may have caused one.
        """
        queue, self._queue = self._queue, []
        self._handed_out = True
        return queue

    def sent(self, now_ms: int) -> None:
        """Say that everything handed out has been written: the key's time begins."""
        if self._handed_out and self._step(_Event.SENT):
            self._heard_ms = now_ms

    def receive(self, fragment: bytes, now_ms: int) -> KeepaliveSeen | None:
        """Take one fragment from fidoStatus; after the end it is ignored.

        Never raises for what the peer sent: `result` does.
        """
        if self.ended:
            return None
        self._heard_ms = now_ms
        try:
            frame = self._reassembler.feed(fragment)
            return None if frame is None else self._take(frame)
        except (FramingError, PeerError) as error:
            self._fail(_Event.BROKEN, error)
            return None

    def deadline(self) -> int | None:
        """Return when `tick` must be called next, or None after the end."""
        if self.ended:
            return None
        limits = [self._deadline_ms]
        if self._cancel_ms is not None:
            limits = [self._cancel_ms + ERROR_WAIT_MS]
        elif self._state is not ExchangeState.SENDING:
            limits.append(self._heard_ms + SILENCE_MS_MAX)
        if self._reassembler.in_frame:
            limits.append(self._heard_ms + TRANSMIT_DELAY_MS_MAX)
        return min(limits)

    def tick(self, now_ms: int) -> None:
        """Act on the passing of time; harmless when called early or often."""
        due = self.deadline()
        if due is None or now_ms < due:
            return
        if self._cancel_ms is not None and now_ms >= self._cancel_ms + ERROR_WAIT_MS:
            self._fail(_Event.GIVEN_UP, self._error)
        elif (
            self._reassembler.in_frame
            and now_ms >= self._heard_ms + TRANSMIT_DELAY_MS_MAX
        ):
            stalled = f"a message broke off for {now_ms - self._heard_ms} ms"
            self._fail(_Event.BROKEN, framing_error(FrameFault.STALLED, stalled))
        else:
            if now_ms < self._deadline_ms:
                self._error = LinkTimeoutError(
                    f"The key was silent for {now_ms - self._heard_ms} ms, four times"
                    " its keepalive: bring it closer and try again."
                )
            self._begin_cancel(now_ms)

    def cancel(self, now_ms: int) -> None:
        """Ask the key to stop; the answer may still come within two seconds."""
        if self.ended or self.cancelled:
            return
        self._error = ExchangeCancelledError(
            f"The request was cancelled after {now_ms - self._started_ms} ms,"
            " and the key had not answered."
        )
        self._begin_cancel(now_ms)

    def result(self) -> bytes:
        """Return the answer's data.

        Raises:
            FramingError: the answer breaks the framing rules.
            PeerError: the key answered with a BLE-level ERROR.
            LinkTimeoutError: no answer in time, or silence.
            ExchangeCancelledError: cancelled, and no answer came.
            RuntimeError: not ended yet: a mistake of the caller.
        """
        if self._state is ExchangeState.FAILED:
            raise self._error
        if self._state is not ExchangeState.DONE:
            raise RuntimeError("the exchange has not ended")
        return self._answer

    def _step(self, event: _Event) -> bool:
        after = TRANSITIONS.get((self._state, event))
        self._state = after or self._state
        return after is not None

    def _fail(self, event: _Event, error: KeyraError) -> None:
        self._step(event)
        self._error = error
        self._queue.clear()

    def _begin_cancel(self, now_ms: int) -> None:
        self._cancel_ms = now_ms
        if not self._handed_out:
            self._fail(_Event.GIVEN_UP, self._error)
            return
        self._step(_Event.CANCEL)
        self._queue += fragment(FrameCommand.CANCEL, b"", self._fragment_bytes_max)

    def _take(self, frame: Frame) -> KeepaliveSeen | None:
        if frame.command is FrameCommand.KEEPALIVE:
            return self._keepalive(frame.data[0])
        if frame.command is FrameCommand.ERROR:
            raise _peer_error(frame.data[0])
        if frame.command is not self._command or not self._handed_out:
            raise framing_error(
                FrameFault.UNEXPECTED_ANSWER,
                f"{frame.command.name} came, and {self._command.name} was "
                + ("asked" if self._handed_out else "not asked yet"),
            )
        self._answer = frame.data
        self._step(_Event.ANSWERED)
        self._queue.clear()
        return None

    def _keepalive(self, status: int) -> KeepaliveSeen | None:
        self._keepalives += 1
        if self._keepalives > KEEPALIVES_MAX:
            raise framing_error(
                FrameFault.KEEPALIVE_FLOOD, f"more than {KEEPALIVES_MAX} keepalives"
            )
        if not self._handed_out:  # left over from an exchange before this one
            return None
        needed = status == KeepaliveStatus.UP_NEEDED
        self._step(_Event.TOUCH_NEEDED if needed else _Event.PROCESSING)
        return KeepaliveSeen(status)


def _peer_error(code: int) -> PeerError:
    name = next((known.name for known in BleError if known == code), "unknown")
    return PeerError(
        f"The key refused the message with BLE error {name} ({code:#04x}): try again,"
        " and if it repeats look at the key's firmware.",
        code,
    )
