"""The rules, one by one, in their order, and what explains them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.core.challenge import Purpose
from gateway.core.denial import Deny
from gateway.core.encoding import to_base64url
from gateway.core.facts import DenialReason, Mode
from gateway.core.holder import Holder
from gateway.core.ids import DoorId, GroupId, HolderId, Now, ScheduleId
from gateway.core.policy import (
    ACCESS_LINES_MAX,
    RULES,
    VERIFIED_AGE_MS_MAX,
    Access,
    DoorPolicy,
    Grant,
    OnUntrustedTime,
    decide,
    explain,
)
from gateway.core.provenance import genuine
from gateway.core.registry import Registry
from gateway.core.schedule import Schedule
from gateway.errors import ConfigError, EvidenceError, RegistryError
from tests.desk import (
    HOLDER,
    NOON_MS,
    OFFICE,
    OTHER_CREDENTIAL,
    STAFF,
    Desk,
    at,
    reason,
)

ALWAYS = ScheduleId("always")
UNTRUSTED = at(err_ms=-1)
NIGHT = at(wall_ms=NOON_MS - 12 * 3_600_000)


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.policy = replace(
        desk.policy,
        schedules={**desk.policy.schedules, ALWAYS: Schedule.parse("always")},
    )
    return desk


def lock_down(desk: Desk) -> None:
    desk.policy = replace(desk.policy, mode=Mode.LOCKED_DOWN)


def block(desk: Desk) -> None:
    desk.policy = replace(desk.policy, mode=Mode.BLOCKED)


def change_holder(**changes: Any) -> Callable[[Desk], None]:
    return lambda desk: desk.tell("holder", desk.holder(**changes).row())


def revoke(desk: Desk) -> None:
    what = {"credential": to_base64url(desk.key.id), "state": "revoked"}
    desk.tell("credential.state", what)


def test_a_member_of_staff_in_office_hours(desk: Desk) -> None:
    grant = desk.granted()
    assert genuine(grant, Grant) is grant
    assert (grant.door, grant.release_ms) == ("front", 5_000)
    assert grant.rule == Access(STAFF, OFFICE)
    assert (grant.decided_up_ms, grant.time_trusted) == (1_000, True)


DENIALS = [
    (lock_down, at(), DenialReason.LOCKDOWN),
    (block, at(), DenialReason.DOOR_BLOCKED),
    (change_holder(suspended=True), at(), DenialReason.HOLDER_SUSPENDED),
    (lambda _: None, UNTRUSTED, DenialReason.TIME_UNTRUSTED),
    (change_holder(from_ms=NOON_MS + 1), at(), DenialReason.HOLDER_NOT_YET_VALID),
    (change_holder(until_ms=NOON_MS), at(), DenialReason.HOLDER_EXPIRED),
    (change_holder(groups=(GroupId("it"),)), at(), DenialReason.DOOR_NOT_ALLOWED),
    (change_holder(groups=()), at(), DenialReason.DOOR_NOT_ALLOWED),
    (lambda _: None, NIGHT, DenialReason.OUTSIDE_HOURS),
]


@pytest.mark.parametrize(("arrange", "now", "expected"), DENIALS)
def test_each_rule_denies(
    desk: Desk, arrange: Callable[[Desk], None], now: Now, expected: DenialReason
) -> None:
    arrange(desk)
    outcome = desk.decide(now)
    assert isinstance(outcome, Deny)
    assert outcome.reason is expected
    assert (outcome.credential_id, outcome.holder_id) == (desk.key.id, HOLDER)
    assert outcome.counter == 1, "the answer was authentic: the counter has moved on"
    assert outcome.answer is not None


def test_what_the_registry_says_now_is_what_counts(desk: Desk) -> None:
    verified = desk.verified()
    revoke(desk)
    outcome = decide(verified, desk.registry, desk.policy, at())
    assert reason(outcome) is DenialReason.CREDENTIAL_REVOKED
    outcome = decide(verified, Registry(), desk.policy, at())
    assert reason(outcome) is DenialReason.CREDENTIAL_UNKNOWN


def test_a_holder_that_is_not_there(desk: Desk) -> None:
    """No entry can make this registry; a policy must hold without that."""
    registry = Registry()
    registry._credentials[desk.key.id] = desk.credential
    outcome = decide(desk.verified(), registry, desk.policy, at())
    assert reason(outcome) is DenialReason.HOLDER_UNKNOWN


def test_validity_includes_its_start_and_excludes_its_end(desk: Desk) -> None:
    change_holder(from_ms=NOON_MS, until_ms=NOON_MS + 1)(desk)
    assert reason(desk.decide()) is None
    assert reason(desk.decide(at(wall_ms=NOON_MS + 1))) is DenialReason.HOLDER_EXPIRED


def test_the_order_is_the_written_one(desk: Desk) -> None:
    """Break everything, then mend the rules one by one."""
    holder = {
        "groups": (GroupId("it"),),
        "suspended": True,
        "from_ms": NOON_MS + 1,
    }
    lock_down(desk)
    change_holder(**holder)(desk)
    seen = [reason(desk.decide(UNTRUSTED))]
    desk.policy = replace(desk.policy, mode=Mode.LOCKED)
    seen.append(reason(desk.decide(UNTRUSTED)))
    holder["suspended"] = False
    change_holder(**holder)(desk)
    seen.append(reason(desk.decide(UNTRUSTED)))
    seen.append(reason(desk.decide()))
    holder["from_ms"] = 0
    change_holder(**holder)(desk)
    seen.append(reason(desk.decide(NIGHT)))
    holder["groups"] = (STAFF,)
    change_holder(**holder)(desk)
    seen.append(reason(desk.decide(NIGHT)))
    seen.append(reason(desk.decide()))
    assert seen == [
        DenialReason.LOCKDOWN,
        DenialReason.HOLDER_SUSPENDED,
        DenialReason.TIME_UNTRUSTED,
        DenialReason.HOLDER_NOT_YET_VALID,
        DenialReason.DOOR_NOT_ALLOWED,
        DenialReason.OUTSIDE_HOURS,
        None,
    ]


def test_the_order_of_the_reasons_is_the_order_of_the_rules() -> None:
    order = [
        DenialReason.LOCKDOWN,
        DenialReason.HOLDER_UNKNOWN,
        DenialReason.HOLDER_SUSPENDED,
        DenialReason.TIME_UNTRUSTED,
        DenialReason.HOLDER_NOT_YET_VALID,
        DenialReason.HOLDER_EXPIRED,
        DenialReason.DOOR_NOT_ALLOWED,
        DenialReason.OUTSIDE_HOURS,
    ]
    assert [r for r in DenialReason if r in order] == order
    assert RULES[0][0] == "lockdown"


def test_a_door_may_allow_while_the_clock_is_not_believed(desk: Desk) -> None:
    desk.policy = replace(desk.policy, on_untrusted_time=OnUntrustedTime.ALLOW)
    assert not desk.granted(UNTRUSTED).time_trusted
    night = replace(NIGHT, err_ms=-1)
    assert reason(desk.decide(night)) is DenialReason.OUTSIDE_HOURS


def test_what_needs_no_time_is_decided_without_it(desk: Desk) -> None:
    desk.policy = replace(desk.policy, access=(Access(STAFF, ALWAYS),))
    assert desk.granted(UNTRUSTED).time_trusted
    change_holder(until_ms=NOON_MS + 9)(desk)
    assert reason(desk.decide(UNTRUSTED)) is DenialReason.TIME_UNTRUSTED
    change_holder(from_ms=1)(desk)
    assert reason(desk.decide(UNTRUSTED)) is DenialReason.TIME_UNTRUSTED


def test_a_key_that_expires_needs_the_time(desk: Desk) -> None:
    desk.policy = replace(desk.policy, access=(Access(STAFF, ALWAYS),))
    answers = explain(HOLDER, desk.registry, desk.policy, UNTRUSTED, desk.key.id)
    assert not any(answer.denial for answer in answers)
    desk.tell(
        "enrol",
        desk.enrolled(id=OTHER_CREDENTIAL, until_ms=NOON_MS + 9).row(),
    )
    answers = explain(HOLDER, desk.registry, desk.policy, UNTRUSTED, OTHER_CREDENTIAL)
    assert [a.denial for a in answers if a.denial] == [DenialReason.TIME_UNTRUSTED]


def test_a_line_without_a_time_is_tried_first(desk: Desk) -> None:
    night = GroupId("night")
    desk.policy = replace(
        desk.policy, access=(Access(STAFF, OFFICE), Access(night, ALWAYS))
    )
    change_holder(groups=(STAFF, night))(desk)
    assert desk.granted(UNTRUSTED).rule == Access(night, ALWAYS)
    assert desk.granted(NIGHT).rule == Access(night, ALWAYS)


def test_the_holders_groups_are_tried_in_their_order(desk: Desk) -> None:
    night = GroupId("night")
    desk.policy = replace(
        desk.policy,
        access=(Access(STAFF, OFFICE), Access(night, OFFICE), Access(STAFF, ALWAYS)),
        schedules={**desk.policy.schedules, ALWAYS: Schedule.parse("Sat 01:00-02:00")},
    )
    change_holder(groups=(night, STAFF))(desk)
    assert desk.granted().rule == Access(night, OFFICE)


def test_explain_answers_every_rule_for_a_holder_alone(desk: Desk) -> None:
    lock_down(desk)
    answers = explain(HOLDER, desk.registry, desk.policy, NIGHT)
    assert [(a.rule, a.denial) for a in answers] == [
        ("lockdown", DenialReason.LOCKDOWN),
        ("policy", None),
        ("credential", None),
        ("holder", None),
        ("holder-state", None),
        ("clock", None),
        ("valid-from", None),
        ("valid-until", None),
        ("uses", None),
        ("door", None),
        ("holiday", None),
        ("hours", DenialReason.OUTSIDE_HOURS),
        ("first-person", None),
        ("passback", None),
        ("two-person", None),
        ("step-up", None),
    ]
    assert answers[0].sentence == "The door is locked down."
    assert answers[1].sentence == "This rule holds."


def test_explain_knows_strangers(desk: Desk) -> None:
    answers = explain(
        HolderId("nobody"), desk.registry, desk.policy, UNTRUSTED, OTHER_CREDENTIAL
    )
    assert [a.denial for a in answers if a.denial] == [
        DenialReason.CREDENTIAL_UNKNOWN,
        DenialReason.HOLDER_UNKNOWN,
    ]


@pytest.mark.parametrize(
    "now",
    [at(), UNTRUSTED, NIGHT, replace(NIGHT, err_ms=-1)],
)
@pytest.mark.parametrize("arrange", [case[0] for case in DENIALS])
def test_decide_is_the_first_denial_of_explain(
    desk: Desk, arrange: Callable[[Desk], None], now: Now
) -> None:
    arrange(desk)
    answers = explain(HOLDER, desk.registry, desk.policy, now, desk.key.id)
    first = next((a.denial for a in answers if a.denial is not None), None)
    assert reason(desk.decide(now)) is first


def test_the_zone_is_the_sites(desk: Desk) -> None:
    evening = at(wall_ms=NOON_MS + 8 * 3_600_000)
    assert reason(desk.decide(evening)) is DenialReason.OUTSIDE_HOURS
    desk.policy = replace(desk.policy, zone=ZoneInfo("America/New_York"))
    assert reason(desk.decide(evening)) is None


def test_an_answer_for_another_door_decides_nothing(desk: Desk) -> None:
    other = replace(desk.policy, door=DoorId("back"))
    with pytest.raises(EvidenceError):
        decide(desk.verified(), desk.registry, other, at())


def test_an_answer_for_another_purpose_decides_nothing(desk: Desk) -> None:
    challenge = desk.ask(purpose=Purpose.ENROL_PROOF)
    proof = desk.judge(
        challenge, desk.key.answer(challenge), at(), expected=Purpose.ENROL_PROOF
    )
    assert not isinstance(proof, Deny)
    with pytest.raises(EvidenceError):
        decide(proof, desk.registry, desk.policy, at())


@pytest.mark.parametrize("age_ms", [-1, VERIFIED_AGE_MS_MAX + 1])
def test_a_stale_answer_decides_nothing(desk: Desk, age_ms: int) -> None:
    with pytest.raises(EvidenceError):
        decide(desk.verified(), desk.registry, desk.policy, at(1_000 + age_ms))


def test_a_policy_names_only_schedules_that_there_are(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="no schedule has that name"):
        replace(desk.policy, access=(Access(STAFF, ScheduleId("weekend")),))


def test_a_policy_is_bounded(desk: Desk) -> None:
    lines = (Access(STAFF, OFFICE),) * (ACCESS_LINES_MAX + 1)
    with pytest.raises(ConfigError, match="257 access lines"):
        DoorPolicy(
            door=desk.policy.door,
            access=lines,
            schedules=desk.policy.schedules,
            zone=desk.policy.zone,
            release_ms=1,
        )


def test_who_needs_more_time_is_released_for_longer(desk: Desk) -> None:
    desk.policy = replace(desk.policy, extended_release_ms=4_000)
    assert (desk.granted().release_ms, desk.granted().extended) == (5_000, False)
    change_holder(extended=True)(desk)
    grant = desk.granted()
    assert (grant.release_ms, grant.extended) == (9_000, True)
    holder = desk.registry.holder(HOLDER)
    assert holder is not None
    assert holder == Holder.from_row(holder.row())
    with pytest.raises(RegistryError, match="true or false"):
        Holder.from_row({**holder.row(), "extended": 2})
