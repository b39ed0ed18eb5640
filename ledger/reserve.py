"""Space for the last words of a full disk.

The rule: no entry is ever dropped silently. While there is room, everything is
appended. When free space falls below `FLOOR_BYTES`, ordinary entries are refused, and
with them every opening by a key; denials, exits and alarms go on, and the log is folded
into the database early, so that they do not pay for its growth. Below `LAST_BYTES` the
reserve file is given up once to make room for them: before the disk is full to the last
block, where SQLite could no longer tell whether a commit was lost.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from ledger.errors import DiskFullError, LedgerCorruptError, LedgerError

RESERVE_BYTES: Final = 4 * 1024 * 1024
FLOOR_BYTES: Final = 16 * 1024 * 1024
LAST_BYTES: Final = 1024 * 1024
LOG_PAGES: Final = 16
"""On a disk that is nearly full; SQLite's own choice is 1,000 pages, 16 MiB of ours."""


def free_bytes(path: Path) -> int:
    """Return the space that is left where the ledger lies."""
    state = os.statvfs(path.parent)
    return state.f_bavail * state.f_frsize


def unopened(path: Path, error: Exception, free: int) -> LedgerError:
    """Return what is wrong with a ledger that did not open, with `free` bytes left.

    SQLite has no room for its shared memory on a full disk: that is no damage.
    """
    if isinstance(error, sqlite3.OperationalError) and free < LAST_BYTES:
        return DiskFullError(
            f"The disk is too full to open the ledger {path} ({error}): make room. "
            "Nothing was changed."
        )
    return LedgerCorruptError(f"The ledger {path} is damaged: {error}")


class Reserve:
    """The reserve file beside a ledger."""

    def __init__(self, ledger: Path) -> None:
        self._path = ledger.with_suffix(".reserve")
        self._is_short = False

    def hold(self) -> None:
        """Allocate the reserve unless the disk is too full for it already."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        with suppress(OSError):
            descriptor = os.open(self._path, flags, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
            except OSError:
                self.release()
            finally:
                os.close(descriptor)

    def spare(self, connection: sqlite3.Connection, free: int) -> None:
        """Make the most of what is left, `free` bytes, for last words."""
        if not self._is_short:
            self._is_short = True
            connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
        if free < LAST_BYTES and self.release():
            # What fails here fails again, and is reported, in the append that follows.
            with suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def release(self) -> bool:
        """Give the space back; tells whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
