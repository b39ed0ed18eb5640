"""Modes hold, deny and end; the exit and the fire stand outside or above them."""

from dataclasses import replace

import pytest

from gateway.core.door import Door, Holding, Leaf
from gateway.core.door_events import (
    DENIALS,
    Alarm,
    AlarmCleared,
    AlarmHeld,
    Cause,
    Closed,
    Deadline,
    Effect,
    Egress,
    Event,
    FireOver,
    Hold,
    InterlockSaid,
    Lease,
    Lifted,
    Opened,
    Ordered,
    OrderOver,
    Phase,
    PreAlarm,
    PreAlarmOver,
    Refusal,
    Refused,
    Release,
    Renew,
    ScheduleSaid,
    Secure,
    StrikeLost,
    Unused,
    WasClosed,
    WasOpened,
)
from gateway.core.door_timing import LEASE_MS, NEVER, ORDER_AGE_MS_MAX, DoorTiming
from gateway.core.facts import DenialReason, InputName, Mode
from gateway.core.ids import Now
from gateway.core.orders import Why, ordered, scheduled, self_test
from gateway.errors import EvidenceError
from tests.doors import step
from tests.touches import ELSEWHERE, HERE, Touches

TIMING = DoorTiming(
    release_ms=4_000,
    release_ms_max=10_000,
    held_open_ms=30_000,
    settling_ms=300,
    pre_alarm_ms=10_000,
    extended_open_ms=20_000,
)
SHUT, _ = step(Door(HERE), Closed(), 0, TIMING)
WHOLE = Lease(LEASE_MS)


@pytest.fixture
def touches() -> Touches:
    return Touches()


def run(
    door: Door, *events: tuple[int, Event], timing: DoorTiming = TIMING
) -> tuple[Door, list[Effect]]:
    said: list[Effect] = []
    for up_ms, event in events:
        door, effects = step(door, event, up_ms, timing)
        said += effects
    return door, said


def now(up_ms: int) -> Now:
    return Now(up_ms, 1_700_000_000_000 + up_ms, 0, "0" * 16)


def held(touches: Touches, up_ms: int, for_ms: int = 0) -> Hold:
    return touches.hold(touches.order(Mode.UNLOCKED, up_ms, for_ms))


def by_schedule(touches: Touches, up_ms: int) -> Hold:
    return touches.hold(scheduled(HERE, {}, now(up_ms)))


def test_an_order_holds_until_its_end(touches: Touches) -> None:
    door, said = run(SHUT, (1_000, held(touches, 1_000, 4_000)))
    assert said == [WHOLE]
    assert (door.phase, door.mode) == (Phase.RELEASED, Mode.UNLOCKED)
    assert door.deadline_up_ms == 5_000
    door, said = run(door, (3_000, Renew()), (5_000, Deadline()))
    assert said == [Lease(2_000), OrderOver(Mode.UNLOCKED, Why.ORDER), Secure()]
    assert (door.phase, door.mode) == (Phase.SECURED, Mode.LOCKED)
    door, said = run(door, (5_300, Deadline()))
    assert (door.holding, said) == (Holding.FREE, [])
    assert door.deadline_up_ms is None


def test_nothing_is_renewed_where_nothing_holds() -> None:
    assert run(SHUT, (1_000, Renew()))[1] == []


def test_opening_a_held_door_is_no_force_and_no_alarm(touches: Touches) -> None:
    door, said = run(
        SHUT,
        (1_000, held(touches, 1_000)),
        (2_000, Opened()),
        (900_000, Deadline()),
        (900_001, Closed()),
        (900_002, Opened()),
    )
    assert said == [WHOLE, WasOpened(Cause.MODE), WasClosed(), WasOpened(Cause.MODE)]
    # Its time begins when the mode ends.
    door, said = run(door, (910_000, Lifted(99)), (930_000, Deadline()))
    assert said == [Secure(), PreAlarm(10_000)]
    _, said = run(door, (940_000, Deadline()))
    assert said == [AlarmHeld(940_000 - 900_002)]


def test_a_hold_whose_strike_was_lost_is_doubtful_until_it_is_renewed(
    touches: Touches,
) -> None:
    begun: list[tuple[int, Event]] = [
        (1_000, held(touches, 1_000)),
        (1_500, StrikeLost()),
    ]
    _, said = run(SHUT, *begun, (1_600, Opened()))
    assert said[-1] == WasOpened(Cause.STRIKE_LOST)
    _, said = run(SHUT, *begun, (1_550, Renew()), (1_600, Opened()))
    assert said[-1] == WasOpened(Cause.MODE)


