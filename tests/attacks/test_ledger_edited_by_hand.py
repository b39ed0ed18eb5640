"""Somebody edits the ledger's file, without its key: the gateway folds none of it.

The edits are in the past, beneath a tile whose root is stored, where a writer that
opens the ledger does not look again.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.adapters.ledger_journal import LedgerHistory
from gateway.adapters.registry_store import SqliteRegistryStore
from gateway.core import entries
from gateway.core.facts import CredentialState
from gateway.core.registry import Registry
from gateway.errors import JournalError
from gateway.service.recovery import recover
from ledger.entry import Draft, Stamp, parse_entry
from ledger.keys import SigningKey
from ledger.prune import prune
from ledger.reader import Reader
from ledger.tree import leaf_hash
from ledger.writer import Writer, initialise
from tests.desk import Desk

KEY = SigningKey.from_seed(bytes(32))
STAMP = Stamp(1_800_000_000_000, "0" * 16, 5, 1_000)
FILLERS = 300
REVOKED_N = 3

Edit = Callable[[sqlite3.Connection], object]


def drafts() -> list[Draft]:
    """A holder whose credential was revoked, and a long time since."""
    desk = Desk()
    revoked = entries.credential_state_record(
        desk.key.id, CredentialState.REVOKED, "administration", entries.BY_GATEWAY
    )
    return [
        Draft("holder", desk.holder().row()),
        Draft("enrol", desk.enrolled().row()),
        Draft(revoked.ev, revoked.what),
        *[Draft("door.closed", {"door": "front"})] * FILLERS,
    ]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    initialise(path, "site.example/gw-1", KEY, STAMP)
    writer = Writer.open(path, KEY)
    for draft in drafts():
        writer.append([draft], STAMP)
    writer.close()
    return path


def edit(path: Path, change: Edit) -> None:
    """Change the file as its owner can: the triggers go, and come back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type='trigger'"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        change(connection)
        for _, sql in triggers:
            connection.execute(sql)
    Writer.open(path, KEY).close()  # which does not see it


def replaced(old: bytes, new: bytes) -> Edit:
    def change(connection: sqlite3.Connection) -> None:
        (body,) = connection.execute(
            "SELECT body FROM entry WHERE n=?", (REVOKED_N,)
        ).fetchone()
        assert old in body
        connection.execute(
            "UPDATE entry SET body=? WHERE n=?", (body.replace(old, new), REVOKED_N)
        )

    return change


def swapped(connection: sqlite3.Connection) -> None:
    for here, there in [(1, -1), (REVOKED_N, 1), (-1, REVOKED_N)]:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        connection.execute("UPDATE entry SET n=? WHERE n=?", (there, here))


def recovered(path: Path, folder: Path) -> Registry:
    return recover(
        LedgerHistory(path), SqliteRegistryStore(folder / "registry.db")
    ).registry


def test_untouched_it_is_folded(ledger: Path, tmp_path: Path) -> None:
    (credential,) = recovered(ledger, tmp_path).credentials()
    assert credential.state is CredentialState.REVOKED


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(replaced(b"credential.state", b"nothing"), id="kind"),
        pytest.param(replaced(b'"state":"revoked"', b'"state":"suspended"'), id="word"),
        pytest.param(replaced(b'"at":1', b'"at":2'), id="time"),
        pytest.param(lambda c: c.execute("DELETE FROM entry WHERE n=3"), id="dropped"),
        pytest.param(
            lambda c: c.execute("DELETE FROM entry WHERE n BETWEEN 3 AND 20"),
            id="many-dropped",
        ),
        pytest.param(lambda c: c.execute("DELETE FROM entry WHERE n<9"), id="start"),
        pytest.param(swapped, id="swapped"),
    ],
)
def test_an_edit_in_the_past_keeps_the_door_shut(
    ledger: Path, tmp_path: Path, change: Edit
) -> None:
    edit(ledger, change)
    with pytest.raises(JournalError):
        recovered(ledger, tmp_path)


def test_entries_cut_out_behind_a_snapshot_are_missed(
    ledger: Path, tmp_path: Path
) -> None:
    """The snapshot is genuine, from before the revocation; what followed is gone."""
    registry = Registry()
    for n, draft in enumerate([Draft("genesis", {}), *drafts()[:2]]):
        registry.apply(n, draft.ev, draft.what)
    assert registry.entries == REVOKED_N
    snapshot = registry.snapshot()
    writer = Writer.open(ledger, KEY)
    vouching = entries.registry_record(snapshot)
    writer.append([Draft(vouching.ev, vouching.what)], STAMP)
    writer.close()
    SqliteRegistryStore(tmp_path / "registry.db").save(snapshot)
    (credential,) = recovered(ledger, tmp_path).credentials()
    assert credential.state is CredentialState.REVOKED
    edit(ledger, lambda c: c.execute("DELETE FROM entry WHERE n=3"))
    with pytest.raises(JournalError):
        recovered(ledger, tmp_path)


def test_a_past_declared_pruned_is_no_past_of_a_snapshot(ledger: Path) -> None:
    edit(
        ledger,
        lambda c: (
            c.execute("DELETE FROM entry WHERE n<10"),
            c.execute("INSERT INTO base VALUES(10, ?)", (bytes(32),)),
        ),
    )
    for first in (0, 2):
        with pytest.raises(JournalError):
            list(LedgerHistory(ledger).entries(first))


def test_a_past_that_no_prune_took_away_restates_nothing(ledger: Path) -> None:
    """The right hash makes the rest a chain; but nobody signed a prune."""
    with Reader.open(ledger) as reader:
        leaves = [(n, leaf_hash(reader.entry(n))) for n in range(10)]
    edit(
        ledger,
        lambda c: (
            c.execute("DELETE FROM entry WHERE n<10"),
            c.execute("INSERT INTO base VALUES(10, ?)", (leaves[-1][1],)),
            c.executemany("INSERT OR IGNORE INTO tile VALUES(0,?,?)", leaves),
        ),
    )
    history = LedgerHistory(ledger)
    assert sum(1 for _ in history.entries(0)) == history.size() - 10
    with pytest.raises(JournalError, match="no entry says that it was pruned"):
        list(history.restated())


def test_what_never_stood_before_the_base_is_not_restated(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    initialise(path, "site.example/gw-1", KEY, STAMP)
    with closing(Writer.open(path, KEY)) as writer:
        writer.append(drafts(), STAMP)
        writer.checkpoint()
        base = writer.size
    prune(path, KEY, base, [1, 2, REVOKED_N], STAMP)
    assert [past.n for past in LedgerHistory(path).restated()] == [1, 2, REVOKED_N]
    with closing(Writer.open(path, KEY)) as writer, Reader.open(path) as reader:
        lie = dict(parse_entry(reader.entry(base)).what)
        lie["entry"] = str(lie["entry"]).replace('"boot":"0', '"boot":"1')
        writer.append([Draft("restate", lie)], STAMP)
    with pytest.raises(JournalError, match="never stood there"):
        list(LedgerHistory(path).restated())
