r"""Administrators' orders, judged from the entries alone.

    change = SHA-256("keyra/change/v1\0" ‖ canonical({"ev", "what" without by}))
    order  = SHA-256("keyra/order/v1\0" ‖ canonical(document))

An `order.signed` entry holds the document member by member, and the key's signature
over a challenge bound to its hash. A change whose `by` names an order stands if the
order lists it, not used yet, and as many holders signed as the document says. Once an
administrator has a key, a change without an order must make the door safer, be the
gateway's own, or say that root broke the glass. A policy is never the gateway's own
then, but for the first one: it is the config's, of before policies were ordered.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.encoding import canonical
from ledger.entry import Entry
from ledger.errors import EvidenceError, UnjudgedError
from ledger.members import integer_of, list_of, text_of

CHANGE_PREFIX: Final = b"keyra/change/v1\0"
ORDER_PREFIX: Final = b"keyra/order/v1\0"
ADMIN: Final = "admin"
DOCUMENT: Final = ("action", "changes", "nonce", "roles", "signers", "v")

ORDERED: Final = frozenset(
    {
        "break-glass.acknowledged",
        "credential.state",
        "door.mode",
        "enrol",
        "erase",
        "holder",
        "passback.forgiven",
        "policy",
    }
)
"""Kinds of entries that are changes by people."""

_PROTECTING: Final = {
    "credential.state": ("state", {"suspended", "revoked"}),
    "door.mode": ("mode", {"LockedDown", "Blocked"}),
    "holder": ("state", {"suspended"}),
}
POLICY: Final = "policy"
POLICY_STANDS: Final = "policy.stands"
_ENROLS: Final = ("holder", "replaces", "until_ms")


@dataclass(slots=True)
class Signed:
    """An order that somebody signed.

    Attributes:
        open: its changes that no entry has made yet.
        signers: how many must sign.
        holders: who has.
    """

    open: list[Any]
    signers: int
    holders: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Orders:
    """Who may order, and what was ordered, after the entries seen so far."""

    roles: dict[str, Any] = field(default_factory=dict)
    keyed: set[str] = field(default_factory=set)
    signed: dict[str, Signed] = field(default_factory=dict)
    policy: object = None

    @property
    def administered(self) -> bool:
        """Whether an administrator has a key."""
        return any(self.roles.get(holder) == ADMIN for holder in self.keyed)

    def sign(self, entry: Entry, holder: str, bound: object) -> None:
        """Take a signature that holds, by this holder, over this order.

        Raises:
            EvidenceError: it is not for the document that stands beside it, or its
                holder bears no role that the order takes.
        """
        what = entry.what
        document = {name: what.get(name) for name in DOCUMENT}
        digest = hashlib.sha256(ORDER_PREFIX + canonical(document)).hexdigest()
        if (what.get("order"), bound) != (digest, digest):
            raise EvidenceError("the signature is for another order.")
        if what.get("holder") != holder:
            raise EvidenceError("the key belongs to another holder.")
        if self.roles.get(holder) not in list_of(what, "roles"):
            raise EvidenceError("who signed bears no role that the order takes.")
        changes, signers = list_of(what, "changes"), integer_of(what, "signers")
        order = self.signed.setdefault(digest, Signed(list(changes), signers))
        order.holders.add(holder)

    def judge(self, entry: Entry, *, is_whole: bool) -> None:
        """Take an entry that changes something.

        Args:
            entry: of any kind.
            is_whole: whether every entry before it was seen.

        Raises:
            EvidenceError: nobody who may has ordered it.
            UnjudgedError: its order stands before what was seen.
        """
        if entry.ev == POLICY_STANDS:
            self._stands(entry, is_whole=is_whole)
        if entry.ev not in ORDERED:
            return
        by = entry.what.get("by")
        members = by if isinstance(by, dict) else {}
        try:
            if "order" in members:
                self._ordered(entry, text_of(members, "order"), is_whole=is_whole)
            elif self.administered and not self._may_be_done(
                entry, members, is_whole=is_whole
            ):
                raise EvidenceError("no administrator signed for this change.")
        finally:
            self.recall(entry)

    def _ordered(self, entry: Entry, digest: str, *, is_whole: bool) -> None:
        order = self.signed.get(digest)
        if order is None and not is_whole:
            raise UnjudgedError("its order stands before the file's first entry.")
        if order is None:
            raise EvidenceError("the order that it names was signed by nobody.")
        change = change_digest(entry)
        if change not in order.open:
            raise EvidenceError("it is not what was ordered, or was done before.")
        if len(order.holders) < order.signers:
            raise EvidenceError("too few signed the order that it names.")
        order.open.remove(change)

    def _may_be_done(self, entry: Entry, by: dict[str, Any], *, is_whole: bool) -> bool:
        if by.get("break_glass") is True:
            return True
        if by.get("gateway") is True:
            if entry.ev == POLICY and self.policy is None and not is_whole:
                raise UnjudgedError("a policy may stand before the file's first entry.")
            return entry.ev != POLICY or self.policy is None
        name, words = _PROTECTING.get(entry.ev, ("", set()))
        same_role = entry.ev != "holder" or (
            self.roles.get(text_of(entry.what, "holder"), "") == role_of(entry)
        )
        return entry.what.get(name) in words and same_role

    def _stands(self, entry: Entry, *, is_whole: bool) -> None:
        """Take what is said again of the policy in force; it puts none in force."""
        sha256 = text_of(entry.what, "sha256")
        if self.policy is None and not is_whole:
            self.policy = sha256
        if self.policy != sha256:
            raise EvidenceError("the policy that it speaks of was not in force.")

    def recall(self, entry: Entry) -> None:
        """Take a holder, an enrolment or a policy, whoever ordered it."""
        if entry.ev == POLICY:
            self.policy = entry.what.get("sha256")
        elif entry.ev == "enrol":
            self.keyed.add(str(entry.what.get("holder")))
        elif entry.ev in {"holder", "erase"}:
            self.roles[str(entry.what.get("holder"))] = role_of(entry)


def role_of(entry: Entry) -> Any:
    """Return the role that a `holder` or `erase` entry leaves."""
    return entry.what.get("role", "")


def change_digest(entry: Entry) -> str:
    """Return what an order holds of an entry, 64 hex digits."""
    what = {name: value for name, value in entry.what.items() if name != "by"}
    if entry.ev == "enrol":
        what = {name: value for name, value in what.items() if name in _ENROLS}
    ends = what.pop("ends", None)
    if isinstance(ends, dict):
        what["for_ms"] = ends.get("for_ms")
    members = canonical({"ev": entry.ev, "what": what})
    return hashlib.sha256(CHANGE_PREFIX + members).hexdigest()
