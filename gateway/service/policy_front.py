"""The policy for people: as it is in force, over a week, and asked about any moment.

Nothing here decides: it asks the rules that the door asks (core.policy). A moment in
the past is answered as it was then, from the ledger read up to there, beside the door
and within a bound; one to come, as things stand now.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from gateway.core.encoding import to_base64url
from gateway.core.facts import Mode
from gateway.core.ids import CredentialId, HolderId, Now
from gateway.core.policy import DoorPolicy, explain, judge
from gateway.core.policy_standing import PolicyStanding
from gateway.core.registry import Registry
from gateway.core.schedule import Schedule, local_day, span_text
from gateway.core.week import LineHours, week_of
from gateway.errors import HolderUnknownError, RegistryError
from gateway.ports import Aside, Clock, History
from gateway.service.front_views import (
    DayView,
    ExplanationView,
    LineView,
    PolicyRulesView,
    RuleView,
    ScheduleView,
    SpecialView,
    WeekLineView,
    WeekView,
)
from gateway.service.past import Past, past_at

PAST_ENTRIES_MAX: Final = 50_000
"""What is read of the ledger for one question; beyond, `keyra explain` reads it in a
process of its own, which no touch waits for."""
PRESENT_MS: Final = 60_000
"""What is not longer ago is answered as of now: clocks differ."""
WEEKS_AWAY_MAX: Final = 52 * 10
GRANTED: Final = "granted"
SPECIAL_DAYS_SHOWN_MAX: Final = 400


class PolicyFront:
    """Answers questions about one door's policy."""

    def __init__(
        self,
        *,
        policy: Callable[[], DoorPolicy],
        mode: Callable[[], Mode],
        earlier: Callable[[PolicyStanding | None], DoorPolicy],
        registry: Registry,
        history: History,
        aside: Aside,
        clock: Clock,
    ) -> None:
        """Ask about one door.

        Args:
            policy: returns the one in force.
            mode: returns the door's.
            earlier: returns the one that an entry named.
            registry: as the ledger has it now.
            history: the ledger, for what was.
            aside: where it is read.
            clock: says what is past.
        """
        self._policy: Final = policy
        self._mode: Final = mode
        self._earlier: Final = earlier
        self._registry: Final = registry
        self._history: Final = history
        self._aside: Final = aside
        self._clock: Final = clock

    def rules(self) -> PolicyRulesView:
        """Return what the policy in force says."""
        policy, standing = self._policy(), self._registry.policy
        rules = policy.rules
        return PolicyRulesView(
            door=policy.door,
            zone=policy.zone.key,
            sha256="" if standing is None else standing.sha256,
            lines=tuple(
                LineView(line.group, line.schedule, line.first_person or "")
                for line in policy.access
            ),
            schedules=tuple(
                _schedule_view(name, schedule)
                for name, schedule in sorted(policy.schedules.items())
            ),
            on_untrusted_time=policy.on_untrusted_time.value,
            two_person_ms=rules.two_person_ms,
            passback=rules.passback.value,
            passback_forgiven_ms=rules.passback_forgiven_ms,
            passback_exits=tuple(sorted(rules.passback_exits)),
            exit_request_clears=rules.exit_request_clears,
            step_up=rules.step_up or "",
            step_up_ms=rules.step_up_ms,
            step_up_group=rules.step_up_group or "",
            duress_route=rules.duress_route,
        )

    async def explain(
        self, holder_id: str, door: str = "", at: str = "", key: str = ""
    ) -> ExplanationView:
        """Return every rule's answer to a holder.

        Args:
            holder_id: who would ask; who is not registered is denied.
            door: which; empty for this one.
            at: when, as ISO 8601 and in the site's zone unless it says its own; empty
                for now.
            key: the beginning of their key's id; empty to leave keys out of it.

        Raises:
            RegistryError: the door is another one; the moment is none, or so long ago
                that too much of the ledger would have to be read; no key, or several,
                are called so.
            JournalError: the ledger cannot be read.
        """
        policy, now = self._policy(), self._clock.now()
        if door not in {"", policy.door}:
            raise RegistryError(
                f"This gateway is of door {policy.door}: ask that of {door:.64}."
            )
        asked_ms = self._moment(at) if at else now.wall_ms
        is_past = asked_ms < now.wall_ms - PRESENT_MS
        if is_past:
            past = await self._aside.run(lambda: self._past(asked_ms))
            registry, mode = past.registry, past.mode
            policy = self._earlier(registry.policy)
            moment = Now(0, asked_ms, 0, "")
        else:
            registry, mode = self._registry, self._mode()
            moment = now if not at else _later(now, asked_ms)
        holder = HolderId(holder_id)
        policy = replace(policy, mode=mode)
        credential = _key(registry, holder, key) if key else None
        answers = explain(holder, registry, policy, moment, credential)
        judged = judge(holder, registry, policy, moment, credential)
        return ExplanationView(
            holder_id=holder_id,
            door=policy.door,
            wall_ms=moment.wall_ms,
            outcome=GRANTED if judged.denial is None else judged.denial.value,
            rules=tuple(
                RuleView(one.rule, one.denial and one.denial.value, one.sentence)
                for one in answers
            ),
            is_past=is_past,
            told_entries=registry.entries,
        )

    def _past(self, wall_ms: int) -> Past:
        size, base = self._history.size(), self._history.base()
        if size - base > PAST_ENTRIES_MAX:
            raise RegistryError(
                f"For a moment in the past {PAST_ENTRIES_MAX} entries are read here, "
                f"and the ledger has {size - base}: run `keyra explain` on the "
                "machine, which reads them all without holding up the door."
            )
        return past_at(self._history, wall_ms)

    def week(self, first: date | None = None, holder_id: str = "") -> WeekView:
        """Lay out the policy's hours over seven days.

        Args:
            first: the first day; None for the Monday of this week.
            holder_id: for whom; empty for every line.

        Raises:
            HolderUnknownError: there is no such holder.
            RegistryError: the week is too far away.
        """
        policy = self._policy()
        today = local_day(self._clock.now().wall_ms, policy.zone)
        monday = today - timedelta(days=today.weekday())
        first = monday if first is None else first
        if abs((first - monday).days) > WEEKS_AWAY_MAX * 7:
            raise RegistryError("Ask about a week within ten years.")
        holder = self._registry.holder(HolderId(holder_id)) if holder_id else None
        if holder_id and holder is None:
            raise HolderUnknownError("No holder has this id; list them with their ids.")
        return WeekView(
            door=policy.door,
            zone=policy.zone.key,
            first=first,
            holder_id=holder_id,
            lines=tuple(_line_view(line) for line in week_of(policy, first, holder)),
        )

    def _moment(self, text: str) -> int:
        try:
            when = datetime.fromisoformat(text)
            if when.tzinfo is None:
                when = when.replace(tzinfo=self._policy().zone)
            wall_ms = int(when.timestamp() * 1000)
        except (ValueError, OverflowError):
            wall_ms = -1
        if wall_ms < 0:
            raise RegistryError(
                f"{text[:40]!a} is no moment; write it as 2026-12-24T08:00."
            )
        return wall_ms


