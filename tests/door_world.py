"""A gateway's door, keyra-strike and the line together, and the test's own books.

The oracle works out from its books alone what mode there is and whether it holds."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from hypothesis.stateful import (
    RuleBasedStateMachine,
)

from gateway.core.clock_watch import ClockWatch
from gateway.core.door import Door, step
from gateway.core.door_events import (
    Alarm,
    AlarmCleared,
    AlarmForced,
    AlarmHeld,
    Effect,
    Event,
    Hold,
    Lease,
    Ordered,
    OrderOver,
    PreAlarm,
    PreAlarmOver,
    Release,
    Renew,
    Secure,
    Unlock,
    Unused,
)
from gateway.core.door_timing import (
    LEASE_MS,
    DoorTiming,
)
from gateway.core.facts import Mode
from gateway.core.ids import Now
from gateway.core.orders import Order, Why, ordered
from gateway.core.policy import Grant
from gateway.core.position import LedgerPosition
from gateway.strike.line import Output
from gateway.strike.machine import StrikeLimits, StrikeMachine
from gateway.strike.wire import Refusal, Request, Word
from gateway.strike.wiring import Level, Wiring
from tests.touches import HERE, Touches

LIMITS: Final = StrikeLimits(momentary_ms_max=10_000, silence_ms_max=2_000)
ALIVE_MS: Final = 500
DAY_ONE_MS: Final = 100_000
STEPS: Final[Counter[str]] = Counter()
TOUCHES: Final = Touches()


def in_window(now: Now) -> bool:
    """Open in each second minute of the wall clock: the test's own schedule."""
    return now.wall_ms // 120_000 % 2 == 0


class Line:
    """One pin that remembers what it was told, and when."""

    def __init__(self, level: Level) -> None:
        self.trace = [(DAY_ONE_MS, level)]
        self.now_ms = DAY_ONE_MS

    def set(self, level: Level) -> None:
        assert level != self.trace[-1][1], "the line was told what it knew"
        self.trace.append((self.now_ms, level))

    def close(self) -> None:
        """Never: the pin outlives every run."""


@dataclass
class Evidence:
    """From when to when one touch or exit speaks for a released door."""

    since_ms: int
    until_ms: int
    by_grant: bool


@dataclass
class Ordering:
    """One order, as the test remembers it."""

    mode: Mode
    order: Order
    until_ms: int


