"""When is a scan dead, and what is done about it: a machine without I/O.

Silence alone proves nothing: most of the time nobody is at a door. So a fault that the
radio's service admits counts at once; silence counts only where the air was not empty
before, and after listening to everything. Then the steps are climbed, from the one
that costs least; after the last one the ladder rests, each time twice as long.

    ALIVE --fault, or silence in an air that had life--> LOST: the first step
    LOST  --its step has had its time, and no better--> LOST: the next step
    LOST  --past the last step, a fault--> LOST: rest, then the first step again
    LOST  --past the last step, silence and no fault--> ALIVE, in an air without life
    LOST  --an advert is heard; or the fault is gone--> ALIVE
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Self

SILENT_MS: Final = 20_000
"""No advert of a key for so long: listen to everything."""

FAULT_MS: Final = 3_000
"""A fault that is over sooner is none: every start of a scan looks like one."""

REST_MS: Final = 30_000
REST_MS_MAX: Final = 900_000
ROUNDS_RECORDED_MAX: Final = 3
"""Later rounds are counted only: an adapter that is gone for weeks fills no ledger."""


class Step(Enum):
    """What can be done about a dead scan, and how long it has to show."""

    wait_ms: int

    def __new__(cls, word: str, wait_ms: int) -> Self:
        """Build a member from its stable word and its time."""
        member = object.__new__(cls)
        member._value_ = word
        member.wait_ms = wait_ms
        return member

    RESTART_SCAN = "restart-scan", 5_000
    POWER_CYCLE = "power-cycle", 8_000
    RESET = "reset", 8_000
    RESTART_SERVICE = "restart-service", 15_000


STEPS: Final = tuple(Step)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Say that the scan is lost, and why."""

    detail: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Say that it is no longer."""

    detail: str


@dataclass(frozen=True, slots=True)
class Climb:
    """Take a step.

    Attributes:
        recorded: whether the ledger is told.
    """

    step: Step
    recorded: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """Listen to everything for a moment."""


Action = Alarm | Clear | Climb | Probe


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known at one moment.

    Attributes:
        fault: what the radio's service or the scan admits; empty for nothing.
        heard_ms: when an advert was last heard, up_ms; None for never.
        probed: what listening to everything came to, if that was just done.
    """

    fault: str = ""
    heard_ms: int | None = None
    probed: bool | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """Where the radio stands.

    Attributes:
        lively: the air has not been empty since it was last found so.
        quiet_since_ms: the last sign of life, or of patience.
        lost: the scan counts as dead.
        fault: the last fault; empty for mere silence.
        fault_since_ms: when it was first seen.
        rung: the next step's index in STEPS; len(STEPS) while resting.
        due_ms: when the next step is taken.
        rounds: how often the whole ladder was climbed in vain.
    """

    quiet_since_ms: int
    lively: bool = False
    lost: bool = False
    fault: str = ""
    fault_since_ms: int = 0
    rung: int = 0
    due_ms: int = 0
    rounds: int = 0


def step(ladder: Ladder, seen: Seen, now_ms: int) -> tuple[Ladder, tuple[Action, ...]]:
    """Return where the radio stands after what was seen, and what to do."""
    heard_ms = now_ms if seen.probed else seen.heard_ms
    if heard_ms is not None and heard_ms > ladder.quiet_since_ms:
        ladder = replace(ladder, quiet_since_ms=heard_ms, lively=True)
        if ladder.lost and not seen.fault:
            return _alive(ladder), (Clear("keys and others are heard again"),)
    if ladder.lost:
        return _climb(ladder, seen, now_ms)
    if seen.fault:
        return _suspect(ladder, seen.fault, now_ms)
    return _listen(replace(ladder, fault=""), seen, now_ms)


def _suspect(
    ladder: Ladder, fault: str, now_ms: int
) -> tuple[Ladder, tuple[Action, ...]]:
    if not ladder.fault:
        return replace(ladder, fault=fault, fault_since_ms=now_ms), ()
    if now_ms - ladder.fault_since_ms < FAULT_MS:
        return ladder, ()
    return _lose(ladder, ladder.fault, now_ms)


def _listen(
    ladder: Ladder, seen: Seen, now_ms: int
) -> tuple[Ladder, tuple[Action, ...]]:
    """Make out what a silence without a fault means."""
    if seen.probed is False and ladder.lively:
        return _lose(ladder, "", now_ms)
    if seen.probed is False:
        return replace(ladder, quiet_since_ms=now_ms), ()
    silent = now_ms - ladder.quiet_since_ms >= SILENT_MS
    return ladder, (Probe(),) if silent else ()


def _lose(ladder: Ladder, fault: str, now_ms: int) -> tuple[Ladder, tuple[Action, ...]]:
    lost = replace(ladder, lost=True, fault=fault, rung=0, due_ms=now_ms, rounds=0)
    climbed, actions = _take(lost, now_ms)
    return climbed, (Alarm(fault or "nothing at all is heard any more"), *actions)


def _climb(
    ladder: Ladder, seen: Seen, now_ms: int
) -> tuple[Ladder, tuple[Action, ...]]:
    """Go on while lost."""
    if ladder.fault and not seen.fault:
        return _alive(replace(ladder, quiet_since_ms=now_ms)), (
            Clear("the adapter scans again"),
        )
    ladder = replace(ladder, fault=seen.fault)
    if now_ms < ladder.due_ms:
        # Silence ends with an advert only: listen while a step has its time.
        return ladder, () if seen.fault or seen.probed is not None else (Probe(),)
    if ladder.rung == len(STEPS):
        if not seen.fault:
            quiet = replace(ladder, lively=False, quiet_since_ms=now_ms)
            return _alive(quiet), (
                Clear("the adapter answers; nobody is near, or its antenna is off"),
            )
        ladder = replace(ladder, rung=0, rounds=ladder.rounds + 1)
    return _take(ladder, now_ms)


def _take(ladder: Ladder, now_ms: int) -> tuple[Ladder, tuple[Action, ...]]:
    """Take the next step, and give it its time; after the last one, rest."""
    rung = STEPS[ladder.rung]
    wait_ms = rung.wait_ms
    if ladder.rung + 1 == len(STEPS) and ladder.fault:
        wait_ms += min(REST_MS << min(ladder.rounds, 5), REST_MS_MAX)
    recorded = ladder.rounds < ROUNDS_RECORDED_MAX
    return (
        replace(ladder, rung=ladder.rung + 1, due_ms=now_ms + wait_ms),
        (Climb(rung, recorded),),
    )


def _alive(ladder: Ladder) -> Ladder:
    return replace(ladder, lost=False, fault="", rung=0, rounds=0)
