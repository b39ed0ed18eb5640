"""All checks in the order in which a person would put things right."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from gateway.config import Config, parse
from gateway.doctor.backups import check_backup
from gateway.doctor.board import check_board, check_pins
from gateway.doctor.data import check_disk, check_ledger, check_permissions
from gateway.doctor.finding import Finding, good, wrong
from gateway.doctor.installation import (
    check_lgpio,
    check_strike_settings,
    check_version,
)
from gateway.doctor.machine import Machine
from gateway.doctor.models import check_models
from gateway.doctor.running import (
    check_clock,
    check_polkit,
    check_radio,
    check_rtc,
    check_strike,
    check_units,
)
from gateway.errors import ConfigError

_CHECKS: Final[Sequence[Callable[[Machine], Iterator[Finding]]]] = (
    check_version,
    check_lgpio,
    check_permissions,
    check_disk,
    check_ledger,
    check_clock,
    check_board,
    check_units,
    check_polkit,
    check_strike,
)
_CONFIGURED: Final[Sequence[Callable[[Machine, Config], Iterator[Finding]]]] = (
    check_strike_settings,
    check_pins,
    check_rtc,
    check_radio,
    check_backup,
    check_models,
)


def examine(machine: Machine, config_path: Path) -> Iterator[Finding]:
    """Yield what the checks find; without a config, what they find without one."""
    config = None
    text = machine.read(str(config_path))
    if text is None:
        yield wrong(
            "config",
            "There is no config that I may read.",
            str(config_path),
            "Run this as root, or let install.sh make it.",
        )
    else:
        try:
            config = parse(text, str(config_path))
        except ConfigError as error:
            yield wrong("config", str(error), str(config_path), "Correct it.")
        else:
            yield good("config", f"It is right: door {config.door.id}.")
    for check in _CHECKS:
        yield from check(machine)
    if config is not None:
        for configured in _CONFIGURED:
            yield from configured(machine, config)
