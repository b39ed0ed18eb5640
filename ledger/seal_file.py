"""The seal's state on disk, and its first key on the way to the auditor.

Two slots 64 KiB apart are written in turn after each commit, so that one bad block
never takes both. The state may lag behind the ledger, never be ahead of it.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from ledger.encoding import from_hex
from ledger.errors import EncodingError, KeyFileError, SealError
from ledger.keys import write_private
from ledger.seal import KEY_BYTES, RECORD_BYTES, Seal

SLOT_BYTES: Final = 64 * 1024


def seal_path(ledger: Path) -> Path:
    """Return where the seal's state lies: beside the database."""
    return ledger.with_suffix(".seal")


class SealFile:
    """The two-slot state file, open for one writer."""

    def __init__(self, descriptor: int, slot: int, seal: Seal) -> None:
        self._descriptor = descriptor
        self._slot = slot
        self.seal = seal

    @classmethod
    def create(cls, path: Path, seal: Seal) -> None:
        """Write a new state file, durably.

        Raises:
            KeyFileError: there is a file already, or it cannot be written.
        """
        record = seal.encode()
        write_private(path, record.ljust(SLOT_BYTES, b"\0") + record)

    @classmethod
    def open(cls, path: Path) -> "SealFile":
        """Open the state file for writing.

        Raises:
            SealError: it is missing, or neither slot is whole.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise SealError(
                f"The seal {path} cannot be opened: {error.strerror}."
            ) from error
        try:
            slot, seal = _newest(path)
        except SealError:
            os.close(descriptor)
            raise
        return cls(descriptor, slot, seal)

    def advance(self, leaves: Iterable[bytes]) -> None:
        """Cover entries that are durable in the ledger.

        Raises:
            OSError: the new state may not be durable; the old one is still whole.
        """
        seal = self.seal.over(leaves)
        slot = 1 - self._slot
        os.pwrite(self._descriptor, seal.encode(), slot * SLOT_BYTES)
        os.fdatasync(self._descriptor)
        self.seal, self._slot = seal, slot

    def close(self) -> None:
        """Let go of the file."""
        with suppress(OSError):
            os.close(self._descriptor)


def read_seal(path: Path) -> Seal:
    """Return the newest state.

    Raises:
        SealError: the file is missing, or neither slot is whole.
    """
    return _newest(path)[1]


def _newest(path: Path) -> tuple[int, Seal]:
    try:
        with path.open("rb") as file:
            data = file.read(SLOT_BYTES + RECORD_BYTES)
    except OSError as error:
        raise SealError(f"The seal {path} cannot be read: {error.strerror}.") from error
    slots = (data[:RECORD_BYTES], data[SLOT_BYTES:])
    found = [
        (slot, seal)
        for slot, seal in enumerate(map(Seal.decode, slots))
        if seal is not None
    ]
    if not found:
        raise SealError(f"The seal {path} is destroyed: neither of its slots is whole.")
    return max(found, key=lambda slot_and_seal: slot_and_seal[1].n)


def load_first_key(path: Path) -> bytes:
    """Return the seal's first key from the file that `init` handed over.

    Raises:
        KeyFileError: it is missing or not 64 hexadecimal digits.
    """
    try:
        with path.open("rb") as file:
            text = file.read(2 * KEY_BYTES + 2).decode("ascii").strip()
        return from_hex(text, KEY_BYTES)
    except (OSError, ValueError, EncodingError) as error:
        raise KeyFileError(f"{path} holds no seal key: {error}") from error
