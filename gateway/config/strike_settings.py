"""What other programs must know of gateway.toml, in their own words.

keyra-strike parses no TOML, and neither do the firmware and systemd: the installer puts
these texts where each of them looks, and the doctor compares.
"""

from typing import Final

from gateway.config.config import Config

STATE_DIR: Final = "/var/lib/keyra"
STRIKE_SOCKET: Final = "/run/keyra-strike/socket"


def unit_faults(config: Config) -> list[str]:
    """Return where the config wants what the service's units do not give."""
    return [
        f"{name} is {is_}, but the service's units know {must} alone; leave it out"
        for name, is_, must in (
            ("[gateway] state_dir", config.gateway.state_dir, STATE_DIR),
            ("[strike] socket", config.strike.socket, STRIKE_SOCKET),
        )
        if is_ != must
    ]


def strike_environment(config: Config, uid: int) -> str:
    """Return /etc/keyra/strike.env: the options of keyra-strike, but for its socket.

    Args:
        config: as loaded.
        uid: of the gateway, whose processes alone the strike obeys.
    """
    limits = config.strike_limits
    words = " ".join(
        (
            f"--line gpio:{config.pins.chip}:{config.pins.strike}",
            f"--lock {config.door.lock.value}",
            f"--relay {config.door.relay.value}",
            f"--uid {uid}",
            f"--momentary-ms-max {limits.momentary_ms_max}",
            f"--lease-ms-max {limits.lease_ms_max}",
            f"--silence-ms-max {limits.silence_ms_max}",
            f"--fault-ms {limits.fault_ms}",
            f"--on-fault {limits.on_fault.value}",
        )
    )
    return (
        "# Made from gateway.toml by install.sh; change it there, and run that again.\n"
        f'KEYRA_STRIKE="{words}"\n'
    )


def boot_lines(config: Config) -> str:
    """Return the lines of the Raspberry Pi's config.txt.

    The pin secures the door from the firmware on, and an output whose program died is
    not kept as it was.
    """
    level = "dh" if config.wiring.safe_level else "dl"
    return f"dtparam=strict_gpiod\ngpio={config.pins.strike}=op,{level}\n"


def chip_drop_in(config: Config) -> str:
    """Return what makes keyra-strike.service wait for its chip."""
    device = f"dev-gpiochip{config.pins.chip}.device"
    return (
        "# Made from gateway.toml by install.sh: the chip comes before the strike.\n"
        f"[Unit]\nWants={device}\nAfter={device}\n"
    )
