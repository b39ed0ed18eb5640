"""The options of `keyra purposes`, `users`, `settings`, `health` and `policy week`."""

import argparse
from collections.abc import Callable
from datetime import date
from typing import Final

_MODULE: Final = "gateway.cli.front"
TTL_S_MIN, TTL_S_MAX = 10, 86_400

Adder = Callable[[argparse.ArgumentParser], None]
Verb = Callable[[str, str, str, str], argparse.ArgumentParser]
Number = Callable[[int, int], Callable[[str], int]]


def add_front_verbs(
    verb: Verb, as_json: Adder, ordering: Adder, number: Number
) -> None:
    """Add what people ask, and set, beside the door itself.

    Args:
        verb: adds one to the command line.
        as_json: adds --json.
        ordering: adds what every change may need.
        number: makes a reader of integers within bounds.
    """
    as_json(verb("health", "front", "health", "Show radio, clock, disk and backups."))
    as_json(verb("settings", "front", "settings", "Show the switches and their risks."))
    _add_purposes(verb, as_json, ordering, number)
    _add_users(verb, as_json, ordering)


def add_week(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keyra policy week`, which asks the gateway.

    Args:
        verbs: of `keyra policy`.
    """
    week = verbs.add_parser("week", help="Show the running gateway's hours.")
    week.set_defaults(module=_MODULE, verb="week")
    week.add_argument("--holder", default="", metavar="HOLDER", help="those of one")
    week.add_argument(
        "--from",
        dest="first",
        type=date.fromisoformat,
        metavar="DAY",
        help="from 2026-12-21 on; else this week",
    )
    week.add_argument("--json", action="store_true", help="for programs")


def _add_purposes(verb: Verb, as_json: Adder, ordering: Adder, number: Number) -> None:
    purposes = verb("purposes", "front", "purposes", "List, set or delete purposes.")
    as_json(purposes)
    verbs = purposes.add_subparsers(metavar="VERB")
    setting = verbs.add_parser("set", help="Set a purpose, new or not.")
    setting.set_defaults(verb="set_purpose")
    setting.add_argument("name", metavar="NAME")
    setting.add_argument(
        "--ttl",
        dest="ttl_s",
        type=number(TTL_S_MIN, TTL_S_MAX),
        required=True,
        metavar="SECONDS",
        help="how long a question stands",
    )
    setting.add_argument(
        "--verification",
        choices=("required", "preferred", "discouraged"),
        default="required",
        help="whether the key checks the finger (default %(default)s)",
    )
    ordering(setting)
    delete = verbs.add_parser("delete", help="Delete one that is not built in.")
    delete.set_defaults(verb="delete_purpose")
    delete.add_argument("name", metavar="NAME")
    ordering(delete)


def _add_users(verb: Verb, as_json: Adder, ordering: Adder) -> None:
    users = verb("users", "front", "users", "List holders with their keys; aliases.")
    as_json(users)
    verbs = users.add_subparsers(metavar="VERB")
    lookup = verbs.add_parser("lookup", help="Find whom an alias names.")
    lookup.set_defaults(verb="lookup")
    lookup.add_argument("alias", metavar="ALIAS", help="or - to read it from stdin")
    as_json(lookup)
    for name, text, removed in (
        ("alias", "Have an alias find a holder.", False),
        ("unalias", "Have it find nobody any more.", True),
    ):
        made = verbs.add_parser(name, help=text)
        made.set_defaults(verb="alias", removed=removed)
        made.add_argument("holder", metavar="HOLDER", help="the pseudonym")
        made.add_argument("alias", metavar="ALIAS", help="or - to read it from stdin")
        ordering(made)
