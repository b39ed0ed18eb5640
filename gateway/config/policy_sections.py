"""The settings that say who may pass when: schedules, special days, groups, rules."""

from dataclasses import dataclass, field
from typing import Final

from gateway.config.item import required, setting
from gateway.config.values import (
    IDENTIFIER,
    PATH,
    SOCKET,
    Choice,
    DayList,
    Flag,
    Seconds,
    Several,
    Spans,
    Windows,
)
from gateway.core.door_policy import PASSBACK_FORGIVEN_MS, SECOND_TOUCH_MS, Passback
from gateway.core.ids import DoorId, GroupId, ScheduleId
from gateway.core.schedule import ALWAYS, Schedule
from gateway.core.special_days import Days

DOORS_MAX: Final = 256
SCHEDULES_MAX: Final = 256
TWO_TOUCHES_MS_MAX: Final = 120_000
FORGIVEN_MS_MAX: Final = 7 * 24 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSchedule:
    """Weekly windows, in the site's time zone."""

    id: ScheduleId = field(
        metadata=required(IDENTIFIER, "Name of the schedule.", "office-hours")
    )
    windows: Schedule = field(
        metadata=required(Windows(), "When it is open.", "Mon-Fri 08:00-18:00")
    )
    holidays: bool = field(
        default=True, metadata=setting(Flag(), "Whether [[holiday]] closes it.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """Days on which schedules are closed."""

    id: str = field(metadata=required(IDENTIFIER, "Name of the set.", "public"))
    days: Days = field(
        default=Days(),
        metadata=setting(DayList(), "The days.", ["12-25", "2026-12-21 to 2026-12-24"]),
    )
    calendar: str | None = field(
        default=None,
        metadata=setting(
            PATH,
            "An iCalendar file whose all-day events are such days too.",
            "/etc/keyra/holidays.ics",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialHours:
    """Days with hours of their own; they go before holidays."""

    id: str = field(metadata=required(IDENTIFIER, "Name of it.", "christmas-eve"))
    schedules: tuple[ScheduleId, ...] = field(
        metadata=required(
            Several(IDENTIFIER, high=SCHEDULES_MAX, low=1),
            "Schedules that it changes.",
            ("office-hours",),
        )
    )
    days: Days = field(
        default=Days(), metadata=setting(DayList(), "The days.", ["12-24"])
    )
    calendar: str | None = field(
        default=None,
        metadata=setting(
            PATH,
            "An iCalendar file whose all-day events are such days too.",
            "/etc/keyra/short-days.ics",
        ),
    )
    windows: tuple[tuple[int, int], ...] = field(
        default=(),
        metadata=setting(Spans(), "When they are open then; [] for not at all."),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Who may open which doors when: holders are in groups."""

    id: GroupId = field(metadata=required(IDENTIFIER, "Name of the group.", "staff"))
    doors: tuple[DoorId, ...] = field(
        metadata=required(
            Several(IDENTIFIER, high=DOORS_MAX, low=1),
            "Doors that it opens.",
            ("front-door",),
        )
    )
    schedule: ScheduleId = field(
        default=ScheduleId(ALWAYS),
        metadata=setting(IDENTIFIER, "When it opens them: a schedule's id, or always."),
    )
    first_person: GroupId | None = field(
        default=None,
        metadata=setting(
            IDENTIFIER,
            "Nobody of this group comes in before somebody of that one has, on the day "
            "of the open window.",
            "staff",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the door asks beyond groups and hours."""

    two_person_ms: int = field(
        default=0,
        metadata=setting(
            Seconds(0, TWO_TOUCHES_MS_MAX),
            "Two holders have to touch within this time of one another; 0 for one.",
        ),
    )
    passback: Passback = field(
        default=Passback.OFF,
        metadata=setting(
            Choice(Passback),
            "Who came in and has not come out may come in again: off, yes; soft, yes "
            "and the entry says so; hard, no.",
        ),
    )
    passback_forgiven_ms: int = field(
        default=PASSBACK_FORGIVEN_MS,
        metadata=setting(
            Seconds(1_000, FORGIVEN_MS_MAX),
            "After this time it is forgotten that somebody came in.",
        ),
    )
    passback_exits: tuple[DoorId, ...] = field(
        default=(),
        metadata=setting(
            Several(IDENTIFIER, high=DOORS_MAX),
            "Exit readers, by door: whose grant stands in this ledger is outside.",
        ),
    )
    exit_request_clears: bool = field(
        default=True,
        metadata=setting(
            Flag(),
            "Whether a request to exit, which names nobody, forgives everybody inside.",
        ),
    )
    step_up: ScheduleId | None = field(
        default=None,
        metadata=setting(
            IDENTIFIER, "During this schedule one touch is not enough.", "office-hours"
        ),
    )
    step_up_ms: int = field(
        default=SECOND_TOUCH_MS,
        metadata=setting(
            Seconds(1_000, TWO_TOUCHES_MS_MAX),
            "How soon the second touch follows the first.",
        ),
    )
    step_up_group: GroupId | None = field(
        default=None,
        metadata=setting(
            IDENTIFIER,
            "Whose touch the second is, or the first; without it the same holder's.",
            "staff",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Duress:
    """Whom a credential calls that is used under duress. Nothing at the door shows."""

    route: str = field(
        default="none",
        metadata=setting(IDENTIFIER, "Name of the alarm route, for the ledger."),
    )
    socket: str | None = field(
        default=None,
        metadata=setting(
            SOCKET,
            "Unix datagram socket that hears of it, one JSON object each; without it "
            "the ledger alone knows.",
            "/run/keyra-alarm/socket",
        ),
    )
