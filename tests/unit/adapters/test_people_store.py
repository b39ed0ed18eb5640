"""Names: committed with salt, revealed while they are there, and gone when erased."""

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.people_store import (
    SALT_BYTES,
    VALUE_CHARS_MAX,
    SqlitePeopleStore,
    commitment_of,
)
from gateway.errors import RegistryError
from gateway.sim.entropy import SeededEntropy

NAME = "Ångström-Öhler, Zoë"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.db"


@pytest.fixture
def store(path: Path) -> SqlitePeopleStore:
    return SqlitePeopleStore(path, SeededEntropy(1))


def commit(store: SqlitePeopleStore, subject: str, value: str) -> str:
    opening = store.seal(value)
    store.keep(subject, opening)
    return opening.commitment


def everything(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def test_a_commitment_is_the_hash_that_the_ledgers_page_describes() -> None:
    salt = bytes(range(SALT_BYTES))
    preimage = b"keyra/commit/v1\0" + salt + rfc8785.dumps({"v": NAME})
    assert commitment_of(salt, NAME) == sha256(preimage).hexdigest()


def test_a_name_comes_back_and_two_commitments_to_it_differ(
    store: SqlitePeopleStore,
) -> None:
    first, second = commit(store, "h-1", NAME), commit(store, "h-1", NAME)
    assert first != second
    assert store.reveal(first) == store.reveal(second) == NAME


def test_erasing_leaves_the_name_in_no_file_and_others_alone(
    store: SqlitePeopleStore, path: Path
) -> None:
    gone = [commit(store, "h-1", f"{NAME} {n}") for n in range(200)]
    kept = commit(store, "h-2", "Somebody Else")
    assert NAME.encode() in everything(path.parent)
    assert store.erase("h-1") == 200
    assert NAME.encode() not in everything(path.parent)
    assert b"h-1" not in everything(path.parent)
    assert [store.reveal(commitment) for commitment in gone] == [None] * 200
    assert store.reveal(kept) == "Somebody Else"
    assert store.erase("h-1") == 0


def test_several_are_erased_at_once_and_one_opening_can_be_withdrawn(
    store: SqlitePeopleStore, path: Path
) -> None:
    assert not store.knows("h-1")
    assert store.erase("h-1") == 0
    assert not path.exists()  # nothing to erase is no reason for a file
    kept, wrong = commit(store, "h-1", "Kept Name"), commit(store, "h-1", NAME)
    for subject in ("h-2", "h-3"):
        commit(store, subject, NAME)
    store.withdraw(wrong)
    assert store.reveal(wrong) is None
    assert store.knows("h-1")
    assert store.knows("h-2")
    assert store.erase("h-2", "h-3", "h-4") == 2
    assert not store.knows("h-2")
    assert NAME.encode() not in everything(path.parent)
    assert store.reveal(kept) == "Kept Name"


def test_a_vacuum_that_is_owed_is_made_up_for(
    store: SqlitePeopleStore, path: Path
) -> None:
    for n in range(100):
        commit(store, f"h-{n}", f"{NAME} {n}" * 4)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("BEGIN")  # as an erase that was killed before its VACUUM
        connection.execute("DELETE FROM opening WHERE subject='h-7'")
        connection.execute("PRAGMA user_version=1")
        connection.execute("COMMIT")
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute("DELETE FROM opening WHERE subject<>'h-1'")
    assert f"{NAME} 7".encode() in everything(path.parent)
    assert store.erase() == 0
    assert f"{NAME} 7".encode() not in everything(path.parent)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA page_count").fetchone()[0] < pages
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)


