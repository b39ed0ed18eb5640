"""The rules in their one order. Each answers for itself alone, whatever the others say.

A rule is asked about a Request, which has looked everything up once. Rules that need
the time of day are answered only while the wall clock is believed; for a door that says
"allow" they are answered by the clock as it stands.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from gateway.core.assertion import CREDENTIAL_DENIALS
from gateway.core.door_policy import Access, DoorPolicy, OnUntrustedTime, Passback
from gateway.core.facts import DenialReason, Mode
from gateway.core.holder import Holder
from gateway.core.ids import GroupId, Now
from gateway.core.passages import Waiting, age_ms
from gateway.core.registry import Credential, Registry
from gateway.core.schedule import local_day


@dataclass(slots=True)
class Request:
    """Somebody wants to pass.

    Attributes:
        by_key: False where only a holder is asked about.
        lines: the policy's lines of the holder's groups.
        open_lines: those of them whose schedule is open now.
        line: the first of these whose first person has come, or None.
    """

    policy: DoorPolicy
    registry: Registry
    now: Now
    holder: Holder | None
    credential: Credential | None
    by_key: bool
    lines: list[Access] = field(init=False)
    open_lines: list[Access] = field(init=False)
    line: Access | None = field(init=False)

    def __post_init__(self) -> None:
        self.lines = [] if self.holder is None else self.policy.lines(self.holder)
        self.open_lines = [line for line in self.lines if self._is_open(line)]
        self.line = next(filter(self._first_person_is_in, self.open_lines), None)

    @property
    def needs_time(self) -> bool:
        """Whether another time of day could give another answer."""
        credential, holder, policy = self.credential, self.holder, self.policy
        step_up = policy.rules.step_up
        return (
            (credential is not None and credential.until_ms > 0)
            or (step_up is not None and policy.schedules[step_up].needs_time)
            or (holder is not None and self._holder_needs_time(holder))
        )

    def _holder_needs_time(self, holder: Holder) -> bool:
        policy = self.policy
        return (
            holder.from_ms > 0
            or holder.until_ms > 0
            or any(policy.needs_time(line, holder) for line in self.lines[:1])
            or self._presence_is_of_another_boot(holder)
        )

    def _presence_is_of_another_boot(self, holder: Holder) -> bool:
        passages, policy = self.registry.passages, self.policy
        last = passages.of_holder(policy.door, holder.id).last
        return (
            policy.rules.passback is Passback.HARD
            and last is not None
            and last.at.boot != self.now.boot
            and not self._is_outside(holder, last.entry)
        )

    def _is_open(self, line: Access, *, special: bool = True) -> bool:
        policy, wall_ms = self.policy, self.now.wall_ms
        schedule = policy.schedules[line.schedule]
        return schedule.day_of(wall_ms, policy.zone, special=special) is not None

    def _first_person_is_in(self, line: Access) -> bool:
        group = line.first_person
        if group is None or (self.holder is not None and group in self.holder.groups):
            return True
        return came_in_on_the_day(self.registry, self.policy, line, group, self.now)

    @property
    def closed_today_only(self) -> bool:
        """Whether a line would be open if this day were like any other."""
        return any(self._is_open(line, special=False) for line in self.lines)

    @property
    def passes_again(self) -> bool:
        """Whether the holder came in, has not come out since, and is not forgiven."""
        if self.holder is None:
            return False
        last = self.registry.passages.of_holder(self.policy.door, self.holder.id).last
        if last is None or self._is_outside(self.holder, last.entry):
            return False
        age = age_ms(last.at, self.now)
        return age is not None and age < self.policy.rules.passback_forgiven_ms

    def _is_outside(self, holder: Holder, entry: int) -> bool:
        """Tell whether something after that passage in took the holder out."""
        passages, rules = self.registry.passages, self.policy.rules
        if rules.exit_request_clears and passages.exit_entry(self.policy.door) > entry:
            return True
        ways_out = [passages.of_holder(d, holder.id).last for d in rules.passback_exits]
        return any(out is not None and out.entry > entry for out in ways_out)

    @property
    def is_sensitive(self) -> bool:
        """Whether one touch is not enough now."""
        policy = self.policy
        step_up = policy.rules.step_up
        return step_up is not None and policy.schedules[step_up].is_open(
            self.now.wall_ms, policy.zone
        )

    def second_person(self) -> Waiting | None:
        """Return the touch of another holder that makes two, or None."""
        return self._touch(
            self.policy.rules.two_person_ms,
            lambda other: self.holder is not None and other.id != self.holder.id,
        )

    def step_up(self) -> Waiting | None:
        """Return the earlier touch that makes this one a second, or None."""
        return self._touch(self.policy.rules.step_up_ms, self._steps_up)

    def _steps_up(self, other: Holder) -> bool:
        group = self.policy.rules.step_up_group
        if self.holder is None:
            return False
        if group is None:
            return other.id == self.holder.id
        return other.id != self.holder.id and (
            group in self.holder.groups or group in other.groups
        )

    def _touch(self, within_ms: int, suits: Callable[[Holder], bool]) -> Waiting | None:
        """Return the newest suitable touch whose every personal rule holds now."""
        for waiting in reversed(self.registry.passages.waiting(self.policy.door)):
            age = age_ms(waiting.at, self.now)
            other = self.registry.holder(waiting.holder_id)
            if age is None or age > within_ms or other is None or not suits(other):
                continue
            if all(rule(self._of(waiting, other)) is None for rule in _PERSONAL):
                return waiting
        return None

    def _of(self, waiting: Waiting, holder: Holder) -> "Request":
        key, registry = waiting.credential_id, self.registry
        credential = None if key is None else registry.credential(key)
        by_key = key is not None
        return Request(self.policy, registry, self.now, holder, credential, by_key)


def came_in_on_the_day(
    registry: Registry, policy: DoorPolicy, line: Access, group: GroupId, now: Now
) -> bool:
    """Tell whether one of `group` came in on the day of the line's open window."""
    day = policy.schedules[line.schedule].day_of(now.wall_ms, policy.zone)
    passage = registry.passages.of_group(policy.door, group).last
    age = None if passage is None else age_ms(passage.at, now)
    if day is None or age is None:
        return False
    return local_day(now.wall_ms - age, policy.zone) >= day


