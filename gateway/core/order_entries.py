"""What stands in an entry about administration; see entries for the other kinds."""

from dataclasses import dataclass

from gateway.core.administration import Change, Proposal, signed_members
from gateway.core.assertion import Verified
from gateway.core.denial import SignedAnswer
from gateway.core.encoding import Json, to_base64url
from gateway.core.entries import By, Record, evidence_members, plain
from gateway.core.ids import CredentialId, DoorId
from gateway.core.policy_standing import POLICY, POLICY_STANDS, PolicyStanding
from gateway.core.rights import Action


@dataclass(frozen=True, slots=True)
class Refused:
    """A key that was asked and whose signature does not count.

    Attributes:
        reason: value of a DenialReason or a WarrantRefusal.
        counter: the key's, where its answer was authentic.
    """

    reason: str
    credential_id: CredentialId
    counter: int | None = None
    answer: SignedAnswer | None = None


def change_record(change: Change, by: By) -> Record:
    """Say that something changed, and who ordered it."""
    return Record(change.ev, {**change.what, "by": by})


def order_signed_record(proposal: Proposal, answer: Verified, by: By) -> Record:
    """Say that somebody signed an order, and prove it."""
    return Record(
        "order.signed",
        {
            **signed_members(proposal, answer),
            "by": by,
            "evidence": evidence_members(answer.answer),
        },
    )


def order_refused_record(proposal: Proposal, refused: Refused, by: By) -> Record:
    """Say that a key did not sign an order, and why."""
    what: dict[str, Json] = {
        "action": proposal.action.value,
        "by": by,
        "credential": to_base64url(refused.credential_id),
        "order": proposal.digest().hex(),
        "reason": refused.reason,
    }
    if refused.counter is not None:
        what["counter"] = refused.counter
    if refused.answer is not None:
        what["evidence"] = evidence_members(refused.answer)
    return Record("order.refused", what)


def break_glass_record(action: Action, reason: str, by: By) -> Record:
    """Say that root ordered something without a finger, and why."""
    return Record(
        "break-glass", {"action": action.value, "by": by, "reason": plain(reason)}
    )


def policy_change(door: DoorId, standing: PolicyStanding) -> Change:
    """Return the change that puts a policy in force."""
    return Change(POLICY, standing.what(door))


def policy_stands_record(door: DoorId, standing: PolicyStanding) -> Record:
    """Say again which policy is in force; a recovery may read from here on only."""
    return Record(POLICY_STANDS, standing.what(door))
