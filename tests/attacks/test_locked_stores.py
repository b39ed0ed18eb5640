"""Somebody locks a file of the gateway: the door does not wait for them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter

import pytest

from gateway.adapters.people_store import SqlitePeopleStore
from gateway.adapters.registry_store import SqliteRegistryStore
from gateway.core.ids import PeerAddress
from gateway.errors import RegistryError
from gateway.sim.entropy import SeededEntropy

REVEALS = 20
ADDRESS = PeerAddress("C0:00:00:00:00:01")

# Each call is made on the door's own loop; SQLite's default would be 5 s for each.
READ_S_MAX = 0.5
CHANGE_S_MAX = 1.0


class Elapsed:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._since_s = perf_counter()

    @property
    def s(self) -> float:
        """How many."""
        return perf_counter() - self._since_s


@pytest.fixture
def people(tmp_path: Path) -> SqlitePeopleStore:
    return SqlitePeopleStore(tmp_path / "people.db", SeededEntropy(1))


@pytest.fixture
def registry(tmp_path: Path) -> SqliteRegistryStore:
    store = SqliteRegistryStore(tmp_path / "registry.db")
    store.remember_address(ADDRESS, bytes(32))
    return store


@pytest.fixture
def names(people: SqlitePeopleStore) -> list[str]:
    openings = [people.seal(f"Somebody {n}") for n in range(REVEALS)]
    for n, opening in enumerate(openings):
        people.keep(f"h-{n}", opening)
    return [opening.commitment for opening in openings]


@pytest.fixture
def locked(
    tmp_path: Path, names: list[str], registry: SqliteRegistryStore
) -> Iterator[None]:
    """Another process's transaction on both files, as far as SQLite can tell."""
    assert names
    assert registry.addresses()
    with (
        closing(sqlite3.connect(tmp_path / "people.db", isolation_level=None)) as one,
        closing(sqlite3.connect(tmp_path / "registry.db", isolation_level=None)) as two,
    ):
        one.execute("BEGIN EXCLUSIVE")
        two.execute("BEGIN EXCLUSIVE")
        yield


@pytest.mark.usefixtures("locked")
def test_a_list_of_holders_shows_pseudonyms_while_the_names_are_locked(
    people: SqlitePeopleStore, names: list[str]
) -> None:
    elapsed = Elapsed()
    assert [people.reveal(name) for name in names] == [None] * REVEALS
    assert elapsed.s < READ_S_MAX


@pytest.mark.usefixtures("locked")
def test_a_name_that_cannot_be_kept_is_refused_at_once(
    people: SqlitePeopleStore,
) -> None:
    elapsed = Elapsed()
    with pytest.raises(RegistryError, match="people"):
        people.keep("h-x", people.seal("Somebody Else"))
    assert elapsed.s < CHANGE_S_MAX


@pytest.mark.usefixtures("locked")
def test_a_hint_that_cannot_be_kept_holds_nobody_up(
    registry: SqliteRegistryStore,
) -> None:
    elapsed = Elapsed()
    registry.remember_address(ADDRESS, bytes(range(32)))
    assert elapsed.s < CHANGE_S_MAX


def test_names_are_back_when_the_lock_is_gone(
    people: SqlitePeopleStore, names: list[str], tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "people.db", isolation_level=None)) as one:
        one.execute("BEGIN EXCLUSIVE")
        assert people.reveal(names[0]) is None
        one.execute("ROLLBACK")
    assert people.reveal(names[0]) == "Somebody 0"
