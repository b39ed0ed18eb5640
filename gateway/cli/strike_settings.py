"""`keyra print-strike`: what other programs must know of gateway.toml.

keyra-strike parses no TOML, and neither do the firmware and systemd; the installer puts
these lines where each of them looks.
"""

import argparse
from collections.abc import Callable
from typing import Final

from gateway.cli.texts import say
from gateway.config import Config, load
from gateway.errors import ConfigError

STATE_DIR: Final = "/var/lib/keyra"
STRIKE_SOCKET: Final = "/run/keyra-strike/socket"


def print_strike(options: argparse.Namespace) -> int:
    """Print one kind of settings.

    Raises:
        ConfigError: the config is wrong, or wants what the units do not give.
    """
    config = load(options.config)
    for name, is_, must in (
        ("[gateway] state_dir", config.gateway.state_dir, STATE_DIR),
        ("[strike] socket", config.strike.socket, STRIKE_SOCKET),
    ):
        if is_ != must:
            raise ConfigError(
                f"{options.config}: {name} is {is_}, and the service's units know "
                f"{must} alone; leave the line out."
            )
    say(_KINDS[options.kind](config, options.uid))
    return 0


def strike_words(config: Config, uid: int) -> str:
    """Return the options of keyra-strike, but for its socket."""
    limits = config.strike_limits
    return " ".join(
        (
            f"--line gpio:{config.pins.chip}:{config.pins.strike}",
            f"--lock {config.door.lock.value}",
            f"--relay {config.door.relay.value}",
            f"--uid {uid}",
            f"--momentary-ms-max {limits.momentary_ms_max}",
            f"--silence-ms-max {limits.silence_ms_max}",
            f"--fault-ms {limits.fault_ms}",
            f"--on-fault {limits.on_fault.value}",
        )
    )


def _environment(config: Config, uid: int) -> str:
    return (
        "# Made from gateway.toml by install.sh; change it there, and run that again.\n"
        f'KEYRA_STRIKE="{strike_words(config, uid)}"'
    )


def _boot(config: Config, _: int) -> str:
    level = "dh" if config.wiring.safe_level else "dl"
    return f"dtparam=strict_gpiod\ngpio={config.pins.strike}=op,{level}"


def _chip(config: Config, _: int) -> str:
    device = f"dev-gpiochip{config.pins.chip}.device"
    return (
        "# Made from gateway.toml by install.sh: the chip comes before the strike.\n"
        f"[Unit]\nWants={device}\nAfter={device}"
    )


_KINDS: Final[dict[str, Callable[[Config, int], str]]] = {
    "env": _environment,
    "boot": _boot,
    "chip": _chip,
}
