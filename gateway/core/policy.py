"""The rules: the only maker of Grant.

`decide` asks the rules below in the order written and answers with the first denial;
`explain` asks all of them, from the same table, for any holder and any moment. Pure:
the same evidence, registry, policy and time give the same answer.

Rules that need the time of day are answered only while the wall clock is believed. For
a door that says "allow" they are answered by the clock as it stands, and the grant says
that it was decided so. A credential's own end counts by the clock as it stands in any
case: an unsynchronised clock lags, and what it has seen end has ended.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from gateway.core.assertion import CREDENTIAL_DENIALS, Verified
from gateway.core.challenge import Purpose
from gateway.core.denial import Deny
from gateway.core.facts import DenialReason, Mode
from gateway.core.ids import CredentialId, DoorId, GroupId, HolderId, Now, ScheduleId
from gateway.core.provenance import Evidence, Maker, genuine
from gateway.core.registry import Credential, Holder, Registry
from gateway.core.schedule import Schedule
from gateway.errors import ConfigError, EvidenceError

VERIFIED_AGE_MS_MAX: Final = 2_000
"""From the verification to the decision; they follow one another without waiting."""

ACCESS_LINES_MAX: Final = 256


class OnUntrustedTime(Enum):
    """What a rule that needs the time answers while the clock is not believed."""

    DENY = "deny"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Access:
    """One line of a door's policy: this group, during this schedule."""

    group: GroupId
    schedule: ScheduleId


@dataclass(frozen=True, slots=True)
class DoorPolicy:
    """Who may pass one door, and when.

    Attributes:
        access: the lines; a holder needs one of their groups' lines to be open.
        schedules: every schedule that a line names.
        zone: the site's time zone.
        release_ms: how long a grant releases the door.

    Raises:
        ConfigError: a line names a schedule that there is not, or there are too many.
    """

    door: DoorId
    access: tuple[Access, ...]
    schedules: Mapping[ScheduleId, Schedule]
    zone: ZoneInfo
    release_ms: int
    mode: Mode = Mode.LOCKED
    on_untrusted_time: OnUntrustedTime = OnUntrustedTime.DENY

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

    def lines(self, holder: Holder) -> list[Access]:
        """Return the lines of a holder's groups, those without a time first."""
        lines = [
            line
            for group in holder.groups
            for line in self.access
            if line.group == group
        ]
        return sorted(lines, key=lambda line: self.schedules[line.schedule].needs_time)

    def open_line(self, lines: Iterable[Access], wall_ms: int) -> Access | None:
        """Return the first of the lines whose schedule is open."""
        for line in lines:
            if self.schedules[line.schedule].is_open(wall_ms, self.zone):
                return line
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Grant(Evidence):
    """This answer opens this door. Made only here; moves nothing before its entry.

    Attributes:
        rule: the line of the door's policy that let the holder in.
        decided_up_ms: when, in milliseconds since boot.
        time_trusted: False if a rule needed the time and the clock was not believed.
    """

    verified: Verified
    door: DoorId
    release_ms: int
    rule: Access
    decided_up_ms: int
    time_trusted: bool


_GRANTS: Final = Maker(Grant)


@dataclass(slots=True)
class Request:
    """Somebody wants to pass.

    Attributes:
        by_key: False where only a holder is asked about.
        lines: the policy's lines of the holder's groups.
        line: the first of them that is open now, or None.
        needs_time: whether another time of day could give another answer.
    """

    policy: DoorPolicy
    now: Now
    holder: Holder | None
    credential: Credential | None
    by_key: bool
    lines: list[Access] = field(init=False)
    line: Access | None = field(init=False)
    needs_time: bool = field(init=False)

    def __post_init__(self) -> None:
        policy, holder = self.policy, self.holder
        self.lines = [] if holder is None else policy.lines(holder)
        self.line = policy.open_line(self.lines, self.now.wall_ms)
        self.needs_time = (
            (self.credential is not None and self.credential.until_ms > 0)
            or (holder is not None and (holder.from_ms > 0 or holder.until_ms > 0))
            or any(
                policy.schedules[line.schedule].needs_time for line in self.lines[:1]
            )
        )


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """What one rule says.

    Attributes:
        rule: its stable name.
        denial: why it denies, or None where it holds.
    """

    rule: str
    denial: DenialReason | None

    @property
    def sentence(self) -> str:
        """The answer for people."""
        return "This rule holds." if self.denial is None else self.denial.sentence


