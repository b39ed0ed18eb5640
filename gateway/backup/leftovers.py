"""What a killed restore leaves beside a state directory, and what becomes of it.

marked, or empty       nothing yet: it goes, the mark last
no beginning of ours   finished and never put in place: it goes likewise
a beginning of ours    what was replaced: kept under its name, without its seal
"""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.backup.making import LEDGER_NAME
from gateway.backup.names import utc
from gateway.backup.renaming import rename_new
from ledger.errors import LedgerError
from ledger.keys import sync_directory
from ledger.reader import Reader
from ledger.seal_file import seal_path

UNFINISHED: Final = "unfinished"
"""The mark of a folder that is nothing yet; a later restore removes such folders."""

_MS_PER_NS: Final = 1_000_000


def clear_up(directory: Path, prefix: str) -> None:
    """Deal with every folder beside `directory` whose name begins so.

    Only for who holds the directory.

    Raises:
        OSError: one cannot be removed or renamed.
    """
    for left in directory.parent.glob(f"{prefix}*"):
        nothing = (left / UNFINISHED).exists() or not any(left.iterdir())
        if nothing or not _is_replaced(left, directory):
            (left / UNFINISHED).touch()
            remove(left)
        else:
            keep(left, directory, left.stat().st_ctime_ns // _MS_PER_NS)


def remove(folder: Path) -> None:
    """Remove a marked folder; killed on the way, it is still marked.

    Raises:
        OSError: something in it cannot be removed.
    """
    for path in folder.iterdir():
        if path.name == UNFINISHED:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.rmtree(folder)


def keep(replaced: Path, directory: Path, at_ms: int) -> Path:
    """Give what was replaced the name under which it is kept; return that.

    Raises:
        OSError: it cannot be renamed, or its seal not removed.
    """
    # The key that the seal had then would forge what was recorded since.
    with suppress(FileNotFoundError):
        seal_path(replaced / LEDGER_NAME).unlink()
    kept = directory.with_name(f"{directory.name}.before-restore-{utc(at_ms)}")
    rename_new(replaced, kept)
    sync_directory(directory.parent)
    return kept


def _is_replaced(left: Path, directory: Path) -> bool:
    """Tell whether a folder's history is a beginning of the one in place.

    What cannot be compared may be somebody's only copy, and is kept.
    """
    if not (left / LEDGER_NAME).exists():
        return True
    if not (directory / LEDGER_NAME).exists():
        return False
    try:
        with (
            Reader.open(left / LEDGER_NAME) as old,
            Reader.open(directory / LEDGER_NAME) as new,
        ):
            size = old.size()
            return size <= new.size() and old.edge(size).root() == new.edge(size).root()
    except LedgerError:
        return True