def test_a_write_ahead_log_that_somebody_began_keeps_nothing(
    store: SqlitePeopleStore, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        commit(store, "h-1", NAME)
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("INSERT INTO opening VALUES('c','h-2',x'00',?)", (f"{NAME} 2",))
        with pytest.raises(RegistryError, match="people database"):
            store.erase("h-1", "h-2")
    assert store.erase("h-1", "h-2") == 2
    assert NAME.encode() not in everything(path.parent)
    assert not path.with_name("people.db-wal").exists()


def test_who_is_known_cannot_be_said_of_a_file_of_rubbish(
    store: SqlitePeopleStore, path: Path
) -> None:
    path.write_bytes(b"rubbish" * 100)
    with pytest.raises(RegistryError, match="people database"):
        store.knows("h-1")


def test_the_file_is_this_users_alone(store: SqlitePeopleStore, path: Path) -> None:
    commit(store, "h-1", NAME)
    path.chmod(0o644)
    commit(store, "h-1", NAME)
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_edited_row_reveals_nothing(store: SqlitePeopleStore, path: Path) -> None:
    commitment = commit(store, "h-1", NAME)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE opening SET value='The Director'")
        connection.commit()
    assert store.reveal(commitment) is None


def test_many_names_are_read_at_once_and_one_that_was_edited_hides_no_other(
    store: SqlitePeopleStore, path: Path
) -> None:
    first, second, third = (commit(store, f"h-{n}", f"Name {n}") for n in range(3))
    assert store.reveal_all(()) == {}
    assert store.subjects() == {"h-0", "h-1", "h-2"}
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE opening SET value=CAST(x'ff' AS TEXT) WHERE commitment=?", (first,)
        )
        connection.commit()
    found = store.reveal_all((first, second, "0" * 64, third))
    assert found == {second: "Name 1", third: "Name 2"}


@pytest.mark.parametrize(
    "value", ["", "x" * (VALUE_CHARS_MAX + 1), "a\nb", "\x1b[31m", "\ud800"]
)
def test_what_is_no_name_is_refused(store: SqlitePeopleStore, value: str) -> None:
    with pytest.raises(RegistryError, match="printable"):
        commit(store, "h-1", value)


def test_before_the_first_name_nothing_is_revealed_and_no_file_made(
    store: SqlitePeopleStore, path: Path
) -> None:
    assert store.reveal("0" * 64) is None
    assert not path.exists()


def test_a_complaint_of_sqlite_that_is_no_text_is_a_sentence(
    store: SqlitePeopleStore, path: Path
) -> None:
    """It quotes the table's definition, which is rubbish here."""
    commit(store, "h-1", NAME)
    path.write_bytes(
        path.read_bytes().replace(b"commitment TEXT", b"commitment \x80EXT")
    )
    with pytest.raises(RegistryError, match="cannot be changed"):
        commit(store, "h-2", "X")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_of_rubbish_reveals_nothing_wrong(
    store: SqlitePeopleStore, path: Path, data: st.DataObject
) -> None:
    path.unlink(missing_ok=True)
    commitment = commit(store, "h-1", NAME)
    good = path.read_bytes()
    start = data.draw(st.integers(0, len(good)))
    stop = data.draw(st.integers(start, min(len(good), start + 400)))
    path.write_bytes(good[:start] + data.draw(st.binary(max_size=400)) + good[stop:])
    assert store.reveal(commitment) in (NAME, None)
    for change in (lambda: commit(store, "h-2", "X"), lambda: store.erase("h-1")):
        try:
            change()
        except RegistryError as error:
            assert "people database" in str(error)  # noqa: PT017 - both ends are right


def test_an_alias_is_found_and_stands_nowhere(
    store: SqlitePeopleStore, path: Path
) -> None:
    assert store.find_alias("ada") == ()
    opening = store.seal_alias("ada")
    assert store.find_alias("ada") == ()  # nothing is kept yet
    store.keep("h-1", opening)
    again = SqlitePeopleStore(path, SeededEntropy(2))
    assert again.find_alias("ada") == (opening.commitment,)
    assert again.find_alias("Ada") == ()
    # Salted anew each time, under the same secret.
    other = again.seal_alias("ada")
    assert other.commitment != opening.commitment
    assert other.value == opening.value
    assert "ada" not in other.value
    assert b"ada" not in path.read_bytes()


def test_an_erased_holders_alias_is_found_no_more(
    store: SqlitePeopleStore, path: Path
) -> None:
    store.keep("h-1", opening := store.seal_alias("ada"))
    assert store.erase("h-1") == 1
    assert store.find_alias("ada") == ()
    assert opening.salt not in path.read_bytes()


def test_an_alias_that_was_edited_finds_nothing(
    store: SqlitePeopleStore, path: Path
) -> None:
    store.keep("h-1", store.seal_alias("ada"))
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE opening SET salt=zeroblob(32)")
        database.commit()
    assert store.find_alias("ada") == ()


def test_aliases_of_a_file_without_their_secret_or_of_rubbish(
    store: SqlitePeopleStore, path: Path
) -> None:
    commit(store, "h-1", NAME)
    assert store.find_alias("ada") == ()
    path.write_bytes(b"rubbish" * 999)
    with pytest.raises(RegistryError, match="cannot be read"):
        store.find_alias("ada")
    with pytest.raises(RegistryError, match="cannot be changed"):
        store.seal_alias("ada")
