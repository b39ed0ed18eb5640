"""What finds entries by door, holder, kind, reason and time: derived, and disposable.

It lies beside the ledger in a file of its own, which only the reader's process writes;
no append waits for it, and no table of the ledger is touched. It is believed for
nothing: what it finds is read from the ledger and compared again, and where it lags
behind or is lost, entries are looked at one by one, which is slower and finds the same.
"""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.adapters.ledger_books.entry_facets import (
    RESULTS,
    RESULTS_OF,
    Facets,
    facets_of,
)
from ledger.errors import LedgerError
from ledger.reader import Reader
from ledger.tree import leaf_hash

VERSION: Final = 1
BATCH_ENTRIES: Final = 2048
ZONE_ENTRIES: Final = 1024
BUSY_MS: Final = 1000
FREE_BYTES_MIN: Final = 64 * 1024 * 1024
"""With less, the disk is left to the ledger."""
RARE_MAX: Final = 4096
"""Entries of a kind that are soon looked through."""

_UNKNOWN: Final = -1
"""In place of a word's number: no entry in here has that word."""

# A power cut may cost the newest batches, which are read again; never the file.
_SETTINGS: Final = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "trusted_schema=OFF",
    "cell_size_check=ON",
    f"busy_timeout={BUSY_MS}",
)

