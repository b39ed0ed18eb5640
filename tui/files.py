"""Files that the console writes, with the rights of whoever sits at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def new_file(name: str) -> Iterator[BinaryIO]:
    """Yield a file that was not there before; it is gone again if anything fails.

    Raises:
        OSError: there is one of this name, it cannot be written, or the disk is full.
    """
    path = Path(name).expanduser()
    with path.open("xb") as file:
        try:
            yield file
            file.flush()
        except BaseException:
            path.unlink(missing_ok=True)  # half an export proves nothing
            raise
