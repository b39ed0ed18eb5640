"""Verbs that only look."""

import argparse
import os
import sys

from gateway.cli.texts import (
    credential_lines,
    event_line,
    holder_lines,
    say,
    say_json,
    say_json_list,
    status_lines,
)
from gateway.client import Client, Disconnected
from gateway.schemas import Event


def status(options: argparse.Namespace) -> int:
    """Show the gateway at a glance."""
    with Client(options.socket) as client:
        found = client.status()
    if options.json:
        say_json(found)
        return 0
    say("\n".join(status_lines(found)))
    return 0


def holders(options: argparse.Namespace) -> int:
    """List the holders."""
    with Client(options.socket) as client:
        found = list(client.holders(options.matching))
    if options.json:
        say_json_list(found)
        return 0
    say("\n".join(holder_lines(found)))
    return 0


def credentials(options: argparse.Namespace) -> int:
    """List the credentials."""
    with Client(options.socket) as client:
        found = list(client.credentials(options.of))
    if options.json:
        say_json_list(found)
        return 0
    say("\n".join(credential_lines(found)))
    return 0


def tail(options: argparse.Namespace) -> int:
    """Follow what happens until interrupted; a lost gateway is waited for.

    Raises:
        UnreachableError: there is no gateway to begin with.
    """
    with Client(options.socket) as client:
        client.status()
        for item in client.events(recent=options.recent):
            if isinstance(item, Event) and options.json:
                say_json(item)
            elif isinstance(item, Event):
                say(event_line(item))
            elif isinstance(item, Disconnected):
                sys.stderr.write(f"keyra: {item.why} Trying again.\n")
    return 0


def console(options: argparse.Namespace) -> int:
    """Become the console: a program of its own, which stands above the gateway.

    -P keeps the folder that this is called in out of what Python imports.
    """
    sys.stdout.flush()
    python = sys.executable
    looks = ["--read-only"] if options.read_only else []
    os.execv(  # noqa: S606 - no shell, and this very interpreter
        python, [python, "-P", "-m", "tui", "--socket", options.socket, *looks]
    )
