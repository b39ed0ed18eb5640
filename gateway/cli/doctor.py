"""`keyra doctor`: what is wrong with this machine as a door, and what to do.

Exit codes: 0 nothing is wrong (there may be notes); 1 something is.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from importlib import metadata
from itertools import chain
from typing import Final

from gateway.cli.texts import health_words, say
from gateway.client import Client
from gateway.doctor import Finding, Grade, LocalMachine, examine
from gateway.errors import KeyraError
from gateway.printing import printable

_LOG: Final = "Run: journalctl -u keyra-gateway"
_MARKS: Final = {Grade.GOOD: "ok", Grade.NOTE: "note", Grade.WRONG: "WRONG"}


def doctor(options: argparse.Namespace) -> int:
    """Print findings as they come; a person sees what is wrong last."""
    findings = []
    examined = examine(LocalMachine(), options.config)
    for finding in chain(examined, _gateway(options.socket)):
        findings.append(finding)
        if not options.json:
            say(_lines(finding))
    bad = sum(finding.grade is Grade.WRONG for finding in findings)
    if options.json:
        say(json.dumps([_plain(finding) for finding in findings]))
    else:
        sys.stdout.flush()
        sys.stderr.write(
            f"keyra: {bad} things are wrong.\n" if bad else "keyra: Nothing is wrong.\n"
        )
    return 1 if bad else 0


def _gateway(socket: str) -> Iterator[Finding]:
    """Ask the running gateway itself; it may be down."""
    try:
        with Client(socket) as client:
            status = client.status()
    except KeyraError as error:
        yield Finding("gateway", Grade.WRONG, str(error), socket, _LOG)
        return
    yield _commissioned(commissioned=status.door.commissioned)
    installed = metadata.version("keyra-gateway")
    broken = [says for works, says in health_words(status.health) if not works]
    if status.version != installed:
        broken.append(f"it is {status.version}, and {installed} is installed")
    if broken:
        yield Finding("gateway", Grade.WRONG, f"{'; '.join(broken)}.", socket, _LOG)
    else:
        yield Finding("gateway", Grade.GOOD, "It says that everything works.", socket)


def _commissioned(*, commissioned: bool) -> Finding:
    """Say whether a person has tried what this machine cannot find out about itself."""
    if commissioned:
        return Finding("commissioned", Grade.GOOD, "A person got out without the Pi.")
    return Finding(
        "commissioned",
        Grade.WRONG,
        "Nobody has confirmed, for the wiring that it has now, that people get out "
        "with the Pi switched off.",
        "the door",
        "Switch the Pi off and try the exit, then run: keyra commission",
    )


def _lines(finding: Finding) -> str:
    head = f"{_MARKS[finding.grade]:<6}{finding.check:<16}{printable(finding.what)}"
    where = f"  [{printable(finding.where)}]" if finding.where else ""
    advice = f"\n{'':<22}-> {printable(finding.advice)}" if finding.advice else ""
    return head + where + advice


def _plain(finding: Finding) -> dict[str, str]:
    return {**dataclasses.asdict(finding), "grade": finding.grade.value}
