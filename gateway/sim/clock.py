"""ports.Clock from the event loop's own time: real on a real loop, virtual in tests."""

import asyncio
from typing import Final

from gateway.core.ids import Now
from gateway.core.rtc_trust import RtcTrust

_BOOT: Final = "00000000c0ffee00"


class SimulatedClock:
    """A clock whose wall time and synchronisation are set by whoever tells the story.

    Milliseconds since boot are the loop's time; the wall clock runs with them.
    """

    def __init__(
        self, wall_ms: int, *, err_ms: int = 20, boot: str = _BOOT, up_ms: int = 0
    ) -> None:
        """Start at a wall time.

        Args:
            wall_ms: Unix time now, in milliseconds.
            err_ms: bound of the wall clock's error; -1 while it is not synchronised.
            boot: 16 hex digits that name this boot.
            up_ms: added to the loop's time, so that a loop that starts at 0 need not.
        """
        self._offset_ms: Final = up_ms
        self._boot: Final = boot
        self._err_ms = err_ms
        self._wall_less_up_ms = wall_ms - self._up_ms()
        self._rtc: RtcTrust | None = None

    def now(self) -> Now:
        """Read all clocks at once."""
        up_ms = self._up_ms()
        now = Now(up_ms, up_ms + self._wall_less_up_ms, self._err_ms, self._boot)
        return now if self._rtc is None else self._rtc.told(now)

    def believe(self, rtc: RtcTrust | None) -> None:
        """Believe the wall clock by a clock with a battery too, or no longer."""
        self._rtc = rtc

    def ticks_us(self) -> int:
        """Return the loop's time in microseconds, for durations."""
        return int(asyncio.get_running_loop().time() * 1_000_000)

    async def sleep_until(self, up_ms: int) -> None:
        """Return at `up_ms` or a little later; at once if that has passed."""
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        # Half a millisecond late rather than early: up_ms rounds down.
        timer = loop.call_at((up_ms - self._offset_ms) / 1000 + 0.0005, _resolve, woken)
        try:
            await woken
        finally:
            timer.cancel()

    def set_wall(self, wall_ms: int) -> None:
        """Step the wall clock."""
        self._wall_less_up_ms = wall_ms - self._up_ms()

    def set_sync(self, err_ms: int) -> None:
        """Gain synchronisation within `err_ms`, or lose it with -1."""
        self._err_ms = err_ms

    def _up_ms(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000) + self._offset_ms


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
