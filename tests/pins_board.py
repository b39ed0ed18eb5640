"""A pins board for tests of keyra-strike: one line, its trace, and what it was told.

Speaks the protocol of gateway.strike.sim_line and runs in the test's process, so that
the witness survives whatever happens to keyra-strike.
"""

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any, Self


class PinsBoard:
    """Serves one holder after another; levels are kept when a holder goes.

    Attributes:
        trace: (monotonic milliseconds, level), the claim's level first.
        refuse: answer each request with an error.
        mute: answer no request.
        nonsense: what to answer instead, and then hang up.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trace: list[tuple[float, int]] = []
        self.claims: list[tuple[str, int]] = []
        self.refuse = False
        self.mute = False
        self.nonsense: bytes | None = None
        self._changed = threading.Condition()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._holder: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        self._thread.join(10)
        self._listener.close()

    @property
    def level(self) -> int:
        """The line now."""
        return self.trace[-1][1]

    def wait_for(self, level: int, seconds: float = 10) -> float:
        """Wait until the line is at `level`; return since when, in milliseconds."""
        with self._changed:
            good = self._changed.wait_for(
                lambda: bool(self.trace) and self.level == level, seconds
            )
        assert good, self.trace
        return self.trace[-1][0]

    def longest_ms(self, level: int) -> float:
        """How long the line was at `level` without a break, at most; ended ones."""
        ends = self.trace[1:]
        return max(
            (
                b - a
                for (a, at), (b, _) in zip(self.trace, ends, strict=False)
                if at == level
            ),
            default=0,
        )

    def hang_up(self) -> None:
        """Break the connection to whoever holds the line."""
        if self._holder is not None:
            try:
                self._holder.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has left already

    def _serve(self) -> None:
        while True:
            try:
                self._holder, _ = self._listener.accept()
            except OSError:
                return
            try:
                with self._holder, self._holder.makefile("rwb") as wire:
                    for line in wire:
                        self._answer(wire, json.loads(line))
            except OSError:
                continue  # it left while it was answered

    def _answer(self, wire: Any, request: dict[str, Any]) -> None:
        if self.mute:
            return
        if self.nonsense is not None:
            wire.write(self.nonsense)
            wire.flush()
            self.hang_up()
            return
        answer: dict[str, Any] = {"ok": False, "error": "refused for the test"}
        if not self.refuse:
            answer = {"ok": True}
            self._note(request)
        wire.write(json.dumps(answer).encode() + b"\n")
        wire.flush()

    def _note(self, request: dict[str, Any]) -> None:
        with self._changed:
            if "claim" in request:
                self.claims.append((request["claim"], request["level"]))
            level = int(request["level"] if "claim" in request else request["set"])
            if not self.trace or self.level != level:
                self.trace.append((time.monotonic() * 1000, level))
            self._changed.notify_all()
