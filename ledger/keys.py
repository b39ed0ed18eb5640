"""The ledger's signing key and its file."""

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from ledger.checkpoint import ED25519, VerifierKey, check_origin
from ledger.errors import KeyFileError

_KEY_FILE_BYTES_MAX: Final = 4096


class SigningKey:
    """An Ed25519 key that signs heads."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def generate(cls) -> "SigningKey":
        """Return a fresh key from the kernel's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """Return the key of a 32-byte seed (RFC 8032 §5.1.5)."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def load(cls, path: Path) -> "SigningKey":
        """Read a PEM file (PKCS #8).

        Raises:
            KeyFileError: missing, readable by others, or not an Ed25519 key.
        """
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                data = file.read(_KEY_FILE_BYTES_MAX)
        except OSError as error:
            raise KeyFileError(
                f"The key file {path} cannot be read: {error.strerror}."
            ) from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyFileError(
                f"The key file {path} is open to others: chmod 600 it, and rotate "
                "the key if someone may have read it."
            )
        try:
            key = load_pem_private_key(data, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFileError(f"The file {path} holds no Ed25519 key in PEM form.")
        return cls(key)

    def save(self, path: Path) -> None:
        """Write a new PEM file with mode 0600, durably; never replaces a file.

        Raises:
            KeyFileError: there is a file already, or it cannot be written.
        """
        write_private(path, self.pem())

    def pem(self) -> bytes:
        """Return what `save` writes: the secret itself."""
        return self._key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature."""
        return self._key.sign(message)

    def vkey(self, origin: str) -> VerifierKey:
        """Return the public half under a ledger's name.

        Raises:
            NoteError: the name is none for a ledger.
        """
        return VerifierKey(check_origin(origin), ED25519, self.public)


def write_private(path: Path, data: bytes) -> None:
    """Create a file of mode 0600 and make it and its name durable.

    Raises:
        KeyFileError: there is a file already, or it cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(path.parent)
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be written: {error.strerror}."
        ) from error


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
