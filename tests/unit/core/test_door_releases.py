"""What releases a door, for how long, and what does not."""

import copy
from dataclasses import replace

import pytest

from gateway.core.door import (
    Door,
    Lock,
)
from gateway.core.door_events import (
    Cause,
    Closed,
    Deadline,
    Effect,
    Egress,
    Lifted,
    Opened,
    Ordered,
    Phase,
    Refusal,
    Refused,
    Release,
    Secure,
    Unlock,
    Unused,
    WasOpened,
)
from gateway.core.door_timing import (
    EXIT_AGE_MS_MAX,
    GRANT_AGE_MS_MAX,
    DoorTiming,
    Relock,
)
from gateway.core.facts import InputName, Mode
from gateway.core.orders import DENYING
from gateway.core.policy import Grant
from gateway.errors import EvidenceError
from tests.doors import step
from tests.touches import ELSEWHERE, HERE, Touches

TIMING = DoorTiming(
    release_ms=4_000, release_ms_max=10_000, held_open_ms=30_000, settling_ms=300
)
SHUT, _ = step(Door(HERE), Closed(), 0, TIMING)


@pytest.fixture
def touches() -> Touches:
    return Touches()


def egress(up_ms: int, which: InputName = InputName.EXIT_REQUEST) -> Egress:
    return Egress(which, up_ms)


def test_a_grant_releases_for_its_own_time(touches: Touches) -> None:
    door, effects = step(SHUT, touches.unlock(1_000), 1_200, TIMING)
    assert effects == (Release(0, 5_000),)
    assert door.phase is Phase.RELEASED
    assert door.deadline_up_ms == 6_200
    same, effects = step(door, Deadline(), 6_199, TIMING)
    assert (same.phase, effects) == (Phase.RELEASED, ())
    door, effects = step(door, Deadline(), 6_200, TIMING)
    assert effects == (Secure(),)
    assert door.phase is Phase.SECURED
    assert door.deadline_up_ms == 6_500
    door, effects = step(door, Deadline(), 6_500, TIMING)
    assert effects == (Unused(0),)
    assert door.deadline_up_ms is None


@pytest.mark.parametrize("mode", [None, *DENYING])
def test_an_exit_request_releases_in_every_mode(
    mode: Mode | None, touches: Touches
) -> None:
    door = SHUT
    if mode is not None:
        door, _ = step(SHUT, Ordered(touches.order(mode, 1_000)), 1_000, TIMING)
    door, effects = step(door, egress(1_000), 1_001, TIMING)
    assert effects == (Release(-1, 4_000),)
    door, effects = step(door, Deadline(), 5_001, TIMING)
    assert effects == (Secure(),)
    _, effects = step(door, Deadline(), 9_000, TIMING)
    assert effects == ()  # nobody says "unused" of an exit


@pytest.mark.parametrize("which", [InputName.CONTACT_OPEN, InputName.TAMPER])
def test_other_inputs_let_nobody_out(which: InputName) -> None:
    with pytest.raises(EvidenceError, match="Only an exit request"):
        Egress(which, 1_000)
    forged = object.__new__(Egress)
    object.__setattr__(forged, "input", which)
    object.__setattr__(forged, "up_ms", 1_000)
    with pytest.raises(EvidenceError, match="Only an exit request"):
        step(SHUT, forged, 1_000, TIMING)


@pytest.mark.parametrize(
    ("age_ms", "released"),
    [(0, True), (EXIT_AGE_MS_MAX, True), (EXIT_AGE_MS_MAX + 1, False)],
)
def test_an_exit_request_from_before_a_stall_releases_nothing(
    age_ms: int, *, released: bool
) -> None:
    door, effects = step(SHUT, egress(1_000), 1_000 + age_ms, TIMING)
    assert door.released is released
    assert released or effects == (Refused(-1, Refusal.STALE),)


def refused(effects: tuple[Effect, ...]) -> Refusal:
    (only,) = effects
    assert isinstance(only, Refused)
    return only.why


def test_a_grant_of_another_door_is_refused(touches: Touches) -> None:
    door, effects = step(SHUT, touches.unlock(1_000, ELSEWHERE), 1_000, TIMING)
    assert refused(effects) is Refusal.OTHER_DOOR
    assert door == replace(SHUT, heard_up_ms=1_000)


