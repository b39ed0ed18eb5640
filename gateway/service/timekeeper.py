"""The only sleeper: everything that must happen later is asked for here.

One task waits for the earliest deadline. Deadlines are named by their owner; setting
one again moves it, so that there is never more than one per name.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.ports import Clock

DEADLINES_MAX: Final = 4096

Action = Callable[[], Awaitable[None]]


class Timekeeper:
    """Runs named actions at their time, one after another."""

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self._due: Final[dict[str, tuple[int, Action]]] = {}
        self._changed: Final = asyncio.Event()

    def set(self, name: str, up_ms: int, action: Action) -> None:
        """Ask for `action` at `up_ms`, replacing an earlier wish of the same name.

        Raises:
            ValueError: more than DEADLINES_MAX names; a leak in the caller.
        """
        if name not in self._due and len(self._due) >= DEADLINES_MAX:
            raise ValueError(f"More than {DEADLINES_MAX} deadlines are set.")
        self._due[name] = (up_ms, action)
        self._changed.set()

    def clear(self, name: str) -> None:
        """Forget a wish; no error if there is none."""
        if self._due.pop(name, None) is not None:
            self._changed.set()

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            self._changed.clear()
            name = min(self._due, key=lambda n: self._due[n][0], default=None)
            if name is None:
                await self._changed.wait()
                continue
            up_ms, action = self._due[name]
            if self._clock.now().up_ms >= up_ms:
                del self._due[name]
                await action()
                continue
            await self._wait(up_ms)

    async def _wait(self, up_ms: int) -> None:
        """Return at `up_ms` or when the wishes changed, whichever is first."""
        async with asyncio.TaskGroup() as group:
            sleeper = group.create_task(self._clock.sleep_until(up_ms))
            waker = group.create_task(self._changed.wait())
            await asyncio.wait({sleeper, waker}, return_when=asyncio.FIRST_COMPLETED)
            sleeper.cancel()
            waker.cancel()
