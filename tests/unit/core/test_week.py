"""A week laid out shows what the door itself would find open at each minute."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.door_policy import Access, DoorPolicy
from gateway.core.ids import GroupId, ScheduleId
from gateway.core.schedule import Schedule, day_windows
from gateway.core.special_days import Days, SpecialDays
from gateway.core.week import DAY_MIN, week_of
from tests.desk import OFFICE, STAFF, Desk

MONDAY = date(2026, 12, 21)
NIGHT = ScheduleId("night")
ALWAYS = ScheduleId("always")
CHRISTMAS = SpecialDays(Days.parse(["12-25"]), ())
EVE = SpecialDays(Days.parse(["12-24"]), day_windows(["08:00-12:00"]))


@pytest.fixture
def policy() -> DoorPolicy:
    schedules = {
        OFFICE: replace(
            Schedule.parse("Mon-Fri 08:00-18:00"), special=(EVE, CHRISTMAS)
        ),
        NIGHT: Schedule.parse("Sun 22:00-06:00;Thu 22:00-24:00;Fri 00:00-02:00"),
        ALWAYS: replace(Schedule.parse("always"), special=(CHRISTMAS,)),
    }
    access = (
        Access(STAFF, OFFICE),
        Access(GroupId("guard"), NIGHT),
        Access(GroupId("it"), ALWAYS),
    )
    return replace(Desk().policy, access=access, schedules=schedules)


def test_holidays_and_days_with_other_hours_are_marked(policy: DoorPolicy) -> None:
    office = week_of(policy, MONDAY)[0].days
    plain = ((480, 1080),)
    assert [day.spans for day in office] == [
        plain,
        plain,
        plain,
        ((480, 720),),
        (),
        (),
        (),
    ]
    assert [day.special for day in office] == [False] * 3 + [True] * 2 + [False] * 2
    assert [day.day for day in office] == [MONDAY + timedelta(n) for n in range(7)]


def test_a_night_runs_into_the_next_day_and_joins_what_follows(
    policy: DoorPolicy,
) -> None:
    night = [day.spans for day in week_of(policy, MONDAY)[1].days]
    assert night[0] == ((0, 360),)
    assert night[3:5] == [((1320, DAY_MIN),), ((0, 120),)]
    assert night[6] == ((1320, DAY_MIN),)


def test_hours_that_touch_are_one_span(policy: DoorPolicy) -> None:
    written = Schedule.parse("Tue 08:00-12:00;Tue 12:00-18:00;Mon 22:00-09:00")
    policy = replace(policy, schedules={**policy.schedules, OFFICE: written})
    assert week_of(policy, MONDAY)[0].days[1].spans == ((0, 1080),)


def test_always_knows_no_holiday(policy: DoorPolicy) -> None:
    days = week_of(policy, MONDAY)[2].days
    assert {day.spans for day in days} == {((0, DAY_MIN),)}
    assert not any(day.special for day in days)


def ms(day: int, hour: int) -> int:
    # Berlin is an hour ahead in winter.
    return int(datetime(2026, 12, day, hour - 1, tzinfo=UTC).timestamp() * 1000)


def test_a_holder_has_their_groups_hours_within_their_validity(
    policy: DoorPolicy,
) -> None:
    holder = Desk().holder(from_ms=ms(22, 10), until_ms=ms(23, 9))
    [line] = week_of(policy, MONDAY, holder)
    assert line.line.group == STAFF
    assert [day.spans for day in line.days] == [
        (),
        ((600, 1080),),
        ((480, 540),),
        (),
        (),
        (),
        (),
    ]
    [free] = week_of(policy, MONDAY, Desk().holder())
    assert free == week_of(policy, MONDAY)[0]


@given(
    day=st.integers(0, 6),
    minute=st.integers(0, DAY_MIN - 1),
    line=st.integers(0, 2),
    first=st.dates(date(2026, 3, 1), date(2026, 12, 31)),
)
def test_the_grid_and_the_door_agree(
    day: int, minute: int, line: int, first: date
) -> None:
    policy = Desk().policy
    schedules = {
        OFFICE: replace(Schedule.parse("Mon-Fri 08:00-18:00"), special=(CHRISTMAS,)),
        NIGHT: Schedule.parse("Fri 22:00-06:00;Sun 00:00-24:00"),
        ALWAYS: Schedule.parse("always"),
    }
    names = (OFFICE, NIGHT, ALWAYS)
    access = tuple(Access(STAFF, name) for name in names)
    policy = replace(policy, access=access, schedules=schedules)
    hours = week_of(policy, first)[line].days[day]
    local = datetime(
        hours.day.year,
        hours.day.month,
        hours.day.day,
        minute // 60,
        minute % 60,
        tzinfo=policy.zone,
    )
    shown = local.astimezone(UTC).astimezone(policy.zone)
    if (shown.hour, shown.minute) != (local.hour, local.minute):
        return  # the hour that spring leaves out is shown by no clock
    wall_ms = int(local.timestamp() * 1000)
    is_open = schedules[names[line]].is_open(wall_ms, policy.zone)
    assert any(start <= minute < end for start, end in hours.spans) is is_open


def test_a_validity_to_the_minute_is_shown_to_the_minute(policy: DoorPolicy) -> None:
    ever = Schedule.parse("Mon-Sun 00:00-24:00")
    policy = replace(policy, schedules={**policy.schedules, OFFICE: ever})
    holder = Desk().holder(
        from_ms=ms(22, 10) + 5 * 60_000, until_ms=ms(24, 1) - 3_600_000
    )
    [line] = week_of(policy, MONDAY, holder)
    whole = ((0, DAY_MIN),)
    assert [day.spans for day in line.days[:4]] == [(), ((605, DAY_MIN),), whole, ()]
    [line] = week_of(policy, MONDAY, Desk().holder(until_ms=ms(22, 9)))
    assert [day.spans for day in line.days[:3]] == [whole, ((0, 540),), ()]


def test_a_validity_that_ends_as_the_window_begins_shows_none(
    policy: DoorPolicy,
) -> None:
    [line] = week_of(policy, MONDAY, Desk().holder(until_ms=ms(22, 8)))
    assert [day.spans for day in line.days[:3]] == [((480, 1080),), (), ()]
