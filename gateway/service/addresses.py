"""Which credential to ask of which bonded address: hints, never a reason to open."""

from typing import Final

from gateway.core.facts import CredentialState
from gateway.core.ids import CredentialId, PeerAddress
from gateway.core.registry import Registry
from gateway.ports import RegistryStore

UNFINISHED: Final = bytes(16)
"""Marks the address of a key that is pairing; no credential has this id."""


class KnownAddresses:
    """The hints of one gateway, in memory and in the store."""

    def __init__(self, store: RegistryStore, registry: Registry) -> None:
        self._store: Final = store
        self._registry: Final = registry
        stored = {
            address: CredentialId(credential_id)
            for address, credential_id in store.addresses().items()
        }
        self._known: Final = {
            address: credential_id
            for address, credential_id in stored.items()
            if registry.credential(credential_id) is not None
        }
        self._unfinished: Final = {
            address for address in stored if address not in self._known
        }

    @property
    def unfinished(self) -> frozenset[PeerAddress]:
        """Keys that began to pair and hold no credential: their ceremony was cut."""
        return frozenset(self._unfinished)

    @property
    def revoked(self) -> frozenset[PeerAddress]:
        """Where keys were whose credential is revoked."""
        return frozenset(
            address
            for address, credential_id in self._known.items()
            if (one := self._registry.credential(credential_id)) is not None
            and one.state is CredentialState.REVOKED
        )

    def credential_at(self, address: PeerAddress) -> CredentialId | None:
        """Return what the key there is asked for; None for a stranger."""
        return self._known.get(address)

    def pairing(self, address: PeerAddress) -> None:
        """Mark a key before it pairs, unless it is known already."""
        if address not in self._known:
            self._unfinished.add(address)
            self._store.remember_address(address, UNFINISHED)

    def about_to_enrol(self, address: PeerAddress, credential_id: CredentialId) -> None:
        """Store the hint before the entry: a key that is enrolled is always found."""
        self._store.remember_address(address, credential_id)

    def remember(self, address: PeerAddress, credential_id: CredentialId) -> None:
        """Ask the key there for that credential from now on."""
        self._unfinished.discard(address)
        self._known[address] = credential_id
        self._store.remember_address(address, credential_id)

    def forget(self, address: PeerAddress) -> None:
        """Ask the key there for nothing any more."""
        self._unfinished.discard(address)
        self._known.pop(address, None)
        self._store.forget_address(address)

    def keep(self, address: PeerAddress) -> None:
        """Store what is known of an address again, after a ceremony that failed."""
        known = self._known.get(address)
        if known is not None:
            self._store.remember_address(address, known)
