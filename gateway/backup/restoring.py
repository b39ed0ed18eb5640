"""Putting a backup back: whole or not at all, and never over what is newer.

    stage     a private folder beside the state directory, marked as unfinished
    compare   the ledger that is there must be a beginning of the one in the backup
    finish    seal, a `restored` entry, erasures; everything synced, the mark removed
    install   the two folders change names in one step of the file system

Whoever is killed before the last step leaves the old state, after it the new one; what
lies beside it is dealt with by the next restore (leftovers).
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from gateway.adapters.people_store import SqlitePeopleStore
from gateway.adapters.system_clock import SystemEntropy
from gateway.backup.leftovers import (
    UNFINISHED,
    clear_up,
    keep,
    remove,
)
from gateway.backup.making import LEDGER_NAME, PEOPLE_NAME, VKEY_NAME
from gateway.backup.names import utc
from gateway.backup.opening import FROM_BACKUP, Opened
from gateway.backup.renaming import rename_new, swap
from gateway.core.entries import alarm_record, restored_record
from gateway.errors import AlreadyRunningError, BackupError, RestoreRefusedError
from ledger.entry import Draft, Stamp, parse_entry
from ledger.errors import LedgerError, SealError
from ledger.keys import sync_directory
from ledger.reader import Reader
from ledger.seal import Seal, commitment
from ledger.seal_file import SealFile, load_first_key, read_seal, seal_path
from ledger.tree import leaf_hash
from ledger.writer import Writer

FILES_NAME: Final = "files.json"


class Fate(Enum):
    """What becomes of the ledger's seal."""

    NONE = "none"
    KEPT = "kept"
    COMPUTED = "computed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person who restores gave.

    Attributes:
        seal_key: file with the seal's first key, from whoever audits the door.
        seal_lost: that key is lost, so that nobody can check the seal again.
    """

    seal_key: Path | None = None
    seal_lost: bool = False


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold a state directory, so that no gateway starts in it; made if it is missing.

    Raises:
        AlreadyRunningError: a gateway runs.
        BackupError: the directory cannot be made.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise BackupError(
            f"The state directory {directory} cannot be used ({error.strerror}); "
            "restore as root."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunningError(
                f"A gateway runs in {directory}: stop it first "
                "(systemctl stop keyra-gateway)."
            ) from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def staged(directory: Path) -> Iterator[Path]:
    """Make a private folder beside a state directory; what is in it goes in the end.

    Only for who holds the directory: folders that a kill left behind are removed too.

    Raises:
        BackupError: it cannot be made.
    """
    prefix = f".{directory.name}.restore-"
    try:
        clear_up(directory, prefix)
        stage = Path(tempfile.mkdtemp(prefix=prefix, dir=directory.parent))
    except OSError as error:
        raise BackupError(
            f"Beside {directory} nothing can be staged ({error.strerror}); restore as "
            "root."
        ) from error
    (stage / UNFINISHED).touch()
    try:
        yield stage
    finally:
        if (stage / UNFINISHED).exists():
            remove(stage)


class Relation(Enum):
    """How the ledger that is there stands to the one in the backup."""

    MISSING = "missing"
    OLDER = "older"
    EQUAL = "equal"
    NEWER = "newer"


def compare(directory: Path, stage: Path) -> tuple[Relation, int]:
    """Compare the ledger that is there with the one in the backup.

    Returns:
        how they stand, and how many entries there were in the directory at least.

    Raises:
        RestoreRefusedError: what is there is another history, or unreadable.
    """
    path = directory / LEDGER_NAME
    seen = _seal_size(directory)
    with Reader.open(stage / LEDGER_NAME) as backup:
        size = backup.size()
        if not path.exists():
            return (Relation.NEWER if seen > size else Relation.MISSING), seen
        try:
            with Reader.open(path) as present:
                here = present.size()
                same = _root(present, min(here, size)) == _root(backup, min(here, size))
        except LedgerError as error:
            raise RestoreRefusedError(
                f"The ledger in {directory} cannot be compared ({error}) Move the "
                "directory away, keep it, and restore without it."
            ) from error
    if not same:
        raise RestoreRefusedError(
            f"The ledger in {directory} has another history than the backup's: neither "
            "replaces the other. Move the directory away if the backup's is right."
        )
    there = max(here, seen)
    if there == size:
        return Relation.EQUAL, there
    return (Relation.NEWER if there > size else Relation.OLDER), there


def refuse_newer(directory: Path, there: int, entries: int) -> RestoreRefusedError:
    """Return the refusal where the directory knows more than the backup."""
    return RestoreRefusedError(
        f"The state in {directory} is newer: it has seen {there} entries, and the "
        f"backup has {entries}. Nothing replaces it; if it is damaged, move the "
        "directory away, keep it, and restore again."
    )


def put_names(directory: Path, stage: Path) -> None:
    """Put the people database back where it is missing, without who was erased since.

    Raises:
        RestoreRefusedError: there is one, or none in the backup.
        BackupError: it cannot be put there.
    """
    target, source = directory / PEOPLE_NAME, stage / PEOPLE_NAME
    if target.exists():
        raise RestoreRefusedError(
            f"There is a people database in {directory}: move it away first, if it is "
            "damaged."
        )
    if not source.exists():
        raise RestoreRefusedError("There is no people database in the backup.")
    erase_ordered(directory / LEDGER_NAME, source)
    _own_as(directory, stage)
    _sync(stage)
    try:
        rename_new(source, target)
        sync_directory(directory)
    except OSError as error:
        raise BackupError(
            f"{target} could not be written ({error.strerror})."
        ) from error


def finish(
    directory: Path, stage: Path, opened: Opened, wish: Wish, stamp: Stamp
) -> Fate:
    """Make the stage a state directory that a gateway can start in.

    Raises:
        RestoreRefusedError: the ledger's seal is missing.
        LedgerError, RegistryError, OSError: the stage could not be written.
    """
    path = stage / LEDGER_NAME
    vkey = stage / VKEY_NAME
    if not vkey.exists():
        vkey.write_text(f"{opened.vkey}\n")
        vkey.chmod(0o600)
    fate = _begin_seal(directory, path, wish)
    made_ms, entries = opened.manifest.made_ms, opened.manifest.entries
    restored = restored_record(entries, made_ms, fate.value)
    alarm = alarm_record(
        "restored",
        f"Restored from a backup of {entries} entries, made {utc(made_ms)}.",
    )
    with closing(Writer.open(path, opened.key)) as writer:
        writer.append(
            [Draft(record.ev, record.what) for record in (restored, alarm)], stamp
        )
        writer.checkpoint()
    erase_ordered(path, stage / PEOPLE_NAME)
    origins = json.dumps(opened.manifest.files, indent=1, sort_keys=True)
    (stage / FROM_BACKUP / FILES_NAME).write_text(f"{origins}\n")
    return fate


def erase_ordered(ledger: Path, people: Path) -> int:
    """Remove the names from a people database that a ledger orders to be erased.

    Raises:
        LedgerError, RegistryError: one of them cannot be read or written.
    """
    subjects = []
    with Reader.open(ledger) as reader:
        for body in reader.entries(reader.base()[0], reader.size()):
            # Cheap, and never too few: what a prune restated stands escaped in there.
            if b"erase" in body:
                subjects += _erased(body)
    return SqlitePeopleStore(people, SystemEntropy()).erase(*subjects)


def install(directory: Path, stage: Path, now_ms: int) -> Path | None:
    """Put the finished stage in the state directory's place.

    Returns:
        where the old state is kept, None if there was none.

    Raises:
        BackupError: the file system cannot; the old state is in place.
        OSError: likewise.
    """
    _own_as(directory, stage)
    _sync(stage)
    (stage / UNFINISHED).unlink()
    sync_directory(stage)
    empty = not any(directory.iterdir())
    try:
        if empty:
            stage.rename(directory)
        else:
            swap(stage, directory)
    except OSError as error:
        (stage / UNFINISHED).touch()
        raise BackupError(
            f"The state could not be put in place ({error.strerror}); {directory} is "
            "as it was. Move it away, or what it is mounted on, and restore again."
        ) from error
    sync_directory(directory.parent)
    if empty:
        return None
    return keep(stage, directory, now_ms)


def _begin_seal(directory: Path, path: Path, wish: Wish) -> Fate:
    """Lay the seal's state beside a ledger whose genesis entry promises one."""
    present = directory / LEDGER_NAME
    if present.exists() and seal_path(present).exists():
        SealFile.create(seal_path(path), read_seal(seal_path(present)))
        return Fate.KEPT
    with Reader.open(path) as reader:
        size = reader.size()
        # A pruned ledger has lost the promise, and its seal speaks for nobody.
        promised = None if reader.base()[0] else reader.genesis().what.get("seal")
        if promised is None:
            return Fate.NONE
        if wish.seal_key is not None:
            first = load_first_key(wish.seal_key)
            if commitment(first) != promised:
                raise RestoreRefusedError(
                    f"The key in {wish.seal_key} is not the first key of this "
                    "ledger's seal."
                )
            leaves = (leaf_hash(body) for body in reader.entries(0, size))
            SealFile.create(seal_path(path), Seal.first(first).over(leaves))
            return Fate.COMPUTED
    if wish.seal_lost:
        lost = Seal(size, os.urandom(32), os.urandom(32))
        SealFile.create(seal_path(path), lost)
        return Fate.LOST
    raise RestoreRefusedError(
        "The ledger's seal is in no backup: give the seal's first key, from whoever "
        "audits this door (--seal-key FILE); where it is lost for good, --seal-lost."
    )


def _root(reader: Reader, size: int) -> bytes:
    """Return the root at a size; raises LedgerCorruptError where a prune took it."""
    return reader.edge(size).root()


def _seal_size(directory: Path) -> int:
    path = seal_path(directory / LEDGER_NAME)
    if not path.exists():
        return 0
    try:
        return read_seal(path).n
    except SealError as error:
        raise RestoreRefusedError(
            f"{error} Move {directory} away, keep it, and restore without it."
        ) from error


def _erased(body: bytes) -> list[str]:
    """Return whom an entry erases, itself or restated."""
    entry = parse_entry(body)
    if entry.ev == "restate":
        text = entry.what.get("entry")
        entry = parse_entry(text.encode()) if isinstance(text, str) else entry
    holder = entry.what.get("holder")
    return [holder] if entry.ev == "erase" and isinstance(holder, str) else []


def _own_as(directory: Path, stage: Path) -> None:
    """Give the stage to whoever owns what it replaces; root alone can."""
    owner = directory.stat()
    stage.chmod(0o700)
    if os.geteuid() == 0:
        for path in (stage, *stage.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)


def _sync(stage: Path) -> None:
    for path in (*stage.rglob("*"), stage):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
