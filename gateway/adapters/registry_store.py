"""Snapshots of the registry in an SQLite file, readable with any tool.

Who is trusted: nobody. The file saves the time of reading the whole ledger at start; a
snapshot counts only where the ledger holds its digest. So whatever is wrong with the
file, the answer to a reader is "no snapshot", and a writer begins a new file.
"""

import json
import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlite_utils import Database
from sqlite_utils.db import NoTable

from gateway.core.ids import (
    CREDENTIAL_ID_BYTES_MAX,
    CREDENTIAL_ID_BYTES_MIN,
    PeerAddress,
)
from gateway.core.registry import Credential, Holder, RegistrySnapshot
from gateway.errors import KeyraError

ROWS_MAX: Final = 250_000
"""Rows of one table that are read; more is no snapshot of ours."""
ADDRESSES_MAX: Final = 4_096

BUSY_MS: Final = 250
"""Somebody may be looking at the file; the door does not wait longer for them."""

_LOG: Final = logging.getLogger(__name__)
# Members that a row leaves out where they say nothing; each is a column.
_HOLDER: Final[dict[str, Any]] = {"extended": False, "role": "", "uses_max": 0}
_KEY: Final[dict[str, Any]] = {"duress": False}

_ADDRESS: Final = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}", re.ASCII)

_SETTINGS: Final = (
    "trusted_schema=OFF",
    "cell_size_check=ON",
    f"busy_timeout={BUSY_MS}",
)
_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)
"""Failures of the moment or of the disk, which a new file would not mend."""

# Whatever a file of rubbish can make SQLite, JSON or a row's reader say.
_UNREADABLE: Final = (
    sqlite3.Error,
    KeyraError,
    LookupError,
    NoTable,
    OSError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


class SqliteRegistryStore:
    """ports.RegistryStore in the file at `path`, which need not be there."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    def load(self) -> RegistrySnapshot | None:
        """Return the last snapshot, or None if there is none or it is unreadable."""
        if not self._path.exists():
            return None
        try:
            with self._open() as database:
                return _read(database)
        except _UNREADABLE as error:
            _LOG.warning("The registry's snapshot cannot be read: %.200s", str(error))
            return None

    def save(self, snapshot: RegistrySnapshot) -> None:
        """Replace the snapshot in one transaction; never raises.

        Where the disk does not take it, the next start reads more of the ledger.
        """

        def write(database: Database) -> None:
            holders = [_flat(_HOLDER | one.row()) for one in snapshot.holders]
            credentials = [_flat(_KEY | one.row()) for one in snapshot.credentials]
            covers = [{"entries": snapshot.entries}]
            _replace(database, "holders", holders, "holder")
            _replace(database, "credentials", credentials, "credential")
            for name, kept in (
                ("passages", snapshot.passages),
                ("directory", snapshot.directory),
            ):
                rows = [
                    {"number": number, "row": json.dumps(row)}
                    for number, row in enumerate(kept)
                ]
                _replace(database, name, rows, "number")
            _replace(database, "covers", covers, "entries")

        self._write(write)

    def addresses(self) -> Mapping[PeerAddress, bytes]:
        """Return which credential id to ask of which bonded address: a mere hint."""
        if not self._path.exists():
            return {}
        try:
            with self._open() as database:
                rows = list(database.table("addresses").rows_where(limit=ADDRESSES_MAX))
        except _UNREADABLE as error:
            _LOG.warning("The hints at addresses cannot be read: %.200s", str(error))
            return {}
        return {
            PeerAddress(row["address"]): row["credential"]
            for row in rows
            if _is_hint(row.get("address"), row.get("credential"))
        }

    def remember_address(self, address: PeerAddress, credential_id: bytes) -> None:
        """Store one hint, replacing an older one of the same address; never raises."""

        def write(database: Database) -> None:
            row = {"address": address, "credential": credential_id}
            database.table("addresses").upsert(row, pk="address")

        self._write(write)

    def forget_address(self, address: PeerAddress) -> None:
        """Remove the hint at an address; never raises."""

        def write(database: Database) -> None:
            table = database.table("addresses")
            if table.exists():
                table.delete_where("address = ?", [address])

        if self._path.exists():
            self._write(write)

    def _write(self, change: Callable[[Database], None]) -> None:
        try:
            try:
                self._change(change)
            except _UNREADABLE as error:
                if _is_passing(error):
                    raise
                _LOG.warning("The registry's file is begun anew: %.200s", str(error))
                self._begin_anew()
                self._change(change)
        except _UNREADABLE as error:
            _LOG.warning("The registry's file was not written: %.200s", str(error))

    def _begin_anew(self) -> None:
        """Replace a file that is not ours any more, saving what hints it has."""
        hints = [
            {"address": address, "credential": credential_id}
            for address, credential_id in self.addresses().items()
        ]
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        self._change(lambda database: _replace(database, "addresses", hints, "address"))

    def _change(self, change: Callable[[Database], None]) -> None:
        with self._open() as database, database.atomic():
            change(database)

    @contextmanager
    def _open(self) -> Iterator[Database]:
        """Open the file for this process's user alone."""
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        # Without the machine's own sqlite-utils plug-ins: they are code.
        database = Database(self._path, execute_plugins=False)
        try:
            for setting in _SETTINGS:
                database.execute(f"PRAGMA {setting}")
            yield database
        finally:
            database.close()


def _is_passing(error: Exception) -> bool:
    if isinstance(error, sqlite3.Error):
        # The primary code; an error of Python's own module has none.
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING
    return isinstance(error, OSError)


def _read(database: Database) -> RegistrySnapshot | None:
    if not database.table("covers").exists():
        return None  # hints at addresses were stored, and no snapshot yet
    covers = _rows(database, "covers")
    if len(covers) != 1 or type(covers[0]["entries"]) is not int:
        return None
    holders = [Holder.from_row(_deep(row)) for row in _rows(database, "holders")]
    credentials = [Credential.from_row(row) for row in _rows(database, "credentials")]
    return RegistrySnapshot(
        covers[0]["entries"],
        tuple(sorted(holders, key=lambda holder: holder.id)),
        tuple(sorted(credentials, key=lambda one: one.id)),
        tuple(json.loads(row["row"]) for row in _rows(database, "passages")),
        tuple(json.loads(row["row"]) for row in _rows(database, "directory")),
    )


def _rows(database: Database, name: str) -> list[dict[str, Any]]:
    table = database.table(name)
    if not table.exists():
        raise ValueError(f"no {name}")
    rows = list(table.rows_where(limit=ROWS_MAX + 1))
    if len(rows) > ROWS_MAX:
        raise ValueError(f"more than {ROWS_MAX} {name}")
    return rows


def _replace(
    database: Database, name: str, rows: list[dict[str, Any]], key: str
) -> None:
    table = database.table(name)
    if table.exists():
        table.drop()
    if rows:
        table.insert_all(rows, pk=key, strict=True)
    else:
        table.create({key: str}, pk=key, strict=True)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its lists as JSON."""
    return {
        name: json.dumps(value) if isinstance(value, list | tuple) else value
        for name, value in row.items()
    }


def _deep(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its lists as lists."""
    return {**row, "groups": json.loads(row["groups"])}


def _is_hint(address: object, credential_id: object) -> bool:
    return (
        isinstance(address, str)
        and _ADDRESS.fullmatch(address) is not None
        and isinstance(credential_id, bytes)
        and CREDENTIAL_ID_BYTES_MIN <= len(credential_id) <= CREDENTIAL_ID_BYTES_MAX
    )
