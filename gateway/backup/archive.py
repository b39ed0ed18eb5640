"""What is inside the encryption: a ustar archive with a signed manifest at its end.

    format             "keyra-backup/v1"
    state/<name>       files of the state directory, state/policies/<sha256>.toml too
    config/<name>      gateway.toml, and the files that it names, numbered
    bluetooth/<n>      bonds, where they could be read
    ledger/<n>         the ledger's lines (ledger/replica.py), some MiB each
    manifest.json      what all this is: name, size and SHA-256 of each member before it
    manifest.sig       the ledger key's signature of it

Anybody can encrypt to a public key, so the signature says who made it. The reader knows
plain files alone, takes nothing from a name but what is in its own list, and holds one
block at a time: tarfile(3) would hold what a stranger's extended header asks for.
"""

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from gateway.core.ids import GatewayId, is_identifier
from gateway.errors import BackupError
from ledger.checkpoint import VerifierKey, verify_signature
from ledger.encoding import Json, canonical, parse_canonical
from ledger.errors import LedgerError

FORMAT: Final = "keyra-backup/v1"
FORMAT_MEMBER: Final = "format"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
LEDGER: Final = "ledger/"

MEMBERS_MAX: Final = 100_000
MEMBER_BYTES_MAX: Final = 1 << 32
MANIFEST_BYTES_MAX: Final = 16 << 20
NAME_CHARS_MAX: Final = 96
TEXT_CHARS_MAX: Final = 4_096

_FORMAT: Final = FORMAT.encode()
_SIGNED: Final = b"keyra/backup/v1\n"
_SIGNATURE_BYTES: Final = 64
_BLOCK: Final = tarfile.BLOCKSIZE
_READ_BYTES: Final = 1 << 16
_END: Final = bytes(2 * _BLOCK)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive; `sha256` in 64 hex digits."""

    name: str
    size_bytes: int
    sha256: str

    @classmethod
    def of(cls, name: str, data: bytes) -> "Member":
        """Return what a manifest says of a member."""
        return cls(name, len(data), hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        version: of the gateway that made it.
        origin: the ledger's name.
        entries: how many the ledger has; `head` is the signed note of that size.
        made_ms: Unix time.
        files: where each numbered member came from, by its name.
        missing: what could not be read, in sentences.
    """

    version: str
    gateway: GatewayId
    origin: str
    entries: int
    head: str
    made_ms: int
    files: dict[str, str]
    missing: tuple[str, ...]
    members: tuple[Member, ...]

    def encode(self) -> bytes:
        """Return canonical JSON."""
        members: list[Json] = [
            {"bytes": one.size_bytes, "name": one.name, "sha256": one.sha256}
            for one in self.members
        ]
        return canonical(
            {
                "entries": self.entries,
                "files": dict(self.files),
                "format": FORMAT,
                "gateway": self.gateway,
                "head": self.head,
                "made_ms": self.made_ms,
                "members": members,
                "missing": list(self.missing),
                "origin": self.origin,
                "version": self.version,
            }
        )


def header(name: str, size_bytes: int, made_ms: int) -> bytes:
    """Return a member's ustar header."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size_bytes, 0o600, made_ms // 1000
    return info.tobuf(tarfile.USTAR_FORMAT)


def packed(members: Iterable[tuple[str, bytes]], made_ms: int) -> Iterator[bytes]:
    """Yield the bytes of an archive, whose end `members` has as well."""
    for name, data in members:
        yield header(name, len(data), made_ms)
        yield data
        yield bytes(-len(data) % _BLOCK)
    yield _END


def signed_bytes(manifest: bytes) -> bytes:
    """Return what the ledger's key signs for a manifest."""
    return _SIGNED + manifest


