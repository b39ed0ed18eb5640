"""The laws of the door, over random interleavings, down to the level of the line.

The gateway's door machine, keyra-strike's own machine and the wiring run together, on
all four combinations of lock and relay. The test keeps its own account of evidence:
which touch or exit was good for which milliseconds. Nothing else may explain a release.
"""

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from gateway.core.door import Door, Leaf, Lock, step
from gateway.core.door_events import (
    Alarm,
    AlarmCleared,
    AlarmForced,
    AlarmHeld,
    Closed,
    Deadline,
    Effect,
    Egress,
    Event,
    ModeChanged,
    Opened,
    Refused,
    Release,
    Secure,
    Unlock,
    Unused,
    WasOpened,
)
from gateway.core.door_timing import GRANT_AGE_MS_MAX, DoorTiming, Relock
from gateway.core.facts import InputName, Mode
from gateway.core.policy import Grant
from gateway.core.position import LedgerPosition
from gateway.errors import EvidenceError
from gateway.strike.line import Output
from gateway.strike.machine import StrikeLimits, StrikeMachine
from gateway.strike.wire import Refusal, Request, Word
from gateway.strike.wiring import Level, Relay, Wiring
from gateway.strike.wiring import Lock as LockKind
from tests.touches import ELSEWHERE, HERE, Touches

LIMITS: Final = StrikeLimits(momentary_ms_max=10_000, silence_ms_max=2_000)
ALIVE_MS: Final = 500
DAY_ONE_MS: Final = 100_000
STEPS: Final[Counter[str]] = Counter()
TOUCHES: Final = Touches()


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


