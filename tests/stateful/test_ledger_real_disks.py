"""A real disk fills up, or turns read-only, under the unmodified writer.

The disk is an ext4 file system in a file, so only root can have it. `abort` makes ext4
do what it does on its own after an error: every write answers EROFS from then on, while
the writer has its files open. An ordinary remount refuses that.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ledger.entry import Draft
from ledger.errors import (
    AppendFailed,
    DiskFullError,
    LedgerCorruptError,
    LedgerError,
    StateUnknown,
)
from ledger.reader import Reader
from ledger.reserve import LAST_BYTES, RESERVE_BYTES, free_bytes
from ledger.verdict import Exit
from ledger.verify import verify_lines
from ledger.writer import Writer
from tests.ledger_world import Made, make

DISK_BYTES = 48 * 1024 * 1024
DENIAL = Draft("door.deny", {"door": "front", "reason": "schedule"})
# Long enough that a few dozen fill what is left of the disk.
LONG = Draft("door.deny", {"door": "front", "reason": "x" * 30_000})

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk"),
]


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)  # noqa: S607 - root's own path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small ext4 file system with nothing kept back for root."""
    if shutil.which("mkfs.ext4") is None:
        pytest.fail("the disk tests need mkfs.ext4: apt-get install e2fsprogs")
    image, point = tmp_path / "disk.img", tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    make_fs: list[str | Path] = ["mkfs.ext4", "-q", "-F", "-m", "0", image]
    subprocess.run(make_fs, check=True)
    point.mkdir()
    mount("-o", "loop", image, point)
    yield point
    with suppress(subprocess.CalledProcessError):
        unmount(point)


def unmount(point: Path) -> None:
    subprocess.run(["umount", point], check=True, capture_output=True)  # noqa: S607


def again(point: Path) -> None:
    """Recover as a restart does: the journal is replayed, the disk writable again."""
    unmount(point)
    mount("-o", "loop", point.with_name("disk.img"), point)


def verified(made: Made, size: int) -> None:
    verdict = verify_lines(made.lines(), vkey=made.vkey, seal_key=made.seal_key)
    assert (verdict.exit, verdict.entries) == (Exit.VERIFIED, size), verdict.problem


def test_a_disk_that_turns_read_only_under_the_writer(disk: Path) -> None:
    """What was acknowledged stays; nothing is acknowledged any more."""
    made = make(disk)
    writer = made.open()
    for _ in range(7):
        writer.append([DENIAL], made.door.stamp())
    acked = writer.size
    mount("-o", "remount,abort", disk)
    for last_words in (False, True, True):
        with pytest.raises((AppendFailed, StateUnknown)):
            writer.append([DENIAL], made.door.stamp(), last_words=last_words)
    with pytest.raises((AppendFailed, StateUnknown)):
        writer.checkpoint()
    writer.close()
    with pytest.raises(LedgerError):
        made.open()
    again(disk)
    writer = made.open()
    assert acked <= writer.size <= acked + 1
    writer.append([DENIAL], made.door.stamp())
    verified(made, writer.size)
    writer.close()


def test_a_ledger_on_a_disk_that_was_mounted_read_only(disk: Path) -> None:
    """It is read and verified there, and refuses to be written, by name."""
    made = make(disk)
    made.append(DENIAL, DENIAL)
    mount("-o", "remount,ro", disk)
    with pytest.raises(LedgerCorruptError, match="Read-only file system"):
        made.open()
    with Reader.open(made.path) as reader:
        assert reader.size() == 3
    verified(made, 3)
    mount("-o", "remount,rw", disk)
    made.append(DENIAL)
    verified(made, 4)


def fill(disk: Path, leave: int) -> None:
    """Put ballast on the disk until only so many bytes are free."""
    with (disk / "ballast").open("ab") as file:
        more = free_bytes(disk / "x") - leave
        os.posix_fallocate(file.fileno(), file.tell(), max(1, more))
        os.fsync(file.fileno())


def last_words(writer: Writer, made: Made, count: int) -> int:
    """Append until the disk takes no more; returns how many it took."""
    for done in range(count):
        try:
            writer.append([LONG], made.door.stamp(), last_words=True)
        except (AppendFailed, StateUnknown):
            return done
    return count


def test_a_disk_that_is_full_takes_the_last_words_and_drops_none(disk: Path) -> None:
    made = make(disk)
    writer = made.open()
    writer.append([DENIAL], made.door.stamp())
    fill(disk, leave=8 * LAST_BYTES)
    with pytest.raises(DiskFullError, match="openings are refused"):
        writer.append([DENIAL], made.door.stamp())
    fill(disk, leave=LAST_BYTES // 2)
    before = writer.size
    took = last_words(writer, made, 1000)
    # The reserve, not only what was left, went to them; SQLite's log takes its share.
    assert RESERVE_BYTES // 4 <= took * 30_000 <= RESERVE_BYTES + LAST_BYTES
    assert not made.path.with_suffix(".reserve").exists()
    assert writer.size == before + took
    writer.close()
    (disk / "ballast").unlink()
    writer = made.open()
    assert before + took <= writer.size <= before + took + 1
    writer.append([DENIAL], made.door.stamp())
    verified(made, writer.size)
    assert made.path.with_suffix(".reserve").exists()
    writer.close()


def test_a_disk_that_is_full_at_the_start_still_takes_last_words(disk: Path) -> None:
    """The gateway was restarted on it: no reserve can be had, and some room is left."""
    made = make(disk)
    fill(disk, leave=LAST_BYTES)
    writer = made.open()
    assert last_words(writer, made, 3) == 3
    writer.close()
    (disk / "ballast").unlink()
    verified(made, 4)


def test_a_full_disk_refuses_to_begin_a_ledger_by_name(disk: Path) -> None:
    fill(disk, leave=16 * 1024)
    with pytest.raises(LedgerError):
        make(disk)
    (disk / "ballast").unlink()
    for left in disk.glob("ledger.*"):
        left.unlink()
    verified(make(disk), 1)
