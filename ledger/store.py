"""The database file: its schema, and how connections to it are made.

Who is trusted: nobody. The file may have been edited by anyone; every reader checks
what it takes from it against the head that the ledger's key signed.

The settings are measured, not chosen by taste: `psow=0`, WAL and `synchronous=FULL`
together lost no acknowledged entry in any simulated power cut; without any one of them
some disk loses one (tests/stateful holds that to be so).
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ledger.errors import (
    LedgerBusyError,
    LedgerCorruptError,
    LedgerForeignError,
    LedgerMissingError,
)

APPLICATION_ID: Final = 0x4B455952  # "KEYR" in the header, at offset 68
SCHEMA_VERSION: Final = 1
PAGE_BYTES: Final = 16_384
"""About ten grants to a page: with 8192, a sixth of the file would be left empty."""

BUSY_MS: Final = 5_000
_HEADER_BYTES: Final = 100
_MAGIC: Final = b"SQLite format 3\0"

_REFUSE: Final = "BEGIN SELECT RAISE(ABORT, 'ledger: append only'); END"

SCHEMA: Final = (
    # Entries, verbatim.
    "CREATE TABLE entry(n INTEGER PRIMARY KEY CHECK(n>=0), body BLOB NOT NULL) STRICT",
    # The newest head, replaced in the transaction that appends what it covers.
    "CREATE TABLE head(one INTEGER PRIMARY KEY CHECK(one=1), size INTEGER NOT NULL, note TEXT NOT NULL) STRICT",  # noqa: E501 - as SQLite stores it
    # Where a pruned ledger begins: number and `prev` of its first entry.
    "CREATE TABLE base(n INTEGER PRIMARY KEY CHECK(n>0), prev BLOB NOT NULL) STRICT",
    # Heads worth keeping, by the size that they cover.
    "CREATE TABLE note(size INTEGER PRIMARY KEY CHECK(size>0), text TEXT NOT NULL) STRICT",  # noqa: E501 - as SQLite stores it
    # Roots of complete subtrees of 256, 65536, … leaves, so that neither opening nor
    # proving hashes history anew.
    "CREATE TABLE tile(level INTEGER NOT NULL, i INTEGER NOT NULL, root BLOB NOT NULL, PRIMARY KEY(level, i)) STRICT, WITHOUT ROWID",  # noqa: E501 - as SQLite stores it
    "CREATE TRIGGER entry_next BEFORE INSERT ON entry WHEN NEW.n IS NOT (SELECT coalesce(max(n)+1, (SELECT n FROM base), 0) FROM entry) BEGIN SELECT RAISE(ABORT, 'ledger: append only'); END",  # noqa: E501 - as SQLite stores it
    f"CREATE TRIGGER entry_update BEFORE UPDATE ON entry {_REFUSE}",
    f"CREATE TRIGGER entry_delete BEFORE DELETE ON entry {_REFUSE}",
    f"CREATE TRIGGER head_update BEFORE UPDATE ON head WHEN NEW.size < OLD.size {_REFUSE}",  # noqa: E501 - as SQLite stores it
    f"CREATE TRIGGER head_delete BEFORE DELETE ON head {_REFUSE}",
    # A witness's line may follow later; what it signs may not change.
    f"CREATE TRIGGER note_update BEFORE UPDATE ON note WHEN NEW.size IS NOT OLD.size OR substr(NEW.text, 1, length(OLD.text)) IS NOT OLD.text {_REFUSE}",  # noqa: E501 - as SQLite stores it
    f"CREATE TRIGGER note_delete BEFORE DELETE ON note {_REFUSE}",
    f"CREATE TRIGGER base_update BEFORE UPDATE ON base {_REFUSE}",
    f"CREATE TRIGGER base_delete BEFORE DELETE ON base {_REFUSE}",
    f"CREATE TRIGGER tile_update BEFORE UPDATE ON tile {_REFUSE}",
    f"CREATE TRIGGER tile_delete BEFORE DELETE ON tile {_REFUSE}",
)

DATABASE_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)
"""What a damaged file makes the driver raise: some messages quote its bytes."""

Connect = Callable[[Path], sqlite3.Connection]


def check_header(path: Path) -> None:
    """Refuse what is no ledger before SQLite touches it.

    For the holder of the writer's lock alone: POSIX drops all of a process's locks on
    a file when any of its descriptors is closed (fcntl(2)). A writer in this process
    would lose SQLite's, and whoever looked at the ledger next would take its log away.

    Raises:
        LedgerForeignError: some other file.
        LedgerCorruptError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise LedgerCorruptError(
            f"The ledger {path} cannot be read: {error.strerror}."
        ) from error
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise _no_database(path)
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise _another_program(path)


