"""Verbs for the machine itself: they need no running gateway."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from gateway.cli.texts import say
from gateway.config import defaults_text, load
from gateway.errors import ConfigError, SimulationError
from ledger.clock import read_stamp
from ledger.keys import SigningKey
from ledger.writer import initialise

STATE_MODE: Final = 0o700
LEDGER_NAME: Final = "ledger.db"
KEY_NAME: Final = "ledger.key"
VKEY_NAME: Final = "ledger.vkey"


def check_config(options: argparse.Namespace) -> int:
    """Say whether the gateway would take this file.

    Raises:
        ConfigError: it would not; says file, line, what and what to do.
    """
    config = load(options.config)
    say(f"{options.config} is right: door {config.door.id} of site {config.site.id}.")
    return 0


def print_config(_: argparse.Namespace) -> int:
    """Print a config file with all defaults, each with its reason and bounds."""
    sys.stdout.write(defaults_text())
    return 0


def init(options: argparse.Namespace) -> int:
    """Make the state directory, the signing key and the ledger, once.

    Prints the verifier key on standard output, and leaves it beside the ledger: with
    it anybody can check the ledger elsewhere. A key that is there already is kept.

    Raises:
        ConfigError: the config is wrong, or the directory cannot be made.
        LedgerError: there is a ledger already, or it cannot be made.
    """
    config = load(options.config)
    directory = Path(config.gateway.state_dir)
    _make(directory)
    key_path, ledger_path = directory / KEY_NAME, directory / LEDGER_NAME
    vkey_path = directory / VKEY_NAME
    if key_path.exists():
        key = SigningKey.load(key_path)
    else:
        key = SigningKey.generate()
        key.save(key_path)
    origin = f"{config.site.rp_id}/{config.gateway.id}"
    vkey = str(key.vkey(origin))
    initialise(ledger_path, origin, key, read_stamp())
    vkey_path.write_text(f"{vkey}\n")
    _give_to_owner_of(directory, key_path, ledger_path, vkey_path)
    sys.stderr.write(
        f"The ledger {ledger_path} begins. Keep the following line somewhere else: "
        "with it anybody can check the ledger.\n"
    )
    say(vkey)
    return 0


def run(options: argparse.Namespace) -> int:
    """Run the gateway until it is told to stop."""
    from gateway.bootstrap import run as run_gateway  # noqa: PLC0415 - all adapters

    return run_gateway(load(options.config), options.simulated)


def demo(options: argparse.Namespace) -> int:
    """Tell the story of a simulated door; plain where nobody watches.

    Raises:
        SimulationError: the simulator is not installed here.
    """
    try:
        from gateway.sim.demo import demo as tell  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise SimulationError(
            f"The simulator's {error.name} is not installed; doors do without it. "
            "Install keyra-gateway[sim], or use ./install.sh --demo."
        ) from error
    plain = options.plain or not sys.stdout.isatty()
    return tell(
        options.keys,
        options.seed,
        options.out,
        plain=plain,
        picture=options.picture,
    )


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=STATE_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The state directory {directory} cannot be made ({error.strerror}); "
            "run `keyra init` as root, or name another one in [gateway] state_dir."
        ) from error


def _give_to_owner_of(directory: Path, *paths: Path) -> None:
    """Let the gateway's user have what root made for it."""
    owner = directory.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid)
