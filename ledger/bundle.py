"""The auditor's kit: what goes on a USB stick beside an export."""

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Final

from ledger.checkpoint import parse_note
from ledger.export import Progress, export_lines
from ledger.keys import SigningKey
from ledger.reader import Reader

EXPORT: Final = "ledger.jsonl"
CHECKPOINT: Final = "checkpoint.txt"
MANIFEST: Final = "SHA256SUMS"
COPIED: Final = ("verify.py", "README.md")


def write_bundle(
    directory: Path, reader: Reader, key: SigningKey, progress: Progress
) -> None:
    """Write export, checkpoint, verifier, page and manifest into a new directory.

    Raises:
        FileExistsError: the directory is there already.
        OSError, LedgerCorruptError, SealError: something cannot be read or written.
    """
    directory.mkdir()
    head = reader.head()
    with (directory / EXPORT).open("xb") as file:
        file.writelines(export_lines(reader, key=key, progress=progress))
    (directory / CHECKPOINT).write_text(head)
    origin = parse_note(head).checkpoint.origin
    for name in COPIED:
        content = files("ledger").joinpath("kit", name).read_text()
        content = content.replace("{{origin}}", origin)
        (directory / name).write_text(content)
    sums = [
        f"{_digest(directory / name)}  {name}\n"
        for name in (EXPORT, CHECKPOINT, *COPIED)
    ]
    (directory / MANIFEST).write_text("".join(sums))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
