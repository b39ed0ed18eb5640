"""Room for last words: what is refused, and what still goes on, as a disk fills up."""

import sqlite3
from pathlib import Path

import pytest

from ledger.entry import Draft
from ledger.errors import DiskFullError, LedgerCorruptError
from ledger.reserve import FLOOR_BYTES, LAST_BYTES, Reserve
from ledger.writer import Writer
from tests.ledger_world import Made

EXIT = Draft("door.exit", {"door": "front"})


def test_a_nearly_full_disk_keeps_room_for_last_words(made: Made) -> None:
    writer = Writer.open(made.path, made.key, free=lambda _: FLOOR_BYTES - 1)
    with pytest.raises(DiskFullError, match="openings are refused"):
        writer.append([EXIT], made.door.stamp())
    [entry] = writer.append([EXIT], made.door.stamp(), last_words=True)
    assert entry.n == 1
    writer.close()


def test_the_reserve_is_given_up_before_the_last_block(made: Made) -> None:
    """With a full log SQLite could not say any more whether a commit was lost."""
    reserve = made.path.with_suffix(".reserve")
    left = [FLOOR_BYTES - 1, LAST_BYTES - 1, LAST_BYTES - 1]
    writer = Writer.open(made.path, made.key, free=lambda _: left.pop(0))
    for is_held in (True, False, False):
        writer.append([EXIT], made.door.stamp(), last_words=True)
        assert reserve.exists() is is_held
    assert writer.size == 4
    writer.close()


def test_a_reserve_that_cannot_be_had_is_gone_without(tmp_path: Path) -> None:
    """/dev/full takes no byte: the link stands in for a full disk."""
    (tmp_path / "ledger.reserve").symlink_to("/dev/full")
    Reserve(tmp_path / "ledger.db").hold()
    assert not (tmp_path / "ledger.reserve").is_symlink()
    Reserve(tmp_path / "missing" / "ledger.db").hold()


def without_room(_: Path) -> sqlite3.Connection:
    """Fail as SQLite does where its shared memory finds no room."""
    raise sqlite3.OperationalError("disk I/O error")


def test_a_disk_too_full_to_open_a_ledger_on_is_no_damage(made: Made) -> None:
    with pytest.raises(DiskFullError, match="make room"):
        Writer.open(
            made.path, made.key, connect=without_room, free=lambda _: LAST_BYTES - 1
        )
    with pytest.raises(LedgerCorruptError, match="damaged"):
        Writer.open(
            made.path, made.key, connect=without_room, free=lambda _: LAST_BYTES
        )
    Writer.open(made.path, made.key).close()
