"""What the event stream told, and the words for it: the door above all.

`at_s` is any clock that only rises; `wall_ms` is the gateway's. Text from outside goes
through `printable` before it is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Final

from gateway.client import Disconnected, Item, printable
from gateway.schemas import Event, Snapshot, Status

LINES_MAX: Final = 200
VALUE_CHARS_MAX: Final = 24

LAST_KNOWN: Final = " (last known)"

_MS_PER_S: Final = 1000

# What a guard wants to see of the event stream: a word, what it was, which values.
_SHOWN: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "door.grant": ("OPENED", "", ("holder", "rule")),
    "door.deny": ("DENIED", "", ("reason", "holder")),
    "door.exit": ("EXIT", "exit button", ()),
    "door.forced": ("ALARM", "forced open", ()),
    "door.held": ("ALARM", "held open", ()),
    "door.clear": ("CLEARED", "alarm ended", ("alarm",)),
    "door.unused": ("UNUSED", "opened for nobody", ()),
    "door.mode": ("MODE", "", ("mode",)),
    "door.missed": ("MISSED", "denials not written", ("count",)),
    "alarm": ("ALARM", "", ("kind", "detail")),
    "holder": ("HOLDER", "", ("holder", "state")),
    "enrol": ("ENROLLED", "", ("holder", "model")),
    "credential.state": ("KEY", "", ("state", "reason")),
    "boot": ("START", "gateway started", ("version",)),
    "stop": ("STOP", "gateway stopped", ("why",)),
}

_VISITS: Final = frozenset({"door.grant", "door.deny", "door.exit"})
VISIT_S_MAX: Final = 60.0

_PHASES: Final[Mapping[str, str]] = {
    "secured": "SECURED",
    "released": "RELEASED",
    "open": "OPEN",
    "held": "HELD OPEN",
    "forced": "FORCED",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the tail."""

    wall_ms: int
    word: str
    detail: str


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that the screens show.

    Attributes:
        status: as the gateway last said, or None before it said anything.
        lines: the newest first.
        heard_s: when the gateway was last heard.
        since_s: from when on it was heard without a gap.
        lost: why there is no connection now, or None while there is one.
        refused: why there never will be one, or None.
        up: what the gateway's boot clock said, in milliseconds, and when.
        visitor: the last one at the door, and when that was heard.
    """

    status: Status | None = None
    lines: tuple[Line, ...] = ()
    heard_s: float | None = None
    since_s: float | None = None
    lost: str | None = None
    refused: str | None = None
    up: tuple[int, float] | None = None
    visitor: tuple[Line, float] | None = None


def apply(model: Model, item: Item | Status, at_s: float) -> Model:
    """Return what is known after the gateway said this, or fell silent."""
    if isinstance(item, Disconnected):
        return replace(model, lost=item.why)
    model = replace(model, heard_s=at_s, lost=None)
    match item:
        case Status():
            return replace(model, status=item, up=(item.up_ms, at_s))
        case Snapshot():
            # Lines of an earlier run, or with a gap after them, would pass for all.
            lines = model.lines if item.resumed else ()
            up = (item.status.up_ms, at_s)
            # Who came in the gap, nobody heard: whoever was there before is old.
            return replace(
                model,
                status=item.status,
                lines=lines,
                up=up,
                since_s=at_s,
                visitor=None,
            )
        case Event():
            return _happened(model, item, at_s)
        case _:
            return model


def _happened(model: Model, event: Event, at_s: float) -> Model:
    status = model.status
    # What is told of the past is older than the status that came before it.
    if event.kind == "door.phase" and status is not None and _is_new(model, event):
        door = status.door.model_copy(
            update={
                name: value
                for name, kind in _DOOR
                if isinstance(value := event.data.get(name), kind)
            }
        )
        model = replace(model, status=status.model_copy(update={"door": door}))
    if event.kind not in _SHOWN:
        return model
    word, what, names = _SHOWN[event.kind]
    values = [_short(event.data[name]) for name in names if name in event.data]
    line = Line(event.wall_ms, word, "  ".join([what, *values] if what else values))
    if event.kind in _VISITS and _is_new(model, event):
        model = replace(model, visitor=(line, at_s))
    return replace(model, lines=(line, *model.lines)[:LINES_MAX])


def _is_new(model: Model, event: Event) -> bool:
    """Tell what happens now from what is told of the past, when a stream begins."""
    return model.status is None or event.id > model.status.last_event_id


def _short(value: object) -> str:
    """Return a value in a few characters; of the rule that let in, its group."""
    if isinstance(value, Mapping):
        value = value.get("group", "")
    text = printable(str(value))
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[: VALUE_CHARS_MAX - 1]}…"


def phase(model: Model, at_s: float) -> str:
    """Say how the door is, in one word, and for how long where that is known."""
    if model.status is None:
        return "?"
    said = model.status.door.phase
    word = _PHASES.get(said, printable(said))
    if model.lost is not None:
        return f"{word}{LAST_KNOWN}"
    left_ms = (model.status.door.deadline_up_ms or 0) - (up_ms(model, at_s) or 0)
    return f"{word}, {left_ms / _MS_PER_S:.0f} s left" if left_ms > 0 else word


def up_ms(model: Model, at_s: float) -> int | None:
    """Return what the gateway's boot clock says by now, where that is known."""
    if model.up is None:
        return None
    said_ms, when_s = model.up
    return said_ms + int((at_s - when_s) * _MS_PER_S)


