"""Verbs for the machine itself: they need no running gateway."""

import argparse
import json
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.cli.texts import say
from gateway.config import defaults_text, load
from gateway.errors import ConfigError, SimulationError
from ledger.clock import read_stamp
from ledger.errors import LedgerError, SealError
from ledger.keys import SigningKey, write_private
from ledger.seal import KEY_BYTES
from ledger.seal_file import load_first_key, read_seal, seal_path
from ledger.writer import initialise

STATE_MODE: Final = 0o700
LEDGER_NAME: Final = "ledger.db"
KEY_NAME: Final = "ledger.key"
VKEY_NAME: Final = "ledger.vkey"
SEAL_KEY_NAME: Final = "ledger.seal-key"


def check_config(options: argparse.Namespace) -> int:
    """Say whether the gateway would take this file.

    Raises:
        ConfigError: it would not; says file, line, what and what to do.
    """
    config = load(options.config)
    from gateway.bootstrap.setting import setting_of  # noqa: PLC0415 - all adapters

    setting_of(config)  # reads the calendars, roots and lists that it names
    if options.json:
        say(json.dumps({"site": config.site.id, "door": config.door.id}))
        return 0
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
    The ledger is sealed; the seal's first key is a file for the auditor, which the
    gateway never reads, and which its user cannot read where root made it.

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
    handed_over = directory / SEAL_KEY_NAME
    _begin(ledger_path, origin, key, handed_over)
    vkey_path.write_text(f"{vkey}\n")
    _give_to_owner_of(
        directory, key_path, ledger_path, vkey_path, seal_path(ledger_path)
    )
    sys.stderr.write(
        f"The ledger {ledger_path} begins.\n"
        f"1. The seal's first key is in {handed_over}: give it to whoever audits this "
        "door, and remove it here. It exists once; with it, nobody who takes this "
        "machine later can rewrite what was recorded before.\n"
        "2. Keep the following line somewhere else: with it anybody can check the "
        "ledger.\n"
    )
    say(json.dumps({"vkey": vkey}) if options.json else vkey)
    return 0


def run(options: argparse.Namespace) -> int:
    """Run the gateway until it is told to stop."""
    from gateway.bootstrap import run as run_gateway  # noqa: PLC0415 - all adapters

    return run_gateway(load(options.config), options.simulated)


def demo(options: argparse.Namespace) -> int:
    """Tell the story of a simulated door; plain where nobody watches.

    On a terminal, the console is offered at its end; with --live it is opened at once.

    Raises:
        SimulationError: the simulator is not installed here, or --live has no terminal.
    """
    # The console reads from stdin, and draws on stderr.
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()
    if options.live and not terminal:
        raise SimulationError(
            "--live needs a terminal; without it the demonstration is a story."
        )
    try:
        from gateway.sim.demo import Console  # noqa: PLC0415 - an extra
        from gateway.sim.demo import demo as tell  # noqa: PLC0415 - as above
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
        console=Console.AT_ONCE
        if options.live
        else Console.OFFERED
        if terminal and not plain
        else Console.NEVER,
    )


def _begin(path: Path, origin: str, key: SigningKey, handed_over: Path) -> None:
    """Make a sealed ledger; one whose making was cut off is made with the same keys.

    Raises:
        LedgerError: there is a ledger already, or it cannot be made.
    """
    made_now = not handed_over.exists()
    if made_now:  # before the ledger: a seal that nobody can check would prove nothing
        first_key = secrets.token_bytes(KEY_BYTES)
        write_private(handed_over, f"{first_key.hex()}\n".encode())
    else:
        first_key = load_first_key(handed_over)
    try:
        if not path.exists() and _saw_nothing(seal_path(path)):
            seal_path(path).unlink(missing_ok=True)
        initialise(path, origin, key, read_stamp(), first_key)
    except LedgerError:
        if made_now:
            handed_over.unlink()
        raise


def _saw_nothing(seal: Path) -> bool:
    """Tell whether a seal's state speaks of no entry, as before a ledger's birth."""
    with suppress(SealError):
        return read_seal(seal).n == 0
    return True


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
