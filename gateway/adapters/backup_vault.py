"""age: a file that only the holder of another key can open (age-encryption.org/v1).

The door knows a public key alone, so that whoever takes it opens none of its backups.
Both ways are streams: the library holds 64 KiB at a time, and what it has decrypted is
authentic up to there; whether the file is whole is known at its end.

Anybody can encrypt to a public key. Who made a file is not age's to say.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Thread
from typing import BinaryIO, Final, TypeVar

import pyrage

from gateway.errors import BackupError
from ledger.errors import LedgerError
from ledger.keys import write_private

IDENTITY_BYTES_MAX: Final = 16 * 1024
_REST_BYTES: Final = 64 * 1024
_FOR_OTHERS: Final = "No matching keys"
_T = TypeVar("_T")


def check_recipient(recipient: str) -> None:
    """Refuse what nobody could ever open.

    Raises:
        BackupError: it is no age recipient.
    """
    _recipient(recipient)


def make_identity(path: Path) -> str:
    """Write a new identity, which opens backups, and return its recipient.

    Raises:
        BackupError: there is a file already, or it cannot be written.
    """
    identity = pyrage.x25519.Identity.generate()
    try:
        write_private(path, f"{identity}\n".encode())
    except LedgerError as error:
        raise BackupError(f"The identity was not written: {error}") from error
    return str(identity.to_public())


def encrypt(chunks: Iterable[bytes], file: BinaryIO, recipient: str) -> None:
    """Write the ciphertext of all chunks.

    Raises:
        BackupError: no such recipient.
        Whatever the chunks or the file raise.
    """
    source = _Source(chunks)
    try:
        pyrage.encrypt_io(source, file, [_recipient(recipient)])
    except pyrage.EncryptError as error:
        # The library makes a text of what its streams raised.
        raise source.failure or OSError(str(error)) from error


def decrypted(path: Path, identity: Path, read: Callable[[BinaryIO], _T]) -> _T:
    """Let `read` have the plaintext as a stream; return what it returns.

    What it read is only to be used after this has returned: until then, the file may
    turn out to be cut off.

    Raises:
        BackupError: the file is no such backup, is damaged, or is for another identity.
        Whatever `read` raises.
    """
    identities = _identities(identity)
    try:
        file = path.open("rb")
    except OSError as error:
        raise BackupError(
            f"The backup {path} cannot be read: {error.strerror}."
        ) from error
    receiving, sending = os.pipe()
    pouring = _Pouring(file, sending, identities)
    failure: Exception | None = None
    with os.fdopen(receiving, "rb") as plain:
        pouring.start()
        try:
            result = read(plain)
            while plain.read(_REST_BYTES):
                pass
        except Exception as error:  # noqa: BLE001 - raised below, if it is the cause
            failure = error
    pouring.join()  # it has ended, or found nobody to read
    if pouring.failure is not None:
        raise BackupError(_why(path, pouring.failure)) from pouring.failure
    if failure is not None:
        raise failure
    return result


class _Pouring(Thread):
    """Decrypts into a pipe, beside whoever reads the other end."""

    def __init__(
        self, file: BinaryIO, sending: int, identities: list[pyrage.x25519.Identity]
    ) -> None:
        super().__init__(name="decryption", daemon=True)
        self._file: Final = file
        self._sending: Final = sending
        self._identities: Final = identities
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            with self._file as file, os.fdopen(self._sending, "wb") as sink:
                pyrage.decrypt_io(file, sink, self._identities)
        except BrokenPipeError:
            pass  # who read has seen enough, and says why
        except (pyrage.DecryptError, OSError) as error:
            self.failure = error


class _Source:
    """Chunks as the file that the library reads."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks: Final[Iterator[bytes]] = iter(chunks)
        self._rest = memoryview(b"")
        self.failure: Exception | None = None

    def read(self, bytes_max: int) -> bytes:
        """Return the next bytes, none at the end."""
        try:
            while not self._rest:
                self._rest = memoryview(next(self._chunks))
        except StopIteration:
            return b""
        except Exception as error:
            self.failure = error
            raise
        taken, self._rest = self._rest[:bytes_max], self._rest[bytes_max:]
        return bytes(taken)


def _recipient(recipient: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise BackupError(
            f"{recipient!a} is no age recipient: it begins with age1, and "
            "`keyra backup --new-identity FILE` makes one."
        ) from error


def _identities(path: Path) -> list[pyrage.x25519.Identity]:
    """Read an identity file as age-keygen(1) writes it.

    Raises:
        BackupError: it cannot be read, or holds no identity.
    """
    try:
        with path.open("rb") as file:
            text = file.read(IDENTITY_BYTES_MAX).decode("ascii")
        lines = [line.strip() for line in text.splitlines()]
        identities = [
            pyrage.x25519.Identity.from_str(line)
            for line in lines
            if line and not line.startswith("#")
        ]
    except OSError as error:
        raise BackupError(
            f"The identity {path} cannot be read: {error.strerror}."
        ) from error
    except (pyrage.IdentityError, ValueError):
        identities = []
    if not identities:
        raise BackupError(
            f"{path} holds no age identity (a line that begins with AGE-SECRET-KEY-1)."
        )
    return identities


def _why(path: Path, error: Exception) -> str:
    if _FOR_OTHERS in str(error):
        return f"The backup {path} is for another identity than the one given."
    if isinstance(error, pyrage.DecryptError):
        return f"The file {path} is no backup: age cannot read how it begins."
    return (
        f"The backup {path} is damaged or cut off ({error}): take another copy of it, "
        "or an older backup."
    )
