"""`keyra backup`: make one beside a running gateway, check one, make who opens them."""

import argparse
import json
import sys
import tempfile
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import BinaryIO, Final

from gateway.adapters.backup_vault import (
    check_recipient,
    decrypted,
    encrypt,
    make_identity,
)
from gateway.backup.archive import Manifest
from gateway.backup.keeping import prune, store
from gateway.backup.making import archive_bytes, gather
from gateway.backup.names import BackupName
from gateway.backup.opening import Opened, believe, unpack
from gateway.cli.texts import instant, say
from gateway.config import load
from gateway.errors import BackupError, ConfigError
from gateway.printing import printable
from ledger.clock import read_stamp
from ledger.errors import LedgerError

ROOMY: Final = Path("/var/tmp")  # noqa: S108 - mkdtemp makes a private folder in it
_MS_PER_S: Final = 1000


def backup(options: argparse.Namespace) -> int:
    """Make a backup, or do what the options ask instead.

    Raises:
        BackupError: it was not made, or the one at hand is none.
        ConfigError: no recipient or no folder is named.
    """
    if options.new_identity is not None:
        recipient = make_identity(options.new_identity)
        say(json.dumps({"recipient": recipient}) if options.json else recipient)
        sys.stderr.write(
            f"Write this line into [backup] recipient. {options.new_identity} opens "
            "the backups: keep it away from this machine, twice, and remove it here.\n"
        )
        return 0
    if options.check is not None:
        return _check(options)
    return _make(options)


def read_backup(
    file: Path, identity: Path | None, vkey: str | None, folder: Path, *, whole: bool
) -> Opened:
    """Unpack a backup into an empty private folder, and believe it or not.

    Raises:
        BackupError: it is none, damaged, for somebody else or of somebody else.
    """
    if identity is None:
        raise BackupError(
            "Who opens the backup? Give the identity's file (--identity FILE)."
        )

    def read(stream: BinaryIO) -> tuple[Manifest, bytes, bytes]:
        try:
            return unpack(stream, folder, ledger_only=not whole)
        except LedgerError as error:
            raise BackupError(f"The file is no whole backup: {error}") from error

    opened = decrypted(file, identity, read)
    try:
        return believe(folder, opened, vkey)
    except LedgerError as error:
        raise BackupError(f"The backup {file} cannot be believed: {error}") from error


def described(opened: Opened) -> dict[str, object]:
    """Return what a program wants to know of a backup."""
    manifest = opened.manifest
    return {
        "entries": manifest.entries,
        "gateway": manifest.gateway,
        "made": instant(manifest.made_ms),
        "missing": list(manifest.missing),
        "origin": manifest.origin,
        "root": opened.root.hex(),
        "version": manifest.version,
        "vkey": str(opened.vkey),
    }


class Progress:
    """Shows on a terminal how far a long work has come."""

    def __init__(self, what: str) -> None:
        self._what: Final = what
        self._shown = sys.stderr.isatty()

    def __call__(self, done: int, whole: int) -> None:
        """Show it; the last call ends the line."""
        if self._shown:
            end = "\n" if done >= whole else ""
            share = 100 * done // max(1, whole)
            sys.stderr.write(f"\r{self._what} {share:3} %{end}")
            sys.stderr.flush()


def _make(options: argparse.Namespace) -> int:
    config = load(options.config)
    recipient = options.recipient or config.backup.recipient
    if recipient is None:
        raise ConfigError(
            f"{options.config} names nobody who could open a backup: add [backup] "
            "recipient, or give --recipient. `keyra backup --new-identity FILE` makes "
            "one."
        )
    check_recipient(recipient)
    folder = options.to or Path(config.backup.dir)
    made_ms = read_stamp().at_ms // _MS_PER_S * _MS_PER_S
    content = gather(config, options.config)
    with closing(content.reader):
        name = BackupName(made_ms, content.entries, config.gateway.id)
        archive = archive_bytes(
            content,
            config,
            metadata.version("keyra-gateway"),
            made_ms,
            Progress("backup"),
        )
        path = store(folder, name, lambda file: encrypt(archive, file, recipient))
    removed = prune(folder, name, config.backup.keep)
    if options.json:
        say(
            json.dumps(
                {
                    "bytes": path.stat().st_size,
                    "entries": content.entries,
                    "file": str(path),
                    "missing": content.missing,
                    "removed": [str(one) for one in removed],
                }
            )
        )
        return 0
    say(str(path))
    for sentence in content.missing:
        sys.stderr.write(f"keyra: {printable(sentence)}\n")
    return 0


def _check(options: argparse.Namespace) -> int:
    """Restore the ledger of a backup into a folder that goes again; names stay shut."""
    roomy = ROOMY if ROOMY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="keyra-check-", dir=roomy) as folder:
        opened = read_backup(
            options.check, options.identity, options.vkey, Path(folder), whole=False
        )
    if options.json:
        say(json.dumps(described(opened)))
        return 0
    manifest = opened.manifest
    say(
        f"The backup is whole: {manifest.entries} entries of {manifest.origin}, made "
        f"{instant(manifest.made_ms)}. Its key: {opened.vkey}"
    )
    for sentence in manifest.missing:
        say(f"Not in it: {printable(sentence)}")
    return 0
