r"""Administration needs a finger: what is ordered, and the only maker of Warrant.

A proposal is a list of changes, each an entry to be, without who ordered it. What an
administrator's key signs is a challenge bound to its digest:

    change   = SHA-256("keyra/change/v1\0" ‖ canonical({"ev", "what"}))
    document = {"action", "changes": [change, …], "nonce", "roles", "signers", "v": 1}
    order    = SHA-256("keyra/order/v1\0" ‖ canonical(document))

so that nothing can be put in its place afterwards, and a stranger can repeat the check
from the entries alone. A warrant is made only if all of these hold:

    1  each answer was verified, for this purpose     core.assertion
    2  it was signed about this very order            ORDER_MISMATCH
    3  its key and its holder count at this moment    SIGNER_NOT_ACTIVE
    4  its holder bears a role that the action takes  ROLE_MISSING
    5  no two answers are by the same holder          SIGNED_TWICE
    6  there are as many as the action takes          SIGNATURES_MISSING
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Self

from gateway.core.assertion import Verified
from gateway.core.challenge import Purpose
from gateway.core.encoding import Json, canonical, to_base64url
from gateway.core.facts import CredentialState
from gateway.core.ids import HolderId, Now
from gateway.core.provenance import Evidence, Maker, genuine
from gateway.core.registry import Holder, Registry
from gateway.core.rights import NEEDS, Action, Need
from gateway.core.worded import Worded

CHANGE_PREFIX: Final = b"keyra/change/v1\0"
ORDER_PREFIX: Final = b"keyra/order/v1\0"
CODE_PREFIX: Final = b"keyra/code/v1\0"
ORDER_VERSION: Final = 1
NONCE_BYTES: Final = 16
CHANGES_MAX: Final = 500
CODE_DIGITS: Final = 6


class WarrantRefusal(Worded):
    """Why the signatures do not add up to a warrant."""

    ORDER_MISMATCH = "order-mismatch", "The signature is for another order."
    SIGNER_NOT_ACTIVE = "signer-not-active", "The signer or their key does not count."
    ROLE_MISSING = "role-missing", "The signer does not bear the role that this takes."
    SIGNED_TWICE = "signed-twice", "This person has signed already; another one must."
    SIGNATURES_MISSING = "signatures-missing", "Another person's signature is missing."


@dataclass(frozen=True, slots=True)
class Change:
    """One entry to be, without `by`."""

    ev: str
    what: Mapping[str, Json]

    @classmethod
    def of(cls, ev: str, what: Mapping[str, Json]) -> Self:
        """Return the change that an entry to be makes, whoever orders it."""
        return cls(ev, {name: value for name, value in what.items() if name != "by"})

    def digest(self) -> str:
        """Return what the order holds of it, 64 hex digits."""
        members: dict[str, Json] = {"ev": self.ev, "what": self.what}
        return sha256(CHANGE_PREFIX + canonical(members)).hexdigest()


def enrolment_change(
    holder_id: HolderId, until_ms: int, replaces: bytes | None, *, duress: bool = False
) -> Change:
    """Return what is ordered of an enrolment before the key is known."""
    what: dict[str, Json] = {"holder": holder_id, "until_ms": until_ms}
    if replaces is not None:
        what["replaces"] = to_base64url(replaces)
    if duress:
        what["duress"] = True
    return Change("enrol", what)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody wants to be signed.

    Attributes:
        need: whose fingers it takes, as it stood when this was proposed.
        nonce: makes it another order than the same one yesterday.
    """

    action: Action
    changes: tuple[Change, ...]
    need: Need
    nonce: bytes

    def document(self) -> dict[str, Json]:
        """Return the object whose digest is signed about."""
        return {
            "action": self.action.value,
            "changes": [change.digest() for change in self.changes],
            "nonce": to_base64url(self.nonce),
            "roles": sorted(role.value for role in self.need.roles),
            "signers": self.need.signers,
            "v": ORDER_VERSION,
        }

    def digest(self) -> bytes:
        """Return the order, 32 bytes."""
        return sha256(ORDER_PREFIX + canonical(self.document())).digest()

    def code(self) -> str:
        """Return six digits by which people tell it from another one."""
        number = int.from_bytes(sha256(CODE_PREFIX + self.digest()).digest())
        return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}}"


