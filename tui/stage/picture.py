"""What somebody before the door sees, as text. Pure."""

from collections.abc import Sequence
from typing import Final

from gateway.client import printable
from gateway.sim.look import Look

LEAF_CHARS: Final = 9
SWUNG_CHARS: Final = (LEAF_CHARS, 5, 2)
"""How wide the leaf looks while it swings, from shut to open."""

_ROWS: Final = 5
_KNOB_ROW: Final = 2
_FIRE: Final = "fire"


def door(look: Look, swing: int, *, forced: bool = False) -> str:
    """Draw the door: frame, leaf, knob and bolt.

    Args:
        look: how it is.
        swing: index into SWUNG_CHARS, how far the leaf has come.
        forced: somebody broke it open.
    """
    width = SWUNG_CHARS[swing]
    rows = [f"┌{'─' * (width - 2)}┐", *[_panel(width, at) for at in range(_ROWS)]]
    rows.append(f"└{'─' * (width - 2)}┘")
    bolt = " " if look.door.released else "x" if forced else "="
    drawn = [f"┌{'─' * LEAF_CHARS}┐"]
    for at, row in enumerate(rows):
        post = bolt if at == _KNOB_ROW + 1 else " "
        drawn.append(f"│{row:<{LEAF_CHARS}}│{post}")
    return "\n".join([*drawn, f"┴{'─' * LEAF_CHARS}┴"])


def _panel(width: int, row: int) -> str:
    inside = " " * (width - 2)
    if row == _KNOB_ROW:
        return f"│{inside[:-1]}o│" if inside else "│o"
    return f"│{inside}│"


def lamp(look: Look) -> str:
    """Say which light is on, in words and not by colour alone."""
    lights = (("green", look.lamp.green), ("red", look.lamp.red))
    lit = " ".join(name for name, on in lights if on)
    return f"light  {f'(*) {lit}' if lit else '( ) dark'}"


def signs(look: Look, *, forced: bool = False) -> str:
    """Say in words, beside the picture, what it shows."""
    state = look.door
    return "\n".join(
        (
            f"buzzer {')))  beeps' if look.lamp.buzzer else '---  quiet'}",
            f"says   {printable(look.lamp.pattern) or 'nothing'}",
            f"strike {'RELEASED' if state.released else 'holds'}",
            f"door   {_leaf(open_=state.open, forced=forced)}",
            "FIRE ALARM" if _FIRE in look.inputs else "",
        )
    )


def _leaf(*, open_: bool, forced: bool) -> str:
    if forced:
        return "BROKEN OPEN"
    return "OPEN" if open_ else "shut"


def drawer(keys: Sequence[str], chosen: str, room: int) -> str:
    """List the keys, the chosen one marked; `room` lines around it."""
    at = keys.index(chosen) if chosen in keys else 0
    first = max(0, min(at - room // 2, len(keys) - room))
    return "\n".join(
        f"{'>' if key == chosen else ' '} {printable(key)}"
        for key in keys[first : first + room]
    )


def held(look: Look) -> str:
    """Say how the key in the hand is."""
    key = look.key
    if key is None:
        return "Your hand is empty."
    does = (
        "BLINKS: it wants a finger"
        if key.blinking
        else "is in touch with the door"
        if key.connected
        else "is ready for a new bond"
        if key.pairing
        else "is awake"
        if key.awake
        else "sleeps"
    )
    shows = f"\nIt shows {key.shown_number:06d}." if key.shown_number else ""
    return f"{printable(key.name)} {does}.{shows}"