def visitor(model: Model, at_s: float) -> str:
    """Say who is at the door: whoever touched it less than a minute ago."""
    if model.visitor is None or model.lost is not None:
        return "nobody"
    line, when_s = model.visitor
    if at_s - when_s > VISIT_S_MAX:
        return "nobody"
    return f"{line.word}  {line.detail}"


def alarms(model: Model) -> str:
    """Say what stands and must be seen to; empty if nothing does."""
    if model.status is None:
        return ""
    door = model.status.door
    words = [_PHASES[door.phase]] if door.phase in {"held", "forced"} else []
    words += [f"{printable(kind)}: press a" for kind in model.status.unacknowledged]
    if not words:
        return ""
    return f"ALARM{'' if model.lost is None else LAST_KNOWN}  {'; '.join(words)}"


_DOOR: Final = (
    ("phase", str),
    ("mode", str),
    ("why", str),
    ("until_ms", int),
    ("deadline_up_ms", int),
)
_MODES: Final = {
    "Locked": "keys open",
    "Accessed": "somebody is let in",
    "Unlocked": "held open for all",
    "LockedOpen": "held open for all",
    "Blocked": "every key is denied",
    "LockedDown": "every key is denied",
}


def mode(model: Model) -> str:
    """Say in which mode the door is, and what that means."""
    if model.status is None:
        return "?"
    door = model.status.door
    said = f"{printable(door.mode)}: {_MODES.get(door.mode, '?')}"
    return said if door.why in {"normal", "order"} else f"{said}, by {door.why}"


def mode_until(model: Model, zone: tzinfo | None) -> str:
    """Say when the mode ends by itself; nothing where it does not."""
    if model.status is None or not model.status.door.until_ms:
        return ""
    try:
        ends = datetime.fromtimestamp(model.status.door.until_ms / 1000, zone)
    except (ValueError, OverflowError, OSError):
        return ""
    return f"until {ends:%a %d %b, %H:%M}"


def health(model: Model) -> list[tuple[bool, str]]:
    """Say what works: (works, what)."""
    if model.status is None:
        return []
    said = model.status.health
    return [
        (said.scanning, "hears keys"),
        (said.ledger_writable, "ledger written"),
        (said.strike_reachable, "strike in reach"),
        (said.clock_synchronised, "clock synchronised"),
    ]


def line_text(line: Line, zone: tzinfo | None) -> str:
    """Lay one line out; `zone` None is the machine's own."""
    try:
        when = datetime.fromtimestamp(line.wall_ms / _MS_PER_S, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return f"{'?':<14}  {line.word:<8}  {line.detail}"
    return f"{when:%m-%d %H:%M:%S}  {line.word:<8}  {line.detail}"
