"""A path that cannot be read is a sentence, whoever asks."""

from pathlib import Path

import pytest

from ledger.errors import LedgerCorruptError
from ledger.store import check_header, check_there


def test_a_directory_has_no_header(tmp_path: Path) -> None:
    with pytest.raises(LedgerCorruptError, match="cannot be read"):
        check_header(tmp_path)


def test_nothing_is_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LedgerCorruptError, match="cannot be read"):
        check_there(tmp_path / "file" / "ledger.db")