_SCHEMA: Final = (
    # The number after the last entry that is in here, and that entry's leaf hash.
    "CREATE TABLE mark(one INTEGER PRIMARY KEY CHECK(one=1), next INTEGER NOT NULL, base INTEGER NOT NULL, leaf BLOB NOT NULL, bytes INTEGER NOT NULL) STRICT",  # noqa: E501 - one table, one line
    "CREATE TABLE word(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE facet(n INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL, door INTEGER, holder INTEGER, reason INTEGER) STRICT",  # noqa: E501 - one table, one line
    "CREATE INDEX facet_kind ON facet(kind)",
    "CREATE INDEX facet_holder ON facet(holder) WHERE holder IS NOT NULL",
    "CREATE INDEX facet_reason ON facet(reason) WHERE reason IS NOT NULL",
    # Least and greatest wall clock of each 1,024 entries: clocks may step backwards.
    "CREATE TABLE zone(i INTEGER PRIMARY KEY, least INTEGER NOT NULL, most INTEGER NOT NULL) STRICT",  # noqa: E501 - one table, one line
    "CREATE TABLE tally(kind INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT",
    f"PRAGMA user_version={VERSION}",
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted; empty and 0 let everything through.

    Attributes:
        kind: an `ev`, or the beginning of some: `door` takes `door.grant` too.
        result: `granted`, `denied`, `refused`, or the reason of a denial.
        from_ms: by the wall clock, this moment included.
        until_ms: this moment excluded.
    """

    door: str = ""
    holder: str = ""
    kind: str = ""
    result: str = ""
    from_ms: int = 0
    until_ms: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it lets everything through."""
        return self == Filter()

    def takes(self, one: Facets) -> bool:
        """Tell whether this entry is wanted."""
        kind, result = self.kind, self.result
        return (
            (not self.door or one.door == self.door)
            and (not self.holder or one.holder == self.holder)
            and (not kind or one.kind == kind or one.kind.startswith(kind + "."))
            and (not result or result in {RESULTS_OF.get(one.kind), one.reason})
            and self.from_ms <= one.at_ms
            and (not self.until_ms or one.at_ms < self.until_ms)
        )


class Index:
    """An open index; make one with `Index.open`.

    Attributes:
        next: the number after the last entry that is in here.
        entry_bytes: how long the entries in here are, newlines included.
    """

    def __init__(
        self, connection: sqlite3.Connection, folder: Path, *, lost: bool
    ) -> None:
        self._connection: Final = connection
        self._folder: Final = folder
        self._words: Final[dict[str, int]] = {}
        self._lost = lost
        self.next = 0
        self.entry_bytes = 0

    @classmethod
    def open(cls, reader: Reader) -> "Index":
        """Open the ledger's index; begin anew where it is none, or another ledger's."""
        path = reader.path.with_name(f"{reader.path.stem}-index.db")
        for _ in range(2):
            with suppress(sqlite3.Error, OSError, LedgerError):
                return cls._opened(str(path), reader)
            with suppress(OSError):
                for suffix in ("", "-wal", "-shm"):
                    path.with_name(path.name + suffix).unlink(missing_ok=True)
        # A disk that cannot be written: nothing is kept, everything is looked through.
        return cls._opened(":memory:", reader, lost=True)

    @classmethod
    def _opened(cls, name: str, reader: Reader, *, lost: bool = False) -> "Index":
        with ExitStack() as opened:
            connection = sqlite3.connect(name, isolation_level=None)
            opened.enter_context(closing(connection))
            for setting in _SETTINGS:
                connection.execute(f"PRAGMA {setting}")
            index = cls(connection, reader.path.parent, lost=lost)
            index.begin(reader)
            opened.pop_all()
        return index

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def begin(self, reader: Reader) -> None:
        """Go on where the file ends, or begin with an empty one.

        Raises:
            sqlite3.Error, LedgerError: it is no index, or not of this ledger.
        """
        execute = self._connection.execute
        (version,) = execute("PRAGMA user_version").fetchone()
        first = reader.base()[0]
        if version == 0:
            execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                execute(statement)
            execute("INSERT INTO mark VALUES(1,?,?,x'',0)", (first, first))
            execute("COMMIT")
        mark = execute("SELECT next, base, leaf, bytes FROM mark").fetchone()
        self.next, base, leaf, self.entry_bytes = mark
        is_ours = version in {0, VERSION} and base == first
        if self.next > first:
            is_ours = is_ours and leaf == leaf_hash(reader.entry(self.next - 1))
        if not is_ours:
            raise sqlite3.DatabaseError("the index is another ledger's")
        self._words.update(
            (text, number) for number, text in execute("SELECT id, text FROM word")
        )

    def catch_up(self, reader: Reader, count: int = BATCH_ENTRIES) -> bool:
        """Take in some more entries; tell whether there may be more.

        Raises:
            LedgerCorruptError: the ledger cannot be read.
        """
        if self._lost:
            return False
        bodies = list(reader.entries(self.next, self.next + count))
        if not bodies:
            return False
        try:
            if shutil.disk_usage(self._folder).free < FREE_BYTES_MIN:
                return False
            self._connection.execute("BEGIN IMMEDIATE")
            self._take(bodies)
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError):
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            self._lost = True
            return False
        self.next += len(bodies)
        self.entry_bytes += sum(len(body) + 1 for body in bodies)
        return len(bodies) == count

    def _take(self, bodies: Sequence[bytes]) -> None:
        first, after = self.next, self.next + len(bodies)
        found = [facets_of(n, body) for n, body in enumerate(bodies, first)]
        rows = [
            (
                one.n,
                one.at_ms,
                self._number(one.kind),
                self._number(one.door),
                self._number(one.holder),
                self._number(one.reason),
            )
            for one in found
        ]
        execute = self._connection.execute
        self._connection.executemany("INSERT INTO facet VALUES(?,?,?,?,?,?)", rows)
        execute(
            "INSERT OR REPLACE INTO zone SELECT n/?1, min(at), max(at) FROM facet "
            "WHERE n>=?2 GROUP BY n/?1",
            (ZONE_ENTRIES, first - first % ZONE_ENTRIES),
        )
        execute(
            "INSERT INTO tally SELECT kind, count(*) FROM facet WHERE n>=? GROUP BY 1 "
            "ON CONFLICT DO UPDATE SET count=count+excluded.count",
            (first,),
        )
        execute(
            "UPDATE mark SET next=?, leaf=?, bytes=bytes+?",
            (after, leaf_hash(bodies[-1]), sum(len(body) + 1 for body in bodies)),
        )

    def _number(self, word: str | None) -> int | None:
        if word is None:
            return None
        number = self._words.get(word)
        if number is None:
            found = self._connection.execute(
                "INSERT INTO word(text) VALUES(?) ON CONFLICT DO UPDATE SET text=text "
                "RETURNING id",
                (word,),
            )
            (number,) = found.fetchone()
            self._words[word] = number
        return number

    def numbers(
        self, wanted: Filter, stretch: tuple[int, int], limit: int, *, newest: bool
    ) -> list[int]:
        """Return the numbers of entries in [first, after) that may be wanted, in order.

        Raises:
            sqlite3.Error: the index is damaged.
        """
        condition, values = self._condition(wanted)
        if _UNKNOWN in values:
            return []
        direction = "DESC" if newest else "ASC"
        rows = self._connection.execute(
            # Only words of this class; every value is bound.
            f"SELECT n FROM facet WHERE n>=? AND n<? {condition} "  # noqa: S608
            f"ORDER BY n {direction} LIMIT ?",
            (*stretch, *values, limit),
        )
        return [n for (n,) in rows]

    def _condition(self, wanted: Filter) -> tuple[str, list[int]]:
        tests: list[str] = []
        values: list[int] = []

        def one_of(column: str, numbers: Sequence[int]) -> None:
            places = ",".join("?" * len(numbers))
            tests.append(f" AND {column} IN ({places})")
            values.extend(numbers)

        kinds = self._kinds(wanted.kind) if wanted.kind else []
        # A holder has thousands of openings and a few enrolments: with a plus, SQLite
        # leaves the index of holders alone and takes that of kinds.
        holder = "+holder" if kinds and self._is_rare(kinds) else "holder"
        for column, word in (("door", wanted.door), (holder, wanted.holder)):
            if word:
                one_of(column, [self._words.get(word, _UNKNOWN)])
        if kinds:
            one_of("kind", kinds)
        if wanted.result in RESULTS:
            one_of("kind", [self._words.get(RESULTS[wanted.result], _UNKNOWN)])
        elif wanted.result:
            one_of("reason", [self._words.get(wanted.result, _UNKNOWN)])
        if wanted.from_ms:
            tests.append(" AND at>=?")
            values.append(wanted.from_ms)
        if wanted.until_ms:
            tests.append(" AND at<?")
            values.append(wanted.until_ms)
        return "".join(tests), values

    def _is_rare(self, kinds: Sequence[int]) -> bool:
        counts: dict[int, int] = dict(
            self._connection.execute("SELECT kind, count FROM tally")
        )
        return sum(counts.get(kind, 0) for kind in kinds) <= RARE_MAX

    def _kinds(self, kind: str) -> list[int]:
        rows = self._connection.execute(
            "SELECT word.text, kind FROM tally JOIN word ON word.id=kind"
        )
        return [
            number
            for text, number in rows
            if text == kind or text.startswith(kind + ".")
        ] or [_UNKNOWN]

    def span(self, wanted: Filter) -> tuple[int, int]:
        """Return a stretch [first, after) of the index that holds all of this time."""
        if not (wanted.from_ms or wanted.until_ms):
            return 0, self.next
        least, most = self._connection.execute(
            "SELECT min(i), max(i) FROM zone WHERE most>=? AND least<?",
            (wanted.from_ms, wanted.until_ms or 2**63 - 1),
        ).fetchone()
        if least is None:
            return self.next, self.next
        return least * ZONE_ENTRIES, min(self.next, (most + 1) * ZONE_ENTRIES)

    def first_at(self, at_ms: int) -> int | None:
        """Return the first entry in here whose wall clock is not before this moment."""
        row = self._connection.execute(
            "SELECT min(n) FROM facet, (SELECT min(i) AS i FROM zone WHERE most>=?1) "
            "WHERE n>=i*?2 AND n<(i+1)*?2 AND at>=?1",
            (at_ms, ZONE_ENTRIES),
        ).fetchone()
        found: int | None = row[0]
        return found

    def tally(self) -> list[tuple[str, int]]:
        """Return how many entries of each kind are in here, most frequent first."""
        return self._connection.execute(
            "SELECT word.text, count FROM tally JOIN word ON word.id=kind "
            "ORDER BY count DESC, text"
        ).fetchall()
