"""What an installer must have seen with their own eyes before a door is commissioned.

Getting out never depends on this computer, and this computer cannot find that out by
itself: somebody has to switch it off and try. What is confirmed holds for the wiring
that was there then; another lock, relay or pin is to be commissioned anew.
"""

from collections.abc import Mapping
from typing import Any

from gateway.core.worded import Worded


class Point(Worded):
    """One thing to be confirmed; the value stands in the entry."""

    EXIT_WITHOUT_PI = (
        "exit-without-pi",
        "With the Pi switched off, the exit button lets people out.",
    )
    FIRE_WITHOUT_PI = (
        "fire-without-pi",
        "With the Pi switched off, the fire alarm frees the way out, or none is wired.",
    )
    NO_POWER = (
        "no-power",
        "Without any power the lock does what the config declares of it.",
    )
    SECURE_SIDE = (
        "secure-side",
        "The Pi and the relay are on the secure side of the door.",
    )


def is_commissioned(row: Mapping[str, Any] | None, wiring: str) -> bool:
    """Tell whether the last `commissioned` entry, or None, is about this wiring."""
    if row is None or row.get("wiring") != wiring:
        return False
    confirmed = row.get("confirmed")
    words = {point.value for point in Point}
    return isinstance(confirmed, list | tuple) and words <= set(map(str, confirmed))
