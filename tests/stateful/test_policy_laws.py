"""The policy's laws over random interleavings of touches, entries and clock changes.

Every touch is a real one: a signed answer, verified, decided, written down and folded.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.core.assertion import Verified
from gateway.core.denial import Deny
from gateway.core.encoding import Json
from gateway.core.entries import deny_record, grant_record
from gateway.core.facts import CredentialState, DenialReason, Mode
from gateway.core.holder import Holder
from gateway.core.ids import CredentialId, GroupId, HolderId, Now, ScheduleId
from gateway.core.policy import (
    RULES,
    Access,
    DoorPolicy,
    DoorRules,
    Grant,
    OnUntrustedTime,
    Passback,
    decide,
    explain,
    judge,
    still_stands,
)
from gateway.core.registry import Registry
from gateway.core.schedule import Schedule
from gateway.core.special_days import Days, SpecialDays
from tests.desk import FRONT, NOON_MS, Desk, SoftKey, key_number, reason

EXAMPLES = int(os.environ.get("KEYRA_LAW_EXAMPLES", "40"))
STEPS = 40

GROUPS = tuple(GroupId(name) for name in ("staff", "night", "chiefs"))
PEOPLE = tuple(HolderId(name) for name in ("h-1", "h-2", "h-3"))
OFFICE, NIGHT = ScheduleId("office"), ScheduleId("night")
ALWAYS = ScheduleId("always")
HOUR_MS = 3_600_000
CREDENTIAL_DENIALS = {
    DenialReason.CREDENTIAL_SUSPENDED,
    DenialReason.CREDENTIAL_REVOKED,
    DenialReason.CREDENTIAL_EXPIRED,
}

who = st.sampled_from(PEOPLE)
lines = st.builds(
    Access,
    st.sampled_from(GROUPS),
    st.sampled_from([OFFICE, NIGHT, ALWAYS]),
    st.none() | st.sampled_from(GROUPS),
)
rules = st.builds(
    DoorRules,
    two_person_ms=st.sampled_from([0, 0, 30_000]),
    passback=st.sampled_from(Passback),
    passback_forgiven_ms=st.sampled_from([60_000, 2 * HOUR_MS]),
    exit_request_clears=st.booleans(),
    step_up=st.none() | st.sampled_from([NIGHT, OFFICE]),
    step_up_group=st.none() | st.sampled_from(GROUPS),
    duress_route=st.just("guard-desk"),
)


class PolicyMachine(RuleBasedStateMachine):
    """One door, three holders with a key each, and whatever happens to them."""

    steps: ClassVar[int] = 0
    grants: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.told: list[tuple[str, Mapping[str, Json]]] = []
        self.now = Now(HOUR_MS, NOON_MS, 5, "0" * 16)
        self.desk.registry = Registry()
        self.keys = {
            name: SoftKey(CredentialId(bytes([n]) * 32), key_number(n + 1))
            for n, name in enumerate(PEOPLE)
        }
        holiday = SpecialDays(Days.parse(["07-31"]))
        office = replace(Schedule.parse("Mon-Fri 08:00-18:00"), special=(holiday,))
        self.policy = DoorPolicy(
            door=FRONT,
            access=(Access(GROUPS[0], ALWAYS),),
            schedules={
                OFFICE: office,
                NIGHT: Schedule.parse("Mon-Sun 22:00-06:00"),
                ALWAYS: Schedule.parse("always"),
            },
            zone=ZoneInfo("Europe/Berlin"),
            release_ms=5_000,
        )
        for name in PEOPLE:
            self.become(self.desk.holder(id=name))
            self.desk.key = self.keys[name]
            forced = name == PEOPLE[-1]
            enrolled = self.desk.enrolled(holder_id=name, duress=forced)
            self.tell("enrol", enrolled.row())

    def tell(self, ev: str, what: Mapping[str, Json]) -> None:
        self.desk.tell(ev, what)
        self.told.append((ev, what))

    def become(self, holder: Holder) -> None:
        self.tell("holder", holder.row())

    def holder(self, name: HolderId) -> Holder:
        found = self.desk.registry.holder(name)
        assert found is not None
        return found

    # What may happen.

    @rule(access=st.lists(lines, max_size=4), rules=rules, untrusted=st.booleans())
    def configure(
        self, access: list[Access], rules: DoorRules, *, untrusted: bool
    ) -> None:
        on = OnUntrustedTime.ALLOW if untrusted else OnUntrustedTime.DENY
        self.policy = replace(
            self.policy, access=tuple(access), rules=rules, on_untrusted_time=on
        )

    @rule(
        name=who,
        groups=st.lists(st.sampled_from(GROUPS), max_size=3, unique=True),
        uses_max=st.integers(0, 3),
        from_h=st.sampled_from([0, 0, -1, 1]),
        until_h=st.sampled_from([0, 0, 2, 30]),
        suspended=st.sampled_from([False, False, True]),
    )
    def change(
        self,
        *,
        name: HolderId,
        groups: list[GroupId],
        uses_max: int,
        from_h: int,
        until_h: int,
        suspended: bool,
    ) -> None:
        self.become(
            self.desk.holder(
                id=name,
                groups=tuple(groups),
                uses_max=uses_max,
                from_ms=NOON_MS + from_h * HOUR_MS if from_h else 0,
                until_ms=NOON_MS + until_h * HOUR_MS if until_h else 0,
                suspended=suspended,
            )
        )

    @rule(mode=st.sampled_from([Mode.LOCKED, Mode.LOCKED, Mode.LOCKED_DOWN]))
    def order(self, mode: Mode) -> None:
        self.policy = replace(self.policy, mode=mode)

    @rule(passed_ms=st.sampled_from([1, 1_000, 20_000, 61_000, HOUR_MS, 9 * HOUR_MS]))
    def wait(self, passed_ms: int) -> None:
        now = self.now
        self.now = replace(
            now, up_ms=now.up_ms + passed_ms, wall_ms=now.wall_ms + passed_ms
        )

    @rule(leap_h=st.sampled_from([-10_000, -1, 1, 24, 100_000]), trusted=st.booleans())
    def step_the_clock(self, leap_h: int, *, trusted: bool) -> None:
        wall_ms = max(0, self.now.wall_ms + leap_h * HOUR_MS)
        self.now = replace(self.now, wall_ms=wall_ms, err_ms=5 if trusted else -1)

    @rule()
    def set_the_clock(self) -> None:
        self.now = replace(self.now, wall_ms=NOON_MS, err_ms=5)

    @rule(boot=st.integers(0, 3))
    def restart(self, boot: int) -> None:
        """The machine: another boot; and the gateway: from entries or a snapshot."""
        self.now = replace(self.now, boot=f"{boot:016}", up_ms=self.now.up_ms + 1)
        folded = Registry()
        for n, (ev, what) in enumerate(self.told):
            folded.apply(n, ev, what)
        snapshot = self.desk.registry.snapshot()
        assert folded.snapshot() == snapshot
        vouched = {
            "digest": snapshot.digest(),
            "entries": snapshot.entries,
            "rows": snapshot.rows,
        }
        self.desk.registry = Registry.restored(snapshot, vouched)

    @rule()
    def somebody_leaves(self) -> None:
        self.tell("door.exit", {"door": FRONT})

    @rule(back=st.integers(1, 3))
    def nobody_opened(self, back: int) -> None:
        entry = max(0, len(self.told) - back)
        self.tell("door.unused", {"door": FRONT, "entry": entry})

    @rule(name=who, again=st.booleans())
    def suspend_and_touch(self, name: HolderId, *, again: bool) -> None:
        """Law: a suspension holds for the very next touch; so does its end."""
        self.become(replace(self.holder(name), suspended=True))
        outcome = self.touched(name)
        assert isinstance(outcome, Deny)
        assert outcome.reason in {
            DenialReason.LOCKDOWN,
            DenialReason.HOLDER_SUSPENDED,
            *CREDENTIAL_DENIALS,
        }
        if again:
            self.become(replace(self.holder(name), suspended=False))
            resumed = self.touched(name)
            assert reason(resumed) is not DenialReason.HOLDER_SUSPENDED

    @rule(name=who)
    def touch(self, name: HolderId) -> None:
        self.touched(name)

    @rule(name=who, times=st.integers(1, 3), other=who)
    def touch_together(self, name: HolderId, times: int, other: HolderId) -> None:
        for _ in range(times):
            self.touched(name)
        self.touched(other)

    def touched(self, name: HolderId) -> Grant | Deny:
        self.desk.key, registry = self.keys[name], self.desk.registry
        credential = self.desk.credential
        challenge = self.desk.ask(self.now)
        verified = self.desk.judge(challenge, self.desk.key.answer(challenge), self.now)
        assert isinstance(verified, Verified)
        outcome = decide(verified, registry, self.policy, self.now)
        assert credential.state is CredentialState.ACTIVE
        self.check(name, outcome)
        record = (
            grant_record(outcome)
            if isinstance(outcome, Grant)
            else deny_record(outcome)
        )
        self.tell(record.ev, record.what)
        return outcome

    # What has to be so.

    def check(self, name: HolderId, outcome: Grant | Deny) -> None:
        registry, key = self.desk.registry, self.keys[name].id
        answers = explain(name, registry, self.policy, self.now, key)
        denials = [answer.denial for answer in answers if answer.denial is not None]
        # Explain agrees with decide, and there is one answer for each rule.
        assert [answer.rule for answer in answers] == [rule for rule, _ in RULES]
        # Lockdown comes first.
        if self.policy.mode is Mode.LOCKED_DOWN:
            assert isinstance(outcome, Deny)
            assert outcome.reason is DenialReason.LOCKDOWN
        if isinstance(outcome, Deny):
            assert outcome.reason is denials[0]
            return
        # A grant never without each rule holding, and by a line that is the holder's.
        PolicyMachine.grants += 1
        assert denials == []
        holder = self.holder(name)
        assert outcome.rule in self.policy.access
        assert outcome.rule.group in holder.groups
        assert not holder.suspended
        assert outcome.time_trusted or not self.now.wall_is_trusted
        assert still_stands(outcome, registry)
        trail = registry.passages.of_holder(FRONT, name)
        assert holder.uses_max == 0 or trail.count < holder.uses_max
        duress = self.desk.credential.duress
        assert (outcome.duress_route is not None) is duress
        if self.policy.rules.two_person_ms:
            others = {w.entry: w.holder_id for w in registry.passages.waiting(FRONT)}
            assert any(others[entry] != name for entry in outcome.touches)

    @invariant()
    def fewer_groups_never_open_more(self) -> None:
        """Law: taking a group away from a holder never gives them access."""
        PolicyMachine.steps += 1
        for name in PEOPLE:
            holder = self.holder(name)
            key = self.keys[name].id
            registry = self.desk.registry
            before = judge(name, registry, self.policy, self.now, key)
            if before.denial is None:
                continue
            for group in holder.groups:
                fewer = tuple(one for one in holder.groups if one != group)
                registry._holders[name] = replace(holder, groups=fewer)
                judged = judge(name, registry, self.policy, self.now, key)
                registry._holders[name] = holder
                assert judged.denial is not None, (holder, group)

    @invariant()
    def duress_changes_no_answer(self) -> None:
        """Law: a mark of duress decides nothing."""
        registry = self.desk.registry
        for name in PEOPLE:
            key = self.keys[name].id
            credential = registry.credential(key)
            assert credential is not None
            before = explain(name, registry, self.policy, self.now, key)
            flipped = replace(credential, duress=not credential.duress)
            registry._credentials[key] = flipped
            after = explain(name, registry, self.policy, self.now, key)
            registry._credentials[key] = credential
            assert after == before


TestPolicyLaws = PolicyMachine.TestCase
TestPolicyLaws.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None
)


def test_the_laws_were_asked_of_openings_too() -> None:
    """After the machine, in the order of this file; `-s` shows how much it did."""
    steps, grants = PolicyMachine.steps, PolicyMachine.grants
    sys.stdout.write(f"\npolicy laws: {steps} steps, {grants} grants\n")
    assert steps == 0 or grants > 0
