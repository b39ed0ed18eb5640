"""iCalendar files (RFC 5545): the days of their all-day events.

What is not understood is refused and never guessed: an event with a time of day, a
changed occurrence, a rule that recurs more often than weekly. A rule without an end is
followed to the end of LAST_YEAR.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from dateutil.rrule import rrulestr
from icalendar import Calendar

from gateway.core.special_days import DAYS_MAX, Days
from gateway.errors import ConfigError

FILE_BYTES_MAX: Final = 1024 * 1024
LAST_YEAR: Final = 2069
EVENT_DAYS_MAX: Final = 366
EVENT_DAYS_ALL_MAX: Final = 100_000
"""Of all its occurrences, which may lie over one another."""
FREQUENCIES: Final = frozenset({"YEARLY", "MONTHLY", "WEEKLY"})

_DAY: Final = timedelta(days=1)
_NOT_UNDERSTOOD: Final = ("RDATE", "EXRULE", "RECURRENCE-ID")


class _RefusedError(Exception):
    """Half a sentence: what is not understood."""


def read_calendar(path: Path) -> Days:
    """Return the days of the file's events.

    Raises:
        ConfigError: it cannot be read, or an event in it is not understood.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(
            f"The calendar {path} cannot be read ({error.strerror}): correct its path "
            "in the config."
        ) from error
    if len(data) > FILE_BYTES_MAX:
        raise ConfigError(f"The calendar {path} is larger than {FILE_BYTES_MAX} bytes.")
    return parse_calendar(data, str(path))


def parse_calendar(data: bytes, name: str) -> Days:
    """Return the days of the events in a calendar's text.

    Raises:
        ConfigError: it is no calendar, or an event in it is not understood.
    """
    dates: set[date] = set()
    try:
        for event in Calendar.from_ical(data).walk("VEVENT"):
            for number, day in enumerate(_days(event)):
                dates.add(day)
                _check_count(dates, number)
    except _RefusedError as refusal:
        raise ConfigError(f"The calendar {name} cannot be used: {refusal}.") from None
    except Exception as error:
        # Whatever a damaged file makes the two libraries say.
        raise ConfigError(
            f"The calendar {name} is no iCalendar file that can be read "
            f"({type(error).__name__})."
        ) from error
    return Days(frozenset(dates))


def _check_count(dates: set[date], of_the_event: int) -> None:
    if len(dates) > DAYS_MAX or of_the_event > EVENT_DAYS_ALL_MAX:
        raise _RefusedError(f"it has more than {DAYS_MAX} days")


def _days(event: Any) -> Iterator[date]:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    for name in _NOT_UNDERSTOOD:
        if name in event:
            raise _RefusedError(f"an event has {name}, which is not understood")
    first = _day(event, "DTSTART")
    length = _length(event, first)
    left_out = _left_out(event)
    for start in _starts(event, first):
        if start not in left_out:
            yield from (start + offset * _DAY for offset in range(length))


def _day(event: Any, name: str) -> date:
    value = event.get(name)
    day = getattr(value, "dt", None)
    if not isinstance(day, date) or isinstance(day, datetime):
        raise _RefusedError(
            f"an event has no {name} that is a whole day; hours stand as [[exception]] "
            "in the config"
        )
    return day


def _length(event: Any, first: date) -> int:
    if "DTEND" in event:
        length = (_day(event, "DTEND") - first).days
    elif "DURATION" in event:
        length = event.get("DURATION").dt // _DAY
    else:
        length = 1
    if not 1 <= length <= EVENT_DAYS_MAX:
        raise _RefusedError(f"an event lasts {length} days, not 1 to {EVENT_DAYS_MAX}")
    return int(length)


def _left_out(event: Any) -> set[date]:
    found = event.get("EXDATE", [])
    lists = found if isinstance(found, list) else [found]
    return {one.dt for dates in lists for one in dates.dts}


def _starts(event: Any, first: date) -> Iterator[date]:
    rule = event.get("RRULE")
    if rule is None:
        yield first
        return
    if isinstance(rule, list) or str(rule.get("FREQ", [""])[0]) not in FREQUENCIES:
        raise _RefusedError("an event recurs neither yearly, monthly nor weekly")
    start = datetime(first.year, first.month, first.day)  # noqa: DTZ001 - a bare day
    occurrences = rrulestr(rule.to_ical().decode(), dtstart=start)
    for moment in takewhile(lambda one: one.year <= LAST_YEAR, occurrences):
        yield moment.date()