def _later(now: Now, wall_ms: int) -> Now:
    """Return a moment to come, at which somebody will vouch for the clock."""
    passes_ms = max(0, wall_ms - now.wall_ms)
    return Now(now.up_ms + passes_ms, wall_ms, max(0, now.err_ms), now.boot)


def _schedule_view(name: str, schedule: Schedule) -> ScheduleView:
    special = tuple(
        SpecialView(
            tuple(one.days.texts()[:SPECIAL_DAYS_SHOWN_MAX]),
            tuple(map(span_text, one.windows)),
        )
        for one in schedule.special
    )
    return ScheduleView(name, schedule.text, special)


def _line_view(hours: LineHours) -> WeekLineView:
    line = hours.line
    days = tuple(DayView(one.day, one.spans, one.special) for one in hours.days)
    return WeekLineView(line.group, line.schedule, line.first_person or "", days)


def _key(registry: Registry, holder: HolderId, wanted: str) -> CredentialId:
    """Return the one key of the holder whose id begins so."""
    found = [
        one.id
        for one in registry.credentials_of(holder)
        if to_base64url(one.id).startswith(wanted)
    ]
    if len(found) != 1:
        raise RegistryError(
            f"{len(found)} keys of {holder} have an id that begins with {wanted[:60]}; "
            "see `keyra credentials`."
        )
    return found[0]
