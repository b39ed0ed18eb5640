"""A week of a door's policy as it will be: windows, holidays and exceptions laid out.

By the clock on the wall, so both changes of summer time need nothing: a window is open
while a clock at the door shows a time inside it. First persons, passback and a second
touch are no hours and are left out; `explain` asks about them too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.door_policy import Access, DoorPolicy
from gateway.core.holder import Holder
from gateway.core.schedule import Schedule

WEEK_DAYS: Final = 7
DAY_MIN: Final = 24 * 60
_DAY: Final = timedelta(days=1)

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class DayHours:
    """What is open on one day.

    Attributes:
        spans: (start, end) in minutes of this day, sorted and joined, end exclusive.
        special: whether the day has hours of its own: a holiday or an exception.
    """

    day: date
    spans: Spans
    special: bool


@dataclass(frozen=True, slots=True)
class LineHours:
    """One line of the policy over a week."""

    line: Access
    days: tuple[DayHours, ...]


def week_of(
    policy: DoorPolicy, first: date, holder: Holder | None = None
) -> tuple[LineHours, ...]:
    """Lay out seven days.

    Args:
        policy: the door's.
        first: the first day.
        holder: whose lines are meant, within their validity; None for every line.
    """
    lines = policy.access if holder is None else policy.lines(holder)
    days = [first + offset * _DAY for offset in range(WEEK_DAYS)]
    return tuple(
        LineHours(
            line,
            tuple(
                _hours(policy.schedules[line.schedule], day, policy.zone, holder)
                for day in days
            ),
        )
        for line in lines
    )


def _hours(
    schedule: Schedule, day: date, zone: ZoneInfo, holder: Holder | None
) -> DayHours:
    spans = _open(schedule, day)
    if holder is not None:
        bounds = _bounds(holder, day, zone)
        spans = _joined(_cut(span, bounds) for span in spans)
    is_special = any(day in special.days for special in schedule.special)
    return DayHours(day, spans, is_special and schedule.needs_time)


def _open(schedule: Schedule, day: date) -> Spans:
    if not schedule.needs_time:
        return ((0, DAY_MIN),)
    before = [
        (start - DAY_MIN, end - DAY_MIN)
        for start, end in schedule.windows_on(day - _DAY)
    ]
    spans = (*before, *schedule.windows_on(day))
    return _joined(_cut(span, (0, DAY_MIN)) for span in spans)


def _bounds(holder: Holder, day: date, zone: ZoneInfo) -> tuple[int, int]:
    start = _minute(holder.from_ms, day, zone) if holder.from_ms else 0
    end = _minute(holder.until_ms, day, zone) if holder.until_ms else DAY_MIN
    return start, end


def _minute(wall_ms: int, day: date, zone: ZoneInfo) -> int:
    """Return an instant as a minute of a day, or the end of the day that is nearer."""
    local = datetime.fromtimestamp(wall_ms // 1000, zone)
    if local.date() != day:
        return 0 if local.date() < day else DAY_MIN
    return local.hour * 60 + local.minute


def _cut(span: tuple[int, int], bounds: tuple[int, int]) -> tuple[int, int]:
    return max(span[0], bounds[0]), min(span[1], bounds[1])


def _joined(spans: Iterable[tuple[int, int]]) -> Spans:
    """Return spans sorted, without empty ones, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return tuple(joined)
