"""The whole of a gateway's settings, and what each part of the gateway is told."""

from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from gateway.config.item import section
from gateway.config.sections import (
    Door,
    Gateway,
    Group,
    Limits,
    NamedSchedule,
    Pins,
    Radio,
    Site,
    Strike,
    Trust,
)
from gateway.core.challenge import Place
from gateway.core.door_timing import DoorTiming
from gateway.core.ids import ScheduleId
from gateway.core.policy import ACCESS_LINES_MAX, Access, DoorPolicy
from gateway.core.schedule import ALWAYS, Schedule
from gateway.strike.machine import StrikeLimits
from gateway.strike.wiring import Wiring

SCHEDULES_MAX: Final = 256
GROUPS_MAX: Final = ACCESS_LINES_MAX


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
    groups: tuple[Group, ...] = field(
        default=(),
        metadata=section(
            "group", Group, "Holders are in groups; a group opens doors.", many=True
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
    def door_policy(self) -> DoorPolicy:
        """Who may pass this door, and when."""
        schedules = {schedule.id: schedule.windows for schedule in self.schedules}
        schedules[ScheduleId(ALWAYS)] = Schedule.parse(ALWAYS)
        return DoorPolicy(
            door=self.door.id,
            access=tuple(
                Access(group.id, group.schedule)
                for group in self.groups
                if self.door.id in group.doors
            ),
            schedules=schedules,
            zone=self.zone,
            release_ms=self.door.release_ms,
            on_untrusted_time=self.door.on_untrusted_time,
        )
