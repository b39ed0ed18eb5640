"""Making a backup beside a running gateway: everything is read, nothing written there.

Order matters. The registry's snapshot is read before the ledger's head, so that the
ledger in the backup vouches for it; the names after it, so that none is missing whose
holder the ledger has. What was erased in between is gone from the names, and what was
not is erased when the gateway starts on the ledger.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gateway.backup.archive import (
    FORMAT,
    FORMAT_MEMBER,
    LEDGER,
    MANIFEST,
    MEMBER_BYTES_MAX,
    SIGNATURE,
    Manifest,
    Member,
    packed,
    signed_bytes,
)
from gateway.config import Config
from gateway.core.policy_standing import is_digest
from gateway.errors import BackupError
from ledger.checkpoint import is_signed, parse_note
from ledger.errors import LedgerError
from ledger.export import Progress
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.replica import replica_lines

LEDGER_NAME: Final = "ledger.db"
KEY_NAME: Final = "ledger.key"
NEXT_KEY_NAME: Final = "ledger.key.next"
VKEY_NAME: Final = "ledger.vkey"
REGISTRY_NAME: Final = "registry.db"
PEOPLE_NAME: Final = "people.db"
BONDS_NAME: Final = "bonds.json"
POLICIES_NAME: Final = "policies"
BLUETOOTH: Final = Path("/var/lib/bluetooth")

CHUNK_BYTES: Final = 4 << 20
SMALL_BYTES_MAX: Final = 4 << 20
BONDS_MAX: Final = 4_096
POLICIES_MAX: Final = 1_024
"""The newest; the one in force is among them, since it is written as it is ordered."""
BUSY_MS: Final = 5_000


@dataclass(slots=True)
class Content:
    """What goes into a backup; `parts` is everything but the ledger."""

    reader: Reader
    key: SigningKey
    entries: int
    head: str
    origin: str
    parts: list[tuple[str, bytes]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def gather(config: Config, config_path: Path, bluetooth: Path = BLUETOOTH) -> Content:
    """Read all small parts, and fix the ledger's size; the caller closes the reader.

    Raises:
        BackupError: the ledger, its key or the names cannot be read.
    """
    directory = Path(config.gateway.state_dir)
    registry = _database(directory / REGISTRY_NAME)
    try:
        reader = Reader.open(directory / LEDGER_NAME)
        try:
            entries, head = reader.sized_head()
            key = _key(directory, head)
            content = Content(
                reader, key, entries, head, parse_note(head).checkpoint.origin
            )
            _add_state(content, directory, registry)
            _add_config(content, config, config_path)
            _add_bonds(content, bluetooth)
        except BaseException:
            reader.close()
            raise
    except LedgerError as error:
        raise BackupError(f"There is nothing to back up: {error}") from error
    return content


def archive_bytes(
    content: Content, config: Config, version: str, made_ms: int, progress: Progress
) -> Iterator[bytes]:
    """Yield the archive, to be encrypted as it comes.

    Raises:
        LedgerCorruptError: the ledger cannot be read.
    """
    return packed(_members(content, config, version, made_ms, progress), made_ms)


def _members(
    content: Content, config: Config, version: str, made_ms: int, progress: Progress
) -> Iterator[tuple[str, bytes]]:
    members: list[Member] = []

    def counted(name: str, data: bytes) -> tuple[str, bytes]:
        members.append(Member.of(name, data))
        return name, data

    yield counted(FORMAT_MEMBER, FORMAT.encode())
    for name, data in content.parts:
        yield counted(name, data)
    for number, data in enumerate(_ledger(content, progress)):
        yield counted(f"{LEDGER}{number}", data)
    manifest = Manifest(
        version=version,
        gateway=config.gateway.id,
        origin=content.origin,
        entries=content.entries,
        head=content.head,
        made_ms=made_ms,
        files=content.files,
        missing=tuple(content.missing),
        members=tuple(members),
    ).encode()
    yield MANIFEST, manifest
    yield SIGNATURE, content.key.sign(signed_bytes(manifest))


def _ledger(content: Content, progress: Progress) -> Iterator[bytes]:
    chunk = bytearray()
    lines = replica_lines(content.reader, content.entries, content.head, progress)
    for line in lines:
        chunk += line
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def _key(directory: Path, head: str) -> SigningKey:
    """Return the key that signed the head; a rotation that was cut off left two.

    Raises:
        KeyFileError: it cannot be read.
        BackupError: it signs another ledger.
    """
    note = parse_note(head)
    for name in (NEXT_KEY_NAME, KEY_NAME):
        path = directory / name
        if name == NEXT_KEY_NAME and not path.exists():
            continue
        key = SigningKey.load(path)
        if is_signed(note, key.vkey(note.checkpoint.origin)):
            return key
    raise BackupError(
        f"The key in {directory} does not sign the ledger there: a backup of them "
        "could not be used."
    )


def _add_state(content: Content, directory: Path, registry: bytes | None) -> None:
    content.parts.append((f"state/{KEY_NAME}", content.key.pem()))
    if registry is not None:
        content.parts.append((f"state/{REGISTRY_NAME}", registry))
    people = _database(directory / PEOPLE_NAME)
    if people is not None:
        content.parts.append((f"state/{PEOPLE_NAME}", people))
    for name in (VKEY_NAME, BONDS_NAME):
        if (directory / name).exists():
            content.parts.append((f"state/{name}", _small(directory / name)))
    found = sorted((directory / POLICIES_NAME).glob("*.toml"), key=_age)
    for path in found[-POLICIES_MAX:]:
        if is_digest(path.stem):
            content.parts.append((f"state/{POLICIES_NAME}/{path.name}", _small(path)))


def _add_config(content: Content, config: Config, path: Path) -> None:
    named = [*config.trust.roots, *config.calendars]
    content.parts.append(("config/gateway.toml", _small(path)))
    for number, name in enumerate(dict.fromkeys(named)):
        try:
            data = _small(Path(name))
        except BackupError as error:
            content.missing.append(str(error))
            continue
        content.parts.append((f"config/{number}", data))
        content.files[f"config/{number}"] = name


def _add_bonds(content: Content, bluetooth: Path) -> None:
    """Take BlueZ's keys along where they may be read; the rest of its files are not."""
    try:
        found = sorted(bluetooth.glob("*/*/info"))[:BONDS_MAX]
        if not any(bluetooth.iterdir()):
            return
    except OSError:
        found = []
    for number, path in enumerate(found):
        try:
            data = _small(path)
        except BackupError as error:
            content.missing.append(str(error))
            continue
        content.parts.append((f"bluetooth/{number}", data))
        content.files[f"bluetooth/{number}"] = str(path.relative_to(bluetooth))
    if not found:
        content.missing.append(
            f"No bond was read from {bluetooth} (only root may): where its disk is "
            "lost, each key is paired anew."
        )


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


def _database(path: Path) -> bytes | None:
    """Return a database as it is between two changes, None if there is none.

    Raises:
        BackupError: it cannot be read.
    """
    if not path.exists():
        return None
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        ) as connection:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            connection.execute("PRAGMA query_only=ON")
            connection.execute("BEGIN")  # one state, whoever changes it meanwhile
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            data = connection.serialize()
    except sqlite3.Error as error:
        raise BackupError(f"{path} cannot be read ({error}).") from error
    if len(data) > MEMBER_BYTES_MAX:
        raise BackupError(f"{path} is larger than a backup takes.")
    return data


def _small(path: Path) -> bytes:
    """Return a small file's bytes.

    Raises:
        BackupError: it cannot be read, or is not small.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SMALL_BYTES_MAX + 1)
    except OSError as error:
        raise BackupError(f"{path} cannot be read ({error.strerror}).") from error
    if len(data) > SMALL_BYTES_MAX:
        raise BackupError(f"{path} is larger than {SMALL_BYTES_MAX >> 20} MiB.")
    return data
