"""Verbs of an installer: to commission the door, and to have it try itself."""

import argparse
import sys
from typing import get_args

from gateway.cli.texts import say, say_json
from gateway.client import Client
from gateway.core.commissioning import Point
from gateway.errors import OrderError
from gateway.schemas import CommissioningPoint


def commission(options: argparse.Namespace) -> int:
    """Ask the installer for everything that the gateway cannot find out."""
    for point in Point:
        if not _yes(f"{point.sentence} Have you tried it?"):
            raise OrderError("The door is not commissioned: that comes first.")
    with Client(options.socket) as client:
        found = client.commission(get_args(CommissioningPoint))
    if options.json:
        say_json(found)
        return 0
    say("The door is commissioned, for the wiring that it has now.")
    return 0


def self_test(options: argparse.Namespace) -> int:
    """Release for a moment, look at the inputs, and ask whether the lock moved."""
    with Client(options.socket) as client:
        found = client.self_test()
        moved = options.unattended or _yes("Did the lock let go, and lock again?")
        if not options.unattended:
            client.self_test_seen(found.entry, moved=moved)
    if options.json:
        say_json(found)
    else:
        words = ", ".join(
            f"{name} {'ok' if ok else 'NOT ok'}" for name, ok in found.checks.items()
        )
        say(f"Self-test, entry {found.entry}: {words}.")
    return 0 if found.passed and moved else 1


def _yes(question: str) -> bool:
    """Ask; whatever is not a yes is a no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
