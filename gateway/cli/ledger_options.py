"""The options of `keyra ledger`."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROWS_MAX: Final = 1_000_000

Adder = Callable[[argparse.ArgumentParser], None]


def add_ledger_verbs(
    ledger: argparse.ArgumentParser, instant: Callable[[str], int], json: Adder
) -> None:
    """Add what can be done with the ledger of a running gateway.

    Args:
        ledger: its parser.
        instant: reads a time.
        json: adds what every verb has that prints.
    """
    verbs = ledger.add_subparsers(metavar="VERB", required=True)

    def verb(name: str, function: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.set_defaults(module="gateway.cli.ledger_verbs", verb=function)
        json(made)
        return made

    listing = verb("list", "list_entries", "List entries, the newest first.")
    _filters(listing, instant)
    listing.add_argument("--oldest", action="store_true", help="the oldest first")
    listing.add_argument("--from-entry", type=_entry, metavar="N", help="from there on")
    listing.add_argument("--at", type=instant, metavar="TIME", help="from then on")
    listing.add_argument(
        "-n",
        dest="count",
        type=_count,
        default=20,
        metavar="N",
        help="how many at most (default %(default)s)",
    )
    show = verb("show", "show", "Show one entry with the proof of its place.")
    show.add_argument("entry", type=_entry, metavar="N", help="its number")
    show.add_argument(
        "--receipt", type=Path, metavar="FILE", help="write what proves it offline"
    )
    tail = verb("tail", "tail", "Follow new entries; Ctrl-C ends it.")
    _filters(tail, instant)
    _reports(verb)


def _reports(verb: Callable[[str, str, str], argparse.ArgumentParser]) -> None:
    verify = verb(
        "verify",
        "verify",
        "Verify the whole ledger: 0 verified, 1 tampered, 3 unreadable, 4 incomplete.",
    )
    verify.add_argument("--vkey", default="", help="the verifier key that you hold")
    verify.add_argument(
        "--expect", default="", metavar="SIZE:ROOT", help="a checkpoint that you hold"
    )
    verify.add_argument(
        "--deep", action="store_true", help="check each opening's own signature"
    )
    export = verb("export", "export", "Write the sealed export into a new file.")
    export.add_argument(
        "file", type=Path, metavar="FILE", help="must not be there yet; - for stdout"
    )
    export.add_argument("--first", type=_entry, metavar="N", help="from there on")
    export.add_argument("--last", type=_entry, metavar="N", help="up to there")
    checkpoint = verb("checkpoint", "checkpoint", "Print the newest signed head.")
    checkpoint.add_argument("--qr", action="store_true", help="to be photographed")
    verb("stats", "stats", "Count what the ledger holds.")


def _filters(parser: argparse.ArgumentParser, instant: Callable[[str], int]) -> None:
    for name, text in (
        ("door", "of this door"),
        ("holder", "of this pseudonym"),
        ("kind", "such as door.grant, or door for all of its kind"),
        ("result", "granted, denied, refused, or the reason of a denial"),
    ):
        parser.add_argument(f"--{name}", default="", metavar=name.upper(), help=text)
    for name, text in (("from", "not before"), ("until", "before")):
        parser.add_argument(
            f"--{name}",
            dest=f"{name}_ms",
            type=instant,
            default=0,
            metavar="TIME",
            help=f"{text}: 2031-12-31, or 2031-12-31T18:00+01:00",
        )


def _entry(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 2**53):
        raise argparse.ArgumentTypeError(f"{text} is no entry's number")
    return int(text)


def _count(text: str) -> int:
    value = _entry(text)
    if not 1 <= value <= ROWS_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not 1 to {ROWS_MAX}")
    return value
