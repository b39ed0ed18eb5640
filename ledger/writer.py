"""The only writer: entries and the head that covers them, in one durable transaction.

Who is trusted: the signing key, the seal's state, and this process while it runs. Not
the database: its last entry is hashed again before each append, because a Pi has no ECC
memory and a flipped bit must not be chained over.

A writer is used by one thread at a time; which one may change.
"""

import dataclasses
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ledger.batch import KEEP_EVENTS, KEEP_MS, Appended, Batch, prepare, sign_head
from ledger.checkpoint import VerifierKey, parse_note, signed_at
from ledger.entry import GENESIS, NO_PREVIOUS, Draft, Stamp
from ledger.errors import (
    AppendFailed,
    DiskFullError,
    EntryError,
    LedgerCorruptError,
    LedgerExistsError,
    NoteError,
    SealError,
    StateUnknown,
)
from ledger.keys import SigningKey, sync_directory
from ledger.reserve import FLOOR_BYTES, Reserve, free_bytes, unopened
from ledger.seal import Seal, commitment
from ledger.seal_file import SealFile, seal_path
from ledger.store import (
    Connect,
    check_header,
    check_schema,
    check_there,
    connect_writer,
    create,
    lock,
)
from ledger.tail import Tail, load_tail
from ledger.transaction import durable
from ledger.tree import Edge, leaf_hash


def _nobody(_appended: list[Appended]) -> None:
    """Nobody waits for the entries before the seal has them too."""