@dataclass(frozen=True, slots=True, eq=False)
class Warrant(Evidence):
    """This order was signed by those whom it takes. Made only here.

    Attributes:
        order: the proposal's digest.
        signers: who signed, in order.
        uid: who asked for it at the machine.
    """

    order: bytes
    signers: tuple[Verified, ...]
    uid: int

    def by(self) -> dict[str, Json]:
        """Say who ordered, as entries do.

        Raises:
            EvidenceError: this is no genuine warrant.
        """
        warrant = genuine(self, Warrant)
        return {
            "credential": to_base64url(warrant.signers[-1].credential_id),
            "order": warrant.order.hex(),
            "uid": warrant.uid,
        }


_WARRANTS: Final = Maker(Warrant)


def need_of(action: Action, registry: Registry) -> Need:
    """Return whose fingers an action takes now.

    A second signature is asked for as soon as a second administrator has a key; one
    who is suspended counts, so that suspending somebody never makes it easier.
    """
    need = NEEDS[action]
    able = sum(
        any(key.state is not CredentialState.REVOKED for key in keys)
        for keys in (
            registry.credentials_of(one.id) for one in registry.administrators()
        )
    )
    return Need(need.roles, min(need.signers, max(able, 1)))


def may_sign(
    proposal: Proposal, holder: Holder | None, wall_ms: int
) -> WarrantRefusal | None:
    """Say why this holder's signature would not count, or None."""
    if holder is None or not holder.valid_at(wall_ms):
        return WarrantRefusal.SIGNER_NOT_ACTIVE
    if holder.role not in proposal.need.roles:
        return WarrantRefusal.ROLE_MISSING
    return None


def authorise(
    proposal: Proposal,
    answers: Sequence[Verified],
    registry: Registry,
    uid: int,
    now: Now,
) -> Warrant | WarrantRefusal:
    """Judge the signatures by the rules above.

    Raises:
        EvidenceError: an answer was verified by nobody.
    """
    order = proposal.digest()
    signers: set[HolderId] = set()
    for answer in answers:
        refusal = _counts(proposal, order, answer, registry, now)
        if refusal is not None:
            return refusal
        if answer.holder_id in signers:
            return WarrantRefusal.SIGNED_TWICE
        signers.add(answer.holder_id)
    if len(signers) < max(proposal.need.signers, 1):
        return WarrantRefusal.SIGNATURES_MISSING
    return Warrant(_WARRANTS, order=order, signers=tuple(answers), uid=uid)


def _counts(
    proposal: Proposal, order: bytes, answer: Verified, registry: Registry, now: Now
) -> WarrantRefusal | None:
    genuine(answer, Verified)
    bound = answer.binding
    if answer.purpose is not Purpose.ADMIN_ORDER or bound.order != order:
        return WarrantRefusal.ORDER_MISMATCH
    credential = registry.credential(answer.credential_id)
    active = CredentialState.ACTIVE
    if credential is None or credential.state_at(now.wall_ms) is not active:
        return WarrantRefusal.SIGNER_NOT_ACTIVE
    return may_sign(proposal, registry.holder(credential.holder_id), now.wall_ms)


def signed_members(proposal: Proposal, answer: Verified) -> dict[str, Json]:
    """Return what an `order.signed` entry holds beside evidence and `by`."""
    document: dict[str, Any] = proposal.document()
    return {
        **document,
        "counter": answer.counter,
        "credential": to_base64url(answer.credential_id),
        "holder": answer.holder_id,
        "order": proposal.digest().hex(),
    }
