"""Measurements in an SQLite file of bounded size, readable with any tool.

Who is trusted: nobody; nothing is decided by these figures. What is wrong with the file
is logged, and the file is begun anew: a door does not stop for its statistics.
"""

import asyncio
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlite_utils import Database
from sqlite_utils.db import NoTable

from gateway.core.histogram import Histogram
from gateway.core.measurement import Kind, Period

ROWS_MAX: Final = 100_000
"""About three weeks of a busy door; the oldest go first. Some 30 MB."""

BUSY_MS: Final = 250

_TABLE: Final = "measured"
_COUNT: Final = "count"
_LOG: Final = logging.getLogger(__name__)
_UNREADABLE: Final = (sqlite3.Error, LookupError, NoTable, OSError, ValueError)
_COLUMNS: Final = {
    "until_ms": int,
    "kind": str,
    "name": str,
    "count": int,
    "buckets": str,
}
_OLD: Final = (
    "until_ms <= "
    "(SELECT until_ms FROM measured ORDER BY until_ms DESC LIMIT 1 OFFSET ?)"
)

_Result = TypeVar("_Result")


class SqliteTelemetryStore:
    """ports.TelemetryStore in the file at `path`, which is made where it is missing."""

    def __init__(self, path: Path, executor: Executor | None) -> None:
        """Read and write in a thread of `executor`; None: at once, in the caller's."""
        self._path: Final = path
        self._executor: Final = executor

    async def save(self, period: Period) -> None:
        """Store a period and drop the oldest beyond the bound; never raises."""
        await self._soon(lambda: self._save(period))

    async def load(self, after_ms: int) -> list[Period]:
        """Return the periods that ended after `after_ms`, oldest first."""
        return await self._soon(lambda: self._load(after_ms))

    async def _soon(self, work: Callable[[], _Result]) -> _Result:
        if self._executor is None:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _save(self, period: Period) -> None:
        rows = _rows(period)
        try:
            try:
                self._insert(rows)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise  # busy, full or gone: a new file would not mend it
                _LOG.warning("The telemetry's file is begun anew: %.200s", str(error))
                for suffix in ("", "-journal"):
                    Path(f"{self._path}{suffix}").unlink(missing_ok=True)
                self._insert(rows)
        except _UNREADABLE as error:
            _LOG.warning("Measurements were not stored: %.200s", str(error))

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        with self._open() as database, database.atomic():
            table = database.table(_TABLE)
            if not table.exists():
                table.create(_COLUMNS, strict=True)
                table.create_index(["until_ms"])
            table.insert_all(rows)
            table.delete_where(_OLD, [ROWS_MAX])

    def _load(self, after_ms: int) -> list[Period]:
        if not self._path.exists():
            return []
        try:
            with self._open() as database:
                return _periods(
                    database.table(_TABLE).rows_where(
                        "until_ms > ?", [after_ms], order_by="until_ms", limit=ROWS_MAX
                    )
                )
        except _UNREADABLE as error:
            _LOG.warning("Measurements cannot be read: %.200s", str(error))
            return []

    @contextmanager
    def _open(self) -> Iterator[Database]:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        # Without the machine's own sqlite-utils plug-ins: they are code.
        database = Database(self._path, execute_plugins=False)
        try:
            database.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            database.execute("PRAGMA trusted_schema=OFF")
            yield database
        finally:
            database.close()


def _rows(period: Period) -> list[dict[str, Any]]:
    return [
        {
            "until_ms": period.until_ms,
            "kind": kind.value,
            "name": name,
            "count": histogram.count,
            "buckets": json.dumps(histogram.pack()),
        }
        for (kind, name), histogram in period.figures.items()
    ] + [
        {
            "until_ms": period.until_ms,
            "kind": _COUNT,
            "name": name,
            "count": count,
            "buckets": "[]",
        }
        for name, count in period.counts.items()
    ]


def _periods(rows: Iterator[dict[str, Any]]) -> list[Period]:
    """Put rows together by the end of their period.

    Raises:
        ValueError, LookupError: a row that this store did not write.
    """
    figures: dict[int, dict[tuple[Kind, str], Histogram]] = {}
    counts: dict[int, dict[str, int]] = {}
    for row in rows:  # the clock may step back, so two periods may end at once
        until_ms, name = row["until_ms"], row["name"]
        measured = figures.setdefault(until_ms, {})
        counted = counts.setdefault(until_ms, {})
        if row["kind"] == _COUNT:
            counted[name] = counted.get(name, 0) + row["count"]
        else:
            histogram = measured.setdefault((Kind(row["kind"]), name), Histogram())
            histogram.merge(Histogram.unpack(json.loads(row["buckets"])))
    return [
        Period(until_ms, figures[until_ms], counts[until_ms]) for until_ms in figures
    ]
