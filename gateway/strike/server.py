"""The loop around StrikeMachine: one listener, one peer, one line, one clock.

Nothing here waits for the peer: what it does not read in time costs it the connection.
"""

import selectors
import socket
import struct
from collections.abc import Callable
from typing import Final

from gateway.strike.line import Output
from gateway.strike.machine import StrikeMachine
from gateway.strike.notify import Notifier
from gateway.strike.wire import (
    LINE_BYTES_MAX,
    Refusal,
    Reply,
    parse_request,
    render_reply,
)

IDLE_MS_MAX: Final = 1_000
INBOX_BYTES_MAX: Final = 16 * LINE_BYTES_MAX
_UCRED: Final = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED


class StrikeServer:
    """Serves one peer at a time until told to stop.

    Args:
        output: claimed, secured.
        listener: a listening unix stream socket.
        wakeup: readable once a signal arrived.
        uids: whose processes may be the peer.
        clock_ms: milliseconds since boot.
    """

    def __init__(
        self,
        machine: StrikeMachine,
        output: Output,
        listener: socket.socket,
        wakeup: socket.socket,
        *,
        uids: frozenset[int],
        clock_ms: Callable[[], int],
        notifier: Notifier,
    ) -> None:
        self._machine: Final = machine
        self._output: Final = output
        self._listener: Final = listener
        self._wakeup: Final = wakeup
        self._uids: Final = uids
        self._clock_ms: Final = clock_ms
        self._notifier: Final = notifier
        self._peer: socket.socket | None = None
        self._inbox = b""
        self._watchdog_due_ms = 0

    def serve(self) -> None:
        """Serve until a signal arrives.

        Raises:
            HardwareMissingError: the line is lost.
        """
        with selectors.DefaultSelector() as selector:
            for source in (self._listener, self._wakeup):
                source.setblocking(False)
                selector.register(source, selectors.EVENT_READ)
            while True:
                self._feed_watchdog()
                ready = {key.fileobj for key, _ in selector.select(self._patience_s())}
                self._machine.pass_time(self._clock_ms())
                self._apply()
                if self._wakeup in ready:
                    return
                before = self._peer
                if self._peer in ready:
                    self._hear()
                if self._listener in ready:
                    self._accept()
                self._shed()
                self._apply()
                _follow(selector, before, self._peer)

    def close(self) -> None:
        """Let go of the peer; the line is its owner's."""
        if self._peer is not None:
            self._peer.close()

    def _patience_s(self) -> float:
        now_ms = self._clock_ms()
        waits_ms = [IDLE_MS_MAX]
        if self._machine.deadline_ms is not None:
            waits_ms.append(self._machine.deadline_ms - now_ms)
        if self._notifier.watchdog_ms:
            waits_ms.append(self._watchdog_due_ms - now_ms)
        return max(0, min(waits_ms)) / 1000

    def _feed_watchdog(self) -> None:
        now_ms = self._clock_ms()
        if self._notifier.watchdog_ms and now_ms >= self._watchdog_due_ms:
            self._notifier.say("WATCHDOG=1")
            self._watchdog_due_ms = now_ms + self._notifier.watchdog_ms

    def _apply(self) -> None:
        self._output.drive(released=self._machine.released)

    def _shed(self) -> None:
        """Close the connection of a peer that the machine has given up."""
        if self._peer is not None and not self._machine.has_peer:
            self._peer.close()
            self._peer = None
            self._inbox = b""

    def _accept(self) -> None:
        try:
            visitor, _ = self._listener.accept()
        except OSError:
            return  # it left before it was let in
        visitor.setblocking(False)
        _, uid, _ = _UCRED.unpack(
            visitor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        )
        refusal = None if uid in self._uids else Refusal.FORBIDDEN
        self._shed()
        if refusal is None and not self._machine.connect(self._clock_ms()):
            refusal = Refusal.BUSY
        if refusal is None:
            self._peer = visitor
            return
        _send(visitor, render_reply(Reply(refusal)))
        visitor.close()

    def _hear(self) -> None:
        """Read all there is; whoever has already left is not obeyed any more."""
        peer = self._peer
        if peer is None or not self._machine.has_peer:
            return
        while len(self._inbox) <= INBOX_BYTES_MAX:
            try:
                chunk = peer.recv(INBOX_BYTES_MAX)
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            if not chunk:
                self._machine.disconnect()
                return
            self._inbox += chunk
        *lines, self._inbox = self._inbox.split(b"\n")
        for line in lines:
            if not self._answer(peer, line):
                self._machine.disconnect()
                return
        if len(self._inbox) > LINE_BYTES_MAX:
            _send(peer, render_reply(Reply(Refusal.MALFORMED)))
            self._machine.disconnect()

    def _answer(self, peer: socket.socket, line: bytes) -> bool:
        """Obey one line; False if the peer is to be dropped."""
        request = parse_request(line) if len(line) <= LINE_BYTES_MAX else None
        if request is None:
            _send(peer, render_reply(Reply(Refusal.MALFORMED)))
            return False
        refusal = self._machine.request(request, self._clock_ms())
        self._apply()
        reply = Reply(refusal, self._clock_ms(), released=self._machine.released)
        return _send(peer, render_reply(reply))


def _send(peer: socket.socket, reply: bytes) -> bool:
    """Send without waiting; False if the peer does not take it."""
    try:
        return peer.send(reply) == len(reply)
    except OSError:
        return False


def _follow(
    selector: selectors.BaseSelector,
    before: socket.socket | None,
    after: socket.socket | None,
) -> None:
    """Watch the peer that there is now instead of the one before."""
    if before is after:
        return
    if before is not None:
        selector.unregister(before)
    if after is not None:
        selector.register(after, selectors.EVENT_READ)
