"""Orders: what takes an administrator's finger, from its words to the touch."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Final

from gateway.cli.texts import say, say_json, say_json_list, table
from gateway.client import Client, Disconnected
from gateway.core.rights import NEEDS
from gateway.errors import AdministrationError, ApiError
from gateway.order_schemas import AcknowledgeOrder, Order, OrderWish
from gateway.printing import printable
from gateway.schemas import Event

SIGNER_VARIABLE: Final = "KEYRA_SIGNER"
_FINGER_NEEDED: Final = "finger-needed"
_ON_AIR: Final = "touching"


def carry_out(
    client: Client,
    options: argparse.Namespace,
    order: OrderWish,
    directly: Callable[[], object] | None = None,
) -> bool:
    """See a change through: at once where that may be, else by a finger.

    Args:
        client: of the gateway.
        options: of the command line: `signer`, `broken_glass` and `json`.
        order: the change.
        directly: asks for it as for one that needs no finger.

    Returns:
        Whether it is done; if not, another signature is missing, and all is said.

    Raises:
        AdministrationError: nobody signed it.
        ApiError: it cannot be done.
    """
    if options.broken_glass is not None:
        client.break_glass(order, options.broken_glass)
        return True
    if directly is not None:
        try:
            directly()
        except ApiError as error:
            if error.code != _FINGER_NEEDED:
                raise
        else:
            return True
    proposed = client.propose(order)
    if proposed.is_over:
        return True
    ended = _sign(client, options, proposed)
    if ended.state == "done":
        return True
    if options.json:
        say_json(ended)
    return False


def orders(options: argparse.Namespace) -> int:
    """List the orders that wait, and those that are over."""
    with Client(options.socket) as client:
        found = client.orders()
    if options.json:
        say_json_list(found)
        return 0
    rows = [
        (one.code, one.state, f"{len(one.signed)}/{one.signers}", " ".join(one.text))
        for one in found
    ]
    lines = table(("CODE", "STATE", "SIGNED", "ORDER"), rows)
    say("\n".join(lines) if rows else "No order waits.")
    return 0


def approve(options: argparse.Namespace) -> int:
    """Sign an order that somebody else proposed."""
    with Client(options.socket) as client:
        order = _by_code(client, options.code)
        ended = _sign(client, options, order)
    if options.json:
        say_json(ended)
    return 0


def withdraw(options: argparse.Namespace) -> int:
    """Take an order back."""
    with Client(options.socket) as client:
        ended = client.withdraw(_by_code(client, options.code).id)
    if options.json:
        say_json(ended)
        return 0
    say(f"{ended.code} is withdrawn.")
    return 0


def acknowledge(options: argparse.Namespace) -> int:
    """Sign for having seen that somebody broke the glass."""
    with Client(options.socket) as client:
        done = carry_out(client, options, AcknowledgeOrder(kind="acknowledge"))
    if done:
        say(json.dumps({"done": True}) if options.json else "It is acknowledged.")
    return 0


def rights(options: argparse.Namespace) -> int:
    """Show who may change what."""
    if options.json:
        say(
            json.dumps(
                {
                    action.value: {
                        "signers": need.signers,
                        "roles": sorted(role.value for role in need.roles),
                        "what": action.sentence,
                    }
                    for action, need in NEEDS.items()
                }
            )
        )
        return 0
    rows = [
        (
            action.value,
            str(need.signers) if need.signers else "-",
            " ".join(sorted(role.value for role in need.roles)) or "group keyra-admin",
            action.sentence,
        )
        for action, need in NEEDS.items()
    ]
    say("\n".join(table(("ACTION", "FINGERS", "OF", "WHAT"), rows)))
    return 0


def _by_code(client: Client, code: str) -> Order:
    digits = code.replace(" ", "")
    found = [one for one in client.orders() if one.code == digits and not one.is_over]
    if len(found) != 1:
        raise AdministrationError(
            f"No order with the code {code} waits; see `keyra orders`.", "unknown"
        )
    return found[0]


def _sign(client: Client, options: argparse.Namespace, order: Order) -> Order:
    """Show an order, put it on air for one key, and wait for the touch."""
    signer = _signer(client, options, order)
    out = sys.stderr if options.json else sys.stdout
    for line in order.text:
        out.write(f"{printable(line)}\n")
    code = f"{order.code[:3]} {order.code[3:]}"
    out.write(f"Order {code}. {signer}: touch your key to sign exactly this.\n")
    out.flush()
    now = client.choose(order.id, order.code, signer)
    try:
        now = _follow(client, now)
    except KeyboardInterrupt:
        client.withdraw(order.id)
        raise
    if now.state == "done":
        return now
    if signer in now.signed:
        out.write(
            f"{signer} has signed. {now.signers - len(now.signed)} more must sign: "
            f"`keyra approve {order.code} --as HOLDER`.\n"
        )
        return now
    raise AdministrationError(
        f"Nothing was changed ({now.reason or now.state}): {printable(now.hint)}",
        now.reason or now.state,
    )


def _follow(client: Client, now: Order) -> Order:
    with closing(client.events()) as items:
        while now.state == _ON_AIR:
            item = next(items)
            if isinstance(item, Disconnected):
                sys.stderr.write(f"keyra: {item.why} Trying again.\n")
            elif not isinstance(item, Event) or item.kind == "order":
                now = client.order(now.id)
    return now


def _signer(client: Client, options: argparse.Namespace, order: Order) -> str:
    """Return whose key is to sign: as said, or whoever alone can."""
    said: str | None = options.signer or os.environ.get(SIGNER_VARIABLE)
    if said:
        return said
    able = [
        one.id
        for one in client.holders()
        if one.role in order.roles and not one.suspended and one.id not in order.signed
    ]
    if len(able) != 1:
        who = ", ".join(able) or "nobody can"
        raise AdministrationError(
            f"Say who signs, with --as HOLDER or {SIGNER_VARIABLE}: {who}.",
            "signer-unknown",
        )
    return able[0]
