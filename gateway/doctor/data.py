"""What must last: the ledger, the room for it, and whose files they are."""

from collections.abc import Iterator
from typing import Final

from gateway.config.strike_settings import STATE_DIR
from gateway.doctor.finding import Finding, good, note, wrong
from gateway.doctor.machine import Machine
from ledger.errors import LedgerError, LedgerMissingError

LEDGER: Final = f"{STATE_DIR}/ledger.db"
OWNER: Final = "keyra"
FREE_BYTES_MIN: Final = 64 * 1024 * 1024
FREE_BYTES_GOOD: Final = 512 * 1024 * 1024
FREE_FILES_MIN: Final = 1_000
MIB: Final = 1024 * 1024

_OTHERS_WRITE: Final = 0o022
_OTHERS: Final = 0o007
_ANYBODY_ELSE: Final = 0o077
_PRIVATE: Final = (".key", ".next", ".seal", ".seal-key")
SEAL_KEY: Final = "ledger.seal-key"
KEPT_CONFIG: Final = "gateway.toml"
"""What an earlier installation left beside the ledger."""


def check_permissions(machine: Machine) -> Iterator[Finding]:
    """Settings are root's to write; what the gateway keeps is its own and private."""
    found = [*_settings(machine), *_state(machine)]
    yield from found or [good("permissions", "Files are whose they should be.")]


def _settings(machine: Machine) -> Iterator[Finding]:
    for path in ("/etc/keyra", "/etc/keyra/gateway.toml", "/etc/keyra/strike.env"):
        facts = machine.facts(path)
        if facts and (facts.owner != "root" or facts.mode & _OTHERS_WRITE):
            yield wrong(
                "permissions",
                "Others than root may change the door's settings.",
                path,
                f"Run: chown root {path} && chmod go-w {path}",
            )
    facts = machine.facts("/etc/keyra/gateway.toml")
    if facts and (facts.group != OWNER or not facts.mode & 0o040):
        yield wrong(
            "permissions",
            "The gateway may not read its config.",
            "/etc/keyra/gateway.toml",
            "Run: chgrp keyra /etc/keyra/gateway.toml && chmod 640 it.",
        )


def _state(machine: Machine) -> Iterator[Finding]:
    facts = machine.facts(STATE_DIR)
    if facts and facts.mode & _ANYBODY_ELSE:
        yield wrong(
            "permissions",
            "Others than the gateway may look into its data.",
            STATE_DIR,
            f"Run: chmod 700 {STATE_DIR}",
        )
    for name in machine.names(STATE_DIR):
        path = f"{STATE_DIR}/{name}"
        mine = machine.facts(path)
        if name == SEAL_KEY:
            yield note(
                "seal",
                "The seal's first key is still here; with it, whoever takes this "
                "machine can rewrite what was recorded before.",
                path,
                "Give it to whoever audits this door, and remove it here.",
            )
        elif mine and mine.owner != OWNER and name != KEPT_CONFIG:
            yield wrong(
                "permissions",
                f"A file of the gateway's belongs to {mine.owner}: it cannot use it.",
                path,
                f"Run: chown keyra:keyra {path}",
            )
        if mine and name.endswith(_PRIVATE) and mine.mode & _ANYBODY_ELSE:
            yield wrong(
                "permissions",
                "Others may read a secret of the ledger.",
                path,
                f"Run: chmod 600 {path}, and rotate the key (keyra-ledger rotate).",
            )


def check_disk(machine: Machine) -> Iterator[Finding]:
    """There is room to write down what happens: without it, keys are denied."""
    space = machine.space(STATE_DIR)
    if space is None:
        yield wrong(
            "disk", "There is no place for the ledger.", STATE_DIR, "Run install.sh."
        )
    elif space.read_only:
        yield wrong(
            "disk",
            "The disk is read-only: nothing can be written down, and keys are denied.",
            STATE_DIR,
            "Look at `dmesg`: a worn card is remounted so; replace it.",
        )
    elif space.free_bytes < FREE_BYTES_MIN or space.free_files < FREE_FILES_MIN:
        yield wrong(
            "disk",
            f"The disk is full: {space.free_bytes // MIB} MiB and "
            f"{space.free_files} files are left.",
            STATE_DIR,
            "Make room; the gateway goes on by itself.",
        )
    elif space.free_bytes < FREE_BYTES_GOOD:
        yield note(
            "disk",
            f"The disk is filling: {space.free_bytes // MIB} MiB are left.",
            STATE_DIR,
            "Make room before it is full.",
        )
    else:
        yield good("disk", f"{space.free_bytes // MIB} MiB are free.", STATE_DIR)


def check_ledger(machine: Machine) -> Iterator[Finding]:
    """There is a ledger and it opens; keyra-verify.timer checks all of it, daily."""
    try:
        size = machine.ledger_size(LEDGER)
    except LedgerMissingError as error:
        yield wrong(
            "ledger",
            str(error),
            LEDGER,
            "If this door never had one, run `keyra init` as the user keyra; else put "
            "the backup back, and find out where it went.",
        )
    except LedgerError as error:
        yield wrong(
            "ledger", str(error), LEDGER, "Keep the file as it is, and ask for help."
        )
    else:
        yield good("ledger", f"It opens and has {size} entries.", LEDGER)
    for name in ("ledger.key", "ledger.vkey"):
        if machine.facts(STATE_DIR) and not machine.facts(f"{STATE_DIR}/{name}"):
            yield wrong(
                "ledger",
                f"The ledger's {name} is missing.",
                f"{STATE_DIR}/{name}",
                "Put it back from where you keep it; without it nothing is signed.",
            )
