"""What one door is told about time. Values out of bounds do not come into being."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.errors import ConfigError

GRANT_AGE_MS_MAX: Final = 3_000
"""From the decision to the release; an append to a slow card takes far less."""

EXIT_AGE_MS_MAX: Final = 2_000
"""An exit request from before a stall releases nothing: nobody stands there now."""

TOUCHES_REMEMBERED_MAX: Final = 64
"""Far more than one door can serve while any of them is not yet stale."""

ORDER_AGE_MS_MAX: Final = 10_000
"""From an order to the moment the door hears of it; its entry is written between."""

LEASE_MS: Final = 3_000
"""What keyra-strike is asked for at a time while a mode holds the door released."""

NEVER: Final = 2**63 - 1

RELEASE_MS_MAX: Final = 60_000
HELD_OPEN_MS_MAX: Final = 3_600_000
SETTLING_MS_MAX: Final = 2_000


class Relock(Enum):
    """When a door that was passed is secured before its time is over."""

    OPENING = "opening"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class DoorTiming:
    """What one door is told about time, and whether it has a contact.

    Attributes:
        release_ms: how long an exit request releases; a grant brings its own.
        release_ms_max: the longest that any one grant may ask for.
        held_open_ms: how long the leaf may stand open before the alarm.
        settling_ms: how long after a release an opening still counts as allowed.
        contact: False for a door without a sensor.
        pre_alarm_ms: how long before the alarm the buzzer asks to close the door; 0
            for not at all.
        extended_open_ms: added to `held_open_ms` for a holder who needs more time.
        first_person: a scheduled unlock waits for the first grant in its window.

    Raises:
        ConfigError: a duration is out of its bounds.
    """

    release_ms: int = 5_000
    release_ms_max: int = 10_000
    held_open_ms: int = 30_000
    settling_ms: int = 300
    relock_on: Relock = Relock.OPENING
    contact: bool = True
    pre_alarm_ms: int = 0
    extended_open_ms: int = 0
    first_person: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (
            ("release_ms", 1, self.release_ms_max),
            ("release_ms_max", 1, RELEASE_MS_MAX),
            ("held_open_ms", 1, HELD_OPEN_MS_MAX),
            ("settling_ms", 0, SETTLING_MS_MAX),
            ("pre_alarm_ms", 0, self.held_open_ms - 1),
            ("extended_open_ms", 0, HELD_OPEN_MS_MAX),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(
                    f"The door's {name} is {value}; it must be {low} to {high}."
                )