class DoorLaws(RuleBasedStateMachine):
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

    @initialize(
        relock_on=st.sampled_from(Relock),
        contact=st.sampled_from([True, True, True, False]),
        settling_ms=st.sampled_from([0, 300]),
        known=st.booleans(),
    )
    def install(
        self, relock_on: Relock, *, contact: bool, settling_ms: int, known: bool
    ) -> None:
        self.timing = DoorTiming(
            release_ms=4_000,
            release_ms_max=LIMITS.momentary_ms_max,
            held_open_ms=12_000,
            settling_ms=settling_ms,
            relock_on=relock_on,
            contact=contact,
        )
        if known:
            self.hear(Closed())

    # What the gateway does.

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
            case Secure():
                self.command(Request(Word.SECURE))
            case Unused(entry):
                self.unused_n.append(entry)
            case AlarmForced():
                self.alarms.append(Alarm.FORCED)
            case AlarmHeld(open_ms):
                assert open_ms >= self.timing.held_open_ms
                self.alarms.append(Alarm.HELD)
            case AlarmCleared(alarm):
                assert self.alarms.pop() is alarm

    def command(self, request: Request) -> None:
        refusal = self.strike.request(request, self.now_ms)
        if refusal is Refusal.EXIT_RATE:
            self.undisturbed = False
        else:
            assert refusal is None
        if request.word is Word.RELEASE and refusal is None:
            self.undisturbed = True
        self.alive_ms = self.now_ms

    def show(self) -> None:
        self.line.now_ms = self.now_ms
        self.output.drive(released=self.strike.released)

    # What people and things do.

    @rule(
        release_ms=st.integers(1, LIMITS.momentary_ms_max),
        wait_ms=st.sampled_from([0, 0, 0, 40, GRANT_AGE_MS_MAX + 1]),
        here=st.sampled_from([True, True, True, False]),
    )
    def touch(self, release_ms: int, wait_ms: int, *, here: bool) -> None:
        grant = TOUCHES.grant(self.now_ms, HERE if here else ELSEWHERE, release_ms)
        unlock = Unlock(grant, TOUCHES.position(grant))
        self.time_passes(wait_ms)
        self.unlock(unlock)
        self.unlocks.append(unlock)

    def unlock(self, unlock: Unlock) -> None:
        """Hear it, and judge independently whether it may release."""
        good = (
            unlock.grant.door == HERE
            and unlock not in self.unlocks
            and self.now_ms - unlock.grant.decided_up_ms <= GRANT_AGE_MS_MAX
            and self.door.mode is Mode.LOCKED
        )
        before = self.door
        if good:
            until_ms = self.now_ms + unlock.grant.release_ms
            self.evidence.append(Evidence(self.now_ms, until_ms, by_grant=True))
        effects = self.hear(unlock)
        released = [e for e in effects if isinstance(e, Release)]
        assert bool(released) is good
        if good:
            assert released[0].serial == unlock.position.n
        else:
            assert [e for e in effects if isinstance(e, Refused)]
            assert self.door.released is before.released

    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """The same unlock once more, or the same grant under another entry."""
        if not self.unlocks:
            return
        unlock = data.draw(st.sampled_from(self.unlocks[-4:]))
        if data.draw(st.booleans()):
            position = TOUCHES.position(unlock.grant)
            anew = Unlock(unlock.grant, position)
            effects = self.hear(anew)
            used = unlock.position.n in self.released_n
            if used or self.door.mode is Mode.LOCKED_DOWN:
                assert not [e for e in effects if isinstance(e, Release)]
            elif [e for e in effects if isinstance(e, Release)]:
                # Refused before, in lockdown; still fresh, and released once now.
                grant = unlock.grant
                assert grant.door == HERE
                assert self.now_ms - grant.decided_up_ms <= GRANT_AGE_MS_MAX
                until_ms = self.now_ms + grant.release_ms
                self.evidence.append(Evidence(self.now_ms, until_ms, by_grant=True))
                self.unlocks.append(anew)
                self.unlocks.remove(unlock)
        elif unlock.position.n in self.released_n:
            self.unlock(unlock)

    @rule()
    def cross(self) -> None:
        """Two touches whose releases come in the other order than their entries."""
        grants = [TOUCHES.grant(self.now_ms) for _ in range(2)]
        older, newer = (Unlock(g, TOUCHES.position(g)) for g in grants)
        self.unlock(newer)
        self.unlocks.append(newer)
        if newer.position.n in self.released_n:
            effects = self.hear(older)
            assert not [e for e in effects if isinstance(e, Release)]

    @rule(how=st.sampled_from(["grant", "position", "swap", "edit", "blank"]))
    def forge(self, how: str) -> None:
        before = self.door
        with pytest.raises(EvidenceError):
            step(self.door, self.forged(how), self.now_ms, self.timing)
        assert self.door is before

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

    @rule(which=st.sampled_from([InputName.EXIT_REQUEST, InputName.FIRE]))
    def leave(self, which: InputName) -> None:
        """Getting out works in every mode and every state of the door."""
        until_ms = self.now_ms + self.timing.release_ms
        self.evidence.append(Evidence(self.now_ms, until_ms, by_grant=False))
        effects = self.hear(Egress(which, self.now_ms))
        assert [e for e in effects if isinstance(e, Release)]
        assert self.door.released
        assert self.strike.released or not self.undisturbed

    @rule(again=st.booleans())
    def open(self, *, again: bool) -> None:
        if self.door.ajar and not again:
            return
        allowed = self.door.lock is not Lock.SECURED
        known = self.door.leaf is Leaf.SHUT
        effects = self.hear(Opened())
        if not self.timing.contact:
            assert not effects
        elif known:
            assert (AlarmForced() in effects) is not allowed
            assert any(isinstance(e, WasOpened) for e in effects) is allowed

    @rule()
    def close(self) -> None:
        self.hear(Closed())
        if self.timing.contact:
            assert not self.alarms

    @rule(mode=st.sampled_from(Mode))
    def order(self, mode: Mode) -> None:
        if mode is Mode.LOCKED_DOWN:
            for evidence in self.evidence:
                if evidence.by_grant:
                    evidence.until_ms = min(evidence.until_ms, self.now_ms)
        self.hear(ModeChanged(mode))

    # What time does.

    @rule(duration_ms=st.integers(0, 15_000))
    def time_passes(self, duration_ms: int) -> None:
        """Deadlines and signs of life come on time."""
        end_ms = self.now_ms + duration_ms
        while True:
            dues = [self.alive_ms + ALIVE_MS, self.door.deadline_up_ms or end_ms + 1]
            if (strike_due_ms := self.strike.deadline_ms) is not None:
                dues.append(strike_due_ms)
            if min(dues) > end_ms:
                break
            self.now_ms = max(self.now_ms, min(dues))
            self.hear(Deadline())
            self.strike.pass_time(self.now_ms)
            if self.now_ms >= self.alive_ms + ALIVE_MS:
                self.command(Request(Word.ALIVE))
            self.show()
        self.now_ms = end_ms

    @rule(duration_ms=st.integers(1, 15_000))
    def gateway_hangs(self, duration_ms: int) -> None:
        """Only keyra-strike's own clock goes on; then the gateway comes back."""
        end_ms, heard_ms = self.now_ms + duration_ms, self.alive_ms
        while (due_ms := self.strike.deadline_ms) is not None and due_ms <= end_ms:
            self.now_ms = due_ms
            self.strike.pass_time(due_ms)
            self.show()
            self.within_evidence()
        self.now_ms = end_ms
        if end_ms - heard_ms >= LIMITS.silence_ms_max:
            assert not self.strike.released
            assert not self.strike.has_peer
            assert self.strike.connect(self.now_ms)
        self.undisturbed = False
        self.hear(Deadline())
        self.command(Request(Word.ALIVE))
        self.show()

    @rule()
    def gateway_dies(self) -> None:
        """A new one starts, and knows the mode from its ledger, and nothing else."""
        self.strike.disconnect()
        self.show()
        assert self.line.trace[-1][1] == self.wiring.safe_level
        self.door = Door(HERE, mode=self.door.mode)
        self.evidence.clear()
        self.alarms.clear()
        self.unlocks.clear()
        assert self.strike.connect(self.now_ms)
        self.command(Request(Word.ALIVE))
        self.undisturbed = True

    # What always holds.

    @invariant()
    def within_evidence(self) -> None:
        if self.strike.released:
            assert any(e.since_ms <= self.now_ms < e.until_ms for e in self.evidence), (
                "released without evidence"
            )

    @invariant()
    def line_says_what_the_strike_is(self) -> None:
        level = self.line.trace[-1][1]
        assert self.wiring.released(level) is self.strike.released
        energised = (level == 1) is (self.wiring.relay is Relay.ACTIVE_HIGH)
        fail_secure = self.wiring.lock is LockKind.FAIL_SECURE
        assert energised is (self.strike.released is fail_secure)

    @invariant()
    def strike_follows_the_door(self) -> None:
        if self.undisturbed:
            assert self.strike.released is self.door.released
        else:
            assert self.door.released or not self.strike.released

    @invariant()
    def one_touch_opens_once(self) -> None:
        assert self.released_n == sorted(set(self.released_n))
        assert len(self.unused_n) == len(set(self.unused_n))
        assert set(self.unused_n) <= set(self.released_n)

    @invariant()
    def what_is_timed_has_a_deadline(self) -> None:
        timed = self.door.lock is not Lock.SECURED or self.door.leaf is Leaf.OPEN
        assert (self.door.deadline_up_ms is not None) is timed

    @invariant()
    def memory_is_bounded(self) -> None:
        STEPS["steps"] += 1
        self.evidence = [e for e in self.evidence if e.until_ms > self.now_ms]
        assert len(self.door.spent) <= 64

    def teardown(self) -> None:
        STEPS["edges"] += len(self.line.trace) - 1


@pytest.mark.parametrize("relay", list(Relay), ids=lambda relay: relay.value)
@pytest.mark.parametrize("lock", list(LockKind), ids=lambda lock: lock.value)
def test_the_laws_hold(
    lock: LockKind, relay: Relay, capsys: pytest.CaptureFixture[str]
) -> None:
    STEPS.clear()
    machine = type("DoorLawsOfThis", (DoorLaws,), {"wiring": Wiring(lock, relay)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=120,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    with capsys.disabled():
        sys.stdout.write(
            f"\n  {lock.value}, {relay.value}: {STEPS['steps']:,} steps, "
            f"{STEPS['events']:,} events, {STEPS['edges']:,} edges of the line "
        )
    assert STEPS["edges"] > 0
