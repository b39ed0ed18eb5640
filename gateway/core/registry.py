"""Who may be let in: holders and their credentials, as a fold of the ledger's entries.

The ledger is the only source. A registry is what its entries say, one after the other;
nothing else changes it, and a row that was edited in a store changes nothing at all
(docs/adr/0004). A change is checked before its entry is written (`check`), with the
same code that installs it afterwards (`apply`).
"""

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from gateway.core.credential import COUNTER_MAX, STATES, Credential, credential_id_in
from gateway.core.directory import DIRECTORY_ENTRIES, Directory
from gateway.core.encoding import canonical
from gateway.core.facts import CredentialState
from gateway.core.holder import Holder
from gateway.core.ids import (
    CredentialId,
    GroupId,
    HolderId,
    is_identifier,
)
from gateway.core.passages import PASSAGE_ENTRIES, Passages
from gateway.core.policy_standing import (
    POLICY,
    POLICY_STANDS,
    PolicyStanding,
    said_again,
)
from gateway.core.rights import Role
from gateway.core.row import number, word
from gateway.errors import RegistryError

__all__ = ["Credential", "Holder", "Registry", "RegistrySnapshot"]


DIGEST_PREFIX: Final = b"keyra/registry/v1\0"

ERASED_NAME: Final = "f" * 64
"""Stands where the commitment stood; no salt is known to lead there."""


STATE_CHANGES: Final = frozenset(
    {
        (CredentialState.ACTIVE, CredentialState.SUSPENDED),
        (CredentialState.SUSPENDED, CredentialState.ACTIVE),
        (CredentialState.ACTIVE, CredentialState.REVOKED),
        (CredentialState.SUSPENDED, CredentialState.REVOKED),
    }
)
"""(from, to): every change there is. Nothing leads out of REVOKED."""


@dataclass(frozen=True, slots=True)
class RegistrySnapshot:
    """The registry after a number of entries; believed only if the ledger vouches.

    Attributes:
        entries: how many entries it covers, from entry 0 on.
        holders, credentials: sorted by id.
        passages: rows of core.passages, sorted.
        directory: rows of core.directory, sorted.
    """

    entries: int
    holders: tuple[Holder, ...]
    credentials: tuple[Credential, ...]
    passages: tuple[Mapping[str, Any], ...] = ()
    directory: tuple[Mapping[str, Any], ...] = ()

    @property
    def rows(self) -> int:
        """How many rows there are of each kind together."""
        people = len(self.holders) + len(self.credentials)
        return people + len(self.passages) + len(self.directory)

    def digest(self) -> str:
        """Return SHA-256 over prefix, entries and canonical rows, 64 hex digits."""
        hasher = sha256(DIGEST_PREFIX + f"{self.entries}\n".encode())
        for holder in self.holders:
            hasher.update(canonical(holder.row()) + b"\n")
        for credential in self.credentials:
            hasher.update(canonical(credential.row()) + b"\n")
        for row in (*self.passages, *self.directory):
            hasher.update(canonical(row) + b"\n")
        return hasher.hexdigest()

    def vouched_by(self, what: Mapping[str, Any]) -> bool:
        """Tell whether a `registry` entry speaks of exactly this snapshot."""
        return (
            what.get("entries") == self.entries
            and what.get("rows") == self.rows
            and what.get("digest") == self.digest()
        )