class DoorWorld(RuleBasedStateMachine):
    """Gateway, strike and pin; `wiring` is set by the test that runs it."""

    wiring: Wiring

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = DAY_ONE_MS
        self.strike = StrikeMachine(LIMITS, self.now_ms)
        assert self.strike.connect(self.now_ms)
        self.line = Line(self.wiring.safe_level)
        self.output = Output(self.line, self.wiring)
        self.door = Door(HERE)
        self.timing = DoorTiming()
        self.evidence: list[Evidence] = []
        self.unlocks: list[Unlock] = []
        self.released_n: list[int] = []
        self.unused_n: list[int] = []
        self.alarms: list[Alarm] = []
        self.undisturbed = True
        self.alive_ms = self.now_ms
        # What the modes come from, by the test's own books.
        self.ordered: dict[Mode, Ordering] = {}
        self.tested_until_ms = 0
        self.schedule_held = False
        self.fire = False
        self.interlocked = False
        self.holds: list[Hold] = []
        self.warned = False
        # The wall clock, which steps as it likes.
        self.ahead_ms = 1_800_000_000_000
        self.trusted = True
        self.watch = ClockWatch()
        self.stood_since_ms = 10**15

    def hear(self, event: Event) -> tuple[Effect, ...]:
        STEPS["events"] += 1
        self.door, effects = step(self.door, event, self.now_ms, self.timing)
        for effect in effects:
            self.obey(effect)
        self.show()
        return effects

    def obey(self, effect: Effect) -> None:
        match effect:
            case Release(serial, duration_ms):
                self.command(Request(Word.RELEASE, serial, duration_ms))
                if serial >= 0:
                    self.released_n.append(serial)
            case Lease(duration_ms):
                assert 1 <= duration_ms <= LEASE_MS
                self.command(Request(Word.LEASE, duration_ms=duration_ms))
            case Secure():
                self.command(Request(Word.SECURE))
            case _:
                self.remember(effect)

    def remember(self, effect: Effect) -> None:
        """Check what the door tells of, against what it told before."""
        match effect:
            case OrderOver(mode, why):
                self.order_over(mode, why)
            case PreAlarm(in_ms):
                assert in_ms == self.timing.pre_alarm_ms
                assert not self.warned
                self.warned = True
            case PreAlarmOver():
                assert self.warned
                self.warned = False
            case Unused(entry):
                self.unused_n.append(entry)
            case AlarmForced():
                self.alarms.append(Alarm.FORCED)
            case AlarmHeld(open_ms):
                self.warned = False
                assert open_ms >= self.timing.held_open_ms
                self.alarms.append(Alarm.HELD)
            case AlarmCleared(alarm):
                assert self.alarms.pop() is alarm

    def order_over(self, mode: Mode, why: Why) -> None:
        if why is Why.SCHEDULE:
            self.schedule_held = False
        elif why is Why.ORDER:
            assert self.ordered.pop(mode).until_ms <= self.now_ms
        else:
            assert self.tested_until_ms <= self.now_ms

    def command(self, request: Request) -> None:
        refusal = self.strike.request(request, self.now_ms)
        if refusal is Refusal.EXIT_RATE:
            self.undisturbed = False
        else:
            assert refusal is None
        if request.word in {Word.RELEASE, Word.LEASE} and refusal is None:
            self.undisturbed = True
        self.alive_ms = self.now_ms

    def show(self) -> None:
        self.line.now_ms = self.now_ms
        self.output.drive(released=self.strike.released)

    def mode(self) -> tuple[Mode, str]:
        """The oracle: which mode, and from what, by the written precedence."""
        until_ms = {mode: one.until_ms for mode, one in self.ordered.items()}
        if self.fire:
            return Mode.LOCKED_OPEN, "fire"
        for mode in (Mode.LOCKED_DOWN, Mode.LOCKED_OPEN, Mode.BLOCKED, Mode.UNLOCKED):
            if until_ms.get(mode, 0) > self.now_ms:
                return mode, "order"
        if self.tested_until_ms > self.now_ms:
            return Mode.UNLOCKED, "self-test"
        if self.schedule_held:
            return Mode.UNLOCKED, "schedule"
        return Mode.LOCKED, "normal"

    def held(self) -> bool:
        """The oracle: whether a mode holds the door released now."""
        mode, why = self.mode()
        holds = mode in {Mode.LOCKED_OPEN, Mode.UNLOCKED}
        return holds and (why == "fire" or not self.interlocked)

    def cut(self) -> None:
        """What denies cuts what keys released, and nothing that an exit did."""
        mode, _ = self.mode()
        if mode in {Mode.LOCKED_DOWN, Mode.BLOCKED} or (
            self.interlocked and not self.fire
        ):
            for evidence in self.evidence:
                if evidence.by_grant:
                    evidence.until_ms = min(evidence.until_ms, self.now_ms)

    def now(self) -> Now:
        err_ms = 5 if self.trusted else -1
        return Now(self.now_ms, self.now_ms + self.ahead_ms, err_ms, "0" * 16)

    def live(self) -> None:
        """What the doorkeeper does twice a second."""
        if self.door.held:
            self.hear(Renew())
        else:
            self.command(Request(Word.ALIVE))

    def forged(self, how: str) -> Unlock:
        grant = TOUCHES.grant(self.now_ms)
        position = TOUCHES.position(grant)
        match how:
            case "grant":
                return Unlock(object.__new__(Grant), position)
            case "position":
                return Unlock(grant, object.__new__(LedgerPosition))
            case "swap":
                return Unlock(TOUCHES.grant(self.now_ms), position)
            case "edit":
                unlock = Unlock(grant, position)
                object.__setattr__(grant, "release_ms", 10_000)
                return unlock
        blank = object.__new__(Unlock)
        object.__setattr__(blank, "grant", grant)
        object.__setattr__(blank, "position", TOUCHES.position(TOUCHES.grant(0)))
        return blank

    def forged_order(self, how: str, order: Order, other: Order) -> Event:
        hold = TOUCHES.hold(order)
        match how:
            case "order":
                return Hold(object.__new__(Order), hold.position)
            case "swap":
                return Hold(other, hold.position)
            case "edit":
                object.__setattr__(order, "until_up_ms", self.now_ms + 1)
                return hold
            case "protecting":
                return TOUCHES.hold(ordered(HERE, Mode.BLOCKED, {}, self.now()))
        return Ordered(order)
