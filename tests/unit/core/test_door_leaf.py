"""The leaf: opened, held, forced, closed, and relocking."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.door import Door, Leaf, Lock
from gateway.core.door_events import (
    Alarm,
    AlarmCleared,
    AlarmForced,
    AlarmHeld,
    Cause,
    Closed,
    Deadline,
    Effect,
    Egress,
    Event,
    Opened,
    Phase,
    Release,
    Secure,
    StrikeLost,
    Unused,
    WasClosed,
    WasOpened,
)
from gateway.core.door_state import Happening, Holding
from gateway.core.door_table import (
    HOLD_TRANSITIONS,
    LEAF_TRANSITIONS,
    LOCK_TRANSITIONS,
)
from gateway.core.door_timing import DoorTiming, Relock
from gateway.core.facts import InputName
from gateway.errors import ConfigError
from tests.doors import step
from tests.touches import HERE, Touches

TIMING = DoorTiming(
    release_ms=4_000, release_ms_max=10_000, held_open_ms=30_000, settling_ms=300
)
ON_CLOSING = replace(TIMING, relock_on=Relock.CLOSING)
TABLES: Any = (LOCK_TRANSITIONS, HOLD_TRANSITIONS, LEAF_TRANSITIONS)
SHUT, _ = step(Door(HERE), Closed(), 0, TIMING)


@pytest.fixture
def touches() -> Touches:
    return Touches()


def run(
    door: Door, timing: DoorTiming, *events: tuple[int, Event]
) -> tuple[Door, list[Effect]]:
    said: list[Effect] = []
    for up_ms, event in events:
        door, effects = step(door, event, up_ms, timing)
        said += effects
    return door, said


def test_passing_relocks_on_opening(touches: Touches) -> None:
    door, said = run(
        SHUT,
        TIMING,
        (1_000, touches.unlock(1_000)),
        (2_000, Opened()),
        (3_000, Closed()),
        (9_000, Deadline()),
    )
    assert said == [Release(0, 5_000), Secure(), WasOpened(Cause.GRANT), WasClosed()]
    assert door.phase is Phase.SECURED


def test_passing_relocks_on_closing(touches: Touches) -> None:
    door, said = run(
        SHUT, ON_CLOSING, (1_000, touches.unlock(1_000)), (2_000, Opened())
    )
    assert said == [Release(0, 5_000), WasOpened(Cause.GRANT)]
    assert door.released
    door, said = run(door, ON_CLOSING, (3_000, Closed()), (9_000, Deadline()))
    assert said == [Secure(), WasClosed()]


def test_waiting_for_closing_still_ends_with_the_duration(touches: Touches) -> None:
    _, said = run(
        SHUT,
        ON_CLOSING,
        (1_000, touches.unlock(1_000)),
        (2_000, Opened()),
        (6_000, Deadline()),
        (7_000, Closed()),
    )
    assert said[2:] == [Secure(), WasClosed()]


@pytest.mark.parametrize("timing", [TIMING, ON_CLOSING])
def test_a_release_while_open_is_not_spent_by_that_opening(
    touches: Touches, timing: DoorTiming
) -> None:
    door, said = run(
        SHUT,
        timing,
        (1_000, touches.unlock(1_000)),
        (2_000, Opened()),
        (2_500, touches.unlock(2_500)),
        (2_600, Opened()),  # a contact that says it twice
        (2_700, Closed()),  # it fell shut before the second person was there
    )
    assert Release(1, 5_000) in said
    assert door.phase is Phase.RELEASED
    assert said[-1] == WasClosed()
    _, said = run(door, timing, (3_000, Opened()), (4_000, Closed()))
    assert WasOpened(Cause.GRANT) in said
    assert Secure() in said


def test_opening_without_a_release_is_an_alarm_until_closed(touches: Touches) -> None:
    door, said = run(SHUT, TIMING, (1_000, Opened()))
    assert said == [AlarmForced()]
    assert door.phase is Phase.FORCED
    assert door.deadline_up_ms is None
    door, said = run(door, TIMING, (2_000, touches.unlock(2_000)), (3_000, Closed()))
    assert said == [Release(0, 5_000), WasClosed(), AlarmCleared(Alarm.FORCED)]
    assert door.phase is Phase.RELEASED  # the touch was for passing, and holds


def test_held_open_is_an_alarm_until_closed(touches: Touches) -> None:
    door, said = run(
        SHUT,
        TIMING,
        (1_000, touches.unlock(1_000)),
        (2_000, Opened()),
        (31_999, Deadline()),
    )
    assert door.phase is Phase.OPEN
    assert door.deadline_up_ms == 32_000
    door, said = run(door, TIMING, (32_000, Deadline()), (40_000, Closed()))
    assert said == [AlarmHeld(30_000), WasClosed(), AlarmCleared(Alarm.HELD)]


def test_a_stream_of_people_may_keep_the_door_open(touches: Touches) -> None:
    door, said = run(
        SHUT,
        TIMING,
        (1_000, touches.unlock(1_000)),
        (2_000, Opened()),
        (22_000, touches.unlock(22_000)),
        (51_999, Deadline()),
    )
    assert door.phase is Phase.OPEN
    _, said = run(door, TIMING, (52_000, Deadline()))
    assert said == [AlarmHeld(50_000)]


def test_a_touch_does_not_silence_a_held_door(touches: Touches) -> None:
    door, _ = run(
        SHUT,
        TIMING,
        (1_000, touches.unlock(1_000)),
        (2_000, Opened()),
        (40_000, touches.unlock(40_000)),
    )
    assert door.phase is Phase.HELD
    assert door.released


def test_opening_just_after_a_release_is_allowed(touches: Touches) -> None:
    door, said = run(SHUT, TIMING, (1_000, touches.unlock(1_000)), (6_299, Opened()))
    assert said == [Release(0, 5_000), Secure(), WasOpened(Cause.GRANT)]
    assert door.lock is Lock.SECURED


def test_opening_later_than_that_is_forced(touches: Touches) -> None:
    _, said = run(SHUT, TIMING, (1_000, touches.unlock(1_000)), (6_300, Opened()))
    assert said == [Release(0, 5_000), Secure(), Unused(0), AlarmForced()]


def test_no_settling_where_none_is_wanted(touches: Touches) -> None:
    timing = replace(TIMING, settling_ms=0)
    door, said = run(SHUT, timing, (1_000, touches.unlock(1_000)), (6_000, Deadline()))
    assert said == [Release(0, 5_000), Secure(), Unused(0)]
    assert door.deadline_up_ms is None


def test_a_door_found_open_at_start_is_neither_forced_nor_silent() -> None:
    _, said = run(Door(HERE), TIMING, (1_000, Opened()), (31_000, Deadline()))
    assert said == [WasOpened(Cause.START), AlarmHeld(30_000)]


def test_the_first_word_of_the_contact_may_follow_a_touch(touches: Touches) -> None:
    _, said = run(Door(HERE), TIMING, (1_000, touches.unlock(1_000)), (1_100, Opened()))
    assert said == [Release(0, 5_000), Secure(), WasOpened(Cause.GRANT)]


def test_an_exit_is_told_from_a_grant(touches: Touches) -> None:
    _, said = run(
        SHUT,
        TIMING,
        (1_000, touches.unlock(1_000)),
        (2_000, Egress(InputName.EXIT_REQUEST, 2_000)),
        (3_000, Opened()),
    )
    assert said[-1] == WasOpened(Cause.EXIT)


@pytest.mark.parametrize("at_ms", [2_000, 6_100])
def test_an_opening_whose_strike_was_lost_is_no_ordinary_one(
    touches: Touches, at_ms: int
) -> None:
    lost: list[tuple[int, Event]] = [
        (1_000, touches.unlock(1_000)),
        (1_500, StrikeLost()),
    ]
    opened, said = run(SHUT, TIMING, *lost, (at_ms, Opened()))
    assert said[-1] == WasOpened(Cause.STRIKE_LOST)
    assert opened.leaf is Leaf.OPEN
    # Nobody is let in by it either: too late it is forced, as ever.
    assert run(SHUT, TIMING, *lost, (6_301, Opened()))[1][-1] == AlarmForced()
    # The next release is told to the strike anew.
    again: list[tuple[int, Event]] = [
        (7_000, touches.unlock(7_000)),
        (7_100, Opened()),
    ]
    assert run(SHUT, TIMING, *lost, *again)[1][-1] == WasOpened(Cause.GRANT)


def test_a_strike_that_is_lost_while_nothing_is_released() -> None:
    assert run(SHUT, TIMING, (1, StrikeLost()), (2, Opened()))[1] == [AlarmForced()]
    found: list[tuple[int, Event]] = [(1, StrikeLost()), (2, Opened())]
    assert run(Door(HERE), TIMING, *found)[1] == [WasOpened(Cause.START)]


def test_a_contact_that_repeats_itself_changes_nothing() -> None:
    door, said = run(SHUT, TIMING, (1_000, Closed()), (2_000, Closed()))
    assert (door, said) == (replace(SHUT, heard_up_ms=2_000), [])
    door, said = run(SHUT, TIMING, (1_000, Opened()), (2_000, Opened()))
    assert said == [AlarmForced()]


def test_without_a_contact_only_durations_count(touches: Touches) -> None:
    timing = replace(TIMING, contact=False)
    door, said = run(
        Door(HERE),
        timing,
        (1_000, touches.unlock(1_000)),
        (1_500, Opened()),
        (1_600, Closed()),
        (60_000, Deadline()),
    )
    assert said == [Release(0, 5_000), Secure()]
    assert door.leaf is Leaf.UNKNOWN
    assert door.phase is Phase.SECURED


def test_one_late_call_tells_everything_in_order(touches: Touches) -> None:
    _, said = run(
        SHUT,
        ON_CLOSING,
        (1_000, touches.unlock(1_000)),
        (2_000, Opened()),
        (90_000, Closed()),
    )
    assert said[2:] == [
        Secure(),
        AlarmHeld(30_000),
        WasClosed(),
        AlarmCleared(Alarm.HELD),
    ]


def test_every_state_has_a_way_in_and_a_way_out() -> None:
    for states, table, first in (
        (Lock, LOCK_TRANSITIONS, Lock.SECURED),
        (Holding, HOLD_TRANSITIONS, Holding.FREE),
        (Leaf, LEAF_TRANSITIONS, Leaf.UNKNOWN),
    ):
        assert {state for state, _ in table} == set(states)
        assert {to for to, _ in table.values()} | {first} == set(states)
    heard = {happening for table in TABLES for _, happening in table}
    assert heard == set(Happening)


@pytest.mark.parametrize(
    "wrong",
    [
        {"release_ms": 0},
        {"release_ms": 10_001},
        {"release_ms_max": 60_001},
        {"held_open_ms": 0},
        {"held_open_ms": 3_600_001},
        {"settling_ms": -1},
        {"settling_ms": 2_001},
        {"pre_alarm_ms": 30_000},
        {"extended_open_ms": -1},
    ],
)
def test_a_duration_out_of_bounds_is_no_timing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        DoorTiming(**wrong)


@pytest.mark.parametrize(
    "bound",
    [
        {"release_ms": 1, "release_ms_max": 1},
        {"release_ms": 60_000, "release_ms_max": 60_000},
        {"held_open_ms": 1},
        {"held_open_ms": 3_600_000, "pre_alarm_ms": 3_599_999},
        {"settling_ms": 0},
        {"settling_ms": 2_000},
        {"extended_open_ms": 3_600_000},
    ],
)
def test_a_duration_may_be_at_its_bound(bound: dict[str, Any]) -> None:
    timing = DoorTiming(**bound)
    assert {name: getattr(timing, name) for name in bound} == bound


def test_a_warning_may_come_a_millisecond_before_the_alarm() -> None:
    timing = replace(TIMING, pre_alarm_ms=1)
    door, _ = run(Door(HERE), timing, (1_000, Opened()), (30_999, Deadline()))
    assert door.leaf is Leaf.WARNED


def test_an_exit_request_at_an_open_door_begins_its_time_to_close_anew() -> None:
    door, _ = run(Door(HERE), TIMING, (1_000, Opened()))
    assert (door.leaf, door.alarm_due_up_ms) == (Leaf.OPEN, 31_000)
    door, said = run(door, TIMING, (2_000, Egress(InputName.EXIT_REQUEST, 2_000)))
    assert any(isinstance(one, Release) for one in said)
    assert (door.leaf, door.alarm_due_up_ms) == (Leaf.OPEN, 32_000)
