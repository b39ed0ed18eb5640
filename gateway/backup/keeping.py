"""The folder of backups: a new one appears whole, and the oldest ones go."""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from gateway.backup.names import PARTIAL, BackupName
from gateway.backup.renaming import rename_new
from gateway.core.ids import GatewayId
from gateway.errors import BackupError
from ledger.keys import sync_directory


def store(folder: Path, name: BackupName, write: Callable[[BinaryIO], None]) -> Path:
    """Write a new backup; it has its name only once it is whole and durable.

    Raises:
        BackupError: it cannot be written, or there is one of that name.
        Whatever `write` raises; then nothing of the file is left.
    """
    whole = folder / str(name)
    partial = folder / f".{name}{PARTIAL}"
    try:
        folder_lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise BackupError(
            f"The folder {folder} cannot be opened ({error.strerror}): make it, or "
            "mount what it is on."
        ) from error
    try:
        fcntl.flock(folder_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in folder.glob(f".keyra-*{PARTIAL}"):  # of one that was killed
            left.unlink()
        descriptor = os.open(
            partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            rename_new(partial, whole)
        finally:
            partial.unlink(missing_ok=True)
        sync_directory(folder)
    except FileExistsError as error:
        raise BackupError(f"There is a backup {whole} already.") from error
    except BlockingIOError as error:
        raise BackupError(f"Another backup is being written to {folder}.") from error
    except OSError as error:
        raise BackupError(
            f"The backup could not be written to {folder} ({error.strerror or error})."
        ) from error
    finally:
        os.close(folder_lock)
    return whole


def found(folder: Path, gateway: GatewayId) -> list[BackupName]:
    """Return a gateway's backups in a folder, oldest first."""
    with suppress(OSError):
        names = [BackupName.parse(path.name) for path in folder.iterdir()]
        return sorted(name for name in names if name and name.gateway == gateway)
    return []


def prune(folder: Path, newest: BackupName, keep: int) -> list[BackupName]:
    """Remove the oldest beyond `keep`, and never the one just made.

    A clock that was wrong may have given it an old date.

    Raises:
        BackupError: one cannot be removed.
    """
    others = [name for name in found(folder, newest.gateway) if name != newest]
    old = others[: max(0, len(others) - (keep - 1))]
    try:
        for name in old:
            (folder / str(name)).unlink()
    except OSError as error:
        raise BackupError(
            f"An old backup in {folder} cannot be removed ({error.strerror})."
        ) from error
    return old
