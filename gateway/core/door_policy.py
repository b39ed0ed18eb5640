"""A door's policy as a value: its lines, its schedules and its own rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.facts import Mode
from gateway.core.holder import Holder
from gateway.core.ids import DoorId, GroupId, ScheduleId
from gateway.core.schedule import Schedule
from gateway.errors import ConfigError

ACCESS_LINES_MAX: Final = 256
SECOND_TOUCH_MS: Final = 30_000
"""How soon a second touch follows the first, unless the site says otherwise."""
PASSBACK_FORGIVEN_MS: Final = 12 * 3_600_000


class OnUntrustedTime(Enum):
    """What a rule that needs the time answers while the clock is not believed."""

    DENY = "deny"
    ALLOW = "allow"


class Passback(Enum):
    """What comes of a holder who comes in again without having gone out."""

    OFF = "off"
    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class Access:
    """One line of a door's policy: this group, during this schedule.

    Attributes:
        first_person: nobody passes by this line before somebody of this group came in
            on the day of the open window; they themselves do.
    """

    group: GroupId
    schedule: ScheduleId
    first_person: GroupId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorRules:
    """What a door asks beyond groups and hours; by default nothing.

    Attributes:
        two_person_ms: two holders within this time of one another; 0 = one will do.
        passback: whether who is inside may come in again.
        passback_forgiven_ms: after this time it counts for nothing.
        passback_exits: exit readers, by door: who passed one is outside.
        exit_request_clears: whether a request to exit, which names nobody, forgives
            everybody who is inside.
        step_up: during this schedule one touch is not enough.
        step_up_ms: how soon the second touch follows the first.
        step_up_group: two holders, one of them of this group, touch during step-up;
            None for one holder twice.
        duress_route: what the silent call of a duress credential is addressed to.
    """

    two_person_ms: int = 0
    passback: Passback = Passback.OFF
    passback_forgiven_ms: int = PASSBACK_FORGIVEN_MS
    passback_exits: frozenset[DoorId] = frozenset()
    exit_request_clears: bool = True
    step_up: ScheduleId | None = None
    step_up_ms: int = SECOND_TOUCH_MS
    step_up_group: GroupId | None = None
    duress_route: str = "none"


@dataclass(frozen=True, slots=True)
class DoorPolicy:
    """Who may pass one door, and when.

    Attributes:
        access: the lines; a holder needs one of their groups' lines to be open.
        schedules: every schedule that a line or a rule names.
        zone: the site's time zone.
        release_ms: how long a grant releases the door.
        extended_release_ms: added to it for a holder who needs more time.
        sha256: of the text that it was made from; which one holds is the ledger's word.
        usable: False where that text is not there: it stands for nothing, and denies.

    Raises:
        ConfigError: a line or rule names a schedule that there is not, or there are
            too many lines.
    """

    door: DoorId
    access: tuple[Access, ...]
    schedules: Mapping[ScheduleId, Schedule]
    zone: ZoneInfo
    release_ms: int
    mode: Mode = Mode.LOCKED
    on_untrusted_time: OnUntrustedTime = OnUntrustedTime.DENY
    rules: DoorRules = DoorRules()
    extended_release_ms: int = 0
    sha256: str = ""
    usable: bool = True

    def __post_init__(self) -> None:
        if len(self.access) > ACCESS_LINES_MAX:
            raise ConfigError(
                f"Door {self.door} has {len(self.access)} access lines; "
                f"{ACCESS_LINES_MAX} are the most."
            )
        for line in self.access:
            if line.schedule not in self.schedules:
                raise ConfigError(
                    f"Door {self.door} lets group {line.group} in during "
                    f"{line.schedule}; no schedule has that name."
                )
        step_up = self.rules.step_up
        if step_up is not None and step_up not in self.schedules:
            raise ConfigError(
                f"Door {self.door} asks for a second touch during {step_up}; no "
                "schedule has that name."
            )

    def needs_time(self, line: Access, holder: Holder) -> bool:
        """Tell whether the time of day decides what a line says to a holder."""
        waits = line.first_person is not None and line.first_person not in holder.groups
        return waits or self.schedules[line.schedule].needs_time

    def lines(self, holder: Holder) -> list[Access]:
        """Return the lines of a holder's groups, those without a time first."""
        lines = [
            line
            for group in holder.groups
            for line in self.access
            if line.group == group
        ]
        return sorted(lines, key=lambda line: self.needs_time(line, holder))
