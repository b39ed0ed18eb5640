"""Figures about a ledger, on a connection of their own that can only read.

The queries of people and reports go through sqlite-utils; the append path never does.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from ledger.store import open_reader
from ledger.table import when


@dataclass(frozen=True, slots=True)
class Stats:
    """What a ledger holds.

    Attributes:
        entry_bytes: the entries' own lines.
        file_bytes: the database as it lies on disk, without its log.
        kinds: how many entries there are of each kind, most frequent first.
    """

    entries: int
    notes: int
    entry_bytes: int
    file_bytes: int
    first: str
    last: str
    kinds: tuple[tuple[str, int], ...]


def read_stats(path: Path) -> Stats:
    """Count what the ledger holds.

    Raises:
        LedgerMissingError, LedgerForeignError, LedgerCorruptError: it cannot be read.
        sqlite3.Error: the file is damaged.
    """
    connection = open_reader(path)
    try:
        database = Database(connection)
        (totals,) = database.query(
            "SELECT count(*) AS entries, total(length(body) + 1) AS bytes, "
            "min(json_extract(CAST(body AS TEXT), '$.at')) AS first, "
            "max(json_extract(CAST(body AS TEXT), '$.at')) AS last FROM entry"
        )
        kinds = database.query(
            "SELECT json_extract(CAST(body AS TEXT), '$.ev') AS ev, count(*) AS count "
            "FROM entry GROUP BY ev ORDER BY count DESC, ev"
        )
        return Stats(
            entries=totals["entries"],
            notes=database["note"].count,
            entry_bytes=int(totals["bytes"]),
            file_bytes=path.stat().st_size,
            first=when(totals["first"] or 0),
            last=when(totals["last"] or 0),
            kinds=tuple((row["ev"], row["count"]) for row in kinds),
        )
    finally:
        connection.close()
