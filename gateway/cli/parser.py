"""The command line. A verb names the module that does it, which is imported last."""

import argparse
import os
from collections.abc import Callable
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Final, NoReturn

from gateway.cli.backup_options import add_backup_options, add_restore_options
from gateway.cli.front_options import add_front_verbs, add_week
from gateway.cli.holder_options import add_holder_options, add_holder_verbs
from gateway.cli.ledger_options import add_ledger_verbs
from gateway.cli.policy_options import add_policy_verbs

CONFIG_PATH: Final = Path("/etc/keyra/gateway.toml")
SOCKET_PATH: Final = "/run/keyra/gateway.sock"
KEYS_MAX: Final = 1000
UNLOCK_MS: Final = 30_000
TAIL_EVENTS_MAX: Final = 500
USES_MAX: Final = 1_000_000
STATISTICS_MINUTES_MAX: Final = 60 * 24 * 31
EX_USAGE: Final = 64

_MS_PER_S: Final = 1000
_DIGITS_MAX: Final = 9
_UNITS_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

_Verb = Callable[[str, str, str, str], argparse.ArgumentParser]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EX_USAGE, f"{self.prog}: {message}; see {self.prog} --help.\n")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parser.exit(0, f"keyra {metadata.version('keyra-gateway')}\n")