def test_the_moment_after_a_hold_is_no_force(touches: Touches) -> None:
    door, _ = run(SHUT, (1_000, held(touches, 1_000)), (2_000, Lifted(9)))
    opened, said = run(door, (2_200, Opened()))
    assert said == [WasOpened(Cause.MODE)]
    assert opened.holding is Holding.FREE
    again, said = run(door, (2_100, held(touches, 2_100)))
    assert said == [Refused(1, Refusal.REUSED)]  # its entry is older than the lift's
    late = replace(again, last_order_n=-1)
    assert run(late, (2_150, held(touches, 2_150)))[1] == [WHOLE]


def test_a_grant_and_a_mode_do_not_end_one_another(touches: Touches) -> None:
    door, said = run(
        SHUT,
        (1_000, held(touches, 1_000)),
        (2_000, touches.unlock(2_000)),
        (7_000, Deadline()),
        (7_300, Deadline()),
    )
    assert said == [WHOLE, Release(1, 5_000), Unused(1)]
    door, said = run(door, (8_000, touches.unlock(8_000)), (9_000, Lifted(99)))
    assert said == [Release(2, 5_000)]  # it still runs
    assert run(door, (13_000, Deadline()))[1] == [Secure()]


def test_the_next_order_takes_over_without_a_gap(touches: Touches) -> None:
    short = touches.hold(touches.order(Mode.LOCKED_OPEN, 1_000, 500))
    door, said = run(
        SHUT, (1_000, short), (1_100, held(touches, 1_100)), (1_500, Deadline())
    )
    assert said == [Lease(500), OrderOver(Mode.LOCKED_OPEN, Why.ORDER), WHOLE]
    assert door.held


def test_an_order_of_the_same_kind_replaces_the_one_before(touches: Touches) -> None:
    door, _ = run(
        SHUT,
        (1_000, held(touches, 1_000, 500)),
        (1_100, held(touches, 1_100, 9_000)),
    )
    (only,) = door.orders
    assert only.until_up_ms == 10_100


@pytest.mark.parametrize(
    ("mode", "refusal", "reason"),
    [
        (Mode.LOCKED_DOWN, Refusal.LOCKED_DOWN, DenialReason.LOCKDOWN),
        (Mode.BLOCKED, Refusal.BLOCKED, DenialReason.DOOR_BLOCKED),
    ],
)
def test_what_denies_ends_a_hold_below_it_and_refuses_keys(
    mode: Mode, refusal: Refusal, reason: DenialReason, touches: Touches
) -> None:
    door, said = run(
        SHUT,
        (1_000, held(touches, 1_000)),
        (1_500, touches.unlock(1_500)),
        (2_000, Ordered(touches.order(mode, 2_000, 5_000))),
    )
    assert said[-1] == Secure()
    assert not door.released
    _, said = run(door, (2_100, touches.unlock(2_100)))
    assert said == [Refused(2, refusal)]
    assert DENIALS[refusal] is reason
    _, said = run(door, (2_200, Egress(InputName.EXIT_REQUEST, 2_200)))
    assert said[-1] == Release(-1, 4_000)
    # When it ends, what is below it holds again.
    door, said = run(door, (7_000, Deadline()))
    assert said[-2:] == [OrderOver(mode, Why.ORDER), WHOLE]


def test_locked_open_is_above_blocked(touches: Touches) -> None:
    door, _ = run(
        SHUT,
        (1_000, touches.hold(touches.order(Mode.LOCKED_OPEN, 1_000))),
        (1_001, Ordered(touches.order(Mode.BLOCKED, 1_001))),
    )
    assert door.held
    assert [rank.mode for rank in door.ranks if rank.stands] == [
        Mode.LOCKED_OPEN,
        Mode.BLOCKED,
        Mode.LOCKED,
    ]


def refusal(door: Door, up_ms: int, hold: Hold) -> Refusal | None:
    for effect in run(door, (up_ms, hold))[1]:
        if isinstance(effect, Refused):
            return effect.why
    return None


def test_a_hold_that_does_not_apply_changes_nothing(touches: Touches) -> None:
    elsewhere = touches.hold(touches.order(Mode.UNLOCKED, 1_000, 0, ELSEWHERE))
    assert refusal(SHUT, 1_000, elsewhere) is Refusal.OTHER_DOOR
    hold = held(touches, 1_000, 5_000)
    door, _ = run(SHUT, (1_000, hold))
    assert refusal(door, 1_100, hold) is Refusal.REUSED
    assert refusal(SHUT, 6_000, hold) is Refusal.STALE
    assert refusal(SHUT, 999, hold) is Refusal.STALE
    old = held(touches, 1_000)
    assert refusal(SHUT, 1_001 + ORDER_AGE_MS_MAX, old) is Refusal.STALE
    assert refusal(SHUT, 1_000 + ORDER_AGE_MS_MAX, old) is None
    assert refusal(SHUT, 1_000, by_schedule(touches, 1_000)) is Refusal.STALE
    assert old.until_up_ms == NEVER


