"""Options of `keyra policy propose|show|history`."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

_Add = Callable[[argparse.ArgumentParser], None]


def add_policy_verbs(verbs: Any, ordering: _Add, config: _Add, as_json: _Add) -> None:
    """Add them; `verbs` are argparse's subparsers, which have no public type."""
    propose = verbs.add_parser("propose", help="Order another policy; takes fingers.")
    propose.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="the sections of a config, or a whole one",
    )
    propose.add_argument(
        "--dry-run", action="store_true", help="only say what it would change"
    )
    ordering(propose)
    show = verbs.add_parser("show", help="Print the policy in force.")
    show.add_argument(
        "--hash", metavar="SHA256", help="the text of a policy that was ordered once"
    )
    history = verbs.add_parser("history", help="List what was in force, and by whom.")
    for name, made in (("propose", propose), ("show", show), ("history", history)):
        made.set_defaults(module="gateway.cli.policies", verb=name)
    for made in (show, history):
        config(made)
        as_json(made)
