"""Reading a ledger without ever holding up its writer.

Entries are fetched in short transactions of their own: a long one would keep the
write-ahead log from being reset. That is safe, because entries are only ever added.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final, Self

from ledger.entry import NO_PREVIOUS, Entry, parse_entry
from ledger.errors import LedgerCorruptError, NoSuchEntryError
from ledger.store import DATABASE_ERRORS, check_schema, open_reader
from ledger.tail import head_of, range_root, stored_edge
from ledger.tree import TILE_BITS, Edge

CHUNK_ENTRIES: Final = 512


class Reader:
    """A ledger open for reading; make one with `Reader.open`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> "Reader":
        """Open an existing ledger.

        Raises:
            LedgerMissingError, LedgerForeignError, LedgerCorruptError.
        """
        with ExitStack() as opened:
            connection = opened.enter_context(closing(open_reader(path)))
            try:
                check_schema(connection, path)
            except DATABASE_ERRORS as error:
                raise LedgerCorruptError(
                    f"The ledger {path} cannot be read: {error}."
                ) from error
            opened.pop_all()
        return cls(path, connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def head(self) -> str:
        """Return the newest signed head, a note."""
        return self.sized_head()[1]

    def size(self) -> int:
        """Return how many entries the newest head covers."""
        return self.sized_head()[0]

    def sized_head(self) -> tuple[int, str]:
        """Return size and note of the newest head.

        Raises:
            LedgerCorruptError: there is none, or the file cannot be read.
        """
        try:
            return head_of(self._connection, self.path)
        except DATABASE_ERRORS as error:
            raise self._unreadable(error) from error

    def notes(self) -> dict[int, str]:
        """Return the kept heads, by the size that they cover.

        Raises:
            LedgerCorruptError: the file cannot be read.
        """
        return dict(self._rows("SELECT size, text FROM note", ()))

    def entry(self, n: int) -> bytes:
        """Return the bytes of entry `n`.

        Raises:
            NoSuchEntryError: there is none.
            LedgerCorruptError: the file cannot be read.
        """
        for entry in self.entries(n, n + 1):
            return entry
        raise NoSuchEntryError(f"The ledger {self.path} holds no entry {n}.")

    def genesis(self) -> Entry:
        """Return entry 0, which names the ledger and its key.

        Raises:
            NoSuchEntryError, EntryError, LedgerCorruptError.
        """
        return parse_entry(self.entry(0))

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes of entries `start` to `stop` - 1, as far as there are any.

        Raises:
            LedgerCorruptError: the file cannot be read.
        """
        at = start
        while at < stop:
            rows = self._rows(
                "SELECT n, body FROM entry WHERE n>=? AND n<? ORDER BY n",
                (at, min(stop, at + CHUNK_ENTRIES)),
            )
            if not rows:
                return
            for n, body in rows:
                if not isinstance(body, bytes):
                    raise LedgerCorruptError(
                        f"Entry {n} of the ledger {self.path} is no longer bytes."
                    )
                yield body
            at = rows[-1][0] + 1

    def bodies(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """Return the bytes of some entries by number, CHUNK_ENTRIES at most at once.

        Raises:
            NoSuchEntryError: one of them is missing.
            LedgerCorruptError: the file cannot be read.
        """
        places = ",".join("?" * len(numbers))
        found: dict[int, bytes] = dict(
            # Nothing but question marks; every value is bound.
            self._rows(
                f"SELECT n, body FROM entry WHERE n IN ({places})",  # noqa: S608
                tuple(numbers),
            )
        )
        for n in numbers:
            if not isinstance(found.get(n), bytes):
                found[n] = self.entry(n)  # says what is wrong
        return found

    def roots(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the roots of subtrees, each given by first leaf and the one after.

        Raises:
            LedgerCorruptError: the file cannot be read, or lacks rows.
        """
        try:
            return [range_root(self._connection, *subtree) for subtree in ranges]
        except DATABASE_ERRORS as error:
            raise self._unreadable(error) from error

    def edge(self, size: int) -> Edge:
        """Return the tree's right edge at a size of the past.

        Raises:
            LedgerCorruptError: the file cannot be read, or lacks rows.
        """
        try:
            return stored_edge(self._connection, size)
        except DATABASE_ERRORS as error:
            raise self._unreadable(error) from error

    def tiles(self, size: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield level, index and root of the stored subtrees within `size` entries.

        Raises:
            LedgerCorruptError: the file cannot be read, or a root is no bytes.
        """
        level = 0
        while count := size >> level * TILE_BITS:
            at = 0
            while rows := self._rows(
                "SELECT i, root FROM tile WHERE level=? AND i>=? AND i<? "
                "ORDER BY i LIMIT ?",
                (level, at, count, CHUNK_ENTRIES),
            ):
                for index, root in rows:
                    if not isinstance(root, bytes):
                        raise LedgerCorruptError(
                            f"A tile of the ledger {self.path} is no longer bytes."
                        )
                    yield level, index, root
                at = rows[-1][0] + 1
            level += 1

    def base(self) -> tuple[int, bytes]:
        """Return number and `prev` of the first entry: 0 and zeros unless pruned.

        Raises:
            LedgerCorruptError: the file cannot be read.
        """
        rows = self._rows("SELECT n, prev FROM base", ())
        return rows[0] if rows else (0, NO_PREVIOUS)

    def _rows(self, query: str, values: tuple[int, ...]) -> list[Any]:
        try:
            return self._connection.execute(query, values).fetchall()
        except DATABASE_ERRORS as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> LedgerCorruptError:
        return LedgerCorruptError(f"The ledger {self.path} cannot be read: {error}.")
