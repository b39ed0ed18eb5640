"""What people ask for and what they are shown: policy, purposes, users, health."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gateway.ports import UpkeepFacts
from gateway.service.telemetry import StageFigures
from gateway.service.views import CredentialView, HealthView, HolderView


@dataclass(frozen=True, slots=True)
class SpecialView:
    """Days on which a schedule has hours of its own; no windows: it is closed."""

    days: tuple[str, ...]
    windows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """When a group may pass: as it was written, and on which days otherwise."""

    id: str
    windows: str
    special: tuple[SpecialView, ...]


@dataclass(frozen=True, slots=True)
class LineView:
    """One line of the policy; `first_person` is empty where none must come first."""

    group: str
    schedule: str
    first_person: str


@dataclass(frozen=True, slots=True)
class PolicyRulesView:
    """What the policy in force says.

    Attributes:
        sha256: as the ledger names it; empty before it names any.
        two_person_ms: two holders within this time; 0 = one will do.
        step_up: during this schedule one touch is not enough; empty for none.
    """

    door: str
    zone: str
    sha256: str
    lines: tuple[LineView, ...]
    schedules: tuple[ScheduleView, ...]
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


@dataclass(frozen=True, slots=True)
class RuleView:
    """What one rule says; `denial` is a stable word, or None where it holds."""

    rule: str
    denial: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """What the rules say to a holder at a moment.

    Attributes:
        outcome: "granted", or the first denial's word.
        told_entries: how much of the ledger the answer rests on.
        is_past: as it was then, and not as things stand now.
    """

    holder_id: str
    door: str
    wall_ms: int
    outcome: str
    rules: tuple[RuleView, ...]
    is_past: bool
    told_entries: int


@dataclass(frozen=True, slots=True)
class DayView:
    """What is open on one day, in minutes from its midnight."""

    day: date
    spans: tuple[tuple[int, int], ...]
    special: bool


@dataclass(frozen=True, slots=True)
class WeekLineView:
    """One line of the policy over a week."""

    group: str
    schedule: str
    first_person: str
    days: tuple[DayView, ...]


@dataclass(frozen=True, slots=True)
class WeekView:
    """Seven days from `first` on; `holder_id` is empty where every line is meant."""

    door: str
    zone: str
    first: date
    holder_id: str
    lines: tuple[WeekLineView, ...]


@dataclass(frozen=True, slots=True)
class PurposeView:
    """Why somebody is asked for a touch.

    Attributes:
        ttl_s: how long the question stands.
        user_verification: required, preferred or discouraged.
        built_in: it cannot be deleted.
        changeable: False for what the config alone says.
    """

    name: str
    ttl_s: int
    user_verification: str
    built_in: bool
    changeable: bool


@dataclass(frozen=True, slots=True)
class SettingView:
    """A switch, as it stands, and what it risks.

    Attributes:
        key: section and key of the config that sets it.
        safe: whether it stands where it risks nothing.
    """

    name: str
    value: str
    key: str
    risk: str
    safe: bool


@dataclass(frozen=True, slots=True)
class UserView:
    """A holder as applications know them; aliases are counted, and never told."""

    id: str
    name: str | None
    groups: tuple[str, ...]
    role: str
    state: str
    alias_count: int
    credentials: tuple[CredentialView, ...]

    @classmethod
    def of(
        cls, holder: HolderView, alias_count: int, keys: tuple[CredentialView, ...]
    ) -> "UserView":
        """Show a holder with their keys."""
        state = "suspended" if holder.suspended else "active"
        return cls(
            id=holder.id,
            name=holder.name,
            groups=holder.groups,
            role=holder.role,
            state="erased" if holder.erased else state,
            alias_count=alias_count,
            credentials=keys,
        )


@dataclass(frozen=True, slots=True)
class RadioView:
    """The radio; times in milliseconds since boot.

    Attributes:
        scanning_changed_up_ms: since when it scans, or does not.
        heard_up_ms: when a key's advert was last heard, or None.
        signal_dbm: how well, or None.
        fault: what is wrong with it, one sentence; empty for nothing.
    """

    scanning: bool
    scanning_changed_up_ms: int
    heard_up_ms: int | None
    signal_dbm: int | None
    fault: str


@dataclass(frozen=True, slots=True)
class WellbeingView:
    """How the gateway is, in detail.

    Attributes:
        clock_error_ms: bound of the wall clock's error; -1 while nobody vouches for it.
        gauges: levels, by a name that ends in its unit.
    """

    up_ms: int
    wall_ms: int
    health: HealthView
    radio: RadioView
    clock_error_ms: int
    ledger_entries: int
    upkeep: UpkeepFacts
    stages: Mapping[str, StageFigures]
    gauges: Mapping[str, int]