def test_a_grant_is_good_for_one_release(touches: Touches) -> None:
    unlock = touches.unlock(1_000)
    door, _ = step(SHUT, unlock, 1_000, TIMING)
    again, effects = step(door, unlock, 1_001, TIMING)
    assert effects == (Refused(0, Refusal.REUSED),)
    assert again == replace(door, heard_up_ms=1_001)


def test_a_second_entry_for_the_same_grant_does_not_make_it_fresh(
    touches: Touches,
) -> None:
    grant = touches.grant(1_000)
    first, second = touches.position(grant), touches.position(grant)
    door, effects = step(SHUT, Unlock(grant, first), 1_000, TIMING)
    assert effects == (Release(0, 5_000),)
    _, effects = step(door, Unlock(grant, second), 1_000, TIMING)
    assert refused(effects) is Refusal.REUSED


def test_an_older_entry_is_refused_after_a_newer_one(touches: Touches) -> None:
    older, newer = touches.unlock(1_000), touches.unlock(1_000)
    door, _ = step(SHUT, newer, 1_000, TIMING)
    _, effects = step(door, older, 1_000, TIMING)
    assert refused(effects) is Refusal.REUSED


@pytest.mark.parametrize("off_ms", [-1, GRANT_AGE_MS_MAX + 1])
def test_a_grant_of_another_moment_is_refused(touches: Touches, off_ms: int) -> None:
    _, effects = step(SHUT, touches.unlock(5_000), 5_000 + off_ms, TIMING)
    assert refused(effects) is Refusal.STALE


def test_a_grant_of_its_last_moment_releases(touches: Touches) -> None:
    door, _ = step(SHUT, touches.unlock(5_000), 5_000 + GRANT_AGE_MS_MAX, TIMING)
    assert door.released


@pytest.mark.parametrize("release_ms", [-1, 0, 10_001, 10**9])
def test_a_grant_out_of_bounds_is_refused(touches: Touches, release_ms: int) -> None:
    unlock = touches.unlock(1_000, release_ms=release_ms)
    _, effects = step(SHUT, unlock, 1_000, TIMING)
    assert refused(effects) is Refusal.OUT_OF_BOUNDS


def lockdown(touches: Touches, up_ms: int) -> Ordered:
    return Ordered(touches.order(Mode.LOCKED_DOWN, up_ms))


def test_lockdown_refuses_a_grant_that_was_decided_before(touches: Touches) -> None:
    unlock = touches.unlock(1_000)
    door, _ = step(SHUT, lockdown(touches, 1_001), 1_001, TIMING)
    door, effects = step(door, unlock, 1_002, TIMING)
    assert refused(effects) is Refusal.LOCKED_DOWN
    door, _ = step(door, Lifted(9), 1_003, TIMING)
    door, effects = step(door, unlock, 1_004, TIMING)
    assert effects == (Release(0, 5_000),)


def test_lockdown_cuts_a_grant_at_once(touches: Touches) -> None:
    door, _ = step(SHUT, touches.unlock(1_000), 1_000, TIMING)
    door, effects = step(door, lockdown(touches, 1_500), 1_500, TIMING)
    assert effects == (Secure(),)
    assert not door.released
    _, effects = step(door, Deadline(), 1_800, TIMING)
    assert effects == (Unused(0),)


def test_lockdown_does_not_cut_an_exit(touches: Touches) -> None:
    door, _ = step(SHUT, egress(1_000), 1_000, TIMING)
    door, _ = step(door, touches.unlock(2_000), 2_000, TIMING)
    assert door.deadline_up_ms == 7_000
    door, effects = step(door, lockdown(touches, 2_500), 2_500, TIMING)
    assert effects == ()
    assert door.deadline_up_ms == 5_000  # the grant's part is gone, the exit's is not
    door, effects = step(door, Opened(), 4_000, TIMING)
    assert effects == (Secure(), WasOpened(Cause.EXIT))


def test_lockdown_cuts_what_a_grant_added_to_an_exit_that_is_over(
    touches: Touches,
) -> None:
    door, _ = step(SHUT, egress(1_000), 1_000, TIMING)
    door, _ = step(door, touches.unlock(2_000), 2_000, TIMING)
    _, effects = step(door, lockdown(touches, 5_000), 5_000, TIMING)
    assert effects == (Secure(),)


