"""Verbs that change something."""

import argparse
import json
import sys
from typing import Final

from gateway.cli.ordering import carry_out
from gateway.cli.texts import ID_CHARS_SHOWN, mode_text, say, say_json
from gateway.client import Client
from gateway.errors import RegistryError
from gateway.order_schemas import (
    CredentialStateOrder,
    EraseOrder,
    ForgiveOrder,
    ModeOrder,
)
from gateway.schemas import Credential, CredentialWish, ModeWish, Status

_STATES: Final[dict[str, CredentialWish]] = {
    "suspend": "suspended",
    "resume": "active",
    "revoke": "revoked",
}


def credential(options: argparse.Namespace) -> int:
    """Suspend, resume or revoke a credential."""
    with Client(options.socket) as client:
        known = find_credential(list(client.credentials()), options.id)
        if (
            options.action == "revoke"
            and not options.yes
            and not _agreed(
                f"Revoke {known.id[:ID_CHARS_SHOWN]} of {known.holder_id} for ever?"
            )
        ):
            return 1
        state = _STATES[options.action]
        order = CredentialStateOrder(
            kind="credential", credential_id=known.id, state=state
        )
        if not carry_out(
            client,
            options,
            order,
            lambda: client.set_credential_state(known.id, state),
        ):
            return 0
        changed = find_credential(list(client.credentials()), known.id)
    if options.json:
        say_json(changed)
        return 0
    say(f"{changed.id[:ID_CHARS_SHOWN]} of {changed.holder_id} is {changed.state}.")
    return 0


def forgive(options: argparse.Namespace) -> int:
    """Let a holder count as outside who is inside by the ledger.

    Raises:
        AdministrationError, ApiError: it was not signed, or cannot be done.
    """
    with Client(options.socket) as client:
        order = ForgiveOrder(kind="forgive", holder_id=options.holder)
        done = carry_out(client, options, order)
    if options.json:
        say(json.dumps({"done": done, "holder": options.holder}))
    elif done:
        say(f"{options.holder} counts as outside.")
    return 0


def erase(options: argparse.Namespace) -> int:
    """Remove a holder's name for good, and revoke their keys."""
    with Client(options.socket) as client:
        keys = sum(
            one.holder_id == options.holder and one.state != "revoked"
            for one in client.credentials()
        )
        if not options.yes and not _agreed(
            f"Erase the name of {options.holder} for ever, and revoke their "
            f"{keys} keys?"
        ):
            return 1
        order = EraseOrder(kind="erase", holder_id=options.holder)
        done = carry_out(
            client, options, order, lambda: client.erase_holder(options.holder)
        )
        if not done:
            return 0
        erased = next(one for one in client.holders() if one.id == options.holder)
    if options.json:
        say_json(erased)
        return 0
    say(f"{erased.id} is erased; keys revoked: {keys}. The pseudonym is used up.")
    return 0


def unlock(options: argparse.Namespace) -> int:
    """Release the door for somebody without a key; it locks again by itself."""
    return _set_mode(options, "Unlocked")


def lockdown(options: argparse.Namespace) -> int:
    """Deny every key from now on; the way out stays open."""
    return _set_mode(options, "LockedDown")


def mode(options: argparse.Namespace) -> int:
    """Order a mode of the door, or lift what is ordered."""
    return _set_mode(options, options.mode)


def _set_mode(options: argparse.Namespace, wish: ModeWish) -> int:
    with Client(options.socket) as client:
        order = ModeOrder(kind="mode", mode=wish, for_ms=options.for_ms)
        if not carry_out(
            client, options, order, lambda: client.set_mode(wish, options.for_ms)
        ):
            return 0
        found: Status = client.status()
    if options.json:
        say_json(found)
        return 0
    say(f"The door {found.door.id} is in mode {mode_text(found.door)}.")
    if found.door.mode not in {wish, "Accessed"}:
        say(f"{wish} is below that; see `keyra status`.")
    return 0


def find_credential(credentials: list[Credential], wanted: str) -> Credential:
    """Return the one credential whose id is, or begins with, what was given.

    Raises:
        RegistryError: there is none, or more than one.
    """
    found = [one for one in credentials if one.id == wanted]
    found = found or [one for one in credentials if one.id.startswith(wanted)]
    if len(found) != 1:
        count = "No credential's id begins" if not found else "Several ids begin"
        raise RegistryError(f"{count} with {wanted!r}; see `keyra credentials`.")
    return found[0]


def _agreed(question: str) -> bool:
    """Ask; whatever is not a yes is a no, and is said to be one."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    agreed = sys.stdin.readline().strip().lower() in {"y", "yes"}
    if not agreed:
        sys.stderr.write("keyra: Nothing was changed.\n")
    return agreed
