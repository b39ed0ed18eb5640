"""Somebody looks at the ledger with a tool of theirs, while the gateway writes to it.

SQLite removes the write-ahead log when the last connection closes, and knows of the
others by their locks. A process that drops its own loses what it writes from then on,
and is told that all of it is durable.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.adapters.ledger_journal import LedgerHistory, LedgerJournal
from gateway.adapters.system_clock import SystemClock
from gateway.core.entries import stop_record
from gateway.errors import AlreadyRunningError
from ledger.clock import read_stamp
from ledger.errors import LedgerBusyError
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.stats import read_stats
from ledger.writer import Writer, initialise

KEY = SigningKey.from_seed(bytes(32))
STOP = stop_record("a test")

# As `sqlite3 ledger.db 'select count(*) from entry'` does: it opens for writing.
LOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM entry").fetchone()[0])
connection.close()
"""


def look(path: Path) -> int:
    """Count the entries from another process."""
    run = subprocess.run(
        [sys.executable, "-c", LOOK, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(run.stdout)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    initialise(path, "site.example/gw-1", KEY, read_stamp())
    return path


def read_history(path: Path) -> None:
    assert list(LedgerHistory(path).entries(0))


def read_size(path: Path) -> None:
    assert LedgerHistory(path).size()


def read_reader(path: Path) -> None:
    with Reader.open(path) as reader:
        assert reader.notes()


def read_counts(path: Path) -> None:
    assert read_stats(path).entries


def open_a_second_writer(path: Path) -> None:
    with pytest.raises(LedgerBusyError):
        Writer.open(path, KEY)


def open_a_second_journal(path: Path) -> None:
    with pytest.raises(AlreadyRunningError):
        LedgerJournal.open(path, KEY, SystemClock(), None)


@pytest.mark.parametrize(
    "meanwhile",
    [
        read_history,
        read_size,
        read_reader,
        read_counts,
        open_a_second_writer,
        open_a_second_journal,
    ],
)
async def test_what_was_acknowledged_stays(
    ledger: Path, meanwhile: Callable[[Path], None]
) -> None:
    journal = LedgerJournal.open(ledger, KEY, SystemClock(), None)
    await journal.append(STOP)
    meanwhile(ledger)
    assert look(ledger) == 2
    assert (await journal.append(STOP)).n == 2
    assert look(ledger) == 3
    assert [past.n for past in LedgerHistory(ledger).entries(0)] == [0, 1, 2]
    await journal.close()
    assert look(ledger) == 3
