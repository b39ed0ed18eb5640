"""The only writer: entries and the head that covers them, in one durable transaction.

Who is trusted: the signing key, and this process while it runs. Not the file: the last
stored entry is hashed again before each append, because a Pi has no ECC memory and a
flipped bit must not be chained over.

A writer is used by one thread at a time; which one may change.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from ledger.checkpoint import Checkpoint, sign_checkpoint
from ledger.entry import GENESIS, NO_PREVIOUS, Draft, Stamp, encode_entry
from ledger.errors import (
    AppendFailed,
    EntryError,
    LedgerCorruptError,
    LedgerExistsError,
    NoteError,
    StateUnknown,
)
from ledger.keys import SigningKey, sync_directory
from ledger.store import (
    Connect,
    check_header,
    check_schema,
    connect_writer,
    create,
    lock,
)
from ledger.tail import Tail, load_tail
from ledger.tree import Edge, Tile, leaf_hash

KEEP_MS: Final = 3_600_000
"""A head is kept at least this often while entries are appended."""

KEEP_EVENTS: Final = frozenset(
    {GENESIS, "boot", "stop", "key", "clock", "erase", "prune"}
)
"""The special moments: the head that covers such an entry is kept for good."""

BATCH_ENTRIES_MAX: Final = 1024


@dataclass(frozen=True, slots=True)
class Appended:
    """An entry that is durable.

    Attributes:
        leaf: RFC 6962 leaf hash, 32 bytes.
    """

    n: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class _Batch:
    rows: list[tuple[int, bytes]]
    appended: list[Appended]
    tiles: list[Tile]
    edge: Edge
    note: str
    keep: bool


def initialise(path: Path, origin: str, signing_key: SigningKey, stamp: Stamp) -> None:
    """Bring a ledger into being, with its genesis entry, durably or not at all.

    `origin` is the ledger's name in checkpoints, such as `example.com/front-door`.

    Raises:
        LedgerExistsError: there is something at `path`.
        NoteError: `origin` is no name for a ledger.
        LedgerCorruptError: the files cannot be written.
    """
    what = {"origin": origin, "vkey": str(signing_key.vkey(origin))}
    draft = path.with_name(path.name + "-init")
    if path.exists() or path.is_symlink():
        raise LedgerExistsError(
            f"There is something at {path}: a ledger is born once, and never replaced."
        )
    empty = Tail(origin, Edge(), NO_PREVIOUS, "")
    try:
        draft.unlink(missing_ok=True)
        create(draft)
        writer = Writer(draft, connect_writer(draft), lock(draft), signing_key, empty)
        writer.append([Draft(GENESIS, what)], stamp)
        writer.close()
        os.link(draft, path)
        for leftover in ("", "-lock"):
            draft.with_name(draft.name + leftover).unlink()
        sync_directory(path.parent)
    except FileExistsError:
        raise LedgerExistsError(f"There is something at {path} already.") from None
    except (sqlite3.Error, OSError) as error:
        raise LedgerCorruptError(
            f"The ledger {path} cannot be created: {error}."
        ) from error


class Writer:
    """An open ledger; make one with `Writer.open`."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        lock_descriptor: int,
        signing_key: SigningKey,
        tail: Tail,
    ) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = connection
        self._lock = lock_descriptor
        self._key = signing_key
        self._tail = tail
        self._kept: Stamp | None = None

    @classmethod
    def open(
        cls, path: Path, signing_key: SigningKey, *, connect: Connect = connect_writer
    ) -> "Writer":
        """Open an existing ledger and check its end against its signed head.

        `connect` reaches the database; another one is for fault tests.

        Raises:
            LedgerMissingError, LedgerForeignError, LedgerCorruptError,
            LedgerBusyError: each says what and where; nothing was changed.
        """
        check_header(path)
        descriptor = lock(path)
        connection = None
        try:
            connection = connect(path)
            check_schema(connection, path)
            tail = load_tail(connection, signing_key.vkey, path)
        except (sqlite3.Error, ValueError, TypeError, EntryError, NoteError) as error:
            _release(connection, descriptor)
            raise LedgerCorruptError(
                f"The ledger {path} is damaged: {error}"
            ) from error
        except BaseException:
            _release(connection, descriptor)
            raise
        return cls(path, connection, descriptor, signing_key, tail)

    @property
    def origin(self) -> str:
        """The ledger's name."""
        return self._tail.origin

    @property
    def size(self) -> int:
        """How many entries are durable; the next one gets this number."""
        return self._tail.edge.size

    def append(self, drafts: Sequence[Draft], stamp: Stamp) -> list[Appended]:
        """Write entries and the head that covers them; durable when it returns.

        Raises:
            AppendFailed: nothing was written, and the writer goes on.
            StateUnknown: the entries may or may not be durable. The writer has closed
                itself and refuses everything after; open the ledger anew.
            LedgerCorruptError: memory and disk disagree; the writer has closed itself.
        """
        connection = self._usable()
        batch = self._prepare(drafts, stamp)
        self._begin(connection)
        try:
            self._check_last(connection)
            self._write(connection, batch)
        except sqlite3.Error as error:
            self._undo(connection, error)
        except LedgerCorruptError:
            self.close()
            raise
        self._commit(connection)
        self._tail = Tail(self.origin, batch.edge, batch.appended[-1].leaf, batch.note)
        if batch.keep:
            self._kept = stamp
        return batch.appended

    def checkpoint(self) -> str:
        """Return the newest head as a signed note, and keep it for good.

        Raises:
            AppendFailed, StateUnknown: as for `append`.
        """
        connection = self._usable()
        self._begin(connection)
        try:
            self._keep(connection, self.size, self._tail.note)
        except sqlite3.Error as error:
            self._undo(connection, error)
        self._commit(connection)
        return self._tail.note

    def close(self) -> None:
        """Let go of the file; never raises, and may be called again."""
        if self._connection is not None:
            _release(self._connection, self._lock)
            self._connection = None

    def _usable(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StateUnknown(
                f"The ledger {self._path} is closed: open it anew to see what it holds."
            )
        return self._connection

    def _prepare(self, drafts: Sequence[Draft], stamp: Stamp) -> _Batch:
        if not 0 < len(drafts) <= BATCH_ENTRIES_MAX:
            raise AppendFailed(
                f"A batch holds 1 to {BATCH_ENTRIES_MAX} entries, not {len(drafts)}."
            )
        edge, leaf = self._tail.edge.copy(), self._tail.leaf
        rows, appended, tiles = [], [], []
        for draft in drafts:
            try:
                body = encode_entry(edge.size, leaf, stamp, draft)
            except EntryError as error:
                raise AppendFailed(str(error)) from error
            leaf = leaf_hash(body)
            rows.append((edge.size, body))
            appended.append(Appended(edge.size, leaf))
            tiles += edge.add(leaf)
        checkpoint = Checkpoint(self.origin, edge.size, edge.root())
        note = sign_checkpoint(checkpoint, self._key.public, self._key.sign)
        return _Batch(rows, appended, tiles, edge, note, self._is_kept(drafts, stamp))

    def _is_kept(self, drafts: Sequence[Draft], stamp: Stamp) -> bool:
        kept = self._kept
        return (
            kept is None
            or kept.boot != stamp.boot
            or stamp.up_ms - kept.up_ms >= KEEP_MS
            or any(draft.ev in KEEP_EVENTS for draft in drafts)
        )

    def _begin(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise AppendFailed(f"The ledger {self._path} is busy: {error}.") from error

    def _check_last(self, connection: sqlite3.Connection) -> None:
        if self.size == 0:
            return
        row = connection.execute(
            "SELECT body FROM entry WHERE n=?", (self.size - 1,)
        ).fetchone()
        if row is None or leaf_hash(row[0]) != self._tail.leaf:
            raise LedgerCorruptError(
                f"Entry {self.size - 1} of {self._path} is not the one that was "
                "written: memory or disk is failing, and nothing more is appended."
            )

    def _write(self, connection: sqlite3.Connection, batch: _Batch) -> None:
        connection.executemany("INSERT INTO entry VALUES(?,?)", batch.rows)
        connection.execute(
            "INSERT INTO head VALUES(1,?,?) "
            "ON CONFLICT(one) DO UPDATE SET size=excluded.size, note=excluded.note",
            (batch.edge.size, batch.note),
        )
        connection.executemany(
            "INSERT INTO tile VALUES(?,?,?)",
            [(tile.level, tile.index, tile.root) for tile in batch.tiles],
        )
        if batch.keep:
            self._keep(connection, batch.edge.size, batch.note)

    def _keep(self, connection: sqlite3.Connection, size: int, note: str) -> None:
        connection.execute("INSERT OR IGNORE INTO note VALUES(?,?)", (size, note))

    def _undo(self, connection: sqlite3.Connection, error: sqlite3.Error) -> NoReturn:
        """Roll back what was never committed."""
        if connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except sqlite3.Error as second:
                self.close()
                raise StateUnknown(
                    f"The ledger {self._path} could not roll back: {second}."
                ) from error
        raise AppendFailed(f"Nothing was appended to {self._path}: {error}.") from error

    def _commit(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._is_undone(connection, error):
                raise AppendFailed(
                    f"Nothing was appended to {self._path}: {error}."
                ) from error
            self.close()
            raise StateUnknown(
                f"It is unknown what the ledger {self._path} holds: {error}."
            ) from error

    def _is_undone(self, connection: sqlite3.Connection, error: sqlite3.Error) -> bool:
        """Tell whether a failed commit left nothing that a later recovery could find.

        After "disk full" the log may hold the whole commit and only lack its padding,
        so it is emptied before the failure is called a failure. After a failed sync
        nothing can be known: the kernel may have dropped the pages and forgotten.
        """
        if error.sqlite_errorcode not in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY}:
            return False
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:
            return False
        return bool(row[0] == 0)


def _release(connection: sqlite3.Connection | None, descriptor: int) -> None:
    if connection is not None:
        with suppress(sqlite3.Error):
            connection.close()
    os.close(descriptor)
