r"""The people database: what the ledger's commitments open to, and nothing else.

    commitment = SHA-256("keyra/commit/v1\0" ‖ salt ‖ canonical({"v": value}))

A name stands here alone. An alias stands nowhere: its opening holds HMAC-SHA256 of it
under a secret of this file, so that it can be looked up and never listed. To erase a
person, their rows are deleted and the file is written anew, so that neither free pages
nor a journal keep it: `secure_delete` overwrites what is freed, there is no write-ahead
log to linger, and VACUUM leaves no page that held a row. A mark in the file's header
says that a VACUUM is owed, from the transaction that deletes until it is done. The
commitment in the ledger goes on verifying and means nothing any more. Flash keeps what
it pleases below the file system; that is beyond this file.

Who is trusted: this file, for names only. It never decides who may pass.
"""

import hmac
import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gateway.core.encoding import canonical
from gateway.core.opening import Opening
from gateway.errors import RegistryError
from gateway.ports import Entropy

SALT_BYTES: Final = 32
VALUE_CHARS_MAX: Final = 256
CHANGE_BUSY_MS: Final = 250
"""Somebody may be looking at the file; the door does not wait longer for them."""
PREFIX: Final = b"keyra/commit/v1\0"

_OWED: Final = 1
"""user_version while rows were deleted and the file was not written anew since."""
_MODE: Final = 0o600
_LOG: Final = logging.getLogger(__name__)
_SETTINGS: Final = (
    "journal_mode=DELETE",
    "synchronous=EXTRA",
    "secure_delete=ON",
    "temp_store=MEMORY",
    "trusted_schema=OFF",
    "cell_size_check=ON",
)
_PEPPER_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS pepper(name TEXT PRIMARY KEY, value BLOB NOT NULL) "
    "STRICT"
)
_OF_ALIASES: Final = "alias"
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS opening(commitment TEXT PRIMARY KEY, "
    "subject TEXT NOT NULL, salt BLOB NOT NULL, value TEXT NOT NULL) STRICT"
)


def commitment_of(salt: bytes, value: str) -> str:
    """Return the commitment to a value, 64 hex digits."""
    return sha256(PREFIX + salt + canonical({"v": value})).hexdigest()


def _opened(connection: sqlite3.Connection, commitment: str) -> str | None:
    row = connection.execute(
        "SELECT salt, value FROM opening WHERE commitment=?", (commitment,)
    ).fetchone()
    if row is None or commitment_of(*row) != commitment:
        return None
    value: str = row[1]
    return value


_HAS_PEPPER: Final = "SELECT 1 FROM sqlite_schema WHERE name='pepper'"


def _pepper_in(connection: sqlite3.Connection) -> bytes:
    (pepper,) = connection.execute(
        "SELECT value FROM pepper WHERE name=?", (_OF_ALIASES,)
    ).fetchone()
    return bytes(pepper)


def _hidden(pepper: bytes, alias: str) -> str:
    """Return what stands for an alias in its opening."""
    return f"alias {hmac.digest(pepper, alias.encode(), 'sha256').hex()}"


