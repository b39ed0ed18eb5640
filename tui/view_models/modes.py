"""What changing the door's mode means, in words, before it is done."""

from collections.abc import Mapping
from typing import Final

from gateway.schemas import ModeWish

QUESTIONS: Final[Mapping[ModeWish, tuple[str, str]]] = {
    "LockedDown": (
        "Nobody will get in any more, with any key. The way out stays open.",
        "Lock down",
    ),
    "Unlocked": (
        "The door will stand open to everybody, until somebody locks it again.",
        "Hold open",
    ),
    "Locked": (
        "Every ordered mode will be lifted, a lockdown too: keys open again.",
        "Back to normal",
    ),
}
"""What will be lost, and the verb, for each mode that can be ordered on the screen."""

DONE: Final[Mapping[ModeWish, str]] = {
    "LockedDown": "The door is locked down.",
    "Unlocked": "The door is held open.",
    "Locked": "What was ordered is lifted.",
}
