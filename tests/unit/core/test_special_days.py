"""Holidays and days of their own: the grammar, and what a schedule makes of them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.core.schedule import Schedule, day_windows, local_day, span_text
from gateway.core.special_days import DAYS_MAX, Days, SpecialDays
from gateway.errors import ConfigError

BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=BERLIN)
    return int(moment.astimezone(UTC).timestamp() * 1000)


def test_days_are_single_ones_spans_and_yearly_ones() -> None:
    days = Days.parse(["2026-12-24", "2026-12-30 to 2027-01-02", "05-01", "02-29"])
    assert date(2026, 12, 24) in days
    assert date(2027, 12, 24) not in days
    assert date(2027, 1, 2) in days
    assert date(2027, 1, 3) not in days
    assert date(1999, 5, 1) in days
    assert date(2028, 2, 29) in days
    assert Days.parse(days.texts()) == days
    assert Days.of([days, Days()]) == days
    assert date(2026, 6, 1) not in Days()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-02-29",
        "02-30",
        "13-01",
        "2026-1-1",
        "2026-12-24 to",
        "2026-12-24 to 2026-12-23",
        "1900-01-01 to 2026-01-01",
        "20261224",
    ],
)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Days.parse([text])
    assert str(caught.value).endswith(".")


def test_days_are_bounded() -> None:
    spans = ["2000-01-01 to 2008-12-31", "2010-01-01 to 2018-12-31"]
    assert len(Days.parse(spans[:1]).dates) < DAYS_MAX
    with pytest.raises(ConfigError, match="more than"):
        Days.parse(spans)


def test_windows_of_a_day() -> None:
    assert day_windows([]) == ()
    windows = day_windows(["08:00-12:00", "20:00-02:00", "00:00-24:00"])
    assert windows == ((480, 720), (1200, 1560), (0, 1440))
    assert [span_text(one) for one in windows] == [
        "08:00-12:00",
        "20:00-02:00",
        "00:00-24:00",
    ]
    with pytest.raises(ConfigError):
        day_windows(["8-12"])


def test_the_first_set_that_has_a_day_decides() -> None:
    christmas = Days.parse(["12-24", "12-25"])
    schedule = Schedule.parse("Mon-Fri 08:00-18:00")
    special = Schedule(
        schedule.text,
        schedule.windows,
        (SpecialDays(Days.parse(["12-24"]), ((480, 720),)), SpecialDays(christmas)),
    )
    eve, day = ms("2026-12-24T11:00"), ms("2026-12-25T11:00")
    assert special.day_of(eve, BERLIN) == date(2026, 12, 24)
    assert not special.is_open(ms("2026-12-24T13:00"), BERLIN)
    assert not special.is_open(day, BERLIN)
    assert special.day_of(day, BERLIN, special=False) == date(2026, 12, 25)
    assert special.is_open(ms("2026-12-23T13:00"), BERLIN)


def test_a_window_over_midnight_is_of_the_day_before() -> None:
    schedule = Schedule.parse("Sun 22:00-06:00")
    assert schedule.day_of(ms("2026-03-09T05:59"), BERLIN) == date(2026, 3, 8)
    assert schedule.day_of(ms("2026-03-09T06:00"), BERLIN) is None


def test_always_is_of_today_and_has_no_holidays() -> None:
    always = Schedule("always", ((0, 10_080),), (SpecialDays(Days.parse(["12-25"])),))
    christmas = ms("2026-12-25T11:00")
    assert always.day_of(christmas, BERLIN) == date(2026, 12, 25)
    assert local_day(ms("2026-12-25T00:00"), BERLIN) == date(2026, 12, 25)
    assert local_day(ms("2026-12-25T00:00") - 1, BERLIN) == date(2026, 12, 24)


def test_as_many_days_as_are_allowed_are_allowed() -> None:
    last = date(2000, 1, 1) + timedelta(days=DAYS_MAX - 1)
    days = Days.parse([f"2000-01-01 to {last}"])
    assert len(days.dates) == DAYS_MAX
    with pytest.raises(ConfigError, match="more than"):
        Days.parse([f"2000-01-01 to {last}", "2030-01-01"])
