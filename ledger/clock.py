"""The clocks, for the commands that write by themselves; the gateway has its own."""

import time
from pathlib import Path
from typing import Final

from ledger.entry import Stamp

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_NS_PER_MS: Final = 1_000_000


def read_stamp() -> Stamp:
    """Return the present time; the wall clock's error counts as unknown."""
    return Stamp(
        at_ms=time.time_ns() // _NS_PER_MS,
        boot=_BOOT_ID.read_text().replace("-", "")[:16],
        err_ms=-1,
        up_ms=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // _NS_PER_MS,
    )
