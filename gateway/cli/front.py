"""`keyra purposes`, `users`, `settings`, `health` and `policy week`."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.cli.ordering import carry_out
from gateway.cli.texts import (
    ID_CHARS_SHOWN,
    NO_BOUND,
    duration,
    health_words,
    instant,
    say,
    say_json,
    say_json_list,
    table,
)
from gateway.client import Client
from gateway.order_schemas import AliasOrder, PurposeOrder
from gateway.printing import printable
from gateway.schemas import StageFigures
from gateway.schemas.policy import DayHours, Purpose, PurposeChange, Week
from gateway.schemas.users import User, Wellbeing

MIB: Final = 1024 * 1024
_STDIN: Final = "-"
_US_PER_MS: Final = 1000
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def health(options: argparse.Namespace) -> int:
    """Show how everything is; exit code 1 if something does not work."""
    with Client(options.socket) as client:
        found = client.health()
    if options.json:
        say_json(found)
    else:
        say("\n".join(health_lines(found)))
    return 0 if all(works for works, _ in health_words(found.health)) else 1


def settings(options: argparse.Namespace) -> int:
    """Show the switches, where they are set, and what they risk."""
    with Client(options.socket) as client:
        found = client.settings()
    if options.json:
        say_json_list(found)
        return 0
    for one in found:
        say(f"{printable(one.name)}: {printable(one.value)}  {one.key}")
        if not one.safe:
            say(f"    {one.risk}")
    return 0


def purposes(options: argparse.Namespace) -> int:
    """List the purposes."""
    with Client(options.socket) as client:
        found = client.purposes()
    if options.json:
        say_json_list(found)
    else:
        say("\n".join(purpose_lines(found)))
    return 0


def set_purpose(options: argparse.Namespace) -> int:
    """Set a purpose."""
    name, ttl_s = options.name, options.ttl_s
    order = PurposeOrder(
        kind="purpose",
        name=name,
        ttl_s=ttl_s,
        user_verification=options.verification,
    )
    change = PurposeChange(ttl_s=ttl_s, user_verification=options.verification)
    with Client(options.socket) as client:
        carry_out(client, options, order, lambda: client.set_purpose(name, change))
    return purposes(options)


def delete_purpose(options: argparse.Namespace) -> int:
    """Delete a purpose."""
    order = PurposeOrder(kind="purpose", name=options.name)
    with Client(options.socket) as client:
        carry_out(client, options, order, lambda: client.delete_purpose(options.name))
    return purposes(options)


def users(options: argparse.Namespace) -> int:
    """List holders with their keys."""
    with Client(options.socket) as client:
        found = list(client.users())
    if options.json:
        say_json_list(found)
    else:
        say("\n".join(user_lines(found)))
    return 0


def lookup(options: argparse.Namespace) -> int:
    """Find whom an alias names; exit code 1 if nobody."""
    with Client(options.socket) as client:
        found = client.lookup(_alias(options.alias))
    if options.json:
        say_json(found)
    else:
        say("\n".join(user_lines([found])))
    return 0


def alias(options: argparse.Namespace) -> int:
    """Have an alias find a holder, or nobody any more."""
    order = AliasOrder(
        kind="alias",
        holder_id=options.holder,
        alias=_alias(options.alias),
        removed=options.removed,
    )
    with Client(options.socket) as client:
        carry_out(client, options, order)
        found = client.user(options.holder)
    if options.json:
        say_json(found)
    else:
        say(f"{found.id} has {found.alias_count} aliases.")
    return 0


def week(options: argparse.Namespace) -> int:
    """Show seven days of the running gateway's hours."""
    with Client(options.socket) as client:
        found = client.week(options.first, options.holder)
    if options.json:
        say_json(found)
    else:
        say("\n".join(week_lines(found)))
    return 0