def test_evidence_is_asked_for(touches: Touches) -> None:
    hold, other = held(touches, 1_000), held(touches, 1_000)
    with pytest.raises(EvidenceError, match="another order"):
        Hold(hold.order, other.position)
    blocked = ordered(HERE, Mode.BLOCKED, {}, now(1_000))
    with pytest.raises(EvidenceError, match="Blocked holds no door"):
        touches.hold(blocked)
    with pytest.raises(EvidenceError, match="needs its entry first"):
        Ordered(hold.order)
    object.__setattr__(blocked, "until_up_ms", 5)
    forged = object.__new__(Ordered)
    object.__setattr__(forged, "order", blocked)
    with pytest.raises(EvidenceError):
        step(SHUT, forged, 1_000, TIMING)
    object.__setattr__(hold.order, "until_up_ms", 5)
    with pytest.raises(EvidenceError):
        step(SHUT, hold, 1_000, TIMING)


# The schedule.


def test_the_schedule_needs_its_order_and_goes_with_the_window(
    touches: Touches,
) -> None:
    door, said = run(SHUT, (1_000, ScheduleSaid(True)), (1_000, ScheduleSaid(True)))
    assert said == []
    assert door.wants_schedule(TIMING)
    door, said = run(door, (1_001, by_schedule(touches, 1_001)))
    assert said == [WHOLE]
    assert not door.wants_schedule(TIMING)
    # Lifting what people ordered leaves the schedule alone.
    door, said = run(door, (1_500, Lifted(50)), (2_000, ScheduleSaid(False)))
    assert said == [OrderOver(Mode.UNLOCKED, Why.SCHEDULE), Secure()]
    assert run(door, (2_001, ScheduleSaid(False)))[1] == []


def test_the_schedule_may_wait_for_the_first_person(touches: Touches) -> None:
    timing = replace(TIMING, first_person=True)
    early, _ = run(SHUT, (500, touches.unlock(500)), timing=timing)
    door, _ = run(early, (1_000, ScheduleSaid(True)), timing=timing)
    assert not door.wants_schedule(timing)  # that was before the window
    door, _ = run(door, (1_100, touches.unlock(1_100)), timing=timing)
    assert door.wants_schedule(timing)
    door, _ = run(door, (2_000, ScheduleSaid(False)), timing=timing)
    door, _ = run(door, (3_000, ScheduleSaid(True)), timing=timing)
    assert not door.wants_schedule(timing)


def test_a_self_test_is_below_every_order(touches: Touches) -> None:
    test = touches.hold(self_test(HERE, {}, now(1_000), 1_000))
    assert run(SHUT, (1_000, test))[1] == [Lease(1_000)]
    door, said = run(SHUT, (999, Ordered(touches.order(Mode.BLOCKED, 999))))
    again = touches.hold(self_test(HERE, {}, now(1_000), 1_000))
    door, said = run(door, (1_000, again))
    assert (door.held, said) == (False, [])


# Fire.


def test_fire_is_above_lockdown_and_ends_with_its_input(touches: Touches) -> None:
    door, said = run(
        SHUT,
        (1_000, Ordered(touches.order(Mode.LOCKED_DOWN, 1_000))),
        (2_000, Egress(InputName.FIRE, 0)),
        (3_000, touches.unlock(3_000)),
    )
    assert said == [WHOLE, Release(0, 5_000)]
    assert (door.mode, door.rank.why) == (Mode.LOCKED_OPEN, Why.FIRE)
    door, said = run(door, (4_000, FireOver()))
    assert said == [Secure()]
    assert door.mode is Mode.LOCKED_DOWN


# The interlock.


def test_while_the_other_door_is_not_shut_no_key_and_no_mode_releases(
    touches: Touches,
) -> None:
    door, said = run(
        SHUT,
        (1_000, held(touches, 1_000)),
        (1_500, InterlockSaid(True)),
        (2_000, touches.unlock(2_000)),
    )
    assert said == [WHOLE, Secure(), Refused(1, Refusal.INTERLOCKED)]
    assert DENIALS[Refusal.INTERLOCKED] is DenialReason.INTERLOCKED
    assert door.mode is Mode.UNLOCKED
    _, said = run(door, (2_500, Egress(InputName.EXIT_REQUEST, 2_500)))
    assert said == [Release(-1, 4_000)]
    burning, said = run(door, (2_600, Egress(InputName.FIRE, 2_600)))
    assert said == [WHOLE]
    assert run(burning, (2_700, touches.unlock(2_700)))[1] == [Release(2, 5_000)]
    assert run(door, (2_800, InterlockSaid(False)))[1] == [WHOLE]


