"""`keyra-ledger`: create, show, export, prove, verify; it needs no gateway."""

import argparse
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from ledger import actions
from ledger.checkpoint import check_origin, parse_vkey
from ledger.errors import LedgerError
from ledger.verdict import Exit, parse_expected

Verb = Callable[[argparse.Namespace], int]


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code of `Exit`."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.verb(options))
    except BrokenPipeError:
        # The reader has seen enough; nothing more may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.VERIFIED
    except (LedgerError, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"keyra-ledger: {error}\n")
        return Exit.UNREADABLE


def _checked(check: Callable[[str], object]) -> Callable[[str], str]:
    """Let argparse refuse what `check` refuses, with exit code 2."""

    def convert(text: str) -> str:
        try:
            check(text)
        except LedgerError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return convert


def _moment(text: str) -> datetime:
    """Read an ISO 8601 time with its zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} lacks its zone, such as Z or +01:00.")
    return moment


_LEDGER: Final = ("ledger", {"type": Path, "help": "the ledger's database"})
_VKEY: Final = (
    "--vkey",
    {"type": _checked(parse_vkey), "help": "the ledger's verifier key"},
)
_KEY: Final = (
    "--key",
    {"type": Path, "help": "signing key; default: beside the ledger, *.key"},
)
_SELECT: Final = (
    ("--kind", {"action": "append", "default": [], "help": "such as door.grant"}),
    ("--door", {"default": ""}),
    ("--holder", {"default": "", "help": "the holder's pseudonym"}),
)
_STRETCH: Final = (
    ("--first", {"type": int, "help": "number of the first entry"}),
    ("--last", {"type": int, "help": "number of the last entry"}),
    ("--from", {"type": _moment, "dest": "since", "help": "ISO 8601 with zone"}),
    ("--until", {"type": _moment, "help": "ISO 8601 with zone"}),
)

_VERBS: Final = (
    ("init", actions.init, "Create a ledger, its key and its seal.", (
        _LEDGER,
        ("--origin", {"required": True, "type": _checked(check_origin),
                      "help": "the ledger's name, such as example.com/front-door"}),
        _KEY,
        ("--seal-out", {"type": Path, "help": "where the seal's first key goes: "
                        "give it to the auditor and keep no copy"}),
    )),
    ("verify", actions.verify, "Verify an export or a database.", (
        ("file", {"type": Path, "help": "an export, or a ledger's database"}),
        _VKEY,
        ("--expect", {"metavar": "SIZE:ROOT", "type": _checked(parse_expected),
                      "help": "a checkpoint that you hold"}),
        ("--witness", {"action": "append", "default": [], "metavar": "VKEY",
                       "type": _checked(parse_vkey),
                       "help": "a witness that must have signed"}),
        ("--seal-key", {"type": Path, "help": "file with the seal's first key"}),
        ("--deep", {"action": "store_true",
                    "help": "check each opening's own signature again"}),
        ("--json", {"action": "store_true", "help": "answer in JSON"}),
        ("--progress", {"action": "store_true",
                        "help": "of a database: lines DONE ALL on standard error"}),
    )),
    ("export", actions.export, "Write the ledger, or a stretch of it.", (
        _LEDGER, *_STRETCH, *_SELECT, _KEY,
        ("--format", {"choices": ("jsonl", "csv"), "default": "jsonl",
                      "help": "csv is for people; it proves nothing"}),
        ("--output", {"type": Path, "help": "a new file; default: standard output"}),
    )),
    ("bundle", actions.bundle, "Write what an auditor needs into a new directory.", (
        _LEDGER, _KEY,
        ("directory", {"type": Path}),
    )),
    ("show", actions.show, "Print entries for people.", (
        _LEDGER,
        *_SELECT,
        ("--last", {"type": int, "default": 20, "dest": "count",
                    "help": "how many of the newest (default 20)"}),
        ("--entry", {"type": int, "help": "one entry, whole"}),
    )),
    ("checkpoint", actions.checkpoint, "Print the newest signed head.", (
        _LEDGER,
        ("--qr", {"action": "store_true", "help": "as a QR code, to photograph"}),
    )),
    ("prove", actions.prove, "Prove that an entry stands in the ledger.", (
        _LEDGER, ("entry", {"type": int}),
    )),
    ("receipt", actions.prove, "The same: a file that proves one opening.", (
        _LEDGER, ("entry", {"type": int}),
    )),
    ("check-proof", actions.check_proof, "Check a receipt or a consistency proof.", (
        ("file", {"type": Path}), _VKEY,
    )),
    ("consistency", actions.consistency, "Prove one size a prefix of another.", (
        _LEDGER, ("old", {"type": int}), ("size", {"type": int}),
    )),
    ("rotate", actions.rotate, "Replace the signing key; stop the gateway first.", (
        _LEDGER, _KEY,
    )),
    ("cosign", actions.cosign, "Sign another ledger's checkpoint, as its witness.", (
        ("note", {"type": Path, "help": "the checkpoint"}),
        ("--name", {"required": True, "type": _checked(check_origin)}),
        ("--key", {"required": True, "type": Path, "help": "the witness's own key"}),
        ("--held", {"metavar": "SIZE:ROOT", "type": _checked(parse_expected),
                    "help": "the checkpoint signed last"}),
        ("--proof", {"type": Path, "help": "consistency proof from the one held"}),
        ("--vkey", {"required": True, "type": _checked(parse_vkey),
                    "help": "the ledger's verifier key"}),
    )),
    ("add-cosignature", actions.add_cosignature, "Keep a witness's signature.", (
        _LEDGER, _KEY,
        ("size", {"type": int, "help": "the size that was signed"}),
        ("line", {"type": Path, "help": "file with the signature line"}),
        ("--witness", {"required": True, "type": _checked(parse_vkey)}),
    )),
    ("prune", actions.prune_before, "Drop old history behind a signed base.", (
        _LEDGER, _KEY,
        ("--before", {"type": int, "required": True,
                      "help": "an entry; all before the kept head around it go"}),
    )),
    ("stats", actions.stats, "Count what the ledger holds.", (_LEDGER,)),
)  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keyra-ledger",
        description="The access ledger: evidence that a stranger can check.",
        epilog="Exit codes: 0 verified, 1 tampered, 2 usage, 3 cannot read, "
        "4 incomplete evidence.",
    )
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, action, text, options in _VERBS:
        command = verbs.add_parser(name, help=text, description=text)
        command.set_defaults(verb=action)
        for option, settings in options:
            command.add_argument(option, **settings)
    return parser