def test_lockdown_cuts_a_release_that_waits_for_closing(touches: Touches) -> None:
    timing = replace(TIMING, relock_on=Relock.CLOSING)
    door, _ = step(SHUT, touches.unlock(1_000), 1_000, timing)
    door, _ = step(door, Opened(), 1_100, timing)
    door, effects = step(door, lockdown(touches, 1_200), 1_200, timing)
    assert effects == (Secure(),)
    assert door.lock is Lock.SECURED
    assert door.phase is Phase.OPEN


def test_the_later_of_two_ends_holds(touches: Touches) -> None:
    long = touches.unlock(1_000, release_ms=9_000)
    short = touches.unlock(2_000, release_ms=1_000)
    door, _ = step(SHUT, long, 1_000, TIMING)
    door, effects = step(door, short, 2_000, TIMING)
    assert effects == (Release(1, 8_000),)
    door, effects = step(door, egress(3_000), 3_000, TIMING)
    assert effects == (Release(-1, 7_000),)
    late = touches.unlock(9_500, release_ms=5_000)
    door, effects = step(door, late, 9_500, TIMING)
    assert effects == (Release(2, 5_000),)
    assert door.deadline_up_ms == 14_500


def test_the_newest_grant_answers_for_never_opened(touches: Touches) -> None:
    door, _ = step(SHUT, touches.unlock(1_000), 1_000, TIMING)
    door, _ = step(door, touches.unlock(2_000), 2_000, TIMING)
    _, effects = step(door, Deadline(), 60_000, TIMING)
    assert effects == (Secure(), Unused(1))


def test_a_touch_just_after_a_release_first_tells_the_fate_of_that(
    touches: Touches,
) -> None:
    door, _ = step(SHUT, touches.unlock(1_000), 1_000, TIMING)
    door, effects = step(door, touches.unlock(6_100), 6_100, TIMING)
    assert effects == (Secure(), Unused(0), Release(1, 5_000))
    assert door.unused_n == 1


def test_forged_evidence_builds_no_unlock(touches: Touches) -> None:
    grant, other = touches.grant(1_000), touches.grant(1_000)
    position = touches.position(grant)
    with pytest.raises(EvidenceError, match="another grant"):
        Unlock(other, position)
    forged = object.__new__(Grant)
    with pytest.raises(EvidenceError, match="not a genuine Grant"):
        Unlock(forged, position)
    with pytest.raises(EvidenceError, match="cannot be copied"):
        copy.copy(grant)
    position_of_no_grant = copy.deepcopy
    with pytest.raises(EvidenceError, match="cannot be copied"):
        position_of_no_grant(position)


def test_evidence_that_was_edited_after_the_unlock_was_built_moves_nothing(
    touches: Touches,
) -> None:
    unlock = touches.unlock(1_000)
    object.__setattr__(unlock.grant, "release_ms", 9_999)
    with pytest.raises(EvidenceError, match="not a genuine Grant"):
        step(SHUT, unlock, 1_000, TIMING)
    mixed = touches.unlock(1_000)
    object.__setattr__(mixed, "grant", touches.grant(1_000))
    with pytest.raises(EvidenceError, match="another grant"):
        step(SHUT, mixed, 1_000, TIMING)


def test_time_does_not_run_backwards(touches: Touches) -> None:
    door, _ = step(SHUT, touches.unlock(1_000), 2_000, TIMING)
    door, effects = step(door, Deadline(), 500, TIMING)
    assert (door.heard_up_ms, effects) == (2_000, ())


@pytest.mark.parametrize("release_ms", [1, 10_000])
def test_a_grant_may_release_up_to_the_bound(touches: Touches, release_ms: int) -> None:
    unlock = touches.unlock(1_000, release_ms=release_ms)
    door, effects = step(SHUT, unlock, 1_000, TIMING)
    assert door.released
    assert effects == (Release(0, release_ms),)


def test_without_a_contact_nobody_knows_whether_a_grant_was_used(
    touches: Touches,
) -> None:
    blind = replace(TIMING, contact=False)
    door, _ = step(Door(HERE), touches.unlock(1_000), 1_000, blind)
    assert (door.released, door.unused_n) == (True, -1)


def test_more_time_for_one_holder_is_not_the_next_ones(touches: Touches) -> None:
    door, _ = step(SHUT, touches.unlock(1_000, extended=True), 1_000, TIMING)
    assert door.extended
    door, _ = step(door, Deadline(), 9_000, TIMING)
    assert not door.released
    door, _ = step(door, touches.unlock(10_000), 10_000, TIMING)
    assert (door.released, door.extended) == (True, False)
