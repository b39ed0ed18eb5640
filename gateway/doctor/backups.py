"""Whether there is a backup, and how old it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.backup.names import newest
from gateway.config import Config
from gateway.doctor.finding import Finding, good, note, wrong
from gateway.doctor.machine import Machine

AGE_MS_MAX: Final = 3 * 24 * 3_600_000
"""The timer is daily; a machine may be off for a night or two."""
_MS_PER_HOUR: Final = 3_600_000


def check_backup(machine: Machine, config: Config) -> Iterator[Finding]:
    """Somebody can open backups, and the newest one is not old."""
    folder = config.backup.dir
    if config.backup.recipient is None:
        yield note(
            "backup",
            "No backups are made: what dies with this disk is gone, the names too.",
            "gateway.toml",
            "Add [backup] recipient; see docs/backup.md.",
        )
        return
    made = newest(machine.names(folder), config.gateway.id)
    if made is None:
        yield wrong(
            "backup",
            "There is no backup of this gateway that I may see.",
            folder,
            "Run this as root; then: systemctl start keyra-backup",
        )
        return
    where = str(Path(folder) / str(made))
    age_ms = machine.wall_ms() - made.made_ms
    if age_ms > AGE_MS_MAX:
        yield wrong(
            "backup",
            f"The newest backup is {age_ms // _MS_PER_HOUR} hours old.",
            where,
            "Run: journalctl -u keyra-backup; systemctl start keyra-backup.timer",
        )
    else:
        yield good("backup", f"The newest one has {made.entries} entries.", where)
