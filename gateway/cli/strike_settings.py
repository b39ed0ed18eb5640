"""`keyra print-strike`: what other programs must know of gateway.toml."""

import argparse
import sys
from collections.abc import Callable
from typing import Final

from gateway.config import Config, load
from gateway.config.strike_settings import (
    boot_lines,
    chip_drop_in,
    strike_environment,
    unit_faults,
)
from gateway.errors import ConfigError

_KINDS: Final[dict[str, Callable[[Config, int], str]]] = {
    "env": strike_environment,
    "boot": lambda config, _: boot_lines(config),
    "chip": lambda config, _: chip_drop_in(config),
}


def print_strike(options: argparse.Namespace) -> int:
    """Print one kind of settings.

    Raises:
        ConfigError: the config is wrong, or wants what the units do not give.
    """
    config = load(options.config)
    for fault in unit_faults(config):
        raise ConfigError(f"{options.config}: {fault}.")
    sys.stdout.write(_KINDS[options.kind](config, options.uid))
    return 0