class Archive:
    """Reads an archive once, from its beginning to its end.

    Attributes:
        members: those that were read whole.

    Raises:
        BackupError: it begins like none of ours.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream: Final = stream
        self.members: list[Member] = []
        name, size_bytes = self.next()
        if name != FORMAT_MEMBER or self.whole(size_bytes, len(FORMAT)) != _FORMAT:
            raise BackupError(
                f"The backup has another format than this version knows ({FORMAT})."
            )

    def next(self) -> tuple[str, int]:
        """Return name and size of the next member; its bytes must be read after.

        Raises:
            BackupError: there is none, or it is no plain file of ours.
        """
        block = self._exactly(_BLOCK)
        try:
            info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.TarError, ValueError) as error:
            raise not_ours(str(error)) from error
        if (
            info.type != tarfile.REGTYPE
            or not 0 < len(info.name) <= NAME_CHARS_MAX
            or not 0 <= info.size <= MEMBER_BYTES_MAX
            or len(self.members) >= MEMBERS_MAX
        ):
            raise not_ours("a member that no backup has")
        self._name = info.name
        return info.name, info.size

    def chunks(self, size_bytes: int) -> Iterator[bytes]:
        """Yield the bytes of the member that `next` told of.

        Raises:
            BackupError: it is cut off.
        """
        digest = hashlib.sha256()
        left_bytes = size_bytes
        while left_bytes:
            chunk = self._exactly(min(left_bytes, _READ_BYTES))
            left_bytes -= len(chunk)
            digest.update(chunk)
            yield chunk
        self._exactly(-size_bytes % _BLOCK)
        self.members.append(Member(self._name, size_bytes, digest.hexdigest()))

    def whole(self, size_bytes: int, bytes_max: int) -> bytes:
        """Return a small member's bytes.

        Raises:
            BackupError: it is cut off, or is not small.
        """
        if size_bytes > bytes_max:
            raise not_ours(f"{self._name} is too long")
        return b"".join(self.chunks(size_bytes))

    def manifest(self, size_bytes: int) -> tuple[Manifest, bytes, bytes]:
        """Return the manifest, its bytes and its signature: the archive's end.

        Raises:
            BackupError: it is none, or does not speak of the members before it.
        """
        before = tuple(self.members)
        data = self.whole(size_bytes, MANIFEST_BYTES_MAX)
        manifest = read_manifest(data)
        if manifest.members != before:
            raise not_ours("its parts are not those that its manifest names")
        name, size_bytes = self.next()
        signature = self.whole(size_bytes, _SIGNATURE_BYTES)
        if name != SIGNATURE or self._exactly(len(_END)) != _END:
            raise not_ours("its end is missing")
        return manifest, data, signature

    def _exactly(self, size_bytes: int) -> bytes:
        data = self._stream.read(size_bytes)
        if len(data) != size_bytes:
            raise not_ours("it ends too early")
        return data


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest's canonical JSON.

    Raises:
        BackupError: it is none of this format.
    """
    try:
        value = parse_canonical(data)
        if value.pop("format") != FORMAT:
            raise not_ours("its manifest has another format")
        return _manifest(value)
    except (LedgerError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise not_ours(f"its manifest is malformed ({error})") from error


def check_signature(manifest: bytes, signature: bytes, key: VerifierKey) -> None:
    """Check who made a backup.

    Raises:
        BackupError: not the holder of the ledger's key.
    """
    try:
        verify_signature(key, signature, signed_bytes(manifest))
    except LedgerError as error:
        raise BackupError(
            "The backup was not made by the gateway whose ledger is in it: its "
            "signature does not verify, and nothing of it is to be used."
        ) from error


def not_ours(why: str) -> BackupError:
    """Return the error for a file that decrypts, and is no backup."""
    return BackupError(f"The file is no whole backup of a gateway: {why:.200}.")


def _manifest(value: dict[str, Any]) -> Manifest:
    """Raises LookupError, TypeError, ValueError: not the members that it has."""
    manifest = Manifest(
        version=_text(value.pop("version")),
        gateway=GatewayId(_text(value.pop("gateway"))),
        origin=_text(value.pop("origin")),
        entries=_count(value.pop("entries")),
        head=_text(value.pop("head")),
        made_ms=_count(value.pop("made_ms")),
        files={_text(k): _text(v) for k, v in value.pop("files").items()},
        missing=tuple(_text(one) for one in value.pop("missing")),
        members=tuple(
            Member(_text(one["name"]), _count(one["bytes"]), _text(one["sha256"]))
            for one in value.pop("members")
        ),
    )
    if value or not is_identifier(manifest.gateway):
        raise ValueError("unknown members, or a strange name")
    return manifest


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > TEXT_CHARS_MAX:
        raise TypeError("a text was wanted")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("a number was wanted")
    return value
