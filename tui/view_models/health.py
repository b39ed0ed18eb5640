"""How radio, clock, ledger, disk and backups are, in words, and stages as a plot."""

from collections.abc import Iterator
from datetime import tzinfo
from typing import Final

from gateway.client import printable
from gateway.schemas import Health, StageFigures
from gateway.schemas.users import Wellbeing
from tui.view_models.frame import age, instant

NOT_READ: Final = "Asking the gateway how everything is ..."
NO_STAGES: Final = "No touch was measured yet: touch a key to see how long it takes."
LEGEND: Final = "█ half of all touches took at most this long   ░ 99 of 100"

_MIB: Final = 1024 * 1024
_MS_PER_S: Final = 1000
_US_PER_MS: Final = 1000
_CLOCK_ERROR_MS_MAX: Final = 1000
_BACKUP_AGE_MS_MAX: Final = 48 * 3_600_000
_NAME_CHARS: Final = 18
_BAR_CELLS: Final = 32
_WORKS: Final = (
    ("scanning", "The radio does not scan: `keyra doctor` says why."),
    ("ledger_writable", "The ledger takes nothing: nobody is let in by key."),
    ("strike_reachable", "keyra-strike does not answer: the door stays secured."),
    (
        "clock_synchronised",
        "Nobody vouches for the clock: connect it to a time source.",
    ),
)


def report(found: Wellbeing, zone: tzinfo | None) -> str:
    """Write out how everything is; what is wrong stands first."""
    wrong = [f"WRONG  {sentence}" for sentence in troubles(found.health)]
    rows = [*_radio(found), *_keeping(found, zone), *_levels(found)]
    lines = [f"{mark} {what:<{_NAME_CHARS}}{how}" for mark, what, how in rows]
    return "\n".join((*wrong, *lines))


def troubles(health: Health) -> Iterator[str]:
    """Say what does not work, and what to do."""
    for member, sentence in _WORKS:
        if not getattr(health, member):
            yield sentence


def _radio(found: Wellbeing) -> Iterator[tuple[str, str, str]]:
    radio = found.radio
    since = age((found.up_ms - radio.scanning_changed_up_ms) / _MS_PER_S)
    doing = "scanning" if radio.scanning else "NOT scanning"
    fault = f", {printable(radio.fault)}" if radio.fault else ""
    yield _ok(works=radio.scanning), "radio", f"{doing} for {since}{fault}"
    if radio.heard_up_ms is None:
        yield "    ", "last key", "none heard yet: press one near the door"
        return
    ago = age((found.up_ms - radio.heard_up_ms) / _MS_PER_S)
    yield "    ", "last key", f"heard {ago} ago at {radio.signal_dbm} dBm"


def _keeping(found: Wellbeing, zone: tzinfo | None) -> Iterator[tuple[str, str, str]]:
    upkeep, error_ms = found.upkeep, found.clock_error_ms
    clock = f"within {error_ms} ms" if error_ms >= 0 else "nobody vouches for it"
    believed = 0 <= error_ms <= _CLOCK_ERROR_MS_MAX
    yield _ok(works=believed), "clock", clock
    sealed = upkeep.sealed_entries
    seal = "no seal beside it" if sealed < 0 else f"{sealed} sealed"
    entries = f"{found.ledger_entries} entries, {seal}"
    yield _ok(works=found.health.ledger_writable), "ledger", entries
    verified = "never seen here: keyra-verify.timer does it"
    if upkeep.verified_ms >= 0:
        verified = f"whole on {instant(upkeep.verified_ms, zone)}"
    yield _ok(works=upkeep.verified_ms >= 0), "verified", verified
    made, entries_kept = upkeep.backup_ms, upkeep.backup_entries
    backup = "none, as far as can be seen: see `keyra backup`"
    if made >= 0:
        backup = f"{instant(made, zone)}, {entries_kept} entries"
    fresh = made >= 0 and found.wall_ms - made <= _BACKUP_AGE_MS_MAX
    yield _ok(works=fresh), "last backup", backup
    free = upkeep.disk_free_bytes
    disk = "unknown" if free < 0 else f"{free // _MIB} MiB free"
    yield "    ", "disk", disk


def _levels(found: Wellbeing) -> Iterator[tuple[str, str, str]]:
    for name, value in found.gauges.items():
        what, _, unit = name.rpartition("_")
        yield "    ", printable(what).replace("_", " "), f"{value} {printable(unit)}"


def _ok(*, works: bool) -> str:
    return "ok  " if works else "NOT "


def plot(stages: dict[str, StageFigures]) -> str:
    """Draw how long each stage of a touch takes; one scale for all."""
    if not stages:
        return NO_STAGES
    longest_us = max(1, *(one.p99_us for one in stages.values()))
    rows = [_bar(name, one, longest_us) for name, one in stages.items()]
    return "\n".join((*rows, LEGEND))


def _bar(name: str, one: StageFigures, longest_us: int) -> str:
    half, most = (
        round(value * _BAR_CELLS / longest_us) for value in (one.p50_us, one.p99_us)
    )
    bar = "█" * max(1, half) + "░" * (most - max(1, half))
    times = f"{one.p50_us / _US_PER_MS:.1f} / {one.p99_us / _US_PER_MS:.1f} ms"
    label = printable(name)[: _NAME_CHARS - 1]
    return f"{label:<{_NAME_CHARS}}{bar:<{_BAR_CELLS}} {times}"
