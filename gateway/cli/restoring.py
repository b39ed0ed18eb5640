"""`keyra restore`: put a backup back, whole or not at all."""

import argparse
import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from gateway.backup.opening import FROM_BACKUP, Opened
from gateway.backup.restoring import (
    Fate,
    Relation,
    Wish,
    compare,
    finish,
    held,
    install,
    put_names,
    refuse_newer,
    staged,
)
from gateway.cli.backing_up import described, read_backup
from gateway.cli.texts import instant, say
from gateway.config import load
from gateway.errors import RestoreRefusedError
from gateway.printing import printable
from ledger.clock import read_stamp

EXIT_TERMINATED: Final = 128 + signal.SIGTERM

_FATES: Final = {
    Fate.NONE: "The ledger has no seal.",
    Fate.KEPT: "The ledger's seal goes on as it was here.",
    Fate.COMPUTED: "The ledger's seal was computed from its first key, and goes on.",
    Fate.LOST: "The ledger's seal is lost: nobody can check it from here on.",
}


def restore(options: argparse.Namespace) -> int:
    """Restore into the state directory, or say what would be done.

    Raises:
        BackupError, RestoreRefusedError, AlreadyRunningError: nothing was changed.
    """
    signal.signal(signal.SIGTERM, _end)  # what is staged holds names, and must go
    directory: Path = options.state_dir or Path(load(options.config).gateway.state_dir)
    with held(directory), staged(directory) as stage:
        opened = read_backup(
            options.file, options.identity, options.vkey, stage, whole=True
        )
        relation, there = compare(directory, stage)
        entries = opened.manifest.entries
        if options.names_only:
            if relation not in {Relation.NEWER, Relation.EQUAL}:
                raise RestoreRefusedError(
                    f"The ledger in {directory} is older than the backup: its names "
                    "alone would be of holders that it does not know."
                )
            if not options.dry_run:
                put_names(directory, stage)
            return _say(options, opened, {"restored": "names"}, _NAMES)
        if relation is Relation.NEWER:
            raise refuse_newer(directory, there, entries)
        if relation is Relation.EQUAL:
            return _say(options, opened, {"restored": "nothing"}, _NOTHING)
        wish, stamp = Wish(options.seal_key, options.seal_lost), read_stamp()
        fate = finish(directory, stage, opened, wish, stamp)
        kept = None
        if not options.dry_run:
            kept = install(directory, stage, stamp.at_ms)
    told = {
        "restored": "everything",
        "seal": fate.value,
        "kept": None if kept is None else str(kept),
        "state_dir": str(directory),
    }
    return _say(options, opened, told, _everything(opened, directory, fate, kept))


_NAMES: Final = ("The names are back, without those whom the ledger had erased.",)
_NOTHING: Final = ("The backup's ledger is the one that is here: nothing to do.",)


def _everything(
    opened: Opened, directory: Path, fate: Fate, kept: Path | None
) -> tuple[str, ...]:
    manifest = opened.manifest
    made = instant(manifest.made_ms)
    config = directory / FROM_BACKUP
    since = (
        f"What came after {made} is unknown here: before the door is used, revoke, "
        "suspend and erase again whatever was revoked, suspended or erased since."
    )
    files = (
        f"The config and other files of then are in {config}: put in place what you "
        "need (docs/backup.md)."
    )
    sentences = [
        f"Restored {manifest.entries} entries into {directory}, as they were {made}.",
        f"Compare this key with the line that you kept: {opened.vkey}",
        _FATES[fate],
        since,
        files,
    ]
    if kept is not None:
        sentences.append(f"What was here before is kept in {kept}.")
    return (*sentences, *(f"Not in it: {one}" for one in manifest.missing))


def _say(
    options: argparse.Namespace,
    opened: Opened,
    told: dict[str, str | None],
    sentences: tuple[str, ...],
) -> int:
    if options.json:
        say(json.dumps({**described(opened), **told, "dry_run": options.dry_run}))
        return 0
    if options.dry_run:
        say("Nothing was changed. Without --dry-run it would say:")
    for sentence in sentences:
        say(printable(sentence))
    sys.stdout.flush()
    return 0


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(EXIT_TERMINATED)
