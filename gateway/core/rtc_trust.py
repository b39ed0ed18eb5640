"""When the time of a clock with a battery is believed, and how far.

A real-time clock (RTC) goes on while the machine is off, and the kernel sets its own
clock by it at boot. Nobody vouches for such a time at that moment, so it is believed
only on what was seen before, and each condition answers one way in which it lies:

- It set the clock of this boot (the kernel's `hctosys`), and the clock still shows what
  it shows: a time service without a server, or a person, sets another.
- The ledger says that it agreed with a synchronised clock, when last compared. That
  finds an RTC that nobody sets, that keeps local time, or that is not the one.
- It is not before the newest entry written by a clock that was believed, nor before
  this program was made: a battery that died begins at 1970 or 2000, at a leap back.
- The bound of its error is within what the site allows. The bound is that entry's, how
  far the two may have been apart when they agreed, how far RTC and clock are apart now,
  and the drift since. Years ahead (2038, a register gone wrong) are years of drift, and
  outside of any bound allowed.

A crystal of 32 kHz is within 20 ppm at 25 °C and loses 0.035 ppm per K² away from
there, 71 ppm more at -20 and at 70 °C; chips that compensate for that do far better. So
100 ppm hold for each. What no rule here can find is a chip that stood still, says
nothing of it and shows the moment at which it stopped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.ids import Now
from gateway.core.worded import Worded

DRIFT_PPM: Final = 100
AGREES_MS: Final = 2_000
"""An RTC counts whole seconds, and takes up to one to be set."""

BUILT_MS: Final = 1_767_225_600_000
"""2026-01-01: this program is younger than any time before."""

RTC_COMPARED: Final[Mapping[bool, str]] = {True: "rtc-agrees", False: "rtc-differs"}
"""How a `clock` entry says what a comparison with a synchronised clock found."""

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class RtcReading:
    """What a clock with a battery says.

    Attributes:
        set_the_clock: whether the kernel set this boot's clock by it.
        wall_ms: what it shows, Unix milliseconds, whole seconds.
    """

    set_the_clock: bool
    wall_ms: int


@dataclass(frozen=True, slots=True)
class LastTrusted:
    """What the ledger knows of the time.

    Attributes:
        at_ms, err_ms: of the newest entry that a clock wrote which was believed.
        rtc_agreed: the RTC agreed with a synchronised clock when last compared.
    """

    at_ms: int
    err_ms: int
    rtc_agreed: bool


class RtcDoubt(Worded):
    """Why an RTC is not believed."""

    ABSENT = "absent", "No clock with a battery set the time at boot."
    TOO_EARLY = "too-early", "It shows a time before this program was made."
    UNPROVEN = "unproven", "It has not yet agreed with a synchronised clock."
    BEHIND = "behind", "It shows a time before the newest entry of the ledger."
    DIFFERS = "differs", "The machine's clock shows another time than it does."
    TOO_OLD = "too-old", "It was compared too long ago: its error may be too large."


@dataclass(frozen=True, slots=True)
class RtcTrust:
    """The clock of this boot is believed by its RTC, from a moment on.

    Attributes:
        since: that moment, as the clocks showed it.
        err_ms: the bound of the wall clock's error then.
        limit_ms: beyond this bound it is believed no longer.
    """

    since: Now
    err_ms: int
    limit_ms: int

    def told(self, now: Now) -> Now:
        """Return a reading as it is believed: as it is, where this says nothing.

        A clock that is synchronised needs no RTC. One that was set meanwhile is no
        longer the RTC's.
        """
        if now.wall_is_trusted or now.boot != self.since.boot:
            return now
        went_ms = now.up_ms - self.since.up_ms
        set_by_ms = abs(now.wall_ms - self.since.wall_ms - went_ms)
        err_ms = self.err_ms + drift_ms(went_ms)
        if set_by_ms > AGREES_MS + drift_ms(went_ms) or err_ms > self.limit_ms:
            return now
        return replace(now, err_ms=err_ms, by_rtc=True)


def drift_ms(went_ms: int) -> int:
    """Return how far a clock may have gone wrong in this time, either way."""
    return -(-abs(went_ms) * DRIFT_PPM // _MILLION)


def agrees(reading: RtcReading, now: Now) -> bool:
    """Tell whether it shows the time of the machine's clock."""
    return abs(reading.wall_ms - now.wall_ms) <= AGREES_MS


def compared(now: Now, limit_ms: int) -> RtcTrust:
    """Return the trust that an RTC has which agrees with a synchronised clock now."""
    return RtcTrust(now, now.err_ms + AGREES_MS, limit_ms)


def judged(
    reading: RtcReading | None, last: LastTrusted | None, now: Now, limit_ms: int
) -> RtcTrust | RtcDoubt:
    """Judge, at a start, whether the RTC vouches for the clock.

    Args:
        reading: what it says, or None where there is none.
        last: what the ledger knows, or None where it knows no time.
        now: the machine's clocks, read at the same moment.
        limit_ms: how large the bound of the error may be.
    """
    if reading is None or not reading.set_the_clock:
        return RtcDoubt.ABSENT
    if min(reading.wall_ms, now.wall_ms) < BUILT_MS:
        return RtcDoubt.TOO_EARLY
    if last is None or not last.rtc_agreed:
        return RtcDoubt.UNPROVEN
    if now.wall_ms < last.at_ms:
        return RtcDoubt.BEHIND
    apart_ms = abs(reading.wall_ms - now.wall_ms)
    if apart_ms > AGREES_MS + drift_ms(now.up_ms):
        return RtcDoubt.DIFFERS
    err_ms = last.err_ms + AGREES_MS + apart_ms + drift_ms(now.wall_ms - last.at_ms)
    return RtcTrust(now, err_ms, limit_ms) if err_ms <= limit_ms else RtcDoubt.TOO_OLD
