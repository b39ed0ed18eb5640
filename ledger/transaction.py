"""How a transaction ends: durable, known not to be, or unknown."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ledger.errors import AppendFailed, StateUnknown

_KNOWN: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY})


@contextmanager
def durable(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block in one transaction; durable once the block is left.

    Raises:
        AppendFailed: nothing of it is or will become durable.
        StateUnknown: it may or may not be; the connection must be closed.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        _roll_back(connection)
        raise AppendFailed(
            f"The ledger is busy, nothing was written: {error}."
        ) from error
    try:
        yield
    except sqlite3.Error as error:
        _roll_back(connection)
        raise AppendFailed(f"Nothing was written to the ledger: {error}.") from error
    except BaseException:
        _roll_back(connection)
        raise
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if _is_undone(connection, error):
            raise AppendFailed(
                f"Nothing was written to the ledger: {error}."
            ) from error
        raise StateUnknown(f"It is unknown what the ledger holds: {error}.") from error


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StateUnknown(f"The ledger could not roll back: {error}.") from error


def _is_undone(connection: sqlite3.Connection, error: sqlite3.Error) -> bool:
    """Tell whether a failed commit left nothing that a later recovery could find.

    After "disk full" the log may hold the whole commit and only lack its padding, so
    it is emptied before the failure is called a failure. After a failed sync nothing
    can be known: the kernel may have dropped the pages and forgotten that it did.
    """
    if error.sqlite_errorcode not in _KNOWN:
        return False
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        return False
    return bool(row[0] == 0)