def test_the_other_door_cuts_what_a_key_released(touches: Touches) -> None:
    _, said = run(SHUT, (1_000, touches.unlock(1_000)), (1_200, InterlockSaid(True)))
    assert said == [Release(0, 5_000), Secure()]


# The leaf, warned.


def opened_by_key(touches: Touches, timing: DoorTiming = TIMING) -> Door:
    door, _ = run(
        SHUT, (1_000, touches.unlock(1_000)), (2_000, Opened()), timing=timing
    )
    return door


def test_the_buzzer_warns_before_the_alarm(touches: Touches) -> None:
    door, said = run(opened_by_key(touches), (22_000, Deadline()))
    assert said == [PreAlarm(10_000)]
    assert (door.phase, door.leaf) == (Phase.OPEN, Leaf.WARNED)
    shut, said = run(door, (23_000, Closed()))
    assert said == [WasClosed(), PreAlarmOver()]
    assert shut.deadline_up_ms is None
    _, said = run(door, (32_000, Deadline()), (33_000, Closed()))
    assert said == [AlarmHeld(30_000), WasClosed(), AlarmCleared(Alarm.HELD)]


def test_another_release_ends_the_warning(touches: Touches) -> None:
    door, _ = run(opened_by_key(touches), (22_000, Deadline()))
    again, said = run(door, (23_000, touches.unlock(23_000)))
    assert said == [Release(1, 5_000), PreAlarmOver()]
    assert again.leaf_due_up_ms == 23_000 + 20_000
    free, said = run(door, (23_000, held(touches, 23_000)))
    assert said == [WHOLE, PreAlarmOver()]
    assert free.deadline_up_ms is None


def test_without_a_warning_the_alarm_comes_alone(touches: Touches) -> None:
    timing = replace(TIMING, pre_alarm_ms=0)
    door = opened_by_key(touches, timing)
    assert run(door, (32_000, Deadline()), timing=timing)[1] == [AlarmHeld(30_000)]


def test_who_needs_more_time_has_it(touches: Touches) -> None:
    slow = touches.unlock(1_000, extended=True)
    assert slow.grant.release_ms == 5_000
    door, _ = run(
        SHUT, (1_000, slow), (1_500, touches.unlock(1_500)), (2_000, Opened())
    )
    assert door.extended  # the other one passes at the same time
    assert door.alarm_due_up_ms == 2_000 + 50_000
    door, _ = run(door, (3_000, Closed()))
    assert not door.extended
    door, _ = run(door, (9_000, touches.unlock(9_000)), (9_500, Opened()))
    assert door.alarm_due_up_ms == 9_500 + 30_000


# As it is shown.


def test_accessed_is_shown_while_a_grant_releases(touches: Touches) -> None:
    door, _ = run(SHUT, (1_000, touches.unlock(1_000)))
    assert (door.mode, door.shown_mode) == (Mode.LOCKED, Mode.ACCESSED)
    left, _ = run(SHUT, (1_000, Egress(InputName.EXIT_REQUEST, 1_000)))
    assert left.shown_mode is Mode.LOCKED
    held_too, _ = run(door, (1_100, held(touches, 1_100)))
    assert held_too.shown_mode is Mode.UNLOCKED


def test_a_window_that_has_closed_holds_nothing(touches: Touches) -> None:
    door, _ = run(SHUT, (500, ScheduleSaid(is_open=True)))
    assert door.schedule_open
    door, _ = run(door, (900, ScheduleSaid(is_open=False)))
    door, said = run(door, (1_000, by_schedule(touches, 1_000)))
    assert [type(one) for one in said] == [Refused]
    assert door.phase is Phase.SECURED


def test_one_late_look_tells_all_that_was_due() -> None:
    """The leaf's alarm, and then the end of an order."""
    touches = Touches()
    door, _ = step(Door(HERE), Opened(), 1_000, TIMING)
    order = Ordered(touches.order(Mode.BLOCKED, 1_000, 60_000))
    door, _ = step(door, order, 1_000, TIMING)
    _, said = step(door, Deadline(), 100_000, TIMING)
    kinds = [type(one) for one in said]
    assert kinds.index(AlarmHeld) < kinds.index(OrderOver)


def test_a_hold_is_renewed_while_people_pass(touches: Touches) -> None:
    door, _ = run(SHUT, (1_000, held(touches, 1_000)), (1_500, Opened()))
    assert door.leaf is Leaf.OPEN
    door, said = run(door, (2_000, Renew()))
    assert [type(one) for one in said] == [Lease]
    assert (door.leaf, door.alarm_due_up_ms) == (Leaf.OPEN, NEVER)
