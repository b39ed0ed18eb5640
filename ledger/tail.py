"""What a writer must know of a ledger to extend it, checked against its signed head.

Constant work: the roots of complete tiles come from the file, the newest tile is hashed
anew, and together they must give the root that our own key signed.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.checkpoint import Checkpoint, VerifierKey, is_signed, parse_note
from ledger.entry import parse_entry
from ledger.errors import LedgerCorruptError, LedgerForeignError
from ledger.tree import TILE_BITS, Edge, fold, leaf_hash

_TILE: Final = 1 << TILE_BITS


@dataclass(slots=True)
class Tail:
    """The end of a ledger.

    Attributes:
        leaf: hash of the last entry.
        note: the newest signed head.
    """

    origin: str
    edge: Edge
    leaf: bytes
    note: str


def _subtrees(size: int) -> Iterator[tuple[int, int]]:
    """Yield (height, index) of the subtrees on the right edge, largest first."""
    at = 0
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            yield height, at >> height
            at += 1 << height


def stored_root(connection: sqlite3.Connection, height: int, index: int) -> bytes:
    """Return the root of a complete subtree from the tiles and entries below it.

    Raises:
        LedgerCorruptError: a row that must be there is missing.
    """
    level, extra = divmod(height, TILE_BITS)
    first, count = index << extra, 1 << extra
    stored = "SELECT i, root FROM tile WHERE level=? AND i>=? AND i<? ORDER BY i"
    rows = connection.execute(stored, (level, first, first + count)).fetchall()
    hashes = [bytes(root) for _, root in rows]
    if not level:
        # Level 0 is stored only for what a pruned ledger lacks beside its base.
        entries = connection.execute(
            "SELECT body FROM entry WHERE n>=? AND n<? ORDER BY n",
            (first, first + count),
        )
        hashes += [leaf_hash(body) for (body,) in entries]
    if len(hashes) != count:
        raise LedgerCorruptError(
            f"The ledger lacks rows between entries {index << height} and "
            f"{(index + 1) << height}: restore a copy, and verify it first."
        )
    edge = Edge()
    for part in hashes:
        edge.add(part)
    return edge.root()


def range_root(connection: sqlite3.Connection, start: int, stop: int) -> bytes:
    """Return the root over leaves `start` to `stop` - 1, `start` aligned as in a tree.

    Raises:
        LedgerCorruptError: a row that must be there is missing.
    """
    return fold(
        [
            stored_root(connection, height, (start >> height) + index)
            for height, index in _subtrees(stop - start)
        ]
    )


def stored_edge(connection: sqlite3.Connection, size: int) -> Edge:
    """Return the right edge at `size`, which is not beyond the stored entries.

    Raises:
        LedgerCorruptError: a row that must be there is missing.
    """
    return Edge(
        size, [stored_root(connection, height, i) for height, i in _subtrees(size)]
    )


def head_of(connection: sqlite3.Connection, path: Path) -> tuple[int, str]:
    """Return size and note of the newest head.

    Raises:
        LedgerCorruptError: there is none.
    """
    row = connection.execute("SELECT size, note FROM head").fetchone()
    if row is None or type(row[0]) is not int or not isinstance(row[1], str):
        raise LedgerCorruptError(f"The ledger {path} has no signed head.")
    return row[0], row[1]


def load_tail(
    connection: sqlite3.Connection, vkey_of: Callable[[str], VerifierKey], path: Path
) -> Tail:
    """Read the end of the ledger and check it against the head.

    `vkey_of` gives our own key under the ledger's name.

    Raises:
        LedgerForeignError: the head is not signed by our key.
        LedgerCorruptError: the file contradicts its head.
        EntryError, NoteError: the last entry or the head is not one.
        sqlite3.Error: the file cannot be read.
    """
    size, text = head_of(connection, path)
    note = parse_note(text)
    stated = note.checkpoint
    key = vkey_of(stated.origin)
    if not is_signed(note, key):
        raise LedgerForeignError(
            f"The ledger {path} is not signed by the key given ({key})."
        )
    row = connection.execute(
        "SELECT body, n FROM entry ORDER BY n DESC LIMIT 1"
    ).fetchone()
    if row is None or not row[1] + 1 == size == stated.size:
        raise LedgerCorruptError(
            f"The ledger {path} does not end where its signed head does "
            f"({stated.size} entries)."
        )
    edge = stored_edge(connection, size)
    leaf = leaf_hash(row[0])
    if Checkpoint(key.name, size, edge.root()) != stated or not _holds_last(
        connection, size
    ):
        raise LedgerCorruptError(
            f"The newest entries of {path} are not those that its head was signed "
            "for: keep the file as it is and verify a copy of it."
        )
    if parse_entry(row[0]).n != size - 1:
        raise LedgerCorruptError(f"The last entry of {path} has a wrong number.")
    return Tail(key.name, edge, leaf, text)


def _holds_last(connection: sqlite3.Connection, size: int) -> bool:
    """Tell whether the newest full tile's root is that of its entries.

    With an incomplete last tile, its entries were hashed into the edge already.
    """
    if size % _TILE:
        return True
    index = size // _TILE - 1
    entries = connection.execute(
        "SELECT body FROM entry WHERE n>=? AND n<? ORDER BY n",
        (index * _TILE, size),
    ).fetchall()
    edge = Edge()
    for (body,) in entries:
        edge.add(leaf_hash(body))
    return fold(edge.hashes) == stored_root(connection, TILE_BITS, index)