def check_there(path: Path) -> None:
    """Refuse a path where nothing is.

    Raises:
        LedgerMissingError: there is no file.
        LedgerCorruptError: nobody can tell.
    """
    try:
        path.stat()
    except FileNotFoundError:
        raise LedgerMissingError(
            f"There is no ledger at {path}: opening never creates one, "
            "keyra-ledger init does."
        ) from None
    except OSError as error:
        raise LedgerCorruptError(
            f"The ledger {path} cannot be read: {error.strerror}."
        ) from error


def _no_database(path: Path) -> LedgerForeignError:
    return LedgerForeignError(f"The file {path} is not a ledger's database.")


def _another_program(path: Path) -> LedgerForeignError:
    return LedgerForeignError(f"The database {path} belongs to another program.")


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file whose tables and triggers are not exactly ours.

    Raises:
        LedgerForeignError: another version.
        LedgerCorruptError: a table or a trigger was changed or dropped.
        sqlite3.Error: the file cannot be read.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        raise LedgerForeignError(
            f"The ledger {path} has format {version}, and this program knows "
            f"{SCHEMA_VERSION}."
        )
    found = {
        sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema") if sql
    }
    if found != set(SCHEMA):
        raise LedgerCorruptError(
            f"Tables or triggers of the ledger {path} were changed by hand: "
            "keep the file as it is and verify a copy of it."
        )


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open an existing file for appending; the caller sees to one writer at a time.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw&psow=0",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    for setting in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "trusted_schema=OFF",
        "cell_size_check=ON",
        "recursive_triggers=ON",
        f"busy_timeout={BUSY_MS}",
    ):
        connection.execute(f"PRAGMA {setting}")
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open an existing ledger for reading, through SQLite alone (see check_header).

    Raises:
        LedgerMissingError, LedgerForeignError, LedgerCorruptError: there is none.
    """
    check_there(path)
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(closing(connect_reader(path)))
            (identity,) = connection.execute("PRAGMA application_id").fetchone()
        except DATABASE_ERRORS as error:
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_NOTADB:
                raise _no_database(path) from error
            raise LedgerCorruptError(
                f"The ledger {path} cannot be read: {error}."
            ) from error
        if identity != APPLICATION_ID:
            raise _another_program(path)
        opened.pop_all()
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open an existing file for reading.

    A file that was closed in order and lies on a read-only medium is opened as
    immutable; there SQLite could not make the two files beside it that WAL needs.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    mode = "mode=ro"
    log = path.with_name(path.name + "-wal")
    if not os.access(path.parent, os.W_OK) and not log.exists():
        mode = "immutable=1"
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    for setting in (
        "trusted_schema=OFF",
        "cell_size_check=ON",
        "query_only=ON",
        f"busy_timeout={BUSY_MS}",
    ):
        connection.execute(f"PRAGMA {setting}")
    return connection


def create(path: Path) -> None:
    """Create an empty database with our schema at a path where nothing is.

    Raises:
        sqlite3.Error, OSError: it cannot be created.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("PRAGMA synchronous=EXTRA")
        connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        connection.close()


def lock(path: Path) -> int:
    """Become the only writer; returns a descriptor that holds the lock until closed.

    The lock is a file of its own: closing any descriptor of the database would drop
    the locks that SQLite holds on it.

    Raises:
        LedgerBusyError: there is another writer.
        LedgerCorruptError: the lock file cannot be made.
    """
    beside = path.with_name(path.name + "-lock")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise LedgerCorruptError(
            f"The ledger {path} cannot be locked: {error.strerror}."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise LedgerBusyError(
            f"Another process writes to the ledger {path}: stop it first."
        ) from None
    return descriptor
