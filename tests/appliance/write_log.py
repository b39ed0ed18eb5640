"""What dm-log-writes recorded, and the disks that a power cut could have left.

The log holds a write once the device has completed it and a flush has followed, so what
lies between two flushes may have reached the disk in any order, or not at all. A cut
keeps all that was flushed before it, and of the rest each write or not.

Format: drivers/md/dm-log-writes.c. A record fills one sector, its data the next ones.
"""

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MAGIC: Final = 0x6A736677736872
_SUPER: Final = struct.Struct("<QQQI")
_RECORD: Final = struct.Struct("<QQQQ")
_FLUSH: Final = 1
_FUA: Final = 2
_DISCARD: Final = 4
_MARK: Final = 8
# What the kernel notes when the device goes.
_END: Final = "dm-log-writes-end"


class WriteLogError(Exception):
    """It is no log of dm-log-writes."""


@dataclass(frozen=True, slots=True)
class Write:
    """One record.

    Attributes:
        at: where on the disk, in bytes.
        data: what was written; nothing for a flush alone or a mark.
        flushes: whether all that was completed before is on the disk now.
        lasts: whether this one is on the disk for certain once it is completed.
        mark: what somebody noted at this place of the log.
    """

    at: int
    data: bytes
    flushes: bool
    lasts: bool
    mark: str | None


def read_log(file: Path) -> Sequence[Write]:
    """Read a whole log.

    Raises:
        WriteLogError: it is none.
    """
    with file.open("rb") as log:
        magic, _, records, sector = _SUPER.unpack(log.read(_SUPER.size))
        if magic != _MAGIC:
            raise WriteLogError(f"{file} does not begin as a log does.")
        log.seek(sector)
        writes = []
        for _ in range(records):
            head = log.read(sector)
            at, sectors, flags, length = _RECORD.unpack_from(head)
            mark = None
            data = b""
            if flags & _MARK:
                mark = head[_RECORD.size : _RECORD.size + length].decode()
            elif flags & _DISCARD:
                data = bytes(sectors * sector)
            else:
                data = log.read(sectors * sector)
            lasts = bool(flags & _FUA)
            writes.append(Write(at * sector, data, bool(flags & _FLUSH), lasts, mark))
    return writes


def after_cut(
    writes: Sequence[Write], cut: int, dice: random.Random
) -> Iterator[Write]:
    """Yield the writes that a cut after so many records leaves on the disk.

    They come in the order in which they are to be applied.
    """
    flushed = max((n for n in range(cut) if writes[n].flushes), default=0)
    keep = dice.random()
    for number, write in enumerate(writes[:cut]):
        if number < flushed or write.lasts or dice.random() < keep:
            yield write


def last_mark(writes: Sequence[Write], cut: int) -> str | None:
    """Return the newest mark before a cut that somebody asked for."""
    marks = (write.mark for write in reversed(writes[:cut]))
    return next((mark for mark in marks if mark and mark != _END), None)
