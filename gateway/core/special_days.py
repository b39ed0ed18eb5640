"""Days on which the week does not count: holidays, and days with hours of their own.

    days = day | day " to " day | month "-" day
    day  = YYYY-MM-DD            24 December 2026 is 2026-12-24
                                 each Christmas Day is 12-25

A special day belongs to its schedule like a day of the week does: a window that began
the evening before runs on over midnight into a holiday, and one that begins on a day
with hours of its own runs on into the next.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from gateway.errors import ConfigError

DAYS_MAX: Final = 4_096
"""Single dates of one set; a span of days counts with each of them."""

LEAP_YEAR: Final = 2000
_YEARLY: Final = re.compile(r"([0-9]{2})-([0-9]{2})", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TO: Final = " to "


@dataclass(frozen=True, slots=True)
class Days:
    """A set of days: finding one in it does not depend on how many there are.

    Attributes:
        yearly: (month, day) of those that come every year.
    """

    dates: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Days":
        """Return the days that the texts name.

        Raises:
            ConfigError: one of them names none, or there are too many.
        """
        dates: set[date] = set()
        yearly: set[tuple[int, int]] = set()
        for text in texts:
            if (match := _YEARLY.fullmatch(text)) is not None:
                yearly.add(_month_and_day(text, int(match[1]), int(match[2])))
            else:
                dates |= _span(text)
            if len(dates) > DAYS_MAX:
                raise ConfigError(f"There are more than {DAYS_MAX} single days.")
        return cls(frozenset(dates), frozenset(yearly))

    def texts(self) -> list[str]:
        """Return the days as they are written, each by itself; `parse` reads them."""
        yearly = [f"{month:02}-{day:02}" for month, day in sorted(self.yearly)]
        return [*yearly, *(day.isoformat() for day in sorted(self.dates))]

    def __contains__(self, day: date) -> bool:
        return day in self.dates or (day.month, day.day) in self.yearly

    @classmethod
    def of(cls, sets: Iterable["Days"]) -> "Days":
        """Return the days that are in any of the sets."""
        several = list(sets)
        return cls(
            frozenset().union(*(days.dates for days in several)),
            frozenset().union(*(days.yearly for days in several)),
        )


@dataclass(frozen=True, slots=True)
class SpecialDays:
    """Days that have hours of their own in one schedule.

    Attributes:
        windows: (start, end) in minutes of the day, the end exclusive and past 1,440
            where a window runs over midnight; none at all on a holiday.
    """

    days: Days
    windows: tuple[tuple[int, int], ...] = ()


def _month_and_day(text: str, month: int, day: int) -> tuple[int, int]:
    try:
        date(LEAP_YEAR, month, day)
    except ValueError:
        raise ConfigError(f'"{text}" is no day of any year.') from None
    return month, day


def _span(text: str) -> set[date]:
    first_text, to, last_text = text.partition(_TO)
    first = _date(first_text)
    last = _date(last_text) if to else first
    count = (last - first).days + 1
    if not 0 < count <= DAYS_MAX:
        raise ConfigError(
            f'"{text:.60}" ends before it begins, or has more than {DAYS_MAX} days.'
        )
    return {first + timedelta(days=offset) for offset in range(count)}


def _date(text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ConfigError(
        f'"{text:.60}" is no day; write 2026-12-24, 2026-12-24 to 2026-12-31, or 12-25 '
        "for every year."
    )
