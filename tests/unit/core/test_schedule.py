"""Weekly windows: the grammar, and what a clock on the wall shows."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.schedule import DAYS, WINDOWS_MAX, Schedule
from gateway.errors import ConfigError

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The hours around each zone's changes of 2026; Lord Howe's are of half an hour.
CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
}


def utc_ms(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def opens(text: str, moment: str, zone: ZoneInfo = BERLIN) -> bool:
    """Ask at a moment given in UTC."""
    return Schedule.parse(text).is_open(utc_ms(moment), zone)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-07-30T05:59:59.999", False),
        ("2026-07-30T06:00", True),
        ("2026-07-30T15:59:59.999", True),
        ("2026-07-30T16:00", False),
        ("2026-08-01T10:00", False),
        ("2026-07-27T06:00", True),
        ("2026-07-31T15:59", True),
    ],
)
def test_office_hours(moment: str, *, is_open: bool) -> None:
    assert opens("Mon-Fri 08:00-18:00", moment) is is_open


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-08-02T19:59", False),
        ("2026-08-02T20:00", True),
        ("2026-08-02T23:59", True),
        ("2026-08-03T03:59", True),
        ("2026-08-03T04:00", False),
        ("2026-08-03T20:00", False),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_starts(
    moment: str, *, is_open: bool
) -> None:
    assert opens("Sun 22:00-06:00", moment) is is_open


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("always", [(0, 10_080)]),
        ("  always ", [(0, 10_080)]),
        ("Mon 00:00-24:00", [(0, 1_440)]),
        ("Tue 12:30-12:31", [(2_190, 2_191)]),
        ("Mon,Wed 08:00-09:00", [(480, 540), (3_360, 3_420)]),
        ("Sat-Mon 08:00-09:00", [(7_680, 7_740), (9_120, 9_180), (480, 540)]),
        ("Mon-Mon 08:00-09:00", [(480, 540)]),
        ("Mon 08:00-09:00; Tue 22:00-00:00", [(480, 540), (2_760, 2_880)]),
        ("Sun  23:00-01:00", [(10_020, 10_140)]),
    ],
)
def test_the_grammar(text: str, windows: list[tuple[int, int]]) -> None:
    assert list(Schedule.parse(text).windows) == windows


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "Mon",
        "08:00-18:00",
        "Mon 8:00-18:00",
        "Mon 08:00-18:60",
        "Mon 08:60-18:00",
        "Mon 24:00-24:00",
        "Mon 08:00-24:01",
        "Mon 08:00-25:00",
        "Mon 08:00",
        "Mon 08:00-08:00",
        "Mon 08:00–18:00",
        "Mon ٠٨:00-18:00",
        "mon 08:00-18:00",
        "Mon- 08:00-18:00",
        "-Mon 08:00-18:00",
        "Mon-Fri-Sat 08:00-18:00",
        "Mon,,Tue 08:00-18:00",
        "Mon 08:00-18:00;",
        "Always",
        "Mon 08:00-18:00, Tue 08:00-18:00",
        "; ".join(["Mon 08:00-18:00"] * (WINDOWS_MAX + 1)),
    ],
)
def test_a_mistake_is_named_in_one_sentence(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Schedule.parse(text)
    message = str(caught.value)
    assert message.endswith(".")
    assert len(message) < 200


@given(st.text(max_size=60))
def test_rubbish_is_a_config_error(text: str) -> None:
    try:
        schedule = Schedule.parse(text)
    except ConfigError:
        return
    assert schedule.windows


def test_only_always_needs_no_time() -> None:
    assert not Schedule.parse("always").needs_time
    assert Schedule.parse("Mon-Sun 00:00-24:00").needs_time


@pytest.mark.parametrize(
    ("moment", "shown", "is_open"),
    [
        ("2026-03-29T00:59", "01:59", False),
        ("2026-03-29T01:00", "03:00", True),  # 02:00 to 03:00 is never shown
        ("2026-10-25T00:00", "02:00 the first time", False),
        ("2026-10-25T00:45", "02:45 the first time", True),
        ("2026-10-25T01:00", "02:00 the second time", False),
        ("2026-10-25T01:45", "02:45 the second time", True),
        ("2026-10-25T02:00", "03:00", True),
    ],
)
def test_the_hours_of_a_change_in_berlin(
    moment: str, shown: str, *, is_open: bool
) -> None:
    assert opens("Sun 02:30-04:00", moment) is is_open, shown


WINDOW = st.tuples(
    st.sets(st.sampled_from(DAYS), min_size=1),
    st.integers(0, 1_439),
    st.integers(1, 1_440),
).filter(lambda window: window[1] != window[2])


def clock_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def shown_inside(
    windows: list[tuple[set[str], int, int]], wall_ms: int, zone: ZoneInfo
) -> bool:
    """Read the wall clock as a person would, day by day."""
    local = (EPOCH + timedelta(milliseconds=wall_ms)).astimezone(zone)
    today, time = f"{local:%a}", f"{local:%H:%M}"
    yesterday = DAYS[DAYS.index(today) - 1]
    for days, start, end in windows:
        first, last = clock_text(start), clock_text(end)
        if first < last:
            if today in days and first <= time < last:
                return True
        elif (today in days and time >= first) or (yesterday in days and time < last):
            return True
    return False


@given(
    st.sampled_from(ZONES),
    st.lists(WINDOW, min_size=1, max_size=3),
    st.integers(0, 1),
    st.integers(-26 * 3_600_000, 26 * 3_600_000),
)
def test_it_agrees_with_a_person_around_every_change(
    zone: ZoneInfo,
    windows: list[tuple[set[str], int, int]],
    which: int,
    offset_ms: int,
) -> None:
    text = "; ".join(
        f"{','.join(sorted(days))} {clock_text(start)}-{clock_text(end)}"
        for days, start, end in windows
    )
    wall_ms = utc_ms(CHANGES[zone.key][which]) + offset_ms
    assert Schedule.parse(text).is_open(wall_ms, zone) is (
        shown_inside(windows, wall_ms, zone)
    )


def test_every_minute_of_both_days_of_change() -> None:
    windows = [({"Sun"}, 90, 150), ({"Sat"}, 1_380, 60)]
    schedule = Schedule.parse("Sun 01:30-02:30; Sat 23:00-01:00")
    for zone in ZONES:
        for change in CHANGES[zone.key]:
            first = utc_ms(change) - 6 * 3_600_000
            for wall_ms in range(first, first + 12 * 3_600_000, 60_000):
                expected = shown_inside(windows, wall_ms, zone)
                assert schedule.is_open(wall_ms, zone) is expected