def decide(
    verified: Verified, registry: Registry, policy: DoorPolicy, now: Now
) -> Grant | Deny:
    """Decide whether a verified answer opens the door.

    Args:
        verified: made by assertion, a moment ago, for this door.
        registry: as it stands now; a suspension just recorded counts.
        policy: the door's, with its present mode.
        now: when.

    Raises:
        EvidenceError: `verified` is forged, of another door or purpose, or stale.
    """
    _check(verified, policy, now)
    holder = registry.holder(verified.holder_id)
    credential = registry.credential(verified.credential_id)
    request = Request(policy, now, holder, credential, by_key=True)
    denial = next((a.denial for a in _answers(request) if a.denial is not None), None)
    if denial is not None or request.line is None:
        return Deny(
            reason=denial or DenialReason.OUTSIDE_HOURS,
            door=policy.door,
            credential_id=verified.credential_id,
            holder_id=verified.holder_id,
            counter=verified.counter,
            answer=verified.answer,
        )
    return Grant(
        _GRANTS,
        verified=verified,
        door=policy.door,
        release_ms=policy.release_ms,
        rule=request.line,
        decided_up_ms=now.up_ms,
        time_trusted=now.wall_is_trusted or not request.needs_time,
    )


def explain(
    holder_id: HolderId,
    registry: Registry,
    policy: DoorPolicy,
    now: Now,
    credential_id: CredentialId | None = None,
) -> list[RuleAnswer]:
    """Return every rule's answer, for a moment that may be past or to come.

    Args:
        holder_id: who would ask.
        registry: as it stands.
        policy: the door's.
        now: the moment; its `wall_ms` is what counts.
        credential_id: with which key; None to leave keys out of it.
    """
    return list(
        _answers(
            Request(
                policy,
                now,
                registry.holder(holder_id),
                None if credential_id is None else registry.credential(credential_id),
                by_key=credential_id is not None,
            )
        )
    )


def _check(verified: Verified, policy: DoorPolicy, now: Now) -> None:
    genuine(verified, Verified)
    if verified.purpose is not Purpose.DOOR_UNLOCK:
        raise EvidenceError(f"An answer for {verified.purpose.value} opens no door.")
    if verified.door != policy.door:
        raise EvidenceError(
            f"An answer for door {verified.door} does not open door {policy.door}."
        )
    if not 0 <= now.up_ms - verified.verified_up_ms <= VERIFIED_AGE_MS_MAX:
        raise EvidenceError(
            f"An answer is decided within {VERIFIED_AGE_MS_MAX} ms of its verification."
        )


def _lockdown(request: Request) -> DenialReason | None:
    locked_down = request.policy.mode is Mode.LOCKED_DOWN
    return DenialReason.LOCKDOWN if locked_down else None


def _credential(request: Request) -> DenialReason | None:
    if not request.by_key:
        return None
    if request.credential is None:
        return DenialReason.CREDENTIAL_UNKNOWN
    return CREDENTIAL_DENIALS[request.credential.state_at(request.now.wall_ms)]


def _holder(request: Request) -> DenialReason | None:
    return DenialReason.HOLDER_UNKNOWN if request.holder is None else None


def _holder_state(request: Request) -> DenialReason | None:
    suspended = request.holder is not None and request.holder.suspended
    return DenialReason.HOLDER_SUSPENDED if suspended else None


def _clock(request: Request) -> DenialReason | None:
    answered = (
        request.now.wall_is_trusted
        or request.policy.on_untrusted_time is OnUntrustedTime.ALLOW
        or not request.needs_time
    )
    return None if answered else DenialReason.TIME_UNTRUSTED


def _valid_from(request: Request) -> DenialReason | None:
    holder = request.holder
    early = holder is not None and request.now.wall_ms < holder.from_ms
    return DenialReason.HOLDER_NOT_YET_VALID if early else None


def _valid_until(request: Request) -> DenialReason | None:
    holder = request.holder
    late = holder is not None and 0 < holder.until_ms <= request.now.wall_ms
    return DenialReason.HOLDER_EXPIRED if late else None


def _door(request: Request) -> DenialReason | None:
    allowed = request.holder is None or bool(request.lines)
    return None if allowed else DenialReason.DOOR_NOT_ALLOWED


def _hours(request: Request) -> DenialReason | None:
    inside = not request.lines or request.line is not None
    return None if inside else DenialReason.OUTSIDE_HOURS


Rule: TypeAlias = Callable[[Request], DenialReason | None]

RULES: Final[tuple[tuple[str, Rule], ...]] = (
    ("lockdown", _lockdown),
    ("credential", _credential),
    ("holder", _holder),
    ("holder-state", _holder_state),
    ("clock", _clock),
    ("valid-from", _valid_from),
    ("valid-until", _valid_until),
    ("door", _door),
    ("hours", _hours),
)
"""Every rule, in the order in which they are asked; the first denial decides."""


def _answers(request: Request) -> Iterator[RuleAnswer]:
    return (RuleAnswer(name, rule(request)) for name, rule in RULES)
