"""The board's clock with a battery, as the kernel shows it in sysfs.

Documentation/ABI/testing/sysfs-class-rtc: `hctosys` is 1 for the one by which the
kernel set its clock at boot, `since_epoch` is what it shows. A chip that knows that its
power was gone refuses the second.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from gateway.core.rtc_trust import RtcReading, RtcTrust

CLASS: Final = Path("/sys/class/rtc")
NUMBER_BYTES_MAX: Final = 32
_MS_PER_S: Final = 1_000

Believe: TypeAlias = Callable[[RtcTrust | None], None]


class BoardRtc:
    """ports.Rtc of a Linux machine."""

    def __init__(self, believe: Believe, limit_ms: int, folder: Path = CLASS) -> None:
        """Have the machine's clock believed by what is in a folder of sysfs."""
        self._believe: Final = believe
        self._limit_ms: Final = limit_ms
        self._folder: Final = folder

    @property
    def limit_ms(self) -> int:
        """See ports.Rtc."""
        return self._limit_ms

    def read(self) -> RtcReading | None:
        """See ports.Rtc; the one that set the clock, else any."""
        return rtc_reading(self._folder)

    def vouch(self, trust: RtcTrust | None) -> None:
        """See ports.Rtc."""
        self._believe(trust)


def rtc_reading(folder: Path = CLASS) -> RtcReading | None:
    """Read the clock that set the machine's, or else the first that can be read."""
    found = [_read(one) for one in sorted(folder.glob("rtc*"))]
    readings = [one for one in found if one is not None]
    return max(readings, key=lambda one: one.set_the_clock, default=None)


def _read(folder: Path) -> RtcReading | None:
    try:
        shown = (folder / "since_epoch").read_bytes()[:NUMBER_BYTES_MAX]
        set_the_clock = (folder / "hctosys").read_bytes()[:NUMBER_BYTES_MAX]
        return RtcReading(set_the_clock.strip() == b"1", int(shown) * _MS_PER_S)
    except (OSError, ValueError):
        return None