def initialise(
    path: Path,
    origin: str,
    signing_key: SigningKey,
    stamp: Stamp,
    seal_key: bytes | None = None,
) -> None:
    """Bring a ledger into being, with its genesis entry, durably or not at all.

    `origin` is the ledger's name in checkpoints, such as `example.com/front-door`.
    `seal_key` is the seal's first key, 32 random bytes that the caller hands to the
    auditor and forgets; without one the ledger has no seal.

    Raises:
        LedgerExistsError: there is something at `path`.
        NoteError: `origin` is no name for a ledger.
        LedgerCorruptError, KeyFileError: the files cannot be written.
    """
    what = {"origin": origin, "vkey": str(signing_key.vkey(origin))}
    if path.exists() or path.is_symlink():
        raise LedgerExistsError(
            f"There is something at {path}: a ledger is born once, and never replaced."
        )
    if seal_key is not None:
        what["seal"] = commitment(seal_key)
        SealFile.create(seal_path(path), Seal.first(seal_key))
    draft = path.with_name(path.name + "-init")
    try:
        draft.unlink(missing_ok=True)
        create(draft)
        tail = Tail(origin, Edge(), NO_PREVIOUS, "")
        writer = Writer(draft, connect_writer(draft), lock(draft), signing_key, tail)
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
        seal: SealFile | None = None,
    ) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = connection
        self._lock = lock_descriptor
        self._key = signing_key
        self._tail = tail
        self._seal = seal
        self._kept: Stamp | None = None
        self._reserve = Reserve(path)
        self._free_bytes: Callable[[Path], int] = free_bytes

    @classmethod
    def open(
        cls,
        path: Path,
        signing_key: SigningKey,
        *,
        connect: Connect = connect_writer,
        free: Callable[[Path], int] = free_bytes,
    ) -> "Writer":
        """Open an existing ledger and check its end against its signed head.

        The seal, where there is one, catches up with entries that a power cut kept it
        from seeing. `connect` and `free` reach database and disk; others are for tests.

        Raises:
            LedgerMissingError, LedgerForeignError, LedgerCorruptError, SealError,
            LedgerBusyError, DiskFullError: each says what and where; nothing was
                changed.
        """
        check_there(path)
        descriptor = lock(path)
        connection = seal = None
        try:
            check_header(path)
            connection = connect(path)
            check_schema(connection, path)
            tail = load_tail(connection, signing_key.vkey, path)
            seal = _open_seal(connection, path, tail.edge.size)
        except (sqlite3.Error, ValueError, TypeError, EntryError, NoteError) as error:
            _release(connection, descriptor)
            raise unopened(path, error, free(path)) from error
        except BaseException:
            _release(connection, descriptor)
            raise
        writer = cls(path, connection, descriptor, signing_key, tail, seal)
        writer._free_bytes = free
        writer._reserve.hold()
        return writer

    @property
    def origin(self) -> str:
        """The ledger's name."""
        return self._tail.origin

    @property
    def vkey(self) -> VerifierKey:
        """Whose signature the newest head carries."""
        return self._key.vkey(self.origin)

    @property
    def size(self) -> int:
        """How many entries are durable; the next one gets this number."""
        return self._tail.edge.size

    def append(
        self,
        drafts: Sequence[Draft],
        stamp: Stamp,
        *,
        last_words: bool = False,
        durable: Callable[[list[Appended]], None] = _nobody,
    ) -> list[Appended]:
        """Write entries and the head that covers them; durable when it returns.

        `last_words` lets the entries use the space that is reserved for denials, exits
        and alarms on a disk that is full; never set it for an opening. `durable` is
        told as soon as the entries are, before the seal, which has a sync of its own:
        what it is told holds even where the seal then raises StateUnknown.

        Raises:
            DiskFullError: too little space for ordinary entries; nothing was written.
            AppendFailed: nothing was written, and the writer goes on.
            StateUnknown: the entries may or may not be durable. The writer has closed
                itself and refuses everything after; open the ledger anew.
            LedgerCorruptError: memory and disk disagree; the writer has closed itself.
        """
        connection, free = self._usable(), self._free_bytes(self._path)
        if free < FLOOR_BYTES:
            if not last_words:
                raise DiskFullError(
                    f"Less than {FLOOR_BYTES >> 20} MiB are free for the ledger "
                    f"{self._path}: make room; openings are refused until then."
                )
            self._reserve.spare(connection, free)
        batch = self._prepare(drafts, stamp, self._key)
        try:
            self._transact(batch)
        except AppendFailed:
            if not last_words or not self._reserve.release():
                raise
            self._transact(batch)
        self._adopt(batch, stamp)
        try:
            durable(batch.appended)
        finally:
            self._advance_seal(batch)
        return batch.appended

    def rotate(self, new_key: SigningKey, stamp: Stamp) -> str:
        """Announce a new signing key; returns the note with which the old one ends.

        Raises:
            As for `append`.
        """
        self._usable()
        what = {"vkey": str(new_key.vkey(self.origin))}
        batch = self._prepare([Draft("key", what)], stamp, self._key)
        ending = batch.note
        beginning = sign_head(self.origin, batch.edge, new_key)
        batch = dataclasses.replace(batch, note=beginning, kept=ending)
        self._transact(batch)
        self._adopt(batch, stamp)
        self._key = new_key
        self._advance_seal(batch)
        return ending

    def checkpoint(self) -> str:
        """Return the newest head as a signed note, and keep it for good.

        Raises:
            AppendFailed, StateUnknown: as for `append`.
        """
        connection = self._usable()
        with self._closing(), durable(connection):
            self._keep(connection, self.size, self._tail.note)
        return self._tail.note

    def add_cosignature(self, size: int, line: str, witness: VerifierKey) -> None:
        """Add a witness's signature line to the kept head of `size` entries.

        Raises:
            NoteError: no head of that size is kept, or the line is not a signature of
                it by `witness`.
            AppendFailed, StateUnknown: as for `append`.
        """
        connection = self._usable()
        row = connection.execute(
            "SELECT text FROM note WHERE size=?", (size,)
        ).fetchone()
        if row is None:
            raise NoteError(f"No head of {size} entries is kept.")
        text = row[0] + line
        if signed_at(parse_note(text), witness) is None:
            raise NoteError(f"The line is no signature by witness {witness}.")
        with self._closing(), durable(connection):
            connection.execute("UPDATE note SET text=? WHERE size=?", (text, size))

    def close(self) -> None:
        """Let go of the files; never raises, and may be called again."""
        if self._connection is not None:
            _release(self._connection, self._lock)
            self._connection = None
            if self._seal is not None:
                self._seal.close()

    def _usable(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StateUnknown(
                f"The ledger {self._path} is closed: open it anew to see what it holds."
            )
        return self._connection

    def _closing(self) -> "_ClosesOnDoubt":
        return _ClosesOnDoubt(self)

    def _prepare(self, drafts: Sequence[Draft], stamp: Stamp, key: SigningKey) -> Batch:
        return prepare(
            self._tail, drafts, stamp, key, keep=self._is_kept(drafts, stamp)
        )

    def _is_kept(self, drafts: Sequence[Draft], stamp: Stamp) -> bool:
        kept = self._kept
        return (
            kept is None
            or kept.boot != stamp.boot
            or stamp.up_ms - kept.up_ms >= KEEP_MS
            or any(draft.ev in KEEP_EVENTS for draft in drafts)
        )

    def _transact(self, batch: Batch) -> None:
        connection = self._usable()
        with self._closing(), durable(connection):
            self._check_last(connection)
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
            if batch.kept:
                self._keep(connection, batch.edge.size, batch.kept)

    def _adopt(self, batch: Batch, stamp: Stamp) -> None:
        """What was committed becomes what the next append builds on."""
        leaf = batch.appended[-1].leaf
        self._tail = Tail(self.origin, batch.edge, leaf, batch.note)
        if batch.kept:
            self._kept = stamp

    def _advance_seal(self, batch: Batch) -> None:
        """Seal what is durable; where that fails, the next open catches up."""
        if self._seal is not None:
            try:
                self._seal.advance(entry.leaf for entry in batch.appended)
            except OSError as error:
                self.close()
                raise StateUnknown(
                    f"The seal of {self._path} was not written: {error.strerror}."
                ) from error

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

    def _keep(self, connection: sqlite3.Connection, size: int, note: str) -> None:
        connection.execute("INSERT OR IGNORE INTO note VALUES(?,?)", (size, note))


class _ClosesOnDoubt:
    """Closes the writer when it is unknown or wrong what the database holds."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, StateUnknown | LedgerCorruptError):
            self._writer.close()


def _open_seal(
    connection: sqlite3.Connection, path: Path, size: int
) -> SealFile | None:
    """Open the seal that the genesis entry promises, and let it catch up.

    Raises:
        SealError: it is lost, or it has seen entries that the ledger lacks.
    """
    row = connection.execute("SELECT body FROM entry WHERE n=0").fetchone()
    promised = row is not None and b'"seal":"' in row[0]
    if not promised and not seal_path(path).exists():
        return None
    file = SealFile.open(seal_path(path))
    if file.seal.n > size:
        file.close()
        raise SealError(
            f"The seal has seen {file.seal.n} entries, the ledger {path} holds {size}: "
            "it was rolled back, or restored from an old copy."
        )
    missed = connection.execute(
        "SELECT body FROM entry WHERE n>=? ORDER BY n", (file.seal.n,)
    )
    leaves = [leaf_hash(body) for (body,) in missed]
    if leaves:
        file.advance(leaves)
    return file


def _release(connection: sqlite3.Connection | None, descriptor: int) -> None:
    if connection is not None:
        with suppress(sqlite3.Error):
            connection.close()
    os.close(descriptor)
