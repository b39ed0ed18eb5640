"""What lies beside the ledger about its keeping: seal, verification, room, backups.

Everything is a look at files, from a thread; what cannot be seen is not known.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from gateway.ports import UpkeepFacts
from ledger.entry import parse_entry
from ledger.errors import LedgerError
from ledger.reader import Reader
from ledger.seal_file import read_seal, seal_path

VERIFIED_NAME: Final = "ledger.verified"
"""Touched by keyra-verify.service when it has found the whole ledger whole."""

UNKNOWN: Final = -1
_MS_PER_NS: Final = 1_000_000

NewestBackup = Callable[[], tuple[int, int] | None]
"""When the newest backup was made (Unix ms), and how many entries it has."""


class UpkeepFiles:
    """ports.Upkeep from the files around a ledger."""

    def __init__(self, ledger: Path, newest_backup: NewestBackup) -> None:
        self._ledger: Final = ledger
        self._newest_backup: Final = newest_backup

    def read(self) -> UpkeepFacts:
        """Look at all of it."""
        backup_ms, backup_entries = self._newest_backup() or (UNKNOWN, UNKNOWN)
        return UpkeepFacts(
            sealed_entries=self._sealed(),
            backup_ms=backup_ms,
            backup_entries=backup_entries,
            verified_ms=self._verified_ms(),
            disk_free_bytes=self._free_bytes(),
        )

    def entry_times(self, numbers: Sequence[int]) -> Mapping[int, int]:
        """Return when entries were written, Unix ms; without those nobody can tell."""
        times = {}
        try:
            with Reader.open(self._ledger) as reader:
                base, size = reader.base()[0], reader.size()
                for n in numbers:
                    if not base <= n < size:
                        continue
                    stamp = parse_entry(reader.entry(n)).stamp
                    if stamp.err_ms >= 0:
                        times[n] = stamp.at_ms
        except LedgerError:
            return times
        return times

    def _sealed(self) -> int:
        try:
            return read_seal(seal_path(self._ledger)).n
        except LedgerError:
            return UNKNOWN

    def _verified_ms(self) -> int:
        try:
            facts = self._ledger.with_name(VERIFIED_NAME).stat()
        except OSError:
            return UNKNOWN
        return facts.st_mtime_ns // _MS_PER_NS

    def _free_bytes(self) -> int:
        try:
            disk = os.statvfs(self._ledger.parent)
        except OSError:
            return UNKNOWN
        return disk.f_bavail * disk.f_frsize
