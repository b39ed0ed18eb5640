"""One sentence what to try next. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.schemas import Event
from gateway.sim.key_model import KeyState
from gateway.sim.look import Look

FIRE: Final = "fire"
ORDER: Final = "order"
"""What the lamp says while an order waits for a touch."""

# What there is to be seen, in a good order, and how it is come by.
TOUR: Final[Mapping[str, str]] = {
    "opened": "Press t: you hold the key to the door, with your finger on it.",
    "denied": "Now w, a finger that the key does not know: the door says why not.",
    "exit": "Let somebody out: e, the exit button, works without any key.",
    "forced": "Break the door open: f. It takes no key, and it is noticed.",
    FIRE: "Set off the fire alarm: a. Everybody gets out, whatever the rules say.",
    "enrolled": "Enrol a key: order it on the console's Enrol screen (F2, then 3); s "
    "there, and t here with admin's key sign it. Then take new-1 (down), and press p.",
    "revoked": "Revoke a key on the console's People screen, and try it here: t.",
}
ALL_SEEN: Final = (
    "That was the tour. Every step is an entry: see the console's Ledger screen, "
    "verify and export it there; q leaves."
)

_BY_EVENT: Final[Mapping[str, str]] = {
    "door.grant": "opened",
    "door.deny": "denied",
    "touch.stranger": "denied",
    "door.exit": "exit",
    "door.forced": "forced",
    "enrol": "enrolled",
}


def seen_by(event: Event) -> str | None:
    """Return which part of the tour an event is, or None."""
    data = event.data
    if event.kind == "credential.state" and data.get("state") == "revoked":
        return "revoked"
    if event.kind == "alarm" and data.get("kind") == FIRE:
        return FIRE
    return _BY_EVENT.get(event.kind)


def advice(look: Look, seen: Iterable[str]) -> str:
    """Return what to do now, or what to try next."""
    if look.key is not None and (asked := _asked_by(look.key)):
        return asked
    if look.lamp.pattern == ORDER:
        return "An order waits for a touch: take that person's key (down), and press t."
    if FIRE in look.inputs:
        return "It burns, and the door lets everybody out: a puts the fire out."
    if look.door.open:
        return "The door is open: o closes it. Left open for long, it complains."
    if look.door.released:
        return "The strike is released: o pulls the door open, before it locks again."
    had = frozenset(seen)
    return next((text for name, text in TOUR.items() if name not in had), ALL_SEEN)


def _asked_by(key: KeyState) -> str:
    """Say what a key wants of its holder now; empty for nothing."""
    if key.asks:
        return (
            f"The key shows {key.shown_number or 0:06d}. Does the console show the "
            "same? Say yes there, and press y here; n is no."
        )
    if key.blinking:
        return "The key blinks: t puts the right finger on it, w a wrong one."
    if key.pairing:
        return "The key waits for a new bond: order its enrolment on the console."
    return ""
