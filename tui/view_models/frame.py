"""What stands around every screen: title, places, banner, key hints, help."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final

from gateway.client import printable
from tui.terminal import Place
from tui.view_models.live import Model

MORE: Final = "…"
READ_ONLY: Final = "READ-ONLY"

_MS_PER_S: Final = 1000
_SECONDS_PER_MINUTE: Final = 60
_MINUTES_PER_HOUR: Final = 60
_HELP_KEY_CHARS: Final = 12


def title(model: Model, place: str, *, read_only: bool) -> str:
    """Say whose door this is, where one is, and whether one may only look."""
    words = ["KEYRA"]
    if model.status is not None:
        status = model.status
        where = f"({status.gateway} at {status.site})"
        words = [printable(f"KEYRA  {status.door.id}  {where}")]
    words.append(f"› {place}")
    if read_only:
        words.append(READ_ONLY)
    return "  ".join(words)


def places(all_places: Sequence[Place], current: str, width: int) -> str:
    """List as many screens, with their keys, as fit; the current one in brackets.

    Args:
        all_places: in the order of their keys.
        current: the name of the one that is open.
        width: in characters.
    """
    words = [
        f"[{place.key} {place.name}]" if place.name == current else _place(place)
        for place in all_places
    ]
    return _fitting(words, width, " ")


def _place(place: Place) -> str:
    return f" {place.key} {place.name} "


def hints(keys: Iterable[tuple[str, str]], last: str, width: int) -> str:
    """Write keys and what they do on one line; `last` always has its room."""
    words = [f"{key} {what}" for key, what in keys]
    shown = _fitting(words, width - len(last) - 2, "  ")
    return "  ".join(part for part in (shown, last) if part)


def _fitting(words: Sequence[str], width: int, between: str) -> str:
    whole = between.join(words)
    if len(whole) <= width:
        return whole
    shown = ""
    for word in words:
        longer = f"{shown}{between}{word}" if shown else word
        if len(longer) + len(between) + len(MORE) > width:
            break
        shown = longer
    return f"{shown}{between}{MORE}" if shown else MORE


def help_text(
    place: Place, keys: Iterable[tuple[str, str]], all_places: Sequence[Place]
) -> str:
    """Explain a screen: what it is for, its keys, and where else one can go."""
    lines = [place.purpose, "", "Keys here"]
    lines += [f"  {key:<{_HELP_KEY_CHARS}}{what}" for key, what in keys]
    lines += ["", "Screens"]
    lines += [f"  {one.key:<4}{one.name:<18}{one.purpose}" for one in all_places]
    return "\n".join(lines)


def banner(
    model: Model, seen_s: float | None, at_s: float, *, reads: bool = False
) -> str | None:
    """Say that the picture is old and how old; None while it is not.

    Args:
        model: what is known.
        seen_s: when what the screen shows beside it was read, or None.
        at_s: now, by the same clock.
        reads: whether the screen shows anything beside it.
    """
    if model.refused is not None:
        return printable(model.refused)
    if model.heard_s is None:
        return "Connecting ..." if model.lost is None else printable(model.lost)
    if model.lost is None:
        if seen_s is None or not is_outdated(model, seen_s):
            return None
        return f"What you see is {age(at_s - seen_s)} old. It is being read anew."
    if reads and seen_s is None:
        return "CONNECTION LOST. Nothing was read here yet. Trying again."
    oldest_s = model.heard_s if seen_s is None else min(seen_s, model.heard_s)
    return f"CONNECTION LOST. What you see is {age(at_s - oldest_s)} old. Trying again."


def is_outdated(model: Model, seen_s: float | None) -> bool:
    """Tell whether what was read then, or never, may have changed unheard since."""
    return model.lost is not None or (
        model.since_s is not None and (seen_s is None or seen_s < model.since_s)
    )


def age(age_s: float) -> str:
    """Write an age in its largest unit."""
    whole_s = max(0, int(age_s))
    if whole_s < _SECONDS_PER_MINUTE:
        return f"{whole_s} s"
    minutes = whole_s // _SECONDS_PER_MINUTE
    if minutes < _MINUTES_PER_HOUR:
        return f"{minutes} min"
    return f"{minutes // _MINUTES_PER_HOUR} h"


def instant(wall_ms: int, zone: tzinfo | None, form: str = "%Y-%m-%d %H:%M") -> str:
    """Write a time; "-" for 0, which is no bound.

    Args:
        wall_ms: Unix milliseconds.
        zone: in which it is shown; None is the machine's own.
        form: as of strftime.
    """
    if not wall_ms:
        return "-"
    try:
        when = datetime.fromtimestamp(wall_ms / _MS_PER_S, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return "?"
    return when.strftime(form)
