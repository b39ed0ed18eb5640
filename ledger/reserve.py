"""Space for the last words of a full disk.

The rule: no entry is ever dropped silently. While there is room, everything is
appended. When free space falls below `FLOOR_BYTES`, ordinary entries are refused, and
with them every opening by a key; denials, exits and alarms go on. When the disk is
full to the last block, the reserve file is given up once to make room for them.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

RESERVE_BYTES: Final = 4 * 1024 * 1024
FLOOR_BYTES: Final = 16 * 1024 * 1024


def free_bytes(path: Path) -> int:
    """Return the space that is left where the ledger lies."""
    state = os.statvfs(path.parent)
    return state.f_bavail * state.f_frsize


class Reserve:
    """The reserve file beside a ledger."""

    def __init__(self, ledger: Path) -> None:
        self._path = ledger.with_suffix(".reserve")

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

    def release(self) -> bool:
        """Give the space back; tells whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
