"""What the wall clock does, judged by the clock that only goes on.

Between two looks the wall clock should have gone as far as the monotonic one. Daemons
that discipline it bend it by up to a twelfth (chrony's maxslewrate); more is a step.

A clock that has just been set, or has just become believed, is not believed at once in
one thing: that it opens a door by schedule. It must first stand for a minute, so that a
leap to the future and back opens nothing.
"""

from dataclasses import dataclass, replace
from typing import Final

from gateway.core.ids import Now

STEP_MS_MIN: Final = 500
SLEW_PART: Final = 8
SETTLED_MS: Final = 60_000
BY_RTC: Final = "rtc"


@dataclass(frozen=True, slots=True)
class ClockChange:
    """Something that stands in a `clock` entry.

    Attributes:
        why: "step", "sync-gained", "sync-lost", or "rtc": believed by it from now on.
        step_ms: how far the wall clock was set; negative for backwards.
    """

    why: str
    step_ms: int = 0


@dataclass(frozen=True, slots=True)
class ClockWatch:
    """What was seen of the clocks so far.

    Attributes:
        seen: the last look.
        since_up_ms: since when the clock has been believed without a step, or None.
    """

    seen: Now | None = None
    since_up_ms: int | None = None

    def look(self, now: Now) -> tuple["ClockWatch", tuple[ClockChange, ...]]:
        """Compare with the last look; return what is known now, and what changed."""
        since_up_ms = now.up_ms if now.wall_is_trusted else None
        if self.seen is None:
            by_rtc = (ClockChange(BY_RTC),) if now.by_rtc else ()
            return ClockWatch(now, since_up_ms), by_rtc
        changes = []
        step_ms = _step_ms(self.seen, now)
        if step_ms:
            changes.append(ClockChange("step", step_ms))
        if _vouched(now) != _vouched(self.seen):
            changes.append(ClockChange(_vouched(now)))
        if not changes:
            return replace(self, seen=now), ()
        return ClockWatch(now, since_up_ms), tuple(changes)

    @property
    def settled(self) -> bool:
        """Whether the clock has been believed long enough to open by schedule."""
        return (
            self.seen is not None
            and self.since_up_ms is not None
            and self.seen.up_ms - self.since_up_ms >= SETTLED_MS
        )


def _vouched(now: Now) -> str:
    """Return by whose word the clock is believed, as a change to that."""
    if now.by_rtc:
        return BY_RTC
    return "sync-gained" if now.wall_is_trusted else "sync-lost"


def _step_ms(before: Now, now: Now) -> int:
    """Return how far the wall clock was set between two looks, or 0."""
    went_ms = now.up_ms - before.up_ms
    off_ms = now.wall_ms - before.wall_ms - went_ms
    return off_ms if abs(off_ms) > STEP_MS_MIN + went_ms // SLEW_PART else 0
