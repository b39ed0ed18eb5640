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
        lost: why there is no connection now, or None while there is one.
        refused: why there never will be one, or None.
    """

    status: Status | None = None
    lines: tuple[Line, ...] = ()
    heard_s: float | None = None
    lost: str | None = None
    refused: str | None = None


def apply(model: Model, item: Item | Status, at_s: float) -> Model:
    """Return what is known after the gateway said this, or fell silent."""
    if isinstance(item, Disconnected):
        return replace(model, lost=item.why)
    model = replace(model, heard_s=at_s, lost=None)
    match item:
        case Status():
            return replace(model, status=item)
        case Snapshot():
            # Lines of an earlier run, or with a gap after them, would pass for all.
            lines = model.lines if item.resumed else ()
            return replace(model, status=item.status, lines=lines)
        case Event():
            return _happened(model, item)
        case _:
            return model


def _happened(model: Model, event: Event) -> Model:
    status = model.status
    if event.kind == "door.phase" and status is not None:
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
    return replace(model, lines=(line, *model.lines)[:LINES_MAX])


def _short(value: object) -> str:
    text = printable(str(value))
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[: VALUE_CHARS_MAX - 1]}…"


def phase(model: Model) -> str:
    """Say how the door is, in one word."""
    if model.status is None:
        return "?"
    said = model.status.door.phase
    word = _PHASES.get(said, printable(said))
    return word if model.lost is None else f"{word} (last known)"


_DOOR: Final = (("phase", str), ("mode", str), ("why", str), ("until_ms", int))
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