def health_lines(found: Wellbeing) -> list[str]:
    """Lay out how everything is: what, how, since when."""
    radio, upkeep = found.radio, found.upkeep
    since = duration(found.up_ms - radio.scanning_changed_up_ms)
    heard = "never heard a key"
    if radio.heard_up_ms is not None:
        heard = f"heard a key {duration(found.up_ms - radio.heard_up_ms)} ago"
        heard += f" at {radio.signal_dbm} dBm"
    doing = (
        "scanning" if radio.scanning else f"NOT scanning: {radio.fault or 'silence'}"
    )
    clock = f"within {found.clock_error_ms} ms"
    if found.clock_error_ms < 0:
        clock = "NOT believed: nobody vouches for it"
    rows = [
        ("radio", f"{doing}, for {since}; {heard}"),
        ("clock", clock),
        ("disk", _mib(upkeep.disk_free_bytes)),
        *_upkeep_rows(found),
        *(
            (name.rpartition("_")[0], f"{value} {name.rpartition('_')[2]}")
            for name, value in found.gauges.items()
        ),
    ]
    lines = table(("WHAT", ""), rows)
    lines += [
        f"WRONG: {says}" for works, says in health_words(found.health) if not works
    ]
    if found.stages:
        head = ("STAGE", "COUNT", "P50 MS", "P99 MS")
        lines += ["", *table(head, [_stage(*one) for one in found.stages.items()])]
    return lines


def _stage(name: str, one: StageFigures) -> tuple[str, ...]:
    p50, p99 = (f"{value / _US_PER_MS:.1f}" for value in (one.p50_us, one.p99_us))
    return name, str(one.count), p50, p99


def _upkeep_rows(found: Wellbeing) -> Iterator[tuple[str, str]]:
    upkeep = found.upkeep
    sealed = (
        "no seal" if upkeep.sealed_entries < 0 else f"{upkeep.sealed_entries} sealed"
    )
    yield "ledger", f"{found.ledger_entries} entries, {sealed}"
    yield "verified", _ago(upkeep.verified_ms, found.wall_ms)
    made = _ago(upkeep.backup_ms, found.wall_ms)
    entries = "" if upkeep.backup_ms < 0 else f", {upkeep.backup_entries} entries"
    yield "backup", made + entries


def _ago(wall_ms: int, now_ms: int) -> str:
    if wall_ms < 0:
        return "never, as far as can be seen from here"
    return f"{instant(wall_ms)} ({duration(max(0, now_ms - wall_ms))} ago)"


def _mib(free_bytes: int) -> str:
    return "unknown" if free_bytes < 0 else f"{free_bytes // MIB} MiB free"


def purpose_lines(found: Iterable[Purpose]) -> list[str]:
    """List purposes."""
    rows = [
        (
            one.name,
            f"{one.ttl_s} s",
            one.user_verification,
            "built in" if one.built_in else "",
            "" if one.changeable else "by the config",
        )
        for one in found
    ]
    return table(("PURPOSE", "WAITS", "VERIFICATION", "", ""), rows)


def user_lines(found: Iterable[User]) -> list[str]:
    """List users, a line for each of their keys."""
    rows = [row for user in found for row in _user_rows(user)]
    if not rows:
        return ["Nobody is registered; `keyra enrol` registers the first holder."]
    head = ("USER", "NAME", "STATE", "ALIASES", "KEY", "MODEL", "ENROLLED", "LAST USED")
    return table((*head, "COUNTER", "KEY STATE"), rows)


def _user_rows(user: User) -> Iterator[tuple[str, ...]]:
    aliases = str(user.alias_count or NO_BOUND)
    who: tuple[str, ...] = (user.id, user.name or NO_BOUND, user.state, aliases)
    if not user.credentials:
        yield (*who, *("",) * 6)
    for key in user.credentials:
        yield (
            *who,
            key.id[:ID_CHARS_SHOWN],
            key.model,
            instant(key.enrolled_ms),
            instant(key.last_used_ms),
            str(key.counter),
            key.state,
        )
        who = ("",) * len(who)


def week_lines(found: Week) -> list[str]:
    """Lay a week out, a row for each line of the policy."""
    if not found.lines:
        return ["No line of the policy lets anybody in at this door."]
    days = [one.day for one in found.lines[0].days]
    head = [f"{_DAYS[day.weekday()]} {day.day:02}.{day.month:02}" for day in days]
    rows = [
        (line.group, line.schedule, *map(_hours, line.days)) for line in found.lines
    ]
    lines = [f"Door {found.door}, time zone {found.zone}. * has hours of its own."]
    return [*lines, *table(("GROUP", "SCHEDULE", *head), rows)]


def _hours(day: DayHours) -> str:
    text = " ".join(f"{_time(start)}-{_time(end)}" for start, end in day.spans)
    return (text or "closed") + ("*" if day.special else "")


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _alias(text: str) -> str:
    return sys.stdin.readline().strip() if text == _STDIN else text
