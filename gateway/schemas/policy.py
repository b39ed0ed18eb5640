"""The API's models of policy, purposes and settings; see the package for the rules."""

from datetime import date
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from gateway.schemas import (
    CREDENTIAL_ID_CHARS_MAX,
    Identifier,
    Incoming,
    Outgoing,
)
from gateway.schemas.parts import WHOLE

MOMENT_CHARS_MAX: Final = 40
TTL_S_MAX: Final = 86_400

Verification = Annotated[
    str, StringConstraints(pattern=r"^(required|preferred|discouraged)$")
]


class SpecialHours(Outgoing):
    """Days on which a schedule has hours of its own; no windows: it is closed."""

    days: tuple[str, ...]
    windows: tuple[str, ...]


class Schedule(Outgoing):
    """When a group may pass: as it was written, and on which days otherwise."""

    id: str
    windows: str
    special: tuple[SpecialHours, ...]


class PolicyLine(Outgoing):
    """A group passes during a schedule, once `first_person` came in (or empty)."""

    group: str
    schedule: str
    first_person: str


class PolicyRules(Outgoing):
    """What the policy in force says; empty words and zeros: a rule asks nothing."""

    door: str
    zone: str
    sha256: str
    lines: tuple[PolicyLine, ...]
    schedules: tuple[Schedule, ...]
    on_untrusted_time: str
    two_person_ms: int
    passback: str
    passback_forgiven_ms: int
    passback_exits: tuple[str, ...]
    exit_request_clears: bool
    step_up: str
    step_up_ms: int
    step_up_group: str
    duress_route: str


class Question(Incoming):
    """Who would ask, at which door, when and with which key."""

    holder_id: Identifier
    door: Identifier | Annotated[str, Field(max_length=0)] = ""
    at: Annotated[str, Field(max_length=MOMENT_CHARS_MAX)] = Field(
        default="",
        description="ISO 8601, in the site's zone unless it says its own; empty: now.",
    )
    key: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=CREDENTIAL_ID_CHARS_MAX)
    ] = Field(default="", description="The beginning of an id; empty for no key.")


class RuleAnswer(Outgoing):
    """What one rule says; `denial` is a stable word, or null where it holds."""

    rule: str
    denial: str | None
    sentence: str


class Explanation(Outgoing):
    """What the rules say to a holder at a moment.

    `outcome` is "granted" or the first denial's word. Where `is_past`, it is as it was
    then, told by `told_entries` of the ledger; else as things stand now.
    """

    holder_id: str
    door: str
    wall_ms: int
    outcome: str
    rules: tuple[RuleAnswer, ...]
    is_past: bool
    told_entries: int


class DayHours(Outgoing):
    """What is open on one day: spans in minutes from midnight, end exclusive."""

    day: date
    spans: tuple[tuple[int, int], ...]
    special: bool = Field(description="A holiday, or a day with hours of its own.")


class WeekLine(Outgoing):
    """One line of the policy over a week."""

    group: str
    schedule: str
    first_person: str
    days: tuple[DayHours, ...]


class Week(Outgoing):
    """Seven days of the policy; `holder_id` is empty where every line is meant."""

    door: str
    zone: str
    first: date
    holder_id: str
    lines: tuple[WeekLine, ...]


class Purpose(Outgoing):
    """Why somebody is asked for a touch, for how long, and how it is verified."""

    name: str
    ttl_s: int
    user_verification: str
    built_in: bool = Field(description="It cannot be deleted.")
    changeable: bool = Field(description="False for what the config alone says.")


class PurposeChange(Incoming):
    """A purpose as it is to be."""

    ttl_s: Annotated[int, Field(strict=True, ge=10, le=TTL_S_MAX), WHOLE]
    user_verification: Verification = "required"


class Setting(Outgoing):
    """A switch as it stands, where it is set, and what it risks."""

    name: str
    value: str
    key: str = Field(description="Section and key of the config that sets it.")
    risk: str
    safe: bool = Field(description="Whether it stands where it risks nothing.")