class Registry:
    """Holders and credentials after a number of entries; owned by one task.

    Finding and changing one is a dictionary look-up, whatever their number.

    Attributes:
        passages: who passed when, folded from the same entries.
        policy: which policy is in force, or None where no entry said so yet.
        directory: purposes, aliases and when keys were used, from them too.
    """

    def __init__(self) -> None:
        self._entries = 0
        self.policy: PolicyStanding | None = None
        self.passages: Final = Passages()
        self.directory: Final = Directory()
        self._holders: MutableMapping[HolderId, Holder] = {}
        self._credentials: MutableMapping[CredentialId, Credential] = {}
        self._keys: MutableMapping[HolderId, tuple[CredentialId, ...]] = {}

    @classmethod
    def restored(
        cls, snapshot: RegistrySnapshot, what: Mapping[str, Any]
    ) -> "Registry":
        """Return the registry that a stored snapshot describes.

        Args:
            snapshot: from the store, which is not trusted.
            what: the content of the `registry` entry that the ledger holds for it.

        Raises:
            RegistryError: the entry does not speak of this snapshot.
        """
        if not snapshot.vouched_by(what):
            raise RegistryError(
                "The stored registry is not the one in the ledger; rebuild it from "
                "the ledger and look for who changed the database."
            )
        registry = cls()
        registry._entries = snapshot.entries
        registry._holders.update({holder.id: holder for holder in snapshot.holders})
        for credential in snapshot.credentials:
            registry._install(credential)
        registry.passages.restore(snapshot.passages)
        registry.directory.restore(snapshot.directory)
        return registry

    @property
    def entries(self) -> int:
        """How many of the ledger's entries are folded in."""
        return self._entries

    def holder(self, holder_id: HolderId) -> Holder | None:
        """Return a holder."""
        return self._holders.get(holder_id)

    def credential(self, credential_id: CredentialId) -> Credential | None:
        """Return a credential."""
        return self._credentials.get(credential_id)

    def holders(self) -> Iterable[Holder]:
        """Return all holders, in no order."""
        return self._holders.values()

    def credentials(self) -> Iterable[Credential]:
        """Return all credentials, in no order."""
        return self._credentials.values()

    def credentials_of(self, holder_id: HolderId) -> list[Credential]:
        """Return all credentials of a holder, oldest first."""
        return [self._credentials[key] for key in self._keys.get(holder_id, ())]

    def administrators(self) -> list[Holder]:
        """Return the administrators who ever had a key, suspended ones too.

        While there is none, the machine's own users order what is to be done.
        """
        admins = [one for one in self._holders.values() if one.role is Role.ADMIN]
        return [one for one in admins if self._keys.get(one.id)]

    def check(self, ev: str, what: Mapping[str, Any]) -> None:
        """Say whether this change would be legal now.

        Raises:
            RegistryError: why not.
        """
        if (fold := _FOLDS.get(ev)) is not None:
            fold(self, what)
        self.passages.read(self._entries, ev, what, self._groups_of)
        self.directory.read(self._entries, ev, what, self.holder)

    def check_all(self, changes: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Say whether these changes would be legal now, one after the other.

        Raises:
            RegistryError: why not.
        """
        if len(changes) == 1:
            return self.check(*changes[0])
        draft = Registry()
        draft._holders = ChainMap({}, self._holders)
        draft._credentials = ChainMap({}, self._credentials)
        draft._keys = ChainMap({}, self._keys)
        draft.policy = self.policy
        for ev, what in changes:
            draft._fold_in(ev, what)
            self.passages.read(self._entries, ev, what, draft._groups_of)
            self.directory.read(self._entries, ev, what, draft.holder)
        return None

    def apply(self, n: int, ev: str, what: Mapping[str, Any]) -> None:
        """Fold in entry `n`. Entries of other kinds only move `entries` on.

        Raises:
            RegistryError: the entry is not after the last one, or the change that it
                describes is illegal; then nothing has changed.
        """
        if n < self._entries:
            raise RegistryError(f"Entry {n} is already part of the registry.")
        told = self.passages.read(n, ev, what, self._groups_of)
        noted = self.directory.read(n, ev, what, self.holder)
        self._fold_in(ev, what)
        if told is not None:
            self.passages.tell(n, told)
        if noted is not None:
            self.directory.tell(noted)
        self._entries = n + 1

    def _fold_in(self, ev: str, what: Mapping[str, Any]) -> None:
        changed = fold(self, what) if (fold := _FOLDS.get(ev)) is not None else None
        if isinstance(changed, Holder):
            self._holders[changed.id] = changed
        elif isinstance(changed, Credential):
            self._install(changed)
        elif changed is not None:
            self.policy = changed

    def _install(self, credential: Credential) -> None:
        if credential.id not in self._credentials:
            keys = self._keys.get(credential.holder_id, ())
            self._keys[credential.holder_id] = (*keys, credential.id)
        self._credentials[credential.id] = credential

    def snapshot(self) -> RegistrySnapshot:
        """Return all of it as it stands, sorted by id."""
        return RegistrySnapshot(
            self._entries,
            tuple(sorted(self._holders.values(), key=lambda holder: holder.id)),
            tuple(sorted(self._credentials.values(), key=lambda one: one.id)),
            tuple(self.passages.rows()),
            tuple(self.directory.rows()),
        )

    def _groups_of(self, holder_id: HolderId) -> tuple[GroupId, ...]:
        holder = self._holders.get(holder_id)
        return () if holder is None else holder.groups


Changed = Holder | Credential | PolicyStanding | None


def is_erased(holder: Holder | None) -> bool:
    """Tell whether this is a holder whose name the ledger ordered gone."""
    return holder is not None and holder.name_commitment == ERASED_NAME


def _fold_holder(registry: Registry, what: Mapping[str, Any]) -> Changed:
    holder = Holder.from_row(what)
    if is_erased(holder) or is_erased(registry.holder(holder.id)):
        raise RegistryError(
            f"Holder {holder.id} was erased, and a pseudonym is never used again."
        )
    if holder.role is not Role.ADMIN:
        _check_other_administrator(registry, holder.id)
    return holder


def _check_other_administrator(registry: Registry, holder_id: HolderId) -> None:
    """The last one keeps the role: without any, users would order by their word."""
    before = registry.holder(holder_id)
    was_admin = before is not None and before.role is Role.ADMIN
    if was_admin and [one.id for one in registry.administrators()] == [holder_id]:
        raise RegistryError(
            f"{holder_id} is the only administrator; enrol another one first."
        )


def _fold_erase(registry: Registry, what: Mapping[str, Any]) -> Changed:
    """A tombstone; also for a holder of whom the ledger knew nothing but now this."""
    holder_id = HolderId(word(what, "holder", is_identifier))
    if is_erased(registry.holder(holder_id)):
        raise RegistryError(f"Holder {holder_id} was erased already.")
    _check_other_administrator(registry, holder_id)
    return Holder(holder_id, ERASED_NAME, (), 0, 0, suspended=True)


def _fold_enrol(registry: Registry, what: Mapping[str, Any]) -> Changed:
    credential = Credential.from_row(what)
    if registry.credential(credential.id) is not None:
        raise RegistryError("This credential is already enrolled.")
    holder = registry.holder(credential.holder_id)
    if holder is None or is_erased(holder):
        raise RegistryError(f"Holder {credential.holder_id} is not registered.")
    if credential.algorithm is None:
        raise RegistryError("This credential's public key is not ES256 or EdDSA.")
    if credential.state is not CredentialState.ACTIVE:
        raise RegistryError("A credential is enrolled as active.")
    return credential


def _fold_state(registry: Registry, what: Mapping[str, Any]) -> Changed:
    credential = _known(registry, what)
    state = STATES[word(what, "state", STATES.__contains__)]
    if (credential.state, state) not in STATE_CHANGES:
        raise RegistryError(
            f"A credential cannot go from {credential.state.value} to {state.value}."
        )
    return replace(credential, state=state)


def _fold_use(registry: Registry, what: Mapping[str, Any]) -> Changed:
    """A grant, or a denial of an authentic answer: the counter has moved on.

    Judged by assertion before it was written. Two answers that were in flight at once
    may stand in the ledger in the other order; the higher counter is the one to beat.
    """
    if "counter" not in what:
        return None
    credential = _known(registry, what)
    counter = number(what, "counter", COUNTER_MAX)
    return replace(credential, counter=max(counter, credential.counter))


def _fold_policy(_: Registry, what: Mapping[str, Any]) -> Changed:
    return PolicyStanding.read(what)


def _fold_policy_stands(registry: Registry, what: Mapping[str, Any]) -> Changed:
    return said_again(registry.policy, what)


_FOLDS: Final[Mapping[str, Callable[[Registry, Mapping[str, Any]], Changed]]] = {
    "holder": _fold_holder,
    "erase": _fold_erase,
    "enrol": _fold_enrol,
    "credential.state": _fold_state,
    "door.grant": _fold_use,
    "door.deny": _fold_use,
    "order.signed": _fold_use,
    "order.refused": _fold_use,
    POLICY: _fold_policy,
    POLICY_STANDS: _fold_policy_stands,
}

FOLDED: Final = frozenset(_FOLDS) | PASSAGE_ENTRIES | DIRECTORY_ENTRIES
"""The kinds of entries that change the registry; a replay needs no others."""


def _known(registry: Registry, what: Mapping[str, Any]) -> Credential:
    credential = registry.credential(credential_id_in(what))
    if credential is None:
        raise RegistryError("This credential is not enrolled.")
    return credential
