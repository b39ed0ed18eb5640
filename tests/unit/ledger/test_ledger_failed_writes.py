"""Each statement of an append fails once: before it did anything, or after all of it.

Failed and lost, failed but persisted: the writer may say "nothing was written" only
where that is so, and may never go on where it cannot know.
"""

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from ledger import store
from ledger.entry import Draft
from ledger.errors import AppendFailed, StateUnknown
from ledger.verdict import Exit
from ledger.verify import verify_lines
from ledger.writer import Writer
from tests.ledger_world import Made

# A boot entry's head is kept, so that every kind of row is written.
BOOT = Draft("boot", {"version": "1"})
STATEMENTS = (
    "BEGIN",
    "SELECT body",
    "INSERT INTO entry",
    "INSERT INTO head",
    "INSERT INTO tile",
    "INSERT OR IGNORE INTO note",
    "COMMIT",
)


class FailsOnce(sqlite3.Connection):
    """Fails at the first statement that begins so, before or after executing it."""

    start = ""
    after = False

    def execute(self, sql: str, values: object = (), /) -> sqlite3.Cursor:
        return self._once(sql, lambda: super(FailsOnce, self).execute(sql, values))  # type: ignore[arg-type] # passed on

    def executemany(self, sql: str, rows: Iterable[object], /) -> sqlite3.Cursor:
        return self._once(sql, lambda: super(FailsOnce, self).executemany(sql, rows))  # type: ignore[arg-type] # passed on

    def _once(self, sql: str, run: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        fails = self.start and sql.startswith(self.start)
        if not fails:
            return run()
        type(self).start = ""
        if self.after:
            run()
        error = sqlite3.OperationalError(f"injected at {sql[:20]}")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error


def connect(path: Path) -> sqlite3.Connection:
    """The writer's own connection, with its class changed."""
    settings = store.connect_writer(path)
    pragmas = ("synchronous", "trusted_schema", "cell_size_check", "recursive_triggers")
    values = [settings.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]
    settings.close()
    connection = sqlite3.connect(
        f"file:{path}?mode=rw&psow=0",
        uri=True,
        isolation_level=None,
        factory=FailsOnce,
    )
    for name, value in zip(pragmas, values, strict=True):
        connection.execute(f"PRAGMA {name}={value}")
    return connection


@pytest.mark.parametrize("after", [False, True], ids=["lost", "persisted"])
@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_write_that_fails_once(
    made: Made, monkeypatch: pytest.MonkeyPatch, statement: str, *, after: bool
) -> None:
    writer = Writer.open(made.path, made.key, connect=connect)
    writer.append([BOOT] * 254, made.door.stamp())  # the next entry ends a tile
    acked = writer.size
    monkeypatch.setattr(FailsOnce, "after", after)
    monkeypatch.setattr(FailsOnce, "start", statement)
    with pytest.raises((AppendFailed, StateUnknown)) as failure:
        writer.append([BOOT], made.door.stamp())
    assert not FailsOnce.start, "it did fail there"
    if failure.type is AppendFailed:
        assert [one.n for one in writer.append([BOOT], made.door.stamp())] == [acked]
        acked += 1
    else:
        with pytest.raises(StateUnknown):
            writer.append([BOOT], made.door.stamp())
    writer.close()
    writer = made.open()
    persisted = statement == "COMMIT" and after
    assert writer.size == acked + persisted
    writer.append([BOOT], made.door.stamp())
    size = writer.size
    writer.close()
    verdict = verify_lines(made.lines(), vkey=made.vkey, seal_key=made.seal_key)
    assert (verdict.exit, verdict.entries) == (Exit.VERIFIED, size), verdict.problem
