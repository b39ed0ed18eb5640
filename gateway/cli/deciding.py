"""`keyra explain` and `keyra policy …`: what the rules say, said or would say.

They read the config, its calendars and the ledger, and ask no gateway: they work while
it runs and while it does not, for whoever may read the state directory.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.adapters.system_clock import SystemClock
from gateway.bootstrap.past import history_of, past_at
from gateway.bootstrap.policy import policy_at, policy_of
from gateway.cli.expectations import Checked, check_table, load_table
from gateway.cli.replay import Change, replay_past
from gateway.cli.texts import say, table
from gateway.config import Config, load
from gateway.core.door_policy import Access, DoorPolicy, Passback
from gateway.core.encoding import to_base64url
from gateway.core.ids import CredentialId, HolderId, Now
from gateway.core.policy import explain as explain_rules
from gateway.core.policy import judge
from gateway.core.registry import Registry
from gateway.core.schedule import Schedule, span_text
from gateway.core.special_days import Days
from gateway.errors import ConfigError, RegistryError

EXPECTED: Final = 0
NOT_EXPECTED: Final = 1
DAYS_SHOWN: Final = 6
_MS_PER_S: Final = 1000


def explain(options: argparse.Namespace) -> int:
    """Show every rule's answer to a holder, at the door and the moment asked about.

    Exit code 0 if they would be let in, 1 if not.

    Raises:
        ConfigError: the config is of another door, or the moment is none.
        RegistryError: no key, or several, are called so.
    """
    config = load(options.config)
    if options.door != config.door.id:
        raise ConfigError(
            f"{options.config} is of door {config.door.id}, not of {options.door}: "
            "ask the gateway of that door."
        )
    now = Now(0, _moment(options.when, config), 0, "")
    past = past_at(history_of(config), now.wall_ms)
    policy = replace(policy_at(config, past.registry.policy), mode=past.mode)
    holder = HolderId(options.holder)
    key = None if options.key is None else _key(past.registry, holder, options.key)
    answers = explain_rules(holder, past.registry, policy, now, key)
    judged = judge(holder, past.registry, policy, now, key)
    if options.json:
        rows = [
            {"denial": a.denial and a.denial.value, "rule": a.rule} for a in answers
        ]
        judgement = judged.denial.value if judged.denial else "granted"
        say(json.dumps({"outcome": judgement, "rules": rows, "wall_ms": now.wall_ms}))
    else:
        rows_shown = [
            (
                a.rule,
                "holds" if a.denial is None else a.denial.value,
                "" if a.denial is None else a.sentence,
            )
            for a in answers
        ]
        say("\n".join(table(("RULE", "ANSWER", ""), rows_shown)))
        said = "let in" if judged.denial is None else f"denied: {judged.denial.value}"
        local = datetime.fromtimestamp(now.wall_ms / _MS_PER_S, config.zone)
        say(f"{options.holder} at {local.isoformat(timespec='seconds')}: {said}")
    return EXPECTED if judged.denial is None else NOT_EXPECTED


def policy_lines(policy: DoorPolicy) -> Iterator[str]:
    """Yield a door's policy as it is understood, line by line."""
    yield f"Door {policy.door}, time zone {policy.zone.key}."
    rows = [
        (line.group, line.schedule, _windows(policy, line), line.first_person or "-")
        for line in policy.access
    ]
    yield from table(("GROUP", "SCHEDULE", "WINDOWS", "FIRST PERSON"), rows)
    yield from _special(policy)
    yield from _asked(policy)


def test(options: argparse.Namespace) -> int:
    """Rehearse a table of expectations; exit code 1 if a line comes out otherwise."""
    config = load(options.config)
    expectations = load_table(options.file, config.zone)
    checked = list(check_table(expectations, policy_of(config)))
    wrong = [one for one in checked if not one.holds]
    if options.json:
        say(json.dumps([_row(one) for one in checked]))
    else:
        for one in wrong:
            say(f"{one.case}: {one.step}: {one.found}")
        say(f"{len(checked) - len(wrong)} as expected, {len(wrong)} otherwise.")
    return NOT_EXPECTED if wrong else EXPECTED


