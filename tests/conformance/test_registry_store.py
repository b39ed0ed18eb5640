"""ports.RegistryStore: what was saved comes back whole, or nothing comes back."""

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.registry_store import SqliteRegistryStore
from gateway.core.facts import CredentialState
from gateway.core.ids import CredentialId, HolderId, PeerAddress
from gateway.core.registry import RegistrySnapshot
from tests.desk import Desk, SoftKey, key_number

ADDRESS = PeerAddress("C0:FF:EE:00:00:01")


def snapshot(holders: int = 3) -> RegistrySnapshot:
    desk = Desk()
    for n in range(holders):
        holder = desk.holder(
            id=HolderId(f"h-{n}"), suspended=n % 2 == 0, until_ms=n and 10**12 + n
        )
        desk.tell("holder", holder.row())
        desk.key = SoftKey(CredentialId(bytes([n]) * 16), key_number(n + 2))
        desk.tell("enrol", desk.enrolled(holder_id=holder.id, counter=2**32 - 1).row())
        state = CredentialState.REVOKED if n else CredentialState.ACTIVE
        if state is CredentialState.REVOKED:
            desk.tell(
                "credential.state",
                {
                    "credential": desk.enrolled().row()["credential"],
                    "reason": "lost",
                    "state": state.value,
                },
            )
    return desk.registry.snapshot()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


def test_before_the_first_there_is_none_and_asking_makes_no_file(path: Path) -> None:
    store = SqliteRegistryStore(path)
    assert store.load() is None
    assert store.addresses() == {}
    assert not path.exists()


@pytest.mark.parametrize("holders", [0, 1, 40])
def test_what_was_saved_comes_back_with_the_same_digest(
    path: Path, holders: int
) -> None:
    saved = snapshot(holders)
    SqliteRegistryStore(path).save(saved)
    loaded = SqliteRegistryStore(path).load()
    assert loaded == saved
    assert loaded is not None
    assert loaded.digest() == saved.digest()


def test_members_that_few_rows_have_come_back_too(path: Path) -> None:
    plain = snapshot(250)
    last, key = plain.holders[-1], plain.credentials[-1]
    saved = replace(
        plain,
        holders=(*plain.holders[:-1], replace(last, uses_max=3, extended=True)),
        credentials=(*plain.credentials[:-1], replace(key, duress=True)),
        passages=({"door": "front", "entry": 7, "kind": "exit"},),
    )
    SqliteRegistryStore(path).save(saved)
    loaded = SqliteRegistryStore(path).load()
    assert loaded is not None
    assert loaded.digest() == saved.digest()
    assert loaded == saved


def test_a_new_snapshot_replaces_the_old_one_and_keeps_the_hints(path: Path) -> None:
    store = SqliteRegistryStore(path)
    store.remember_address(ADDRESS, b"1" * 16)
    store.save(snapshot(5))
    store.save(snapshot(2))
    assert store.load() == snapshot(2)
    assert store.addresses() == {ADDRESS: b"1" * 16}


def test_an_empty_registry_is_a_snapshot_too(path: Path) -> None:
    empty = RegistrySnapshot(7, (), ())
    store = SqliteRegistryStore(path)
    store.save(snapshot(2))
    store.save(empty)
    assert store.load() == empty


def test_the_newest_hint_of_an_address_counts(path: Path) -> None:
    store = SqliteRegistryStore(path)
    store.remember_address(ADDRESS, b"1" * 16)
    store.remember_address(ADDRESS, b"2" * 16)
    assert store.addresses() == {ADDRESS: b"2" * 16}
    assert store.load() is None


def test_the_file_is_this_users_alone(path: Path) -> None:
    SqliteRegistryStore(path).save(snapshot())
    assert path.stat().st_mode & 0o777 == 0o600


