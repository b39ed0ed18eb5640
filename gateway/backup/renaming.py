"""Renaming without a moment in between: renameat2(2), which Python does not have."""

import ctypes
import errno
import os
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_NOREPLACE: Final = 1
_EXCHANGE: Final = 2


def swap(one: Path, other: Path) -> None:
    """Let two names change places at once.

    Raises:
        OSError: nothing changed; EINVAL where the file system cannot.
    """
    _rename(one, other, _EXCHANGE)


def rename_new(old: Path, new: Path) -> None:
    """Rename, and replace nothing.

    Raises:
        FileExistsError: something is there.
        OSError: nothing changed.
    """
    try:
        _rename(old, new, _NOREPLACE)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOSYS}:
            raise
        os.link(old, new)
        old.unlink()


def _rename(old: Path, new: Path, how: int) -> None:
    function = ctypes.CDLL(None, use_errno=True).renameat2
    if function(_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), how):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(old), None, str(new))
