"""What was installed: versions, the pin library, and what install.sh made."""

import re
from collections.abc import Iterator
from typing import Final

from gateway.config import Config
from gateway.config.strike_settings import strike_environment, unit_faults
from gateway.doctor.finding import Finding, good, note, wrong
from gateway.doctor.machine import Machine

HOME: Final = "/opt/keyra"
STRIKE_ENV: Final = "/etc/keyra/strike.env"
GPIOZERO_FIRST: Final = (2, 0, 1, 3)
"""2.0.1 ignores which chip it is told; 2.0.1.post3 does not."""


def check_version(machine: Machine) -> Iterator[Finding]:
    """One version is the current one, whole, and has shown that it works."""
    current = machine.target(f"{HOME}/current")
    version = machine.version("keyra-gateway")
    if current is None:
        yield note(
            "version",
            f"Version {version} was not installed by install.sh.",
            f"{HOME}/current",
            "Doors are installed by install.sh; see docs/install.md.",
        )
        return
    if machine.facts(f"{HOME}/{current}/complete") is None:
        yield wrong(
            "version",
            f"The installation of {current} was cut off.",
            f"{HOME}/{current}",
            "Run install.sh again: it goes on where it stopped.",
        )
    elif machine.facts(f"{HOME}/unproved") is not None:
        yield wrong(
            "version",
            f"The upgrade to {current} was cut off before it had shown that it works.",
            f"{HOME}/unproved",
            "Restart the machine, which goes back, and upgrade again.",
        )
    else:
        yield good("version", f"{current} is installed.", f"{HOME}/current")


def check_lgpio(machine: Machine) -> Iterator[Finding]:
    """The pin library is the real one: on the index is an empty one for new Pythons."""
    if machine.module("lgpio") is None:
        yield wrong(
            "lgpio",
            "The pin library lgpio is not installed.",
            "lgpio",
            "Install python3-lgpio, then run install.sh again.",
        )
    elif machine.module("_lgpio") is None:
        yield wrong(
            "lgpio",
            "The installed lgpio is the empty package, without code for this Python.",
            machine.module("lgpio") or "",
            "Install python3-lgpio, then run install.sh again.",
        )
    else:
        yield good("lgpio", "The pin library is there.", machine.module("_lgpio") or "")
    version = machine.version("gpiozero") or "0"
    if tuple(map(int, re.findall(r"\d+", version))) < GPIOZERO_FIRST:
        yield wrong(
            "gpiozero",
            f"gpiozero {version} ignores which chip it is told.",
            "gpiozero",
            "Run install.sh again: its locks have a newer one.",
        )


def check_strike_settings(machine: Machine, config: Config) -> Iterator[Finding]:
    """keyra-strike is told what gateway.toml says now."""
    for fault in unit_faults(config):
        yield wrong("units-config", f"{fault}.", "gateway.toml", "Correct it.")
    told = machine.read(STRIKE_ENV)
    uid = machine.uid("keyra")
    if told is None or uid is None:
        yield wrong(
            "strike-settings",
            "keyra-strike has no settings, or the user keyra is missing.",
            STRIKE_ENV,
            "Run install.sh again.",
        )
    elif told != strike_environment(config, uid):
        yield wrong(
            "strike-settings",
            "keyra-strike is told something else than gateway.toml says.",
            STRIKE_ENV,
            "Run install.sh again: it writes the file anew and restarts the strike.",
        )
    else:
        yield good("strike-settings", "They are those of gateway.toml.", STRIKE_ENV)
