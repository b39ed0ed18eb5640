"""Timers and radio work of one simulated device, each with an owner."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from bumble.core import BaseBumbleError

from gateway.sim.bumble_faults import RadioGoneError, uncancelled

CHORE_MS_MAX: Final = 3_000

Work = Callable[[], Awaitable[None]]


class Timers:
    """Named one-shot timers; arming a name again moves it."""

    def __init__(self) -> None:
        """Start with none."""
        self._handles: Final[dict[str, asyncio.TimerHandle]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._handles

    def arm(self, name: str, after_ms: int, action: Callable[[], None]) -> None:
        """Run `action` once, `after_ms` from now."""
        self.disarm(name)

        def fire() -> None:
            self._handles.pop(name, None)
            action()

        loop = asyncio.get_running_loop()
        self._handles[name] = loop.call_later(after_ms / 1000, fire)

    def disarm(self, *names: str) -> None:
        """Forget timers; no error where there is none."""
        for name in names:
            if (handle := self._handles.pop(name, None)) is not None:
                handle.cancel()


class Chores:
    """Work on a Bumble device, one piece after another, each bounded in time.

    A piece that fails because a link broke meanwhile does not matter: the state that it
    was to bring about is gone, or comes by itself.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._pieces: Final[asyncio.Queue[tuple[Work, asyncio.Event]]] = asyncio.Queue()

    def later(self, work: Work) -> asyncio.Event:
        """Ask for a piece; the event says when it was done."""
        done = asyncio.Event()
        self._pieces.put_nowait((work, done))
        return done

    async def submit(self, work: Work) -> None:
        """Ask for a piece and wait for it."""
        await self.later(work).wait()

    async def run(self) -> None:
        """Do all pieces until cancelled."""
        while True:
            work, done = await self._pieces.get()
            try:
                with suppress(BaseBumbleError, TimeoutError, RadioGoneError):
                    async with asyncio.timeout(CHORE_MS_MAX / 1000):
                        with uncancelled():
                            await work()
            finally:
                done.set()
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # Python 3.11's wait_for, in Bumble, can swallow a cancellation.
                raise asyncio.CancelledError