def edit(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


EDITS = [
    ("DROP TABLE covers",),
    ("DELETE FROM covers",),
    ("INSERT INTO covers VALUES(999)",),
    ("DROP TABLE covers", "CREATE TABLE covers(entries)"),
    ("DROP TABLE covers", "CREATE TABLE covers AS SELECT 'x' AS entries"),
    ("DROP TABLE covers", "CREATE TABLE covers AS SELECT 1 AS other"),
    ("DROP TABLE holders",),
    ("DROP TABLE holders", "CREATE VIEW holders AS SELECT 1"),
    ("DROP TABLE holders", "CREATE TABLE holders AS SELECT 1 AS x"),
    ("UPDATE holders SET groups = '['",),
    ("UPDATE holders SET groups = '" + "[" * 100_000 + "'",),
    ("UPDATE holders SET groups = '{}'",),
    ("UPDATE holders SET groups = '[1]'",),
    ("UPDATE holders SET state = 'king'",),
    ("UPDATE holders SET from_ms = -1",),
    ("UPDATE holders SET name = CAST(X'FFFE' AS TEXT)",),
    ("UPDATE credentials SET public_key = 'AAAA='",),
    ("UPDATE credentials SET counter = 9223372036854775807",),
    ("UPDATE credentials SET state = NULL",),
    ("ALTER TABLE credentials DROP COLUMN model",),
]


@pytest.mark.parametrize("statements", EDITS, ids=lambda s: s[-1][:50])
def test_what_was_edited_is_no_snapshot_and_the_next_save_heals_it(
    path: Path, statements: tuple[str, ...]
) -> None:
    store = SqliteRegistryStore(path)
    store.save(snapshot())
    edit(path, *statements)
    assert store.load() is None
    store.save(snapshot())
    assert store.load() == snapshot()


def test_an_edit_that_reads_well_changes_the_digest(path: Path) -> None:
    store = SqliteRegistryStore(path)
    store.save(snapshot())
    edit(path, "UPDATE credentials SET state = 'active'")
    loaded = store.load()
    assert loaded is not None
    assert loaded.digest() != snapshot().digest()


def test_more_rows_than_there_can_be_are_not_read(path: Path) -> None:
    store = SqliteRegistryStore(path)
    store.save(snapshot())
    edit(
        path,
        "DROP TABLE holders",
        "CREATE TABLE holders AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL "
        "SELECT i+1 FROM n LIMIT 100002) SELECT i FROM n",
    )
    assert store.load() is None


def test_hints_of_rubbish_are_left_out(path: Path) -> None:
    store = SqliteRegistryStore(path)
    store.remember_address(ADDRESS, b"1" * 16)
    store.remember_address(PeerAddress("not an address"), b"1" * 16)
    store.remember_address(PeerAddress("C0:FF:EE:00:00:02"), b"short")
    edit(
        path,
        "INSERT INTO addresses SELECT 'C0:FF:EE:00:00:03', NULL",
        "INSERT INTO addresses WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL "
        "SELECT i+1 FROM n LIMIT 10000) SELECT 'x' || i, 'y' FROM n",
    )
    assert store.addresses() == {ADDRESS: b"1" * 16}


def test_a_file_that_is_begun_anew_keeps_the_hints_that_it_has(path: Path) -> None:
    store = SqliteRegistryStore(path)
    store.remember_address(ADDRESS, b"1" * 16)
    edit(path, "CREATE VIEW holders AS SELECT 1")
    store.save(snapshot())
    assert store.load() == snapshot()
    assert store.addresses() == {ADDRESS: b"1" * 16}


def test_somebody_who_looks_at_the_file_holds_nothing_up(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteRegistryStore(path)
    store.save(snapshot(1))
    with closing(sqlite3.connect(path, isolation_level=None)) as somebody:
        somebody.execute("BEGIN EXCLUSIVE")
        started_s = time.perf_counter()
        store.save(snapshot(2))
        assert time.perf_counter() - started_s < 3
        assert store.load() is None
    assert "was not written" in caplog.text
    assert store.load() == snapshot(1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bytes_of_rubbish_never_raise(path: Path, data: st.DataObject) -> None:
    store = SqliteRegistryStore(path)
    path.unlink(missing_ok=True)
    store.save(snapshot())
    good = path.read_bytes()
    start = data.draw(st.integers(0, len(good)))
    stop = data.draw(st.integers(start, min(len(good), start + 400)))
    path.write_bytes(good[:start] + data.draw(st.binary(max_size=400)) + good[stop:])
    loaded = store.load()
    assert loaded is None or isinstance(loaded, RegistrySnapshot)
    assert isinstance(store.addresses(), dict)
    store.save(snapshot())
    assert store.load() == snapshot()


def test_a_disk_that_takes_nothing_is_told_and_harmless(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteRegistryStore(tmp_path / "missing" / "registry.db")
    store.save(snapshot())
    store.remember_address(ADDRESS, b"1" * 16)
    assert store.load() is None
    assert caplog.text.count("was not written") == 2
