"""Retention: old history goes, and a signed base stays in its place.

What still matters of the old entries (live enrolments, states, counters, the config) is
first restated in new ones, each with the proof that the old entry stood under the base;
then the file is written anew without the old entries, so that no free page keeps them.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from ledger.encoding import Json, to_base64
from ledger.entry import Draft, Stamp, parse_entry
from ledger.errors import LedgerCorruptError, NoSuchEntryError, ProofError
from ledger.keys import SigningKey, sync_directory
from ledger.proof import inclusion_ranges
from ledger.reader import Reader
from ledger.restated import PRUNE, RESTATE
from ledger.store import connect_writer, create, lock
from ledger.tree import TILE_BITS, leaf_hash
from ledger.writer import Writer

RESTATED_MAX: Final = 100_000
"""Entries that one prune may restate; some three for each key that is enrolled."""

BATCH: Final = 256
"""Restated entries in one append; enough, and far below what a batch may hold."""


def restate(reader: Reader, numbers: Sequence[int], base: int) -> list[Draft]:
    """Return entries that repeat old ones with their proofs under the base.

    Raises:
        NoSuchEntryError: one of them is gone already.
    """
    drafts = []
    for n in numbers:
        proof: list[Json] = [
            to_base64(root) for root in reader.roots(inclusion_ranges(n, base))
        ]
        text = reader.entry(n).decode()
        drafts.append(Draft(RESTATE, {"base": base, "entry": text, "proof": proof}))
    return drafts


def prune(
    path: Path, key: SigningKey, base: int, live: Sequence[int], stamp: Stamp
) -> int:
    """Drop the entries before `base`, a size of which a head is kept.

    `live` are the entries before it that still matter. The ledger must be closed; it is
    locked meanwhile. Returns how many entries were dropped.

    Raises:
        NoSuchEntryError: no head of that size is kept, or nothing is before it.
        ProofError: too many entries are live.
        As `Writer.open` and `Writer.append`.
    """
    with closing(Writer.open(path, key)) as writer, Reader.open(path) as reader:
        first = reader.base()[0]
        if base not in reader.notes() or base <= _last_prune(reader, first):
            raise NoSuchEntryError(
                f"No head of {base} entries is kept to begin with, or the last prune "
                "is not before it."
            )
        old = [n for n in live if first <= n < base]
        if len(old) > RESTATED_MAX:
            raise ProofError(f"{len(old)} live entries are more than {RESTATED_MAX}.")
        root = to_base64(reader.edge(base).root())
        what: dict[str, Json] = {"base": base, "restated": len(old), "root": root}
        # A kill between two of these leaves entries that say twice what stands.
        for at in range(0, len(old), BATCH):
            writer.append(restate(reader, old[at : at + BATCH], base), stamp)
        writer.append([Draft(PRUNE, what)], stamp)
        prev = leaf_hash(reader.entry(base - 1))
    descriptor = lock(path)
    try:
        _rewrite(path, base, prev)
    except (sqlite3.Error, OSError) as error:
        raise LedgerCorruptError(
            f"The ledger {path} was not pruned, and is as it was: {error}."
        ) from error
    finally:
        os.close(descriptor)
    return base - first


def _last_prune(reader: Reader, first: int) -> int:
    """Return the number of the last prune entry, `first` when there is none.

    What one prune restated must be restated whole by the next one, or stay.
    """
    last = first
    for n, body in enumerate(reader.entries(first, reader.size()), first):
        if b'"ev":"prune"' in body and parse_entry(body).ev == PRUNE:
            last = n
    return last


def _rewrite(path: Path, base: int, prev: bytes) -> None:
    """Replace the file by one without the old entries, atomically."""
    fresh = path.with_name(path.name + "-prune")
    fresh.unlink(missing_ok=True)
    create(fresh)
    connection = connect_writer(fresh)
    try:
        connection.execute("ATTACH ? AS old", (str(path),))
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO base VALUES(?,?)", (base, prev))
        for statement in (
            "INSERT INTO entry SELECT n, body FROM old.entry WHERE n>=? ORDER BY n",
            "INSERT INTO note SELECT size, text FROM old.note WHERE size>=?",
            "INSERT INTO tile SELECT level, i, root FROM old.tile WHERE ?",
            "INSERT INTO head SELECT one, size, note FROM old.head WHERE ?",
        ):
            connection.execute(statement, (base,))
        # The tree left of the base, where it is no complete tile.
        rest = connection.execute(
            "SELECT n, body FROM old.entry WHERE n>=? AND n<?",
            (base >> TILE_BITS << TILE_BITS, base),
        ).fetchall()
        connection.executemany(
            "INSERT OR IGNORE INTO tile VALUES(0,?,?)",
            [(n, leaf_hash(body)) for n, body in rest],
        )
        connection.execute("COMMIT")
        # A log left behind would be played into the new file.
        (busy, *_) = connection.execute(
            "PRAGMA old.wal_checkpoint(TRUNCATE)"
        ).fetchone()
        if busy:
            raise sqlite3.OperationalError("somebody is reading it")
        connection.execute("DETACH old")
    finally:
        connection.close()
    for leftover in ("-wal", "-shm"):
        path.with_name(path.name + leftover).unlink(missing_ok=True)
    fresh.replace(path)
    sync_directory(path.parent)
