"""Taking a backup apart into a folder of its own, and holding all of it to the proof.

Nothing is used before the whole file was read: hashes of all parts, the signature of
the manifest by the ledger's key, and the ledger itself from first entry to head.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from gateway.backup.archive import (
    LEDGER,
    MANIFEST,
    Archive,
    Manifest,
    check_signature,
    not_ours,
)
from gateway.backup.making import (
    BONDS_NAME,
    KEY_NAME,
    LEDGER_NAME,
    PEOPLE_NAME,
    POLICIES_NAME,
    REGISTRY_NAME,
    VKEY_NAME,
)
from gateway.core.policy_standing import is_digest
from gateway.errors import BackupError
from ledger.checkpoint import VerifierKey, is_signed, parse_note
from ledger.export import export_lines
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.replica import LINE_BYTES_MAX, rebuild
from ledger.verdict import Exit, Expected
from ledger.verify import verify_lines

FROM_BACKUP: Final = "from-backup"
"""Where config and bonds are laid, for a person to put in place."""

_STATE: Final = frozenset({KEY_NAME, VKEY_NAME, REGISTRY_NAME, PEOPLE_NAME, BONDS_NAME})
_PATHS: Final = {
    **{f"state/{name}": name for name in _STATE},
    "config/gateway.toml": f"{FROM_BACKUP}/gateway.toml",
}
_POLICIES: Final = f"state/{POLICIES_NAME}/"
_TOML: Final = ".toml"
_NUMBERS: Final = frozenset({"config", "bluetooth"})


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup that was read whole and believed.

    Attributes:
        vkey: whose signature the ledger's head carries.
        root: of the ledger's tree, 32 bytes.
    """

    manifest: Manifest
    key: SigningKey
    vkey: VerifierKey
    root: bytes


def unpack(
    stream: BinaryIO, folder: Path, *, ledger_only: bool
) -> tuple[Manifest, bytes, bytes]:
    """Lay a backup's parts into a folder; returns manifest, its bytes and signature.

    Args:
        stream: the decrypted archive.
        folder: empty and private.
        ledger_only: leave out what names people, and all else that no check needs.

    Raises:
        BackupError, LedgerCorruptError: it is no backup.
    """
    archive = Archive(stream)
    name, size_bytes = archive.next()
    while name != f"{LEDGER}0":
        path = _place(folder, name)
        if ledger_only and path.name != KEY_NAME:
            for _ in archive.chunks(size_bytes):
                pass
        else:
            _lay(path, archive.chunks(size_bytes))
        name, size_bytes = archive.next()
    ledger = _Ledger(archive, size_bytes)
    rebuild(folder / LEDGER_NAME, ledger.lines())
    return archive.manifest(ledger.manifest_bytes)


def believe(
    folder: Path, opened: tuple[Manifest, bytes, bytes], vkey: str | None
) -> Opened:
    """Check what `unpack` laid down, the ledger from end to end.

    `vkey` is whom the reader expects, as text; None believes the ledger's first entry.

    Raises:
        BackupError: it is not what its gateway made.
        LedgerError: the ledger in it cannot be read.
    """
    manifest, data, signature = opened
    key = SigningKey.load(folder / KEY_NAME)
    with Reader.open(folder / LEDGER_NAME) as reader:
        entries, head = reader.sized_head()
        note = parse_note(head)
        signer = key.vkey(note.checkpoint.origin)
        check_signature(data, signature, signer)
        if (entries, head) != (manifest.entries, manifest.head) or not is_signed(
            note, signer
        ):
            raise not_ours("the ledger in it is not the one that it speaks of")
        verdict = verify_lines(
            export_lines(reader),
            vkey=vkey or _first_key(reader) or str(signer),
            expect=Expected(entries, note.checkpoint.root),
        )
        if verdict.exit is not Exit.VERIFIED or verdict.entries != entries:
            raise BackupError(
                f"The ledger in the backup does not verify: {verdict.problem}"
            )
    return Opened(manifest, key, signer, note.checkpoint.root)


def _first_key(reader: Reader) -> str | None:
    """Return the key that the genesis entry names, None for a pruned ledger."""
    if reader.base()[0]:
        return None
    named = reader.genesis().what.get("vkey")
    return named if isinstance(named, str) else None


class _Ledger:
    """The ledger's members as one run of lines, up to the manifest."""

    def __init__(self, archive: Archive, size_bytes: int) -> None:
        self._archive = archive
        self._size_bytes = size_bytes
        self.manifest_bytes = 0

    def lines(self) -> Iterator[bytes]:
        number, name = 0, f"{LEDGER}0"
        rest = b""
        while name == f"{LEDGER}{number}":
            for chunk in self._archive.chunks(self._size_bytes):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line + b"\n" for line in lines)
                if len(rest) > LINE_BYTES_MAX:
                    raise not_ours("a line of its ledger is too long")
            number += 1
            name, self._size_bytes = self._archive.next()
        if name != MANIFEST or rest:
            raise not_ours("its ledger is cut off")
        self.manifest_bytes = self._size_bytes


def _place(folder: Path, name: str) -> Path:
    """Return where a member belongs; a name says nothing but which of ours it is.

    Raises:
        BackupError: none of ours.
    """
    if name in _PATHS:
        return folder / _PATHS[name]
    digest = name.removeprefix(_POLICIES).removesuffix(_TOML)
    if name == f"{_POLICIES}{digest}{_TOML}" and is_digest(digest):
        return folder / POLICIES_NAME / f"{digest}{_TOML}"
    kind, _, number = name.partition("/")
    if kind in _NUMBERS and number.isascii() and number.isdigit():
        return folder / FROM_BACKUP / f"{kind}-{int(number)}"
    raise not_ours("a part that this version does not know")


def _lay(path: Path, chunks: Iterator[bytes]) -> None:
    """Write a private file; never replaces one."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        path.touch(mode=0o600, exist_ok=False)
        with path.open("r+b") as file:
            for chunk in chunks:
                file.write(chunk)
    except FileExistsError as error:
        raise not_ours("a part stands in it twice") from error
    except OSError as error:
        raise BackupError(
            f"The backup could not be unpacked: {path} ({error.strerror})."
        ) from error
