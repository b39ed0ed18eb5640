"""The rules applied: the only maker of Grant.

`decide` asks the rules of core.rules in their order and answers with the first denial;
`explain` asks all of them, from the same table, for any holder and any moment. Pure:
the same evidence, registry, policy and time give the same answer.

A credential's own end counts by the clock as it stands even while it is not believed:
an unsynchronised clock lags, and what it has seen end has ended.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.core.assertion import Verified
from gateway.core.challenge import Purpose
from gateway.core.denial import Deny
from gateway.core.door_policy import (
    ACCESS_LINES_MAX,
    Access,
    DoorPolicy,
    DoorRules,
    OnUntrustedTime,
    Passback,
)
from gateway.core.facts import DenialReason
from gateway.core.ids import CredentialId, DoorId, HolderId, Now
from gateway.core.provenance import Evidence, Maker, genuine
from gateway.core.registry import Registry
from gateway.core.rules import RULES, Request
from gateway.errors import EvidenceError

__all__ = [
    "ACCESS_LINES_MAX",
    "RULES",
    "Access",
    "DoorPolicy",
    "DoorRules",
    "Grant",
    "Judgement",
    "OnUntrustedTime",
    "Passback",
    "RuleAnswer",
    "decide",
    "explain",
    "judge",
    "still_stands",
]

VERIFIED_AGE_MS_MAX: Final = 2_000
"""From the verification to the decision; they follow one another without waiting."""


@dataclass(frozen=True, slots=True, eq=False)
class Grant(Evidence):
    """This answer opens this door. Made only here; moves nothing before its entry.

    Attributes:
        rule: the line of the door's policy that let the holder in.
        decided: when.
        time_trusted: False if a rule needed the time and the clock was not believed.
        touches: entries of the earlier touches that this one rests on.
        passed_again: the holder came in before and has not come out (soft passback).
        duress_route: whom to call silently, or None.
        extended: the holder needs more time, in `release_ms` and to pass.
    """

    verified: Verified
    policy: DoorPolicy
    door: DoorId
    release_ms: int
    rule: Access
    decided: Now
    time_trusted: bool
    touches: tuple[int, ...]
    passed_again: bool
    duress_route: str | None
    extended: bool

    @property
    def decided_up_ms(self) -> int:
        """When, in milliseconds since boot."""
        return self.decided.up_ms


_GRANTS: Final = Maker(Grant)


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """What one rule says.

    Attributes:
        rule: its stable name.
        denial: why it denies, or None where it holds.
    """

    rule: str
    denial: DenialReason | None

    @property
    def sentence(self) -> str:
        """The answer for people."""
        return "This rule holds." if self.denial is None else self.denial.sentence


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say together; no evidence, so it opens nothing.

    Attributes:
        denial: the first rule's that denies, or None.
        rule: the line by which the holder may pass, where all rules hold.
        time_trusted, touches, passed_again, duress_route: as in Grant.
    """

    denial: DenialReason | None
    rule: Access | None
    time_trusted: bool
    touches: tuple[int, ...]
    passed_again: bool
    duress_route: str | None


def decide(
    verified: Verified, registry: Registry, policy: DoorPolicy, now: Now
) -> Grant | Deny:
    """Decide whether a verified answer opens the door.

    Args:
        verified: made by assertion, a moment ago, for this door.
        registry: as it stands now; a suspension just recorded counts.
        policy: the door's, with its present mode.
        now: when.

    Raises:
        EvidenceError: `verified` is forged, of another door or purpose, or stale.
    """
    _check(verified, policy, now)
    holder = registry.holder(verified.holder_id)
    credential = registry.credential(verified.credential_id)
    judged = _judged(Request(policy, registry, now, holder, credential, by_key=True))
    if judged.denial is not None or judged.rule is None:
        return Deny(
            reason=judged.denial or DenialReason.OUTSIDE_HOURS,
            door=policy.door,
            credential_id=verified.credential_id,
            holder_id=verified.holder_id,
            counter=verified.counter,
            answer=verified.answer,
            decided=now,
        )
    extended = holder is not None and holder.extended
    return Grant(
        _GRANTS,
        verified=verified,
        policy=policy,
        door=policy.door,
        release_ms=policy.release_ms + policy.extended_release_ms * extended,
        rule=judged.rule,
        decided=now,
        time_trusted=judged.time_trusted,
        touches=judged.touches,
        passed_again=judged.passed_again,
        duress_route=judged.duress_route,
        extended=extended,
    )


