"""What lies beside a ledger is looked at, and what is not there is not known."""

import os
from pathlib import Path

import pytest

from gateway.adapters.upkeep_files import VERIFIED_NAME, UpkeepFiles
from gateway.ports import UpkeepFacts
from ledger.entry import Draft, Stamp
from ledger.keys import SigningKey
from ledger.writer import Writer, initialise


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_without_anything_nothing_is_known(path: Path) -> None:
    missing = UpkeepFiles(path.parent / "gone" / "ledger.db", lambda: None)
    assert missing.read() == UpkeepFacts()
    assert missing.entry_times([0, 1]) == {}


def test_seal_verification_backup_and_times_are_read(path: Path) -> None:
    key = SigningKey.from_seed(bytes(32))
    stamp = Stamp(1_000, "0123456789abcdef", 5, 7)
    initialise(path, "site/door", key, stamp, bytes(range(32)))
    doubtful = Stamp(2_000, "0123456789abcdef", -1, 8)
    writer = Writer.open(path, key)
    writer.append([Draft("stop", {"why": "x"})], doubtful)
    writer.append([Draft("stop", {"why": "y"})], stamp)
    writer.close()
    verified = path.with_name(VERIFIED_NAME)
    verified.touch()
    os.utime(verified, ns=(0, 1_700_000_000_000_000_000))
    upkeep = UpkeepFiles(path, lambda: (1_600_000_000_000, 2))
    found = upkeep.read()
    assert found.disk_free_bytes > 0
    assert (found.sealed_entries, found.verified_ms) == (3, 1_700_000_000_000)
    assert (found.backup_ms, found.backup_entries) == (1_600_000_000_000, 2)
    # Nobody vouched for the clock of one, and another was never written.
    assert upkeep.entry_times([0, 1, 2, 9]) == {0: 1_000, 2: 1_000}
