"""`keyra policy propose|show|history`: which policy is in force, and another one.

`propose` and `show` ask the gateway; `show` and `history` read the ledger and the
policies beside it where no gateway runs, for whoever may read the state directory.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from gateway.adapters.policy_store import FilePolicyStore
from gateway.bootstrap.parts import POLICIES_NAME
from gateway.bootstrap.past import history_of
from gateway.bootstrap.policy import calendars_of, in_force, policies_of
from gateway.cli.deciding import policy_lines, policy_row
from gateway.cli.ordering import carry_out
from gateway.cli.texts import instant, say, say_json, table
from gateway.client import Client
from gateway.config import Config, load, load_policy
from gateway.config.site_policy import Policy
from gateway.core.policy_standing import POLICY
from gateway.core.registry import Registry
from gateway.errors import JournalError, PolicyError, UnreachableError
from gateway.order_schemas import PolicyOrder
from gateway.ports import PastEntry
from gateway.schemas.policy_text import PolicyInForce

DIGITS_SHOWN: Final = 16


def propose(options: argparse.Namespace) -> int:
    """Order that the policy in a file comes into force; its calendars are read now.

    Raises:
        ConfigError: it is no policy.
        AdministrationError, ApiError: it was not signed, or cannot be done.
    """
    policy = load_policy(options.file)
    text = policy.with_days(calendars_of(policy)).text()
    order = PolicyOrder(kind="policy", text=text)
    with Client(options.socket) as client:
        if options.dry_run:
            preview = client.propose(order, dry_run=True)
            if options.json:
                say_json(preview)
            else:
                say("\n".join((*preview.text, preview.hint)))
            return 0
        done = carry_out(client, options, order)
        now = client.policy()
    if options.json:
        say_json(now)
    elif done:
        say(f"The policy {now.sha256[:DIGITS_SHOWN]} is in force.")
    return 0


def show(options: argparse.Namespace) -> int:
    """Print the policy in force, or the text of one by its hash.

    Exit code 1 if there is none to go by.

    Raises:
        PolicyError: no policy of that hash is kept.
    """
    config = load(options.config)
    if options.hash is not None:
        sys.stdout.write(_kept(options, config))
        return 0
    try:
        with Client(options.socket) as client:
            now = client.policy()
    except UnreachableError:
        now = _on_disk(config)
    if not now.usable:
        said = f"The policy {now.sha256} is in force, and its text is not here."
        say(now.model_dump_json() if options.json else said)
        return 1
    policy = policies_of(config).kept(now.text, "the policy in force")
    if options.json:
        say(json.dumps({**now.model_dump(), **policy_row(policy.door)}))
        return 0
    for line in _shown(now, policy):
        say(line)
    return 0


def history(options: argparse.Namespace) -> int:
    """List the policies that came into force, oldest first."""
    config = load(options.config)
    store = _store(config)
    rows = [
        _row(past, store.load(str(past.what.get("sha256"))) is not None)
        for past in history_of(config).entries(0)
        if past.ev == POLICY
    ]
    if options.json:
        say(json.dumps(rows))
        return 0
    cells = [
        (
            str(row["entry"]),
            instant(row["at_ms"]) if row["at_ms"] > 0 else "?",
            row["sha256"],
            row["by"],
            "" if row["kept"] else "its text is not here",
        )
        for row in rows
    ]
    say("\n".join(table(("ENTRY", "WHEN", "SHA-256", "BY", ""), cells)))
    return 0


def _row(past: PastEntry, kept: bool) -> dict[str, Any]:  # noqa: FBT001 - one cell
    return {
        "at_ms": past.at_ms,
        "by": _who(past.what.get("by")),
        "entry": past.n,
        "kept": kept,
        "sha256": str(past.what.get("sha256")),
    }


def _who(by: object) -> str:
    members = by if isinstance(by, dict) else {}
    if "order" in members:
        return f"order {str(members['order'])[:DIGITS_SHOWN]}"
    if members.get("break_glass"):
        return f"root, who broke the glass (uid {members.get('uid')})"
    if members.get("bootstrap"):
        return f"uid {members.get('uid')}, before there was an administrator"
    return "the config"


def _kept(options: argparse.Namespace, config: Config) -> str:
    try:
        with Client(options.socket) as client:
            return client.kept_policy(options.hash).text
    except UnreachableError:
        text = _store(config).load(options.hash)
    if text is None:
        raise PolicyError("No policy with this hash is kept here.", "unknown")
    return text


def _on_disk(config: Config) -> PolicyInForce:
    """Return what a gateway would go by if it started now."""
    site = policies_of(config)
    registry = Registry()
    try:
        for past in history_of(config).entries(0):
            if past.ev.startswith(POLICY):
                registry.apply(past.n, past.ev, past.what)
    except JournalError:
        pass  # no ledger that we may read: what the config says is what there is
    standing = registry.policy
    current = in_force(site, _store(config), standing)
    return PolicyInForce(
        sha256=site.own.sha256 if standing is None else standing.sha256,
        text="" if current is None else current.text,
        usable=current is not None,
        config_sha256=site.own.sha256,
        config_differs=current is None or current.sections != site.own.sections,
    )


def _store(config: Config) -> FilePolicyStore:
    return FilePolicyStore(Path(config.gateway.state_dir) / POLICIES_NAME)


def _shown(now: PolicyInForce, policy: Policy) -> Iterator[str]:
    yield from policy_lines(policy.door)
    yield f"SHA-256 {now.sha256}."
    if now.config_differs:
        yield "The config's own policy says something else; it does not count."