class SqlitePeopleStore:
    """ports.PeopleStore in the file at `path`, which is made where it is missing."""

    def __init__(self, path: Path, entropy: Entropy) -> None:
        self._path: Final = path
        self._entropy: Final = entropy

    def seal(self, value: str) -> Opening:
        """Commit to a value under a fresh salt; stores nothing.

        Args:
            value: 1 to VALUE_CHARS_MAX printable characters.

        Raises:
            RegistryError: no such value.
        """
        if not 0 < len(value) <= VALUE_CHARS_MAX or not value.isprintable():
            raise RegistryError(
                f"A name has 1 to {VALUE_CHARS_MAX} printable characters."
            )
        salt = self._entropy.token(SALT_BYTES)
        return Opening(commitment_of(salt, value), salt, value)

    def seal_alias(self, alias: str) -> Opening:
        """Commit to an alias; stores nothing but, the first time, the secret.

        Raises:
            RegistryError: the file does not take it.
        """
        with self._changing() as connection:
            connection.execute(_PEPPER_SCHEMA)
            connection.execute(
                "INSERT OR IGNORE INTO pepper VALUES(?,?)",
                (_OF_ALIASES, self._entropy.token(SALT_BYTES)),
            )
            pepper = _pepper_in(connection)
        return self.seal(_hidden(pepper, alias))

    def find_alias(self, alias: str) -> tuple[str, ...]:
        """Return the commitments that open to an alias.

        Raises:
            RegistryError: the file cannot be read.
        """
        if not self._path.exists():
            return ()
        try:
            with closing(self._connect("ro", CHANGE_BUSY_MS)) as connection:
                if not connection.execute(_HAS_PEPPER).fetchone():
                    return ()
                value = _hidden(_pepper_in(connection), alias)
                rows = connection.execute(
                    "SELECT commitment, salt FROM opening WHERE value=?", (value,)
                ).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise RegistryError(
                f"The people database {self._path} cannot be read ({error})."
            ) from error
        return tuple(
            commitment
            for commitment, salt in rows
            if commitment_of(salt, value) == commitment
        )

    def keep(self, subject: str, opening: Opening) -> None:
        """Store an opening, under the pseudonym that `erase` will be asked for.

        Raises:
            RegistryError: the file does not take it.
        """
        with self._changing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO opening VALUES(?,?,?,?)",
                (opening.commitment, subject, opening.salt, opening.value),
            )

    def reveal(self, commitment: str) -> str | None:
        """Return the value, or None: erased, edited, or the file cannot be read.

        Cheap, since lists of holders ask for many: no settings, no lock to write, and
        no waiting for whoever has locked the file.
        """
        return self.reveal_all((commitment,)).get(commitment)

    def reveal_all(self, commitments: Sequence[str]) -> dict[str, str]:
        """Return the values of those that are not erased; opens the file once."""
        found: dict[str, str] = {}
        if not commitments or not self._path.exists():
            return found
        wrong: Exception | None = None
        try:
            with closing(self._connect("ro", 0)) as connection:
                for commitment in commitments:
                    try:
                        value = _opened(connection, commitment)
                    except (sqlite3.Error, TypeError, ValueError) as error:
                        wrong = error  # one row that was edited hides no other name
                    else:
                        found |= {} if value is None else {commitment: value}
        except sqlite3.Error as error:
            wrong = error
        if wrong is not None:
            _LOG.warning("The people database cannot be read: %.200s", str(wrong))
        return found

    def knows(self, subject: str) -> bool:
        """Tell whether there is an opening of a subject.

        Raises:
            RegistryError: the file cannot be read.
        """
        return bool(self._read("SELECT 1 FROM opening WHERE subject=?", subject))

    def subjects(self) -> frozenset[str]:
        """Return of whom there are openings.

        Raises:
            RegistryError: the file cannot be read.
        """
        rows = self._read("SELECT DISTINCT subject FROM opening")
        return frozenset(str(row[0]) for row in rows)

    def _read(self, query: str, *values: str) -> list[tuple[object, ...]]:
        if not self._path.exists():
            return []
        try:
            with closing(self._connect("ro", CHANGE_BUSY_MS)) as connection:
                return connection.execute(query, values).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise RegistryError(
                f"The people database {self._path} cannot be read ({error})."
            ) from error

    def erase(self, *subjects: str) -> int:
        """Remove every opening of these subjects for good; returns how many there were.

        What an earlier call left undone is done too, whomever it was about.

        Raises:
            RegistryError: the file does not take it; a name may still be there.
        """
        return self._remove("subject", subjects) if self._path.exists() else 0

    def withdraw(self, commitment: str) -> None:
        """Remove one opening for good, whose commitment stands in no entry.

        Raises:
            RegistryError: the file does not take it; the name may still be there.
        """
        self._remove("commitment", (commitment,))

    def _remove(self, column: str, values: Sequence[str]) -> int:
        with self._changing() as connection:
            connection.execute("BEGIN IMMEDIATE")
            removed = 0
            for value in values:
                removed += connection.execute(
                    f"DELETE FROM opening WHERE {column}=?",  # noqa: S608 - our own word
                    (value,),
                ).rowcount
            if removed:
                connection.execute(f"PRAGMA user_version={_OWED}")
            connection.execute("COMMIT")
            if connection.execute("PRAGMA user_version").fetchone()[0] == _OWED:
                connection.execute("VACUUM")
                connection.execute("PRAGMA user_version=0")
        return removed

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE))
            self._path.chmod(_MODE)
            with closing(self._connect("rw", CHANGE_BUSY_MS)) as connection:
                for setting in _SETTINGS:
                    connection.execute(f"PRAGMA {setting}")
                (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
                if mode != "delete":  # a log would keep what is erased
                    raise sqlite3.OperationalError(f"it is in mode {mode}")
                connection.execute(_SCHEMA)
                yield connection
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise RegistryError(
                f"The people database {self._path} cannot be changed ({error}); the "
                "door works without it, names do not."
            ) from error

    def _connect(self, mode: str, busy_ms: int) -> sqlite3.Connection:
        # SQLite's own default is five seconds, in which nobody would be let out.
        name = f"file:{quote(str(self._path))}?mode={mode}"
        return sqlite3.connect(
            name, uri=True, isolation_level=None, timeout=busy_ms / 1000
        )