def _lockdown(request: Request) -> DenialReason | None:
    match request.policy.mode:
        case Mode.LOCKED_DOWN:
            return DenialReason.LOCKDOWN
        case Mode.BLOCKED:
            return DenialReason.DOOR_BLOCKED
    return None


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


def _policy(request: Request) -> DenialReason | None:
    return None if request.policy.usable else DenialReason.POLICY_UNAVAILABLE


def _valid_from(request: Request) -> DenialReason | None:
    holder = request.holder
    early = holder is not None and request.now.wall_ms < holder.from_ms
    return DenialReason.HOLDER_NOT_YET_VALID if early else None


def _valid_until(request: Request) -> DenialReason | None:
    holder = request.holder
    late = holder is not None and 0 < holder.until_ms <= request.now.wall_ms
    return DenialReason.HOLDER_EXPIRED if late else None


def _uses(request: Request) -> DenialReason | None:
    holder = request.holder
    if holder is None or holder.uses_max == 0:
        return None
    used = request.registry.passages.of_holder(request.policy.door, holder.id).count
    return DenialReason.PASS_USED_UP if used >= holder.uses_max else None


def _door(request: Request) -> DenialReason | None:
    allowed = request.holder is None or bool(request.lines)
    return None if allowed else DenialReason.DOOR_NOT_ALLOWED


def _holiday(request: Request) -> DenialReason | None:
    closed = not request.open_lines and request.closed_today_only
    return DenialReason.HOLIDAY if closed else None


def _hours(request: Request) -> DenialReason | None:
    outside = request.lines and not request.open_lines and not request.closed_today_only
    return DenialReason.OUTSIDE_HOURS if outside else None


def _first_person(request: Request) -> DenialReason | None:
    absent = request.open_lines and request.line is None
    return DenialReason.FIRST_PERSON_ABSENT if absent else None


def _passback(request: Request) -> DenialReason | None:
    hard = request.policy.rules.passback is Passback.HARD
    return DenialReason.PASSBACK if hard and request.passes_again else None


def _two_person(request: Request) -> DenialReason | None:
    if not request.policy.rules.two_person_ms or request.second_person() is not None:
        return None
    return DenialReason.SECOND_PERSON_NEEDED


def _step_up(request: Request) -> DenialReason | None:
    if not request.is_sensitive or request.step_up() is not None:
        return None
    return DenialReason.STEP_UP_NEEDED


Rule: TypeAlias = Callable[[Request], DenialReason | None]

_PERSONAL: Final[tuple[Rule, ...]] = (
    _credential,
    _holder_state,
    _clock,
    _valid_from,
    _valid_until,
    _uses,
    _door,
    _holiday,
    _hours,
    _first_person,
    _passback,
)
"""What must hold for the first of two touches too, when the second one comes."""

RULES: Final[tuple[tuple[str, Rule], ...]] = (
    ("lockdown", _lockdown),
    ("policy", _policy),
    ("credential", _credential),
    ("holder", _holder),
    ("holder-state", _holder_state),
    ("clock", _clock),
    ("valid-from", _valid_from),
    ("valid-until", _valid_until),
    ("uses", _uses),
    ("door", _door),
    ("holiday", _holiday),
    ("hours", _hours),
    ("first-person", _first_person),
    ("passback", _passback),
    ("two-person", _two_person),
    ("step-up", _step_up),
)
"""Every rule, in the order in which they are asked; the first denial decides."""
