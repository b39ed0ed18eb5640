"""What the verbs print: for people, and as JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel

from gateway.core.facts import DenialReason
from gateway.printing import printable
from gateway.schemas import Credential, Door, Event, Health, Holder, Status

ID_CHARS_SHOWN: Final = 16
NOT_COMMISSIONED: Final = (
    "         not commissioned: nobody confirmed that one gets out with the Pi "
    "switched off; `keyra commission`"
)
NO_BOUND: Final = "-"

_SENTENCES: Final = {reason.value: reason.sentence for reason in DenialReason}
_MS_PER_S: Final = 1000


def say(line: str) -> None:
    """Print one line, at once: somebody may be waiting for it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say_json(model: BaseModel) -> None:
    """Print a model as JSON on one line."""
    say(model.model_dump_json())


def say_json_list(models: Iterable[BaseModel]) -> None:
    """Print models as one JSON array."""
    say(json.dumps([model.model_dump(mode="json") for model in models]))


def instant(wall_ms: int) -> str:
    """Write a time in UTC; a bound of 0 is none."""
    if wall_ms == 0:
        return NO_BOUND
    try:
        when = datetime.fromtimestamp(wall_ms / _MS_PER_S, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{wall_ms} ms"
    return when.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00") + "Z"


def duration(duration_ms: int) -> str:
    """Write a duration in its two largest units."""
    seconds = duration_ms // _MS_PER_S
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((at for at, (count, _) in enumerate(parts) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay rows out in columns."""
    cells = [list(head), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    return [
        "  ".join(cell.ljust(widths[at]) for at, cell in enumerate(row)).rstrip()
        for row in cells
    ]


def health_words(health: Health) -> tuple[tuple[bool, str], ...]:
    """Return for each part whether it works, and what to say if it does not."""
    return (
        (health.scanning, "it does not hear keys"),
        (health.ledger_writable, "its ledger cannot be written"),
        (health.strike_reachable, "its strike is out of reach"),
        (health.clock_synchronised, "its clock is not synchronised"),
    )


def status_lines(status: Status) -> list[str]:
    """Describe the gateway at a glance."""
    door, health = status.door, status.health
    broken = [sentence for works, sentence in health_words(health) if not works]
    up = duration(status.up_ms - status.started_up_ms)
    where = f"{printable(status.gateway)} at {printable(status.site)}"
    return [
        f"door     {printable(door.id)}: {door.phase}, mode {mode_text(door)}",
        *(f"         {line}" for line in precedence_lines(door)),
        *(() if door.commissioned else (NOT_COMMISSIONED,)),
        f"health   {'; '.join(broken) or 'everything works'}",
        *(
            f"alarm    {printable(kind)}: see the ledger, then `keyra acknowledge`"
            for kind in status.unacknowledged
        ),
        f"gateway  {where}, version {status.version}, up {up}",
        f"ledger   {status.ledger_size} entries",
        f"time     {instant(status.wall_ms)}",
        *(
            f"stage    {printable(name)}: median {figures.p50_us} us, "
            f"p99 {figures.p99_us} us ({figures.count})"
            for name, figures in sorted(status.stages.items())
        ),
    ]


def mode_text(door: Door) -> str:
    """Name the mode, what it comes from and when it ends."""
    why = "" if door.why == "normal" else f" by {door.why}"
    until = f" until {instant(door.until_ms)}" if door.until_ms else ""
    return f"{door.mode}{why}{until}"


def precedence_lines(door: Door) -> list[str]:
    """Show the whole precedence while anything but the normal state stands in it."""
    if not any(rank.stands and rank.why != "normal" for rank in door.precedence):
        return []
    rows = [
        (
            "*" if rank.stands else "",
            rank.why,
            rank.mode,
            instant(rank.until_ms),
        )
        for rank in door.precedence
    ]
    return table(("", "BY", "MODE", "UNTIL"), rows)


def holder_lines(holders: Iterable[Holder]) -> list[str]:
    """List holders, or say what to do while there are none."""
    rows = [
        (
            holder.id,
            holder.name or ("(erased)" if holder.erased else "(unreadable)"),
            ",".join(holder.groups) or NO_BOUND,
            instant(holder.from_ms),
            instant(holder.until_ms),
            _holder_state(holder),
        )
        for holder in holders
    ]
    if not rows:
        return ["Nobody is registered; `keyra enrol` registers the first holder."]
    return table(("HOLDER", "NAME", "GROUPS", "FROM", "UNTIL", "STATE"), rows)


def _holder_state(holder: Holder) -> str:
    if holder.erased:
        return "erased"
    state = "suspended" if holder.suspended else "active"
    return f"{state}, more time" if holder.extended else state


def credential_lines(credentials: Iterable[Credential]) -> list[str]:
    """List credentials, or say what to do while there are none."""
    rows = [
        (
            one.id[:ID_CHARS_SHOWN],
            one.holder_id,
            one.state,
            one.model,
            str(one.counter),
            instant(one.until_ms),
            instant(one.enrolled_ms),
            instant(one.last_used_ms),
        )
        for one in credentials
    ]
    if not rows:
        return ["No key is enrolled; `keyra enrol` registers the first one."]
    head = ("CREDENTIAL", "HOLDER", "STATE", "MODEL", "COUNTER", "UNTIL")
    return table((*head, "ENROLLED", "LAST USED"), rows)


def event_line(event: Event) -> str:
    """Describe an event: when, what, and its plain values."""
    values = [
        f"{key}={_short(value)}"
        for key, value in event.data.items()
        if isinstance(value, str | int | float)
    ]
    line = f"{instant(event.wall_ms)}  {event.kind:<12} {' '.join(values)}"
    return printable(line.rstrip()) + _sentence(event.data.get("reason"))


def _short(value: str | float) -> str:
    text = str(value)
    return text if len(text) <= ID_CHARS_SHOWN else f"{text[:ID_CHARS_SHOWN]}..."


def _sentence(reason: object) -> str:
    sentence = _SENTENCES.get(reason) if isinstance(reason, str) else None
    return f"  {sentence}" if sentence else ""
