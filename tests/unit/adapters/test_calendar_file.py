"""iCalendar files: the days of their events, and one sentence for all else."""

import random
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from gateway.adapters.calendar_file import (
    FILE_BYTES_MAX,
    LAST_YEAR,
    parse_calendar,
    read_calendar,
)
from gateway.bootstrap.policy import policy_of
from gateway.config import defaults_text, parse
from gateway.core.ids import ScheduleId
from gateway.errors import ConfigError

RUBBISH = 400
ALL_OF_2000 = "DTSTART;VALUE=DATE:20000101|DTEND;VALUE=DATE:20001231"


def calendar(*events: str) -> bytes:
    """A file with events of these lines."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//"]
    for number, event in enumerate(events):
        lines += ["BEGIN:VEVENT", f"UID:{number}", *event.split("|"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def days(*events: str) -> list[str]:
    found = parse_calendar(calendar(*events), "test.ics")
    assert not found.yearly
    return [day.isoformat() for day in sorted(found.dates)]


def test_all_day_events() -> None:
    assert days("DTSTART;VALUE=DATE:20261225") == ["2026-12-25"]
    span = "DTSTART;VALUE=DATE:20261231|DTEND;VALUE=DATE:20270102|SUMMARY:New\\, year"
    assert days(span) == ["2026-12-31", "2027-01-01"]
    assert days("DTSTART;VALUE=DATE:20261230|DURATION:P2D") == [
        "2026-12-30",
        "2026-12-31",
    ]
    assert days() == []
    assert days("DTSTART;VALUE=DATE:20261225|STATUS:CANCELLED") == []


def test_events_that_recur() -> None:
    first = "DTSTART;VALUE=DATE:20240229"
    assert days(f"{first}|RRULE:FREQ=YEARLY;COUNT=2") == ["2024-02-29", "2028-02-29"]
    until = f"{first}|RRULE:FREQ=MONTHLY;UNTIL=20240531"
    assert days(f"{until}|EXDATE;VALUE=DATE:20240329,20240429") == [
        "2024-02-29",
        "2024-05-29",
    ]
    easter_monday = "DTSTART;VALUE=DATE:20260406|RRULE:FREQ=WEEKLY;COUNT=2"
    assert days(easter_monday) == ["2026-04-06", "2026-04-13"]
    for_ever = days("DTSTART;VALUE=DATE:20260501|RRULE:FREQ=YEARLY")
    assert for_ever[-1] == f"{LAST_YEAR}-05-01"
    assert len(for_ever) == LAST_YEAR - 2025
    two = "EXDATE;VALUE=DATE:20270501|EXDATE;VALUE=DATE:20280501"
    assert len(days(f"DTSTART;VALUE=DATE:20260501|RRULE:FREQ=YEARLY|{two}")) == (
        len(for_ever) - 2
    )


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("DTSTART:20261225T100000Z", "no DTSTART that is a whole day"),
        ("SUMMARY:nothing", "no DTSTART"),
        ("DTSTART;VALUE=DATE:2026", "cannot be used|can be read"),
        ("DTSTART;VALUE=DATE:20261225|DTEND:20261226T100000Z", "no DTEND"),
        ("DTSTART;VALUE=DATE:20261225|DTEND;VALUE=DATE:20261225", "lasts 0 days"),
        ("DTSTART;VALUE=DATE:20261225|DTEND;VALUE=DATE:20291225", "lasts 1096 days"),
        ("DTSTART;VALUE=DATE:20261225|RRULE:FREQ=DAILY", "neither yearly"),
        ("DTSTART;VALUE=DATE:20261225|RDATE;VALUE=DATE:20261226", "RDATE"),
        ("DTSTART;VALUE=DATE:20261225|RECURRENCE-ID;VALUE=DATE:20261226", "RECURR"),
        (f"{ALL_OF_2000}|RRULE:FREQ=WEEKLY;COUNT=2000", "more than 4096 days"),
        (f"{ALL_OF_2000}|RRULE:FREQ=YEARLY", "more than 4096 days"),
        ("DTSTART;VALUE=DATE:20261225|RRULE:FREQ=YEARLY;UNTIL=x", "can be read"),
    ],
)
def test_what_is_not_understood_is_refused(event: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        days(event)
    assert str(caught.value).startswith("The calendar test.ics ")


@pytest.mark.parametrize("data", [b"", b"\0", b"holiday", b"BEGIN:VEVENT", b"\xff\xfe"])
def test_what_is_no_calendar(data: bytes) -> None:
    with pytest.raises(ConfigError):
        parse_calendar(data, "test.ics")


def test_mutations_are_days_or_one_sentence() -> None:
    source = calendar(
        "DTSTART;VALUE=DATE:20240229|RRULE:FREQ=YEARLY;COUNT=9|EXDATE;VALUE=DATE:20280229",
        "DTSTART;VALUE=DATE:20261230|DURATION:P2D|SUMMARY:x",
    )
    chance = random.Random(7)  # noqa: S311 - the same mutations in every run
    for _ in range(RUBBISH):
        data = bytearray(source)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            new = chance.randbytes(chance.randint(0, 3))
            data[at : at + chance.randint(0, 3)] = new
        with suppress(ConfigError):
            found = parse_calendar(bytes(data), "test.ics")
            assert all(isinstance(day, date) for day in found.dates)


def test_a_file_that_is_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_calendar(tmp_path / "none.ics")
    large = tmp_path / "large.ics"
    large.write_bytes(b" " * (FILE_BYTES_MAX + 1))
    with pytest.raises(ConfigError, match="larger"):
        read_calendar(large)


def test_the_config_names_calendars_and_their_days_close_schedules(
    tmp_path: Path,
) -> None:
    path = tmp_path / "holidays.ics"
    path.write_bytes(calendar("DTSTART;VALUE=DATE:20261225"))
    text = (
        defaults_text()
        + f"""
[[schedule]]
id = "office"
windows = ["Mon-Fri 08:00-18:00"]
[[holiday]]
id = "public"
calendar = "{path}"
days = ["01-01"]
[[exception]]
id = "short"
schedules = ["office"]
calendar = "{path}"
windows = ["09:00-10:00"]
"""
    )
    policy = policy_of(parse(text, "gateway.toml"))
    short, holidays = policy.schedules[ScheduleId("office")].special
    assert date(2026, 12, 25) in short.days
    assert short.windows == ((540, 600),)
    assert date(2026, 12, 25) in holidays.days
    assert date(2031, 1, 1) in holidays.days