def replay(options: argparse.Namespace) -> int:
    """Ask a proposed policy about each touch of the past; exit code as of diff.

    Raises:
        ConfigError: one of the configs is wrong, or they are of different doors.
    """
    config, proposed = load(options.config), load(options.policy)
    if config.door.id != proposed.door.id:
        raise ConfigError(
            f"{options.policy} is of door {proposed.door.id}, and the history is of "
            f"{config.door.id}."
        )
    report = replay_past(history_of(config).entries(0), policy_of(proposed))
    if options.json:
        say(json.dumps([change.row() for change in report.changes]))
    else:
        for line in _change_lines(report.changes, config):
            say(line)
        people = len({change.holder for change in report.changes})
        say(f"{report.touches} touches replayed; the access of {people} changes.")
    return NOT_EXPECTED if report.changes else EXPECTED


def _change_lines(changes: Sequence[Change], config: Config) -> Iterator[str]:
    rows = [
        (
            change.holder,
            change.was,
            change.becomes,
            str(change.count),
            _local(change.first_ms, config),
            _local(change.last_ms, config),
        )
        for change in changes
    ]
    if rows:
        yield from table(("HOLDER", "WAS", "BECOMES", "TIMES", "FIRST", "LAST"), rows)


def _local(wall_ms: int, config: Config) -> str:
    moment = datetime.fromtimestamp(wall_ms / _MS_PER_S, config.zone)
    return moment.isoformat(sep=" ", timespec="minutes")


def _moment(text: str, config: Config) -> int:
    if text == "now":
        return SystemClock().now().wall_ms
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=config.zone)
        wall_ms = int(moment.timestamp() * _MS_PER_S)
    except (ValueError, OverflowError):
        wall_ms = -1
    if wall_ms < 0:
        raise ConfigError(f"{text:.60} is no moment; write now, or 2026-12-24T08:00.")
    return wall_ms


def _key(registry: Registry, holder: HolderId, wanted: str) -> CredentialId:
    """Return the one key of the holder whose id begins so."""
    found = [
        one.id
        for one in registry.credentials()
        if one.holder_id == holder and to_base64url(one.id).startswith(wanted)
    ]
    if len(found) != 1:
        raise RegistryError(
            f"{len(found)} keys of {holder} have an id that begins with {wanted:.60}; "
            "see `keyra credentials`."
        )
    return found[0]


def policy_row(policy: DoorPolicy) -> dict[str, object]:
    """Return the same for JSON."""
    return {
        "door": policy.door,
        "zone": policy.zone.key,
        "access": [
            {
                "group": line.group,
                "schedule": line.schedule,
                "windows": _windows(policy, line),
                "first_person": line.first_person or None,
            }
            for line in policy.access
        ],
        "special": list(_special(policy)),
        "rules": list(_asked(policy)),
    }


def _windows(policy: DoorPolicy, line: Access) -> str:
    return policy.schedules[line.schedule].text


def _special(policy: DoorPolicy) -> Iterator[str]:
    for name, schedule in policy.schedules.items():
        yield from (f"{name}: {text}" for text in _special_of(schedule))


def _special_of(schedule: Schedule) -> Iterator[str]:
    for special in schedule.special:
        hours = " ".join(map(span_text, special.windows)) or "closed"
        yield f"{hours} on {_few(special.days)}"


def _few(days: Days) -> str:
    texts = days.texts()
    more = len(texts) - DAYS_SHOWN
    return ", ".join(texts[:DAYS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _asked(policy: DoorPolicy) -> Iterator[str]:
    rules = policy.rules
    if rules.two_person_ms:
        yield f"Two holders within {rules.two_person_ms / _MS_PER_S:g} s."
    if rules.passback is not Passback.OFF:
        hours = rules.passback_forgiven_ms / _MS_PER_S / 3600
        exits = ", ".join(sorted(rules.passback_exits)) or "none"
        clears = "forgives" if rules.exit_request_clears else "does not forgive"
        yield (
            f"Passback {rules.passback.value}; forgiven after {hours:g} h; exit "
            f"readers: {exits}; a request to exit {clears}."
        )
    if rules.step_up is not None:
        who = rules.step_up_group or "the same holder"
        yield (
            f"During {rules.step_up} a second touch by {who} within "
            f"{rules.step_up_ms / _MS_PER_S:g} s."
        )


def _row(one: Checked) -> dict[str, object]:
    return {
        "case": one.case,
        "expected": one.expected,
        "found": one.found,
        "step": one.step,
    }
