"""The options of `keyra holders`."""

import argparse
from collections.abc import Callable
from pathlib import Path

_STANDARD_STREAM = Path("-")
Adder = Callable[[argparse.ArgumentParser], None]


def add_holder_verbs(
    holders: argparse.ArgumentParser,
    ordering: Adder,
    instant: Callable[[str], int],
    uses: Callable[[str], int],
) -> None:
    """Add what `keyra holders` can do beside listing them.

    Args:
        holders: its parser.
        ordering: adds what every change may need.
        instant: reads a time.
        uses: reads how often somebody may pass.
    """
    verbs = holders.add_subparsers(metavar="VERB")

    def verb(name: str, function: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.set_defaults(module="gateway.cli.holders", verb=function)
        return made

    table = verb("import", "import_table", "Register or change those in a CSV table.")
    table.add_argument("file", type=Path, metavar="FILE", help="or - for stdin")
    table.add_argument("--dry-run", action="store_true", help="change nothing")
    ordering(table)
    export = verb("export", "export_table", "Write all holders as a CSV table.")
    export.add_argument(
        "file",
        type=Path,
        nargs="?",
        default=_STANDARD_STREAM,
        metavar="FILE",
        help="must not be there yet; - for stdout (the default)",
    )
    export.add_argument("--json", action="store_true", help="print JSON")
    for name, text in (
        ("suspend", "Suspend a holder with all of their keys."),
        ("resume", "Let a suspended holder's keys work again."),
    ):
        made = verb(name, name, text)
        made.add_argument("holder", metavar="HOLDER", help="the pseudonym")
        ordering(made)
    change = verb("change", "change", "Change what is said; the rest stays.")
    change.add_argument("holder", metavar="HOLDER", help="the pseudonym")
    change.add_argument("--name", default="", help="a new name; stays here")
    add_holder_options(change, instant, uses)
    ordering(change)


def add_holder_options(
    verb: argparse.ArgumentParser,
    instant: Callable[[str], int],
    uses: Callable[[str], int],
) -> None:
    """Add what may be said of a holder; what is not said is None, and stays."""

    def bound(text: str) -> int:
        return 0 if text == "none" else instant(text)

    groups = verb.add_mutually_exclusive_group()
    groups.add_argument(
        "--group",
        dest="groups",
        action="append",
        metavar="GROUP",
        help="the groups from now on, one by one",
    )
    groups.add_argument(
        "--no-groups", dest="groups", action="store_const", const=[], help="none"
    )
    for option in ("from", "until"):
        verb.add_argument(
            f"--{option}",
            dest=f"{option}_ms",
            type=bound,
            metavar="TIME",
            help=f"valid {option}: 2031-12-31T18:00+01:00, or none",
        )
    verb.add_argument(
        "--extended",
        action=argparse.BooleanOptionalAction,
        help="needs more time at a door",
    )
    verb.add_argument(
        "--role",
        choices=("admin", "operator", "auditor", "none"),
        help="what they may order; root enrols the first admin",
    )
    verb.add_argument(
        "--uses",
        dest="uses_max",
        type=uses,
        metavar="N",
        help="a visitor's pass: how often they may ever pass; 0 for no bound",
    )
