"""Which level secures the door: two declarations of the installer, and their product.

A door is *secured* or *released*; a relay is *energised* or not; a line is 0 or 1. The
lock says which state it takes without power, the relay board says which level draws
its coil. Everything else follows, here and nowhere else.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Level = Literal[0, 1]


class Lock(Enum):
    """What the lock does when its relay is not energised."""

    FAIL_SECURE = "fail-secure"
    FAIL_SAFE = "fail-safe"


class Relay(Enum):
    """Which level of the line energises the relay."""

    ACTIVE_HIGH = "active-high"
    ACTIVE_LOW = "active-low"


@dataclass(frozen=True, slots=True)
class Wiring:
    """How one door's lock hangs on one output line."""

    lock: Lock
    relay: Relay

    def energised(self, *, released: bool) -> bool:
        """Tell whether the relay draws while the door is `released` or secured."""
        return released is (self.lock is Lock.FAIL_SECURE)

    def level(self, *, released: bool) -> Level:
        """Return the level of the line while the door is `released` or secured."""
        energised = self.energised(released=released)
        return 1 if energised is (self.relay is Relay.ACTIVE_HIGH) else 0

    def released(self, level: int) -> bool:
        """Tell whether a line at `level` (0 or 1) releases the door."""
        return level == self.level(released=True)

    @property
    def safe_level(self) -> Level:
        """The level that secures the door: what the line is claimed with."""
        return self.level(released=False)
