"""The whole of a gateway's settings, and what each part of the gateway is told."""

from dataclasses import dataclass, field, replace
from typing import Final
from zoneinfo import ZoneInfo

from gateway.config.hardware import Pins, Strike
from gateway.config.item import section
from gateway.config.patterns import Patterns
from gateway.config.policy_sections import (
    SCHEDULES_MAX,
    Duress,
    Group,
    Holiday,
    NamedSchedule,
    Rules,
    SpecialHours,
)
from gateway.config.policy_text import CalendarDays, PolicySections
from gateway.config.sections import (
    Backup,
    Door,
    Gateway,
    Limits,
    Radio,
    Site,
    Trust,
)
from gateway.core.challenge import Place
from gateway.core.door_timing import DoorTiming
from gateway.core.ids import ScheduleId
from gateway.core.policy import ACCESS_LINES_MAX, Access, DoorPolicy, DoorRules
from gateway.core.schedule import ALWAYS, Schedule
from gateway.core.special_days import Days, SpecialDays
from gateway.strike.machine import StrikeLimits
from gateway.strike.wiring import Wiring

GROUPS_MAX: Final = ACCESS_LINES_MAX
HOLIDAYS_MAX: Final = 64
SPECIAL_HOURS_MAX: Final = 256

TABLES_MAX: Final = {
    "schedule": SCHEDULES_MAX,
    "holiday": HOLIDAYS_MAX,
    "exception": SPECIAL_HOURS_MAX,
    "group": GROUPS_MAX,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of one gateway.

    Attributes:
        sha256: of the file's bytes, 64 hex digits.
    """

    site: Site = field(metadata=section("site", Site, "The site."))
    gateway: Gateway = field(metadata=section("gateway", Gateway, "This machine."))
    door: Door = field(metadata=section("door", Door, "The door."))
    strike: Strike = field(
        default_factory=Strike,
        metadata=section(
            "strike", Strike, "keyra-strike, the process that alone moves the line."
        ),
    )
    radio: Radio = field(
        default_factory=Radio, metadata=section("radio", Radio, "Bluetooth.")
    )
    pins: Pins = field(
        metadata=section(
            "pins",
            Pins,
            "Lines of the pin header, by BCM number, each used once. Inputs are pulled "
            "up and switch to ground.",
        )
    )
    patterns: Patterns = field(
        default_factory=Patterns,
        metadata=section(
            "patterns",
            Patterns,
            "What light and buzzer play: steps once, a bar, steps again and again. A "
            "step is g (green), r (red) and b (buzzer) in this order, or -, and "
            "milliseconds. No two may be alike (docs/door.md).",
        ),
    )
    trust: Trust = field(
        default_factory=Trust,
        metadata=section(
            "trust", Trust, "Which keys may be enrolled. With nothing here, none may."
        ),
    )
    schedules: tuple[NamedSchedule, ...] = field(
        default=(),
        metadata=section(
            "schedule",
            NamedSchedule,
            "Weekly windows, in the site's time zone.",
            many=True,
        ),
    )
    holidays: tuple[Holiday, ...] = field(
        default=(),
        metadata=section(
            "holiday",
            Holiday,
            "Days on which schedules are closed. A window that began the evening "
            "before runs on.",
            many=True,
        ),
    )
    special_hours: tuple[SpecialHours, ...] = field(
        default=(),
        metadata=section(
            "exception",
            SpecialHours,
            "Days on which schedules have hours of their own, holiday or not; the "
            "first one of a day counts.",
            many=True,
        ),
    )
    groups: tuple[Group, ...] = field(
        default=(),
        metadata=section(
            "group", Group, "Holders are in groups; a group opens doors.", many=True
        ),
    )
    rules: Rules = field(
        default_factory=Rules,
        metadata=section(
            "rules",
            Rules,
            "What the door asks beyond groups and hours (docs/policy.md).",
        ),
    )
    duress: Duress = field(
        default_factory=Duress,
        metadata=section(
            "duress", Duress, "The silent call of a credential marked for duress."
        ),
    )
    backup: Backup = field(
        default_factory=Backup,
        metadata=section(
            "backup", Backup, "Backups, which only the holder of another key can open."
        ),
    )
    limits: Limits = field(
        default_factory=Limits,
        metadata=section(
            "limits", Limits, "Bounds on what strangers can make the gateway do."
        ),
    )
    sha256: str = field(default="", compare=False)

    @property
    def wiring(self) -> Wiring:
        """Which level secures the door."""
        return Wiring(self.door.lock, self.door.relay)

    @property
    def strike_limits(self) -> StrikeLimits:
        """What keyra-strike is told."""
        return StrikeLimits(
            momentary_ms_max=self.strike.momentary_ms_max,
            lease_ms_max=self.strike.lease_ms_max,
            silence_ms_max=self.strike.silence_ms_max,
            fault_ms=self.strike.fault_ms,
            on_fault=self.door.on_fault,
        )

    @property
    def door_timing(self) -> DoorTiming:
        """What the door's machine is told."""
        return DoorTiming(
            release_ms=self.door.release_ms,
            release_ms_max=self.strike.momentary_ms_max,
            held_open_ms=self.door.held_open_ms,
            relock_on=self.door.relock_on,
            contact=self.door.contact,
            pre_alarm_ms=min(self.door.pre_alarm_ms, self.door.held_open_ms // 2),
            extended_open_ms=self.door.extended_open_ms,
            first_person=self.door.first_person,
        )

    @property
    def place(self) -> Place:
        """Who asks, in every challenge."""
        return Place(self.site.id, self.gateway.id, self.door.id, self.site.rp_id)

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.site.zone)

    @property
    def policy(self) -> PolicySections:
        """What of it is policy."""
        return PolicySections(
            schedules=self.schedules,
            holidays=self.holidays,
            special_hours=self.special_hours,
            groups=self.groups,
            rules=self.rules,
        )

    @property
    def calendars(self) -> list[str]:
        """The calendar files that it names, each once."""
        return self.policy.calendars

    def door_policy(self, calendars: CalendarDays) -> DoorPolicy:
        """Return who may pass this door, and when.

        Args:
            calendars: what each of `self.calendars` holds.
        """
        schedules = {one.id: self._schedule(one, calendars) for one in self.schedules}
        schedules[ScheduleId(ALWAYS)] = Schedule.parse(ALWAYS)
        return DoorPolicy(
            door=self.door.id,
            access=tuple(
                Access(group.id, group.schedule, group.first_person)
                for group in self.groups
                if self.door.id in group.doors
            ),
            schedules=schedules,
            zone=self.zone,
            release_ms=self.door.release_ms,
            on_untrusted_time=self.door.on_untrusted_time,
            extended_release_ms=min(
                self.door.extended_release_ms,
                self.strike.momentary_ms_max - self.door.release_ms,
            ),
            rules=DoorRules(
                two_person_ms=self.rules.two_person_ms,
                passback=self.rules.passback,
                passback_forgiven_ms=self.rules.passback_forgiven_ms,
                passback_exits=frozenset(self.rules.passback_exits),
                exit_request_clears=self.rules.exit_request_clears,
                step_up=self.rules.step_up,
                step_up_ms=self.rules.step_up_ms,
                step_up_group=self.rules.step_up_group,
                duress_route=self.duress.route,
            ),
        )

    def _schedule(self, named: NamedSchedule, calendars: CalendarDays) -> Schedule:
        special = [
            SpecialDays(_days(hours, calendars), hours.windows)
            for hours in self.special_hours
            if named.id in hours.schedules
        ]
        if named.holidays and self.holidays:
            closed = [_days(holiday, calendars) for holiday in self.holidays]
            special.append(SpecialDays(Days.of(closed)))
        return replace(named.windows, special=tuple(special))


def _days(one: Holiday | SpecialHours, calendars: CalendarDays) -> Days:
    return (
        one.days
        if one.calendar is None
        else Days.of([one.days, calendars[one.calendar]])
    )
