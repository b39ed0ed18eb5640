"""The machine's clocks and its randomness: the only place that reads them.

Order and expiry come from CLOCK_BOOTTIME, which counts suspend. The wall clock's error
is what the kernel says of it (ntp_gettime(3)): a daemon that disciplines the clock
keeps `maxerror` down; without one it grows until the kernel says "unsynchronised".
Where it does, a clock with a battery may vouch for the time (core.rtc_trust).
"""

import asyncio
import ctypes
import os
import time
from pathlib import Path
from typing import Final

from gateway.core.ids import Now
from gateway.core.rtc_trust import RtcTrust
from gateway.errors import HardwareMissingError

SLEEP_MS_MAX: Final = 10_000
"""The event loop's own clock stands still in suspend, so look again this often."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_BOOT_DIGITS: Final = 16
_NS_PER_MS: Final = 1_000_000
_NS_PER_US: Final = 1_000
_US_PER_MS: Final = 1_000
_TIME_ERROR: Final = 5  # sys/timex.h: the clock is not synchronised


class _NtpTime(ctypes.Structure):
    """`struct ntptimeval` of glibc's sys/timex.h; microseconds."""

    _fields_ = (
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("tai", ctypes.c_long),
        ("reserved", ctypes.c_long * 4),
    )


class SystemClock:
    """ports.Clock on a Linux machine.

    Raises:
        HardwareMissingError: the kernel does not say which boot this is.
    """

    def __init__(self) -> None:
        try:
            boot = _BOOT_ID.read_text().replace("-", "")[:_BOOT_DIGITS]
        except OSError as error:
            raise HardwareMissingError(
                f"{_BOOT_ID} cannot be read ({error.strerror}); mount /proc."
            ) from error
        self._boot: Final = boot
        self._ntp_gettime: Final = getattr(ctypes.CDLL(None), "ntp_gettimex", None)
        self._rtc: RtcTrust | None = None

    def believe(self, rtc: RtcTrust | None) -> None:
        """Believe the wall clock by a clock with a battery too, or no longer."""
        self._rtc = rtc

    def now(self) -> Now:
        """Read all clocks at once."""
        now = self._read()
        return now if self._rtc is None else self._rtc.told(now)

    def _read(self) -> Now:
        return Now(
            up_ms=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // _NS_PER_MS,
            wall_ms=time.time_ns() // _NS_PER_MS,
            err_ms=self._error_ms(),
            boot=self._boot,
        )

    def ticks_us(self) -> int:
        """Return a monotonic count of microseconds, for measuring durations only."""
        return time.perf_counter_ns() // _NS_PER_US

    async def sleep_until(self, up_ms: int) -> None:
        """Return at `up_ms` or a little later; at once if that has passed."""
        while (left_ms := up_ms - self.now().up_ms) > 0:
            await _nap(min(left_ms, SLEEP_MS_MAX))

    def _error_ms(self) -> int:
        """Return the bound of the wall clock's error; -1 if nobody vouches for it."""
        if self._ntp_gettime is None:
            return -1
        reading = _NtpTime()
        state = self._ntp_gettime(ctypes.byref(reading))
        if state in (-1, _TIME_ERROR):
            return -1
        maxerror_us: int = reading.maxerror
        return -(-maxerror_us // _US_PER_MS)


class SystemEntropy:
    """ports.Entropy from the kernel."""

    def token(self, length_bytes: int) -> bytes:
        """Return fresh bytes that nobody can guess."""
        return os.urandom(length_bytes)


async def _nap(duration_ms: int) -> None:
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()
    timer = loop.call_later(duration_ms / 1000, woken.set_result, None)
    try:
        await woken
    finally:
        timer.cancel()
