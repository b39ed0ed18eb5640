"""The registry at start is what the ledger says, whoever edited its snapshot."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from gateway.core import entries
from gateway.core.entries import Record
from gateway.core.facts import CredentialState, Mode
from gateway.core.ids import PeerAddress
from gateway.core.registry import Registry, RegistrySnapshot
from gateway.errors import JournalError
from gateway.ports import PastEntry
from gateway.service.recovery import SNAPSHOT_SEARCH_ENTRIES_MAX, recover
from tests.touches import CREDENTIAL_ID, HERE, HOLDER, Touches


class Past:
    """ports.History over a list."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records
        self.read = 0

    def size(self) -> int:
        return len(self._records)

    def base(self) -> int:
        return 0

    def restated(self) -> Iterator[PastEntry]:
        raise AssertionError("a whole past restates nothing")

    def entries(self, first: int) -> Iterator[PastEntry]:
        for n in range(first, len(self._records)):
            self.read += 1
            yield PastEntry(n, self._records[n].ev, self._records[n].what)


class Shelf:
    """ports.RegistryStore with one snapshot, or none."""

    def __init__(self, snapshot: RegistrySnapshot | None = None) -> None:
        self.snapshot = snapshot

    def load(self) -> RegistrySnapshot | None:
        return self.snapshot

    def save(self, snapshot: RegistrySnapshot) -> None:
        self.snapshot = snapshot

    def addresses(self) -> Mapping[PeerAddress, bytes]:
        return {}

    def remember_address(self, address: PeerAddress, credential_id: bytes) -> None:
        """Nobody asks here."""

    def forget_address(self, address: PeerAddress) -> None:
        """Nor here."""


def mode(wish: Mode) -> Record:
    return entries.mode_record(HERE, wish, entries.BY_GATEWAY)


def state(wish: CredentialState) -> Record:
    return entries.credential_state_record(
        CREDENTIAL_ID, wish, "administration", entries.BY_GATEWAY
    )


@pytest.fixture
def enrolled() -> list[Record]:
    credential: dict[str, Any] = dict(Touches()._credential().row())
    del credential["state"]
    return [
        Record("genesis", {}),
        entries.holder_record(HOLDER, entries.BY_GATEWAY),
        Record("enrol", credential),
    ]


def snapshot_of(records: list[Record]) -> RegistrySnapshot:
    registry = Registry()
    for n, record in enumerate(records):
        registry.apply(n, record.ev, record.what)
    return registry.snapshot()


def vouched(records: list[Record]) -> tuple[list[Record], RegistrySnapshot]:
    snapshot = snapshot_of(records)
    return [*records, entries.registry_record(snapshot)], snapshot


def state_in(registry: Registry) -> CredentialState:
    credential = registry.credential(CREDENTIAL_ID)
    assert credential is not None
    return credential.state


def test_an_empty_ledger() -> None:
    recovered = recover(Past([]), Shelf())
    assert (recovered.edited, recovered.folded) == (False, 0)
    assert not recovered.orders
    assert recovered.registry.entries == 0


def test_without_a_snapshot_all_is_read(enrolled: list[Record]) -> None:
    records = [*enrolled, mode(Mode.LOCKED_DOWN), state(CredentialState.SUSPENDED)]
    recovered = recover(Past(records), Shelf())
    assert (recovered.edited, recovered.folded) == (False, 5)
    assert set(recovered.orders) == {Mode.LOCKED_DOWN}
    assert state_in(recovered.registry) is CredentialState.SUSPENDED


def test_a_snapshot_is_read_on_from(enrolled: list[Record]) -> None:
    records, snapshot = vouched(enrolled)
    records += [state(CredentialState.REVOKED), mode(Mode.LOCKED_DOWN)]
    recovered = recover(Past(records), Shelf(snapshot))
    assert (recovered.edited, recovered.folded) == (False, 3)
    assert state_in(recovered.registry) is CredentialState.REVOKED
    assert set(recovered.orders) == {Mode.LOCKED_DOWN}


def test_every_edit_is_noticed(enrolled: list[Record]) -> None:
    enrolled.append(state(CredentialState.REVOKED))
    records, snapshot = vouched(enrolled)
    (credential,) = snapshot.credentials
    (holder,) = snapshot.holders
    active = replace(credential, state=CredentialState.ACTIVE)
    for edited in (
        replace(snapshot, credentials=(active,)),
        replace(snapshot, credentials=()),
        replace(snapshot, credentials=(replace(credential, counter=7),)),
        replace(snapshot, holders=(replace(holder, suspended=True),)),
        replace(snapshot, holders=()),
        replace(snapshot, entries=snapshot.entries - 1),
        replace(snapshot, entries=0),
        replace(snapshot, entries=10_000),
    ):
        recovered = recover(Past(records), Shelf(edited))
        assert recovered.edited
        assert recovered.folded == len(records)
        assert state_in(recovered.registry) is CredentialState.REVOKED


def test_an_older_snapshot_is_genuine(enrolled: list[Record]) -> None:
    records, old = vouched(enrolled)
    records, _ = vouched([*records, state(CredentialState.REVOKED)])
    recovered = recover(Past(records), Shelf(old))
    assert not recovered.edited
    assert state_in(recovered.registry) is CredentialState.REVOKED


def test_the_search_for_a_voucher_ends(enrolled: list[Record]) -> None:
    snapshot = snapshot_of(enrolled)
    past = Past([*enrolled, *[mode(Mode.LOCKED)] * (2 * SNAPSHOT_SEARCH_ENTRIES_MAX)])
    assert recover(past, Shelf(snapshot)).edited
    assert past.read <= past.size() + SNAPSHOT_SEARCH_ENTRIES_MAX + 1


@pytest.mark.parametrize(
    "wrong",
    [
        Record("credential.state", {"credential": "AA", "state": "revoked"}),
        Record("door.mode", {"door": "front", "mode": "Accessed"}),
        Record("door.mode", {"door": "front"}),
    ],
    ids=["unknown-credential", "unknown-mode", "no-mode"],
)
def test_what_this_gateway_cannot_have_written_is_one_sentence(
    enrolled: list[Record], wrong: Record
) -> None:
    with pytest.raises(JournalError, match="Entry 3 of the ledger is no legal change"):
        recover(Past([*enrolled, wrong]), Shelf())
