"""`keyra-ledger`: create, show, export and verify, with or without the gateway."""

import argparse
import dataclasses
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from ledger.checkpoint import check_origin, parse_vkey
from ledger.clock import read_stamp
from ledger.encoding import to_base64
from ledger.entry import Entry, parse_entry
from ledger.errors import LedgerError
from ledger.export import export_lines
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.verify import (
    LINE_BYTES_MAX,
    Exit,
    Verdict,
    parse_expected,
    verify_lines,
)
from ledger.writer import initialise

_MAGIC: Final = b"SQLite format 3\0"
_LINE_SHOWN_MAX: Final = 200


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code of `Exit`."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.verb(options))
    except BrokenPipeError:
        # The reader has seen enough; nothing more may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.VERIFIED
    except (LedgerError, OSError) as error:
        sys.stderr.write(f"keyra-ledger: {error}\n")
        return Exit.UNREADABLE


def _say(line: object) -> None:
    sys.stdout.write(f"{line}\n")


def _checked(check: Callable[[str], object]) -> Callable[[str], str]:
    """Let argparse refuse what `check` refuses, with exit code 2."""

    def convert(text: str) -> str:
        try:
            check(text)
        except LedgerError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return convert


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keyra-ledger",
        description="The access ledger: evidence that a stranger can check.",
        epilog="Exit codes: 0 verified, 1 tampered, 2 usage, 3 cannot read, "
        "4 incomplete evidence.",
    )
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")

    def verb(
        name: str, action: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        command = verbs.add_parser(name, help=text, description=text)
        command.set_defaults(verb=action)
        return command

    init = verb("init", _init, "Create a ledger and its key; prints the verifier key.")
    init.add_argument("ledger", type=Path, help="the database to create")
    init.add_argument(
        "--origin",
        required=True,
        type=_checked(check_origin),
        help="the ledger's name, such as example.com/front-door",
    )
    init.add_argument("--key", type=Path, help="key file, made if it is not there")

    verify = verb("verify", _verify, "Verify an export or a database.")
    verify.add_argument("file", type=Path, help="an export, or a ledger's database")
    verify.add_argument(
        "--vkey", type=_checked(parse_vkey), help="the ledger's verifier key"
    )
    verify.add_argument(
        "--expect",
        metavar="SIZE:ROOT",
        type=_checked(parse_expected),
        help="a checkpoint that you hold: number of entries and root in base64",
    )
    verify.add_argument("--json", action="store_true", help="answer in JSON")

    export = verb("export", _export, "Write the ledger as JSON Lines.")
    export.add_argument("ledger", type=Path)
    export.add_argument("--output", type=Path, help="default: standard output")

    show = verb("show", _show, "Print entries for people.")
    show.add_argument("ledger", type=Path)
    show.add_argument("--last", type=int, default=20, help="how many (default 20)")
    show.add_argument("--entry", type=int, help="one entry, whole")

    for name, action, text in (
        ("checkpoint", _checkpoint, "Print the newest signed head."),
        ("stats", _stats, "Count what the ledger holds."),
    ):
        verb(name, action, text).add_argument("ledger", type=Path)
    return parser


def _init(options: argparse.Namespace) -> int:
    key_path: Path = options.key or options.ledger.with_suffix(".key")
    if key_path.exists():
        key = SigningKey.load(key_path)
    else:
        key = SigningKey.generate()
        key.save(key_path)
    initialise(options.ledger, options.origin, key, read_stamp())
    _say(key.vkey(options.origin))
    return Exit.VERIFIED


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines, none longer than the verifier needs to see that it is too long."""
    while line := file.readline(LINE_BYTES_MAX + 1):
        yield line


def _verify(options: argparse.Namespace) -> int:
    expect = parse_expected(options.expect) if options.expect else None
    with options.file.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            file.seek(0)
            verdict = verify_lines(read_lines(file), vkey=options.vkey, expect=expect)
        else:
            with Reader.open(options.file) as reader:
                verdict = verify_lines(
                    export_lines(reader), vkey=options.vkey, expect=expect
                )
    _say(_verdict_json(verdict) if options.json else "\n".join(_sentences(verdict)))
    return verdict.exit


def _verdict_json(verdict: Verdict) -> str:
    fields = dataclasses.asdict(verdict)
    fields["root"] = to_base64(verdict.root)
    return json.dumps(fields, indent=2)


def _sentences(verdict: Verdict) -> Iterator[str]:
    words = {Exit.VERIFIED: "VERIFIED", Exit.TAMPERED: "TAMPERED"}
    yield (
        f"{words.get(verdict.exit, 'INCOMPLETE')}: {verdict.entries} entries of "
        f"{verdict.origin or 'an unknown ledger'}, {verdict.boots} boots, "
        f"{verdict.notes} notes, signed up to {verdict.signed}."
    )
    if verdict.problem:
        yield verdict.problem
    if verdict.exit is not Exit.TAMPERED:
        yield f"Checkpoint: {verdict.entries}:{to_base64(verdict.root)}"
    yield from verdict.remarks


def _export(options: argparse.Namespace) -> int:
    with Reader.open(options.ledger) as reader:
        if options.output is None:
            sys.stdout.buffer.writelines(export_lines(reader))
            sys.stdout.buffer.flush()
        else:
            with options.output.open("xb") as file:
                file.writelines(export_lines(reader))
    return Exit.VERIFIED


def _when(entry: Entry) -> str:
    at = datetime.fromtimestamp(entry.stamp.at_ms / 1000, UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _show(options: argparse.Namespace) -> int:
    with Reader.open(options.ledger) as reader:
        if options.entry is not None:
            entry = parse_entry(reader.entry(options.entry))
            _say(json.dumps(dataclasses.asdict(entry) | {"prev": entry.prev.hex()}))
            return Exit.VERIFIED
        size = reader.size()
        for body in reader.entries(max(0, size - options.last), size):
            entry = parse_entry(body)
            # JSON with escapes: nothing in an entry can move the cursor.
            what = json.dumps(entry.what)[:_LINE_SHOWN_MAX]
            _say(f"{entry.n:>8}  {_when(entry)}  {entry.ev:<18} {what}")
    return Exit.VERIFIED


def _checkpoint(options: argparse.Namespace) -> int:
    with Reader.open(options.ledger) as reader:
        sys.stdout.write(reader.head())
    return Exit.VERIFIED


def _stats(options: argparse.Namespace) -> int:
    with Reader.open(options.ledger) as reader:
        kinds: Counter[str] = Counter()
        size = 0
        for body in reader.entries(0, reader.size()):
            kinds[parse_entry(body).ev] += 1
            size += len(body) + 1
    _say(f"{kinds.total()} entries, {size} bytes")
    for ev, count in kinds.most_common():
        _say(f"{count:>8}  {ev}")
    return Exit.VERIFIED
