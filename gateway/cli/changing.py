"""Verbs that change something."""

import argparse
import sys
from typing import Final

from gateway.cli.texts import ID_CHARS_SHOWN, say, say_json
from gateway.client import Client
from gateway.errors import RegistryError
from gateway.schemas import Credential, CredentialWish, Mode, Status

_STATES: Final[dict[str, CredentialWish]] = {
    "suspend": "suspended",
    "resume": "active",
    "revoke": "revoked",
}


def credential(options: argparse.Namespace) -> int:
    """Suspend, resume or revoke a credential."""
    with Client(options.socket) as client:
        known = _find(list(client.credentials()), options.id)
        if options.action == "revoke" and not options.yes and not _confirmed(known):
            sys.stderr.write("keyra: Nothing was changed.\n")
            return 1
        changed = client.set_credential_state(known.id, _STATES[options.action])
    if options.json:
        say_json(changed)
        return 0
    say(f"{changed.id[:ID_CHARS_SHOWN]} of {changed.holder_id} is {changed.state}.")
    return 0


def lockdown(options: argparse.Namespace) -> int:
    """Deny every key from now on; the way out stays open."""
    return _set_mode(options, "LockedDown")


def mode(options: argparse.Namespace) -> int:
    """Set the door's mode."""
    return _set_mode(options, options.mode)


def _set_mode(options: argparse.Namespace, wish: Mode) -> int:
    with Client(options.socket) as client:
        found: Status = client.set_mode(wish)
    if options.json:
        say_json(found)
        return 0
    say(f"The door {found.door.id} is in mode {found.door.mode}.")
    return 0


def _find(credentials: list[Credential], wanted: str) -> Credential:
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


def _confirmed(known: Credential) -> bool:
    """Ask; whatever is not a yes is a no."""
    sys.stderr.write(
        f"Revoke {known.id[:ID_CHARS_SHOWN]} of {known.holder_id} for ever? [y/N] "
    )
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
