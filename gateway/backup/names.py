"""What a backup's file is called: `keyra-<gateway>-<entries>-<UTC>.age`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.core.ids import ID_CHARS_MAX, GatewayId, is_identifier

PARTIAL: Final = ".partial"
"""What is not whole yet ends so, and is never taken for a backup."""

_NAME: Final = re.compile(
    rf"keyra-(.{{1,{ID_CHARS_MAX}}})-(\d{{1,16}})-(\d{{8}}T\d{{6}}Z)\.age", re.ASCII
)
_UTC: Final = "%Y%m%dT%H%M%SZ"
_MS_PER_S: Final = 1000


@dataclass(frozen=True, slots=True, order=True)
class BackupName:
    """A backup's name; ordered by when it was made.

    Attributes:
        made_ms: Unix time, whole seconds.
        entries: how many the ledger had.
    """

    made_ms: int
    entries: int
    gateway: GatewayId

    def __str__(self) -> str:
        return f"keyra-{self.gateway}-{self.entries}-{utc(self.made_ms)}.age"

    @classmethod
    def parse(cls, name: str) -> "BackupName | None":
        """Return what a file's name says, None if it is no backup's."""
        match = _NAME.fullmatch(name)
        if match is None or not is_identifier(match[1]):
            return None
        try:
            made = datetime.strptime(match[3], _UTC).replace(tzinfo=UTC)
        except ValueError:
            return None
        made_ms = int(made.timestamp()) * _MS_PER_S
        return cls(made_ms, int(match[2]), GatewayId(match[1]))


def newest(names: Iterable[str], gateway: GatewayId) -> BackupName | None:
    """Return a gateway's newest backup among the names in a folder."""
    parsed = (BackupName.parse(name) for name in names)
    return max((one for one in parsed if one and one.gateway == gateway), default=None)


def utc(wall_ms: int) -> str:
    """Write a time as file names have it: 20270115T080000Z."""
    return datetime.fromtimestamp(wall_ms // _MS_PER_S, UTC).strftime(_UTC)
