"""The texts of policies, each in a file that its SHA-256 names.

A file is made whole under another name, made durable, and then named; it is never
changed again. Whoever edits one makes it a text with another hash, which is not there.
"""

import logging
import os
import re
from pathlib import Path
from typing import Final

from gateway.core.policy_standing import policy_digest
from gateway.errors import PolicyError
from ledger.keys import sync_directory

TEXT_BYTES_MAX: Final = 256 * 1024
_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LOG: Final = logging.getLogger(__name__)


class FilePolicyStore:
    """ports.PolicyStore in a folder, which is made where it is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder

    def load(self, sha256: str) -> str | None:
        """Return the text with this hash, or None: not there, unreadable or edited."""
        if _DIGEST.fullmatch(sha256) is None:
            return None
        try:
            with self._path(sha256).open("rb") as file:
                text = file.read(TEXT_BYTES_MAX + 1).decode()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            _LOG.warning("The policy %s cannot be read: %.200s", sha256, error)
            return None
        return text if policy_digest(text) == sha256 else None

    def save(self, text: str) -> None:
        """Keep a text durably; what stands in its place is replaced.

        Raises:
            PolicyError: it could not be written.
        """
        path = self._path(policy_digest(text))
        fresh = path.with_suffix(".new")
        try:
            self._folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            fresh.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(fresh, flags, _FILE_MODE), "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            sync_directory(self._folder)
            sync_directory(self._folder.parent)
        except OSError as error:
            raise PolicyError(
                f"The policy could not be kept in {self._folder} ({error.strerror}); "
                "the one in force stays. Look for free space, and order it again.",
                "policy-not-kept",
            ) from error

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.toml"
