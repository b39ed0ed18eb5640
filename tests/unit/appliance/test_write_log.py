"""The rig's reading of dm-log-writes: what a cut leaves, and what it may lose."""

import random
import struct
from pathlib import Path

import pytest

from tests.appliance.write_log import WriteLogError, after_cut, last_mark, read_log

SECTOR = 512
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
CUTS = 200


def log_of(*records: tuple[int, int, int, bytes]) -> bytes:
    """A log as the kernel writes it: (sector, sectors, flags, data) of each record."""
    log = struct.pack("<QQQI", 0x6A736677736872, 1, len(records), SECTOR)
    log = log.ljust(SECTOR, b"\0")
    for at, sectors, flags, data in records:
        head = struct.pack("<QQQQ", at, sectors, flags, len(data))
        if flags & MARK:
            log += (head + data).ljust(SECTOR, b"\0")
        else:
            log += head.ljust(SECTOR, b"\0") + data
    return log


def block(byte: bytes) -> bytes:
    return byte * SECTOR


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "log.img"
    file.write_bytes(
        log_of(
            (0, 1, 0, block(b"a")),
            (1, 1, 0, block(b"b")),
            (0, 0, FLUSH, b""),
            (0, 0, MARK, b"7"),
            (2, 1, 0, block(b"c")),
            (3, 1, FUA, block(b"d")),
            (4, 2, DISCARD, b""),
            (0, 0, MARK, b"dm-log-writes-end"),
        )
    )
    return file


def test_it_is_read_as_it_was_written(log: Path) -> None:
    writes = read_log(log)
    assert [w.at for w in writes if w.data] == [0, 512, 1024, 1536, 2048]
    assert [w.flushes for w in writes] == [False, False, True, *[False] * 5]
    assert writes[5].lasts
    assert writes[6].data == bytes(2 * SECTOR)


def test_what_was_flushed_stays_and_the_rest_may_go(log: Path) -> None:
    writes = read_log(log)
    dice = random.Random(1)  # noqa: S311 - any course will do
    seen = set()
    for _ in range(CUTS):
        left = "".join(
            chr(write.data[0]) for write in after_cut(writes, 6, dice) if write.data
        )
        assert left.startswith("ab")
        assert left.endswith("d")
        seen.add(left)
    assert seen == {"abd", "abcd"}


def test_before_the_flush_anything_may_be_lost(log: Path) -> None:
    writes = read_log(log)
    dice = random.Random(1)  # noqa: S311 - any course will do
    seen = {
        "".join(chr(write.data[0]) for write in after_cut(writes, 2, dice))
        for _ in range(CUTS)
    }
    assert seen == {"", "a", "b", "ab"}


def test_a_mark_counts_from_where_it_stands(log: Path) -> None:
    writes = read_log(log)
    assert last_mark(writes, 3) is None
    assert last_mark(writes, 4) == "7"
    assert last_mark(writes, len(writes)) == "7"


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "log.img"
    file.write_bytes(bytes(SECTOR))
    with pytest.raises(WriteLogError):
        read_log(file)
