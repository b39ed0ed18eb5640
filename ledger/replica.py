"""A ledger as lines, and the same ledger made anew from them: what a backup holds.

    {"base":{"n":N,"prev":"…"}}            only of a pruned ledger
    {"tile":{"i":I,"level":L,"root":"…"}}  the stored subtrees
    {"kept":{"note":"…","size":N}}         the kept heads
    {"at":…}                               the entries, verbatim
    {"head":{"note":"…","size":N}}         the newest head, last

Nothing here is checked beyond its form: whoever makes a ledger from lines verifies it
before it is used. The seal does not go along: its key would forge what follows.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from ledger.encoding import Json, canonical, from_hex, parse_canonical
from ledger.entry import parse_entry
from ledger.errors import (
    EncodingError,
    LedgerCorruptError,
    LedgerError,
    LedgerExistsError,
)
from ledger.export import Progress
from ledger.reader import Reader
from ledger.store import connect_writer, create
from ledger.tree import HASH_BYTES

LINE_BYTES_MAX: Final = 128 * 1024
"""An entry's own limit is half of it."""

_ENTRY: Final = b'{"at":'
_COMMIT_LINES: Final = 4_096


def replica_lines(
    reader: Reader, size: int, head: str, progress: Progress
) -> Iterator[bytes]:
    """Yield the lines of the ledger as it was at `size` entries, its newest head then.

    Reads in short transactions, beside a writer: what is read is only ever added to.

    Raises:
        LedgerCorruptError: the ledger cannot be read, or lacks entries.
    """
    first, prev = reader.base()
    if first:
        yield _line({"base": {"n": first, "prev": prev.hex()}})
    for level, index, root in reader.tiles(size):
        yield _line({"tile": {"i": index, "level": level, "root": root.hex()}})
    for kept, note in sorted(reader.notes().items()):
        if kept <= size:
            yield _line({"kept": {"note": note, "size": kept}})
    n = first
    for body in reader.entries(first, size):
        yield body + b"\n"
        n += 1
        if n % _COMMIT_LINES == 0:
            progress(n - first, size - first)
    if n != size:
        raise LedgerCorruptError(f"The ledger {reader.path} lacks entries from {n} on.")
    yield _line({"head": {"note": head, "size": size}})
    progress(size - first, size - first)


def rebuild(path: Path, lines: Iterable[bytes]) -> None:
    """Make a ledger of `replica_lines` at a path where nothing is.

    Its writer, with its key, and a verifier must look at it before anybody believes it.

    Raises:
        LedgerExistsError: something is at `path`.
        LedgerCorruptError: the lines make no ledger, or it cannot be written.
    """
    if path.exists() or path.is_symlink():
        raise LedgerExistsError(f"There is something at {path} already.")
    try:
        create(path)
        with closing(connect_writer(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for number, line in enumerate(lines, 1):
                _insert(connection, line)
                if number % _COMMIT_LINES == 0:
                    connection.execute("COMMIT")
                    connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
    except (sqlite3.Error, OSError, OverflowError) as error:
        raise LedgerCorruptError(
            f"The lines make no ledger at {path}: {error}."
        ) from error


def _line(value: Json) -> bytes:
    return canonical(value) + b"\n"


def _insert(connection: sqlite3.Connection, line: bytes) -> None:
    if not line.endswith(b"\n") or len(line) > LINE_BYTES_MAX:
        raise LedgerCorruptError("A line of a ledger's copy is cut off or too long.")
    body = line[:-1]
    try:
        if body.startswith(_ENTRY):
            row: tuple[Any, ...] = (parse_entry(body).n, body)
            connection.execute("INSERT INTO entry VALUES(?,?)", row)
            return
        statement, row = _row(parse_canonical(body))
    except (LedgerError, ValueError, TypeError, KeyError) as error:
        raise LedgerCorruptError(
            f"A line of a ledger's copy is malformed: {error}."
        ) from error
    connection.execute(statement, row)


def _row(line: Any) -> tuple[str, tuple[Any, ...]]:
    """Return how a line that is no entry is stored.

    Raises:
        EncodingError, ValueError, TypeError, KeyError: it is none of ours.
    """
    if not isinstance(line, dict) or len(line) != 1:
        raise EncodingError("nothing of that form is stored")
    ((name, of),) = line.items()
    match name:
        case "base":
            return "INSERT INTO base VALUES(?,?)", (
                _integer(of["n"]),
                from_hex(of["prev"], HASH_BYTES),
            )
        case "tile":
            root = from_hex(of["root"], HASH_BYTES)
            place = _integer(of["level"]), _integer(of["i"])
            return "INSERT INTO tile VALUES(?,?,?)", (*place, root)
        case "kept":
            row = _integer(of["size"]), _text(of["note"])
            return "INSERT INTO note VALUES(?,?)", row
        case "head":
            row = _integer(of["size"]), _text(of["note"])
            return "INSERT INTO head VALUES(1,?,?)", row
    raise EncodingError("nothing of that name is stored")


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("a number was wanted")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was wanted")
    return value