def still_stands(grant: Grant, registry: Registry) -> bool:
    """Tell whether a grant would be decided again, by the registry as it is now.

    A grant may wait for its entry; what was recorded meanwhile counts, and another
    policy than the one that it was decided by takes it back.

    Raises:
        EvidenceError: it is no grant.
    """
    verified = genuine(grant, Grant).verified
    standing = registry.policy
    if standing is not None and standing.sha256 != grant.policy.sha256:
        return False
    holder = registry.holder(verified.holder_id)
    credential = registry.credential(verified.credential_id)
    request = Request(
        grant.policy, registry, grant.decided, holder, credential, by_key=True
    )
    return all(answer.denial is None for answer in _answers(request))


def explain(
    holder_id: HolderId,
    registry: Registry,
    policy: DoorPolicy,
    now: Now,
    credential_id: CredentialId | None = None,
) -> list[RuleAnswer]:
    """Return every rule's answer, for a moment that may be past or to come.

    Args:
        holder_id: who would ask.
        registry: as it stands.
        policy: the door's.
        now: the moment; its `wall_ms` is what counts.
        credential_id: with which key; None to leave keys out of it.
    """
    return list(_answers(_request(holder_id, registry, policy, now, credential_id)))


def judge(
    holder_id: HolderId,
    registry: Registry,
    policy: DoorPolicy,
    now: Now,
    credential_id: CredentialId | None = None,
) -> Judgement:
    """Return what `decide` would say to a holder; the arguments are `explain`'s."""
    return _judged(_request(holder_id, registry, policy, now, credential_id))


def _request(
    holder_id: HolderId,
    registry: Registry,
    policy: DoorPolicy,
    now: Now,
    credential_id: CredentialId | None,
) -> Request:
    return Request(
        policy,
        registry,
        now,
        registry.holder(holder_id),
        None if credential_id is None else registry.credential(credential_id),
        by_key=credential_id is not None,
    )


def _check(verified: Verified, policy: DoorPolicy, now: Now) -> None:
    genuine(verified, Verified)
    if verified.purpose is not Purpose.DOOR_UNLOCK:
        raise EvidenceError(f"An answer for {verified.purpose.value} opens no door.")
    if verified.door != policy.door:
        raise EvidenceError(
            f"An answer for door {verified.door} does not open door {policy.door}."
        )
    if not 0 <= now.up_ms - verified.verified_up_ms <= VERIFIED_AGE_MS_MAX:
        raise EvidenceError(
            f"An answer is decided within {VERIFIED_AGE_MS_MAX} ms of its verification."
        )


def _judged(request: Request) -> Judgement:
    denial = next((a.denial for a in _answers(request) if a.denial is not None), None)
    rules, credential = request.policy.rules, request.credential
    touches = (
        request.second_person() if rules.two_person_ms else None,
        request.step_up() if request.is_sensitive else None,
    )
    forced = credential is not None and credential.duress
    return Judgement(
        denial=denial,
        rule=request.line if denial is None else None,
        time_trusted=request.now.wall_is_trusted or not request.needs_time,
        touches=tuple(sorted({one.entry for one in touches if one is not None})),
        passed_again=rules.passback is Passback.SOFT and request.passes_again,
        duress_route=rules.duress_route if forced else None,
    )


def _answers(request: Request) -> Iterator[RuleAnswer]:
    return (RuleAnswer(name, rule(request)) for name, rule in RULES)
