"""The clock with a battery: judged at start, and compared while another clock is right.

What a comparison finds goes into the ledger when it is another than before. It is
believed at the next start because of that, and after the synchronisation is lost too.
"""

import logging
from typing import Final

from gateway.core.entries import Record, clock_record
from gateway.core.ids import Now
from gateway.core.rtc_trust import (
    RTC_COMPARED,
    LastTrusted,
    RtcTrust,
    agrees,
    compared,
    judged,
)
from gateway.ports import Rtc

COMPARE_MS: Final = 60_000

_LOG: Final = logging.getLogger(__name__)


class RtcWatch:
    """Looks after one; with a limit of 0 it does nothing."""

    def __init__(self, rtc: Rtc, last: LastTrusted | None, now: Now) -> None:
        """Judge it by what the ledger knows, and have it vouch for the clock."""
        self._rtc: Final = rtc
        self._agreed = last is not None and last.rtc_agreed
        self._compare_up_ms: int | None = None
        if not rtc.limit_ms or now.wall_is_trusted:
            return
        found = judged(rtc.read(), last, now, rtc.limit_ms)
        if isinstance(found, RtcTrust):
            rtc.vouch(found)
        else:
            _LOG.warning("The clock with a battery is not believed: %s", found.sentence)

    def look(self, now: Now) -> list[Record]:
        """Compare it, once a minute while it has a synchronised clock to agree with."""
        due = self._compare_up_ms is None or now.up_ms >= self._compare_up_ms
        if not self._rtc.limit_ms or not now.wall_is_trusted or now.by_rtc or not due:
            return []
        self._compare_up_ms = now.up_ms + COMPARE_MS
        reading = self._rtc.read()
        agreed = reading is not None and agrees(reading, now)
        self._rtc.vouch(compared(now, self._rtc.limit_ms) if agreed else None)
        if agreed is self._agreed:
            return []
        self._agreed = agreed
        return [clock_record(RTC_COMPARED[agreed])]

    def said_again(self) -> list[Record]:
        """Return the entry that a recovery needs after a snapshot."""
        return [clock_record(RTC_COMPARED[True])] if self._agreed else []