def make_parser() -> argparse.ArgumentParser:
    """Build the parser; options get `module` and `verb`, the function to call."""
    parser = _Parser(prog="keyra", description="A door controller for KEYRA keys.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print it and end")
    parser.add_argument(
        "--socket",
        default=os.environ.get("KEYRA_SOCKET", SOCKET_PATH),
        metavar="PATH",
        help="of the gateway (KEYRA_SOCKET; default %(default)s)",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    def verb(name: str, module: str, function: str, text: str) -> _Parser:
        made = verbs.add_parser(name, help=text, description=text)
        made.set_defaults(module=f"gateway.cli.{module}", verb=function)
        return made

    _add_looking(verb)
    _add_changing(verb)
    _add_ordering(verb)
    _add_checks(verb)
    _add_deciding(verb)
    add_front_verbs(verb, _json, _ordering, _number)
    _add_installing(verb)
    _add_own(verb)
    _add_backups(verb)
    return parser


def _add_looking(verb: _Verb) -> None:
    _json(verb("status", "looking", "status", "Show the gateway at a glance."))
    keys = verb("credentials", "looking", "credentials", "List the credentials.")
    keys.add_argument("--of", default="", metavar="HOLDER", help="this holder's alone")
    _json(keys)
    holders = verb("holders", "looking", "holders", "List, change, import, export.")
    _json(holders)
    holders.add_argument(
        "--matching",
        default="",
        metavar="TEXT",
        help="with this in pseudonym, name, groups or role",
    )
    add_holder_verbs(holders, _ordering, _instant, _number(0, USES_MAX))
    stats = verb("stats", "statistics", "stats", "Show what was measured, with curves.")
    stats.add_argument(
        "--minutes",
        type=_number(1, STATISTICS_MINUTES_MAX),
        default=60,
        metavar="N",
        help="of the last N minutes (default %(default)s)",
    )
    _json(stats)
    tail = verb("tail", "looking", "tail", "Follow what happens; Ctrl-C ends it.")
    tail.add_argument(
        "-n",
        dest="recent",
        type=_number(0, TAIL_EVENTS_MAX),
        default=10,
        metavar="N",
        help="begin with the last N events (default %(default)s)",
    )
    _json(tail)
    ledger = verb("ledger", "ledger_verbs", "stats", "Read, verify, export the ledger.")
    add_ledger_verbs(ledger, _instant, _json)
    console = verb(
        "console", "looking", "console", "Open the console on this terminal."
    )
    console.add_argument(
        "--read-only", action="store_true", help="without any key that changes anything"
    )


def _add_changing(verb: _Verb) -> None:
    enrol = verb("enrol", "enrolling", "enrol", "Register a holder's key, live.")
    enrol.add_argument("holder", metavar="HOLDER", help="the pseudonym, such as h-0042")
    enrol.add_argument("--name", default="", help="the person's name; stays here")
    add_holder_options(enrol, _instant, _number(0, USES_MAX))
    enrol.add_argument(
        "--key-until",
        dest="key_until_ms",
        type=_instant,
        default=0,
        metavar="TIME",
        help="the key is valid until: 2031-12-31, or 2031-12-31T18:00+01:00",
    )
    enrol.add_argument(
        "--replaces",
        default="",
        metavar="KEY",
        help="the id of a lost key, which is revoked as this one is registered",
    )
    enrol.add_argument(
        "--duress",
        action="store_true",
        help="a key for when its holder is forced: opens as usual and calls silently; "
        "it stays one until it is revoked",
    )
    _ordering(enrol)
    trial = verb("trial", "trying", "trial", "Try a key; its touch opens nothing.")
    trial.add_argument("id", metavar="ID", help="or its unambiguous beginning")
    _json(trial)
    _add_keys(verb)
    _add_modes(verb)


def _add_keys(verb: _Verb) -> None:
    credential = verb(
        "credential", "changing", "credential", "Suspend, resume or revoke."
    )
    credential.add_argument("action", choices=("suspend", "resume", "revoke"))
    credential.add_argument("id", metavar="ID", help="or its unambiguous beginning")
    credential.add_argument("--yes", action="store_true", help="revoke unasked")
    _ordering(credential)
    forgive = verb("forgive", "changing", "forgive", "Let somebody in again: passback.")
    forgive.add_argument("holder", metavar="HOLDER", help="the pseudonym")
    _ordering(forgive)
    erase = verb("erase", "changing", "erase", "Remove a holder's name for good.")
    erase.add_argument("holder", metavar="HOLDER", help="the pseudonym")
    erase.add_argument("--yes", action="store_true", help="erase unasked")
    _ordering(erase)


def _add_modes(verb: _Verb) -> None:
    unlock = verb("unlock", "changing", "unlock", "Release the door for a while.")
    lockdown = verb("lockdown", "changing", "lockdown", "Deny every key from now on.")
    mode = verb("mode", "changing", "mode", "Order a mode; Locked lifts what is.")
    mode.add_argument(
        "mode", choices=("Locked", "Unlocked", "Blocked", "LockedDown", "LockedOpen")
    )
    for ordering, default_ms, otherwise in (
        (unlock, UNLOCK_MS, f"{UNLOCK_MS // 1000} seconds"),
        (lockdown, 0, "until it is lifted"),
        (mode, 0, "until it is lifted"),
    ):
        ordering.add_argument(
            "--for",
            dest="for_ms",
            type=_duration,
            default=default_ms,
            metavar="TIME",
            help=f"such as 90s, 30m, 8h or 2d; else {otherwise}",
        )
        _ordering(ordering)


def _add_ordering(verb: _Verb) -> None:
    _json(verb("orders", "ordering", "orders", "List the orders that wait."))
    for name, text in (
        ("approve", "Sign an order that somebody else proposed."),
        ("withdraw", "Take an order back."),
    ):
        made = verb(name, "ordering", name, text)
        made.add_argument("code", metavar="CODE", help="its six digits")
        _ordering(made)
    _ordering(
        verb(
            "acknowledge",
            "ordering",
            "acknowledge",
            "Sign for having seen that somebody broke the glass.",
        )
    )
    _json(verb("rights", "ordering", "rights", "Show who may change what."))


def _add_deciding(verb: _Verb) -> None:
    explain = verb(
        "explain", "deciding", "explain", "Show every rule's answer, past or future."
    )
    explain.add_argument("holder", metavar="HOLDER", help="the pseudonym")
    explain.add_argument("door", metavar="DOOR", help="the config's door")
    explain.add_argument(
        "when",
        metavar="WHEN",
        help="now, or 2026-12-24T08:00 in the site's zone, or with an offset",
    )
    explain.add_argument("--key", metavar="ID", help="with this key; its beginning")
    _config(explain)
    _json(explain)
    policy = verb("policy", "deciding", "show", "Show, test, replay, propose a policy.")
    verbs = policy.add_subparsers(metavar="VERB", required=True)
    add_policy_verbs(verbs, _ordering, _config, _json)
    test = verbs.add_parser("test", help="Rehearse a table of expectations.")
    test.add_argument("file", type=Path, metavar="FILE", help="see docs/policy.md")
    replay = verbs.add_parser("replay", help="Ask a proposed policy about the past.")
    replay.add_argument(
        "--policy",
        type=Path,
        required=True,
        metavar="FILE",
        help="the proposed config, whole",
    )
    for name, made in (("test", test), ("replay", replay)):
        made.set_defaults(verb=name)
        _config(made)
        _json(made)
    add_week(verbs)


def _add_installing(verb: _Verb) -> None:
    check = verb("check-config", "appliance", "check_config", "Check the config file.")
    _config(check)
    _json(check)
    write = verb(
        "write-config",
        "write_config",
        "write_config",
        "Ask for the settings of a door.",
    )
    write.add_argument("file", type=Path, metavar="FILE", help="must not be there yet")
    _json(write)
    verb("print-config", "appliance", "print_config", "Print all defaults, explained.")
    doctor = verb(
        "doctor", "doctor", "doctor", "Find what is wrong, and say what to do."
    )
    _config(doctor)
    _json(doctor)
    strike = verb(
        "print-strike",
        "strike_settings",
        "print_strike",
        "Print what gateway.toml means for keyra-strike, the boot or systemd.",
    )
    strike.add_argument("kind", choices=("env", "boot", "chip"))
    strike.add_argument(
        "--uid",
        type=_number(0, 2**32 - 2),
        default=os.geteuid(),
        help="whose processes the strike obeys (default: yours)",
    )
    _config(strike)


def _add_checks(verb: _Verb) -> None:
    _json(
        verb("commission", "checking", "commission", "Confirm that the way out works.")
    )
    test = verb("self-test", "checking", "self_test", "Have the door try itself.")
    test.add_argument(
        "--unattended", action="store_true", help="nobody stands there to be asked"
    )
    _json(test)


def _add_own(verb: _Verb) -> None:
    init = verb("init", "appliance", "init", "Make signing key and ledger; run once.")
    _config(init)
    _json(init)
    run = verb("run", "appliance", "run", "Run the gateway in the foreground.")
    _config(run)
    run.add_argument(
        "--simulated",
        type=Path,
        metavar="DIR",
        help="on simulated air, keys and pins, whose sockets are in DIR",
    )
    demo = verb("demo", "appliance", "demo", "Tell a story on a simulated door.")
    demo.add_argument(
        "--keys", type=_number(0, KEYS_MAX), default=0, help="more keys in the air"
    )
    demo.add_argument("--seed", type=_number(0, 2**63 - 1), default=1)
    demo.add_argument("--out", type=Path, metavar="DIR", help="keep the export here")
    demo.add_argument("--picture", type=Path, metavar="FILE", help="draw it as SVG")
    demo.add_argument(
        "--live", action="store_true", help="no story: the console, and you at the door"
    )
    demo.add_argument("--plain", action="store_true", help="plain lines, no colour")


def _ordering(parser: argparse.ArgumentParser) -> None:
    """Add what every change may need: whose finger, or root's reason to do without."""
    parser.add_argument(
        "--as", dest="signer", metavar="HOLDER", help="whose key signs (KEYRA_SIGNER)"
    )
    parser.add_argument(
        "--break-glass",
        dest="broken_glass",
        metavar="REASON",
        help="as root, without a finger: loud, and stays in the ledger",
    )
    _json(parser)


def _add_backups(verb: _Verb) -> None:
    backup = verb(
        "backup", "backing_up", "backup", "Make an encrypted backup; check one."
    )
    add_backup_options(backup)
    restore = verb("restore", "restoring", "restore", "Put a backup back.")
    add_restore_options(restore)
    for parser in (backup, restore):
        _config(parser)
        _json(parser)


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=CONFIG_PATH,
        metavar="FILE",
        help="default %(default)s",
    )


def _number(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not {least} to {most}")
        return value

    return number


def _duration(text: str) -> int:
    """Return milliseconds."""
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and unit in _UNITS_MS):
        raise argparse.ArgumentTypeError(f"{text} is no time such as 30m")
    return int(number[:_DIGITS_MAX]) * _UNITS_MS[unit]


def _instant(text: str) -> int:
    """Return Unix milliseconds; a time without zone is the machine's own."""
    try:
        instant = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(f"{text} is no time in ISO 8601") from None
    return int(instant.timestamp() * _MS_PER_S)
