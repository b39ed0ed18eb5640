"""The rules that remember, and those that ask for a second touch, one by one."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.core.administration import enrolment_change
from gateway.core.encoding import to_base64url
from gateway.core.entries import deny_record, grant_record
from gateway.core.facts import AWAITING, DenialReason
from gateway.core.ids import CredentialId, DoorId, GroupId, HolderId, Now, ScheduleId
from gateway.core.passages import moment_row
from gateway.core.policy import (
    Access,
    DoorRules,
    Grant,
    Passback,
    decide,
    explain,
    judge,
    still_stands,
)
from gateway.core.schedule import Schedule
from gateway.core.special_days import Days, SpecialDays
from gateway.errors import ConfigError, EvidenceError
from tests.desk import (
    FRONT,
    HOLDER,
    NOON_MS,
    OFFICE,
    STAFF,
    Desk,
    SoftKey,
    at,
    key_number,
    reason,
)

ALWAYS = ScheduleId("always")
CHIEFS = GroupId("chiefs")
BERT = HolderId("h-2")
BERTS_KEY = CredentialId(b"\x55" * 32)
HOUR_MS = 3_600_000


class Door(Desk):
    """A desk with two holders, at which what was decided is written down."""

    def __init__(self, access: tuple[Access, ...] = (), **rules: Any) -> None:
        super().__init__()
        self.policy = replace(
            self.policy,
            access=access or (Access(STAFF, ALWAYS),),
            schedules={**self.policy.schedules, ALWAYS: Schedule.parse("always")},
            rules=DoorRules(**rules),
        )
        self.keys = {HOLDER: self.key, BERT: SoftKey(BERTS_KEY, key_number(2))}
        self.tell("holder", self.holder(id=BERT).row())
        self.key = self.keys[BERT]
        self.tell("enrol", self.enrolled(holder_id=BERT).row())
        self.key = self.keys[HOLDER]

    def touch(
        self, who: HolderId = HOLDER, up_ms: int = 1_000, **now: Any
    ) -> DenialReason | None:
        """A touch whose outcome becomes an entry; denied for what, if it was."""
        moment = replace(at(up_ms, NOON_MS + up_ms), **now)
        self.key = self.keys[who]
        outcome = self.decide(moment)
        record = (
            grant_record(outcome)
            if isinstance(outcome, Grant)
            else deny_record(outcome)
        )
        self.tell(record.ev, record.what)
        return reason(outcome)

    def change(self, who: HolderId, **changes: Any) -> None:
        """Change a holder."""
        self.tell("holder", self.holder(id=who, **changes).row())


def test_a_pass_is_used_up_by_openings() -> None:
    door = Door()
    door.change(HOLDER, uses_max=2)
    assert [door.touch() for _ in range(3)] == [None, None, DenialReason.PASS_USED_UP]
    door.tell("door.unused", {"door": FRONT, "entry": door.registry.entries - 2})
    assert door.touch() is None
    door.change(HOLDER, uses_max=3)
    assert [door.touch() for _ in range(2)] == [None, DenialReason.PASS_USED_UP]


def test_a_holiday_is_its_own_reason() -> None:
    door = Door(access=(Access(STAFF, OFFICE),))
    today = SpecialDays(Days.parse(["2026-07-30"]))
    office = replace(door.policy.schedules[OFFICE], special=(today,))
    door.policy = replace(
        door.policy, schedules={**door.policy.schedules, OFFICE: office}
    )
    assert door.touch() is DenialReason.HOLIDAY
    assert door.touch(wall_ms=NOON_MS + 9 * HOUR_MS) is DenialReason.OUTSIDE_HOURS
    assert door.touch(wall_ms=NOON_MS + 24 * HOUR_MS) is None


def test_nobody_passes_a_line_before_its_first_person() -> None:
    door = Door(access=(Access(STAFF, ALWAYS, CHIEFS), Access(CHIEFS, ALWAYS)))
    door.change(BERT, groups=(CHIEFS,))
    assert door.touch() is DenialReason.FIRST_PERSON_ABSENT
    assert door.touch(BERT, 2_000) is None
    assert door.touch(HOLDER, 3_000) is None
    tomorrow = NOON_MS + 24 * HOUR_MS
    assert door.touch(wall_ms=tomorrow, up_ms=24 * HOUR_MS) is (
        DenialReason.FIRST_PERSON_ABSENT
    )
    other_boot = {"boot": "f" * 16, "wall_ms": NOON_MS + 5_000}
    assert door.touch(HOLDER, 5, **other_boot) is None
    assert door.touch(HOLDER, 5, err_ms=-1, **other_boot) is DenialReason.TIME_UNTRUSTED


def test_whoever_is_both_is_let_in_by_either_line() -> None:
    door = Door(access=(Access(STAFF, ALWAYS, CHIEFS), Access(CHIEFS, OFFICE)))
    door.change(HOLDER, groups=(STAFF, CHIEFS))
    assert door.touch() is None
    door.policy = replace(
        door.policy, access=(Access(STAFF, OFFICE, CHIEFS), Access(STAFF, ALWAYS))
    )
    door.change(BERT, groups=(STAFF,))
    assert door.touch(BERT, err_ms=-1) is None


def test_a_line_that_is_shut_has_no_day_of_its_own() -> None:
    """The question that `came_in_on_the_day` answers is asked of open lines only."""
    door = Door(access=(Access(STAFF, OFFICE, CHIEFS),))
    assert door.touch(wall_ms=NOON_MS + 9 * HOUR_MS) is DenialReason.OUTSIDE_HOURS


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Passback.OFF, None),
        (Passback.SOFT, None),
        (Passback.HARD, DenialReason.PASSBACK),
    ],
)
def test_who_is_inside_does_not_come_in_again(
    kind: Passback, expected: DenialReason | None
) -> None:
    door = Door(passback=kind)
    assert door.touch() is None
    again = judge(HOLDER, door.registry, door.policy, at(2_000))
    assert (again.denial, again.passed_again) == (expected, kind is Passback.SOFT)
    assert door.touch(HOLDER, 2_000) is expected
    assert door.touch(BERT, 3_000) is None


def test_passback_is_forgiven_by_time_an_exit_a_reader_and_an_order() -> None:
    out = DoorId("front-out")
    door = Door(
        passback=Passback.HARD,
        passback_forgiven_ms=HOUR_MS,
        passback_exits=frozenset({out, DoorId("side-out")}),
    )
    assert door.touch(HOLDER, 0) is None
    assert door.touch(HOLDER, HOUR_MS - 1) is DenialReason.PASSBACK
    assert door.touch(HOLDER, HOUR_MS) is None
    door.tell("door.exit", {"door": FRONT})
    assert door.touch(HOLDER, HOUR_MS + 1) is None
    left = door.registry.passages.of_holder(FRONT, HOLDER).last
    assert left is not None
    what = {"decided": moment_row(left.at), "door": out, "holder": HOLDER}
    door.tell("door.grant", what)
    assert door.touch(HOLDER, HOUR_MS + 3) is None
    assert door.touch(HOLDER, HOUR_MS + 4) is DenialReason.PASSBACK
    door.tell("passback.forgiven", {"door": FRONT, "holder": HOLDER})
    assert door.touch(HOLDER, HOUR_MS + 5) is None
    assert door.touch(HOLDER, HOUR_MS + 6) is DenialReason.PASSBACK


def test_presence_of_another_boot_needs_the_time() -> None:
    door = Door(passback=Passback.HARD)
    assert door.touch() is None
    rebooted = {"boot": "f" * 16, "err_ms": -1}
    assert door.touch(HOLDER, 5, **rebooted) is DenialReason.TIME_UNTRUSTED
    assert door.touch(BERT, 5, **rebooted) is None
    door.tell("door.exit", {"door": FRONT})
    assert door.touch(HOLDER, 5, **rebooted) is None


def test_two_holders_soon_after_one_another() -> None:
    door = Door(two_person_ms=30_000)
    needed = DenialReason.SECOND_PERSON_NEEDED
    assert door.touch(HOLDER, 0) is needed
    assert door.touch(HOLDER, 1_000) is needed
    assert door.touch(BERT, 31_001) is needed
    assert door.touch(HOLDER, 61_001) is None
    assert door.registry.passages.of_holder(FRONT, BERT).count == 1
    assert door.touch(BERT, 62_000) is needed


@pytest.mark.parametrize("how", ["suspended", "revoked", "expired", "gone"])
def test_a_first_one_who_may_not_pass_any_more_does_not_count(how: str) -> None:
    door = Door(two_person_ms=30_000)
    assert door.touch(BERT, 0) in AWAITING
    key = to_base64url(BERTS_KEY)
    if how == "suspended":
        door.change(BERT, suspended=True)
    elif how == "expired":
        door.change(BERT, until_ms=NOON_MS + 1)
    elif how == "revoked":
        door.tell("credential.state", {"credential": key, "state": "revoked"})
    else:
        del door.registry._holders[BERT]
    assert door.touch(HOLDER, 1_000) is DenialReason.SECOND_PERSON_NEEDED


def test_a_first_one_without_a_key_is_judged_as_a_holder() -> None:
    """Only a rehearsal has such a touch."""
    door = Door(two_person_ms=30_000)
    assert door.touch(BERT, 0) in AWAITING
    waiting = door.registry.passages.waiting(FRONT)
    door.registry.passages._waiting[FRONT] = (replace(waiting[0], credential_id=None),)
    assert door.touch(HOLDER, 1_000) is None


def test_step_up_by_oneself() -> None:
    door = Door(step_up=OFFICE, step_up_ms=20_000)
    needed = DenialReason.STEP_UP_NEEDED
    assert door.touch(HOLDER, 0) is needed
    assert door.touch(BERT, 1_000) is needed
    assert door.touch(BERT, 2_000) is None
    assert door.touch(HOLDER, 3_000) is needed
    assert door.touch(HOLDER, 23_001) is needed
    assert door.touch(HOLDER, 43_001) is None
    assert door.touch(HOLDER, 44_000, wall_ms=NOON_MS + 9 * HOUR_MS) is None
    assert door.touch(HOLDER, 45_000, err_ms=-1) is DenialReason.TIME_UNTRUSTED


def test_step_up_by_somebody_of_a_group() -> None:
    door = Door(step_up=OFFICE, step_up_group=CHIEFS)
    needed = DenialReason.STEP_UP_NEEDED
    assert door.touch(HOLDER, 0) is needed
    assert door.touch(BERT, 1_000) is needed
    assert door.touch(BERT, 1_500) is needed
    door.change(BERT, groups=(STAFF, CHIEFS))
    assert door.touch(HOLDER, 2_000) is None
    assert door.touch(HOLDER, 3_000) is needed
    assert door.touch(BERT, 4_000) is None


def test_both_rules_are_two_touches_of_two_holders() -> None:
    door = Door(two_person_ms=30_000, step_up=OFFICE)
    assert door.touch(HOLDER, 0) is DenialReason.SECOND_PERSON_NEEDED
    assert door.touch(BERT, 1_000) is DenialReason.STEP_UP_NEEDED
    judged = judge(BERT, door.registry, door.policy, at(2_000), BERTS_KEY)
    entries = door.registry.entries
    assert (judged.denial, judged.touches) == (None, (entries - 2, entries - 1))


def test_a_second_touch_is_asked_of_strangers_too() -> None:
    """Each rule answers for itself alone."""
    door = Door(two_person_ms=30_000, step_up=OFFICE, passback=Passback.HARD)
    assert door.touch(BERT, 0) in AWAITING
    answers = explain(HolderId("nobody"), door.registry, door.policy, at(1_000))
    assert [a.denial for a in answers if a.denial] == [
        DenialReason.HOLDER_UNKNOWN,
        DenialReason.SECOND_PERSON_NEEDED,
        DenialReason.STEP_UP_NEEDED,
    ]


def test_a_duress_key_opens_as_usual_and_names_its_route() -> None:
    door = Door(duress_route="guard-desk")
    assert door.granted().duress_route is None
    door.registry._credentials[door.key.id] = replace(door.credential, duress=True)
    assert door.granted().duress_route == "guard-desk"
    door.change(HOLDER, suspended=True)
    assert door.touch() is DenialReason.HOLDER_SUSPENDED


def test_a_grant_stands_until_something_recorded_takes_it_back() -> None:
    door = Door(passback=Passback.HARD)
    door.change(HOLDER, uses_max=1)
    first, second = door.granted(), door.granted()
    assert still_stands(first, door.registry)
    door.tell("door.grant", grant_record(first).what)
    assert not still_stands(second, door.registry)
    door.change(HOLDER)
    assert not still_stands(second, door.registry), "inside now"
    with pytest.raises(EvidenceError):
        still_stands(replace_nothing(second), door.registry)


def replace_nothing(grant: Grant) -> Any:
    """An equal object that policy did not make."""
    forged = object.__new__(Grant)
    for name in ("verified", "policy", "decided"):
        object.__setattr__(forged, name, getattr(grant, name))
    return forged


def test_a_policy_names_only_a_step_up_schedule_that_there_is() -> None:
    with pytest.raises(ConfigError, match="second touch"):
        Door(step_up=ScheduleId("weekend"))


def test_the_answer_is_the_same_for_the_same_question() -> None:
    door = Door(two_person_ms=30_000)
    verified = door.verified()
    now: Now = at()
    first = decide(verified, door.registry, door.policy, now)
    assert reason(first) is reason(decide(verified, door.registry, door.policy, now))


def test_an_order_for_a_duress_key_is_another_order() -> None:
    usual = enrolment_change(HOLDER, 0, None)
    forced = enrolment_change(HOLDER, 0, None, duress=True)
    assert forced.what == {**usual.what, "duress": True}
    assert forced.digest() != usual.digest()


def test_the_day_of_the_first_person_is_the_doors() -> None:
    """In Berlin it is another day already; by UTC it is still the same."""
    door = Door(access=(Access(STAFF, ALWAYS, CHIEFS), Access(CHIEFS, ALWAYS)))
    door.change(BERT, groups=(CHIEFS,))
    before_midnight, after = NOON_MS + 11 * HOUR_MS, NOON_MS + 13 * HOUR_MS
    berlin = datetime.fromtimestamp(before_midnight / 1000, door.policy.zone)
    assert (berlin.hour, berlin.utcoffset()) == (23, timedelta(hours=2))
    assert door.touch(BERT, 11 * HOUR_MS, wall_ms=before_midnight) is None
    assert door.touch(HOLDER, 11 * HOUR_MS + 1, wall_ms=before_midnight + 1) is None
    assert door.touch(HOLDER, 13 * HOUR_MS, wall_ms=after - HOUR_MS // 2) is (
        DenialReason.FIRST_PERSON_ABSENT
    )


def test_a_way_out_of_another_boot_is_remembered_too() -> None:
    out = DoorId("front-out")
    door = Door(passback=Passback.HARD, passback_exits=frozenset({out}))
    assert door.touch() is None
    came = door.registry.passages.of_holder(FRONT, HOLDER).last
    assert came is not None
    what = {"decided": moment_row(came.at), "door": out, "holder": HOLDER}
    door.tell("door.grant", what)
    rebooted = {"boot": "f" * 16, "err_ms": -1}
    assert door.touch(HOLDER, 5, **rebooted) is None


def test_the_first_person_may_come_after_the_doors_midnight() -> None:
    """In Berlin it is the day; by UTC it is the day before until two."""
    door = Door(access=(Access(STAFF, ALWAYS, CHIEFS), Access(CHIEFS, ALWAYS)))
    door.change(BERT, groups=(CHIEFS,))
    after = NOON_MS + 13 * HOUR_MS - HOUR_MS // 2
    assert door.touch(BERT, 13 * HOUR_MS, wall_ms=after) is None
    assert door.touch(HOLDER, 13 * HOUR_MS + 1, wall_ms=after + 1) is None
    noon = {"up_ms": 24 * HOUR_MS, "wall_ms": NOON_MS + 24 * HOUR_MS}
    assert door.touch(HOLDER, **noon) is None


def test_whoever_waits_is_held_to_the_first_person_too() -> None:
    door = Door(
        access=(Access(STAFF, ALWAYS, CHIEFS), Access(CHIEFS, ALWAYS)),
        two_person_ms=30_000,
    )
    door.change(BERT, groups=(CHIEFS,))
    came = {"decided": moment_row(at(500)), "door": FRONT, "holder": BERT}
    door.tell("door.grant", came)
    assert door.touch(HOLDER, 1_000) is DenialReason.SECOND_PERSON_NEEDED
    assert door.touch(BERT, 2_000) is None


def test_the_first_person_needs_no_other() -> None:
    door = Door(access=(Access(CHIEFS, ALWAYS, CHIEFS),))
    door.change(BERT, groups=(CHIEFS,))
    assert door.touch(BERT) is None


def test_only_a_rule_that_asked_for_two_names_two() -> None:
    """What waited before the rule, or its hours, ended is no part of the opening."""
    door = Door(two_person_ms=30_000)
    assert door.touch(HOLDER) is DenialReason.SECOND_PERSON_NEEDED
    door.policy = replace(door.policy, rules=DoorRules())
    door.key = door.keys[BERT]
    assert door.granted(at(1_000)).touches == ()
    door = Door(step_up=OFFICE, step_up_ms=20_000)
    evening_ms = NOON_MS + 6 * HOUR_MS
    before = {"up_ms": 1_000, "wall_ms": evening_ms - 1}
    assert door.touch(HOLDER, **before) is DenialReason.STEP_UP_NEEDED
    assert door.granted(at(1_002, evening_ms + 1)).touches == ()
