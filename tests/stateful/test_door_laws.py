"""The laws of the door, over random interleavings, down to the level of the line.

The gateway's door machine, keyra-strike's own machine and the wiring run together, on
all four combinations of lock and relay. The test keeps its own account of evidence:
which touch, exit, order, schedule or fire was good for which milliseconds, worked out
without asking the door. Nothing else may explain a release.
"""

import sys

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from gateway.core.clock_watch import SETTLED_MS, STEP_MS_MIN, ClockWatch
from gateway.core.door import Door, Holding, Leaf, Lock, step
from gateway.core.door_events import (
    AlarmForced,
    Closed,
    Deadline,
    Egress,
    FireOver,
    InterlockSaid,
    Lifted,
    Opened,
    Ordered,
    Refused,
    Release,
    ScheduleSaid,
    Unlock,
    WasOpened,
)
from gateway.core.door_timing import (
    GRANT_AGE_MS_MAX,
    NEVER,
    ORDER_AGE_MS_MAX,
    DoorTiming,
    Relock,
)
from gateway.core.facts import InputName, Mode
from gateway.core.orders import ordered, resumed, scheduled, self_test
from gateway.errors import EvidenceError
from gateway.strike.wire import Request, Word
from gateway.strike.wiring import Lock as LockKind
from gateway.strike.wiring import Relay, Wiring
from tests.door_world import (
    ALIVE_MS,
    LIMITS,
    STEPS,
    TOUCHES,
    DoorWorld,
    Evidence,
    Ordering,
    in_window,
)
from tests.touches import ELSEWHERE, HERE


class DoorLaws(DoorWorld):
    """Gateway, strike and pin; `wiring` is set by the test that runs it."""

    @initialize(
        relock_on=st.sampled_from(Relock),
        contact=st.sampled_from([True, True, True, False]),
        settling_ms=st.sampled_from([0, 300]),
        pre_alarm_ms=st.sampled_from([0, 5_000]),
        known=st.booleans(),
        first_person=st.sampled_from([False, False, True]),
    )
    def install(
        self,
        relock_on: Relock,
        *,
        contact: bool,
        settling_ms: int,
        pre_alarm_ms: int,
        known: bool,
        first_person: bool,
    ) -> None:
        self.timing = DoorTiming(
            release_ms=4_000,
            release_ms_max=LIMITS.momentary_ms_max,
            held_open_ms=12_000,
            settling_ms=settling_ms,
            relock_on=relock_on,
            contact=contact,
            pre_alarm_ms=pre_alarm_ms,
            first_person=first_person,
        )
        if known:
            self.hear(Closed())

    # What the gateway does.

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
            and self.mode()[0] not in {Mode.LOCKED_DOWN, Mode.BLOCKED}
            and (self.fire or not self.interlocked)
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
            assert [e.why for e in effects if isinstance(e, Refused)]

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
            if used or self.mode()[0] in {Mode.LOCKED_DOWN, Mode.BLOCKED}:
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

    @rule()
    def leave(self) -> None:
        """Getting out works in every mode and every state of the door."""
        until_ms = self.now_ms + self.timing.release_ms
        self.evidence.append(Evidence(self.now_ms, until_ms, by_grant=False))
        effects = self.hear(Egress(InputName.EXIT_REQUEST, self.now_ms))
        assert [e for e in effects if isinstance(e, Release)]
        assert self.door.released
        assert self.strike.released or not self.undisturbed

    @rule(again=st.booleans())
    def open(self, *, again: bool) -> None:
        if self.door.ajar and not again:
            return
        self.hear(Deadline())
        allowed = (
            self.door.lock is not Lock.SECURED or self.door.holding is not Holding.FREE
        )
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

    # What the modes come from.

    @rule(
        mode=st.sampled_from([Mode.LOCKED_DOWN, Mode.BLOCKED]),
        for_ms=st.sampled_from([0, 1, 700, 20_000]),
    )
    def protect(self, mode: Mode, for_ms: int) -> None:
        order = ordered(HERE, mode, {}, self.now(), for_ms)
        self.ordered[mode] = Ordering(mode, order, order.until_up_ms)
        self.cut()
        self.hear(Ordered(order))

    @rule(
        mode=st.sampled_from([Mode.UNLOCKED, Mode.LOCKED_OPEN]),
        for_ms=st.sampled_from([0, 1, 700, 20_000]),
        wait_ms=st.sampled_from([0, 0, 0, 300, ORDER_AGE_MS_MAX + 1]),
        here=st.sampled_from([True, True, True, False]),
    )
    def hold(self, mode: Mode, for_ms: int, wait_ms: int, *, here: bool) -> None:
        order = ordered(HERE if here else ELSEWHERE, mode, {}, self.now(), for_ms)
        hold = TOUCHES.hold(order)
        self.time_passes(wait_ms)
        good = here and wait_ms <= ORDER_AGE_MS_MAX and order.until_up_ms > self.now_ms
        if good:
            self.ordered[mode] = Ordering(mode, order, order.until_up_ms)
        effects = self.hear(hold)
        assert any(isinstance(e, Refused) for e in effects) is not good
        self.holds.append(hold)

    @rule(data=st.data())
    def hold_again(self, data: st.DataObject) -> None:
        """A Hold is good for once, also after it was lifted or replaced."""
        if self.holds:
            hold = data.draw(st.sampled_from(self.holds[-4:]))
            if hold.position.n <= self.door.last_order_n:
                before = self.door
                effects = self.hear(hold)
                assert [e for e in effects if isinstance(e, Refused)]
                assert self.door.orders == tuple(
                    one for one in before.orders if one.until_up_ms > self.now_ms
                )

    @rule(how=st.sampled_from(["order", "swap", "edit", "protecting", "releasing"]))
    def forge_order(self, how: str) -> None:
        order = ordered(HERE, Mode.UNLOCKED, {}, self.now())
        other = ordered(HERE, Mode.UNLOCKED, {}, self.now())
        before = self.door
        with pytest.raises(EvidenceError):
            step(
                self.door,
                self.forged_order(how, order, other),
                self.now_ms,
                self.timing,
            )
        assert self.door is before

    @rule()
    def lift(self) -> None:
        """Locked: an order still on its way comes too late."""
        late = TOUCHES.hold(ordered(HERE, Mode.UNLOCKED, {}, self.now()))
        n = TOUCHES.position(TOUCHES.grant(self.now_ms)).n
        self.ordered.clear()
        self.tested_until_ms = 0
        self.cut()
        self.hear(Lifted(n))
        assert [e for e in self.hear(late) if isinstance(e, Refused)]
        assert self.mode()[1] in {"fire", "schedule", "normal"}

    @rule(for_ms=st.integers(1, 5_000))
    def test_itself(self, for_ms: int) -> None:
        self.tested_until_ms = self.now_ms + for_ms
        self.hear(TOUCHES.hold(self_test(HERE, {}, self.now(), for_ms)))

    @rule(burns=st.booleans())
    def alarm(self, *, burns: bool) -> None:
        """At a door whose site wants fire to release it."""
        self.fire = burns
        self.cut()
        self.hear(Egress(InputName.FIRE, self.now_ms) if burns else FireOver())

    @rule(active=st.booleans())
    def other_door(self, *, active: bool) -> None:
        self.interlocked = active
        self.cut()
        self.hear(InterlockSaid(active))

    # The schedule, by the wall clock.

    @rule(step_ms=st.sampled_from([-(10**10), -40_000, -300, 300, 40_000, 10**10]))
    def clock_steps(self, step_ms: int) -> None:
        self.look()
        was_held = self.strike.released
        self.ahead_ms += step_ms
        if abs(step_ms) > STEP_MS_MIN:
            self.stood_since_ms = 10**15
        self.look()
        # Less than a step is what a clock that is disciplined does all day: it may well
        # bring the hour at which the door opens, and then the hour has opened it.
        if not was_held and abs(step_ms) > STEP_MS_MIN:
            assert not self.strike.released, "a step of the clock released the door"

    @rule(trusted=st.booleans())
    def clock_believed(self, *, trusted: bool) -> None:
        self.look()
        was_held = self.strike.released
        if trusted is not self.trusted:
            self.stood_since_ms = 10**15
        self.trusted = trusted
        self.look()
        if not was_held:
            assert not self.strike.released, "the clock's trust released the door"

    @rule(times=st.integers(1, 3))
    def look(self, times: int = 1) -> None:
        """What housekeeping arms: late, twice or never."""
        for _ in range(times):
            now = self.now()
            self.watch, _ = self.watch.look(now)
            if not self.trusted:
                self.stood_since_ms = 10**15
            elif self.stood_since_ms == 10**15:
                self.stood_since_ms = self.now_ms
            stood_ms = self.now_ms - self.stood_since_ms
            is_open = self.trusted and stood_ms >= SETTLED_MS and in_window(now)
            assert is_open is (self.watch.settled and in_window(now))
            self.hear(ScheduleSaid(is_open))
            assert is_open or not self.schedule_held
            if self.door.wants_schedule(self.timing):
                assert is_open
                hold = TOUCHES.hold(scheduled(HERE, {}, now))
                self.schedule_held = True
                self.hear(hold)

    @rule(minutes=st.integers(1, 4))
    def minutes_pass(self, minutes: int) -> None:
        for _ in range(minutes * 2):
            self.look()
            self.time_passes(30_000, LIMITS.silence_ms_max - 100)

    # What time does.

    @rule(duration_ms=st.integers(0, 15_000))
    def time_passes(self, duration_ms: int, alive_ms: int = ALIVE_MS) -> None:
        """Deadlines and signs of life come on time."""
        end_ms = self.now_ms + duration_ms
        while True:
            dues = [self.alive_ms + alive_ms, self.door.deadline_up_ms or end_ms + 1]
            if (strike_due_ms := self.strike.deadline_ms) is not None:
                dues.append(strike_due_ms)
            if min(dues) > end_ms:
                break
            self.now_ms = max(self.now_ms, min(dues))
            self.cut()
            self.hear(Deadline())
            self.strike.pass_time(self.now_ms)
            if self.now_ms >= self.alive_ms + alive_ms:
                self.live()
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
        self.cut()
        self.hear(Deadline())
        self.live()
        self.show()

    @rule()
    def gateway_dies(self) -> None:
        """A new one starts, and knows the orders from its ledger, and nothing else."""
        self.strike.disconnect()
        self.show()
        assert self.line.trace[-1][1] == self.wiring.safe_level
        orders = [one for one in self.ordered.values() if one.until_ms > self.now_ms]
        self.ordered = {one.mode: one for one in orders}
        protecting = {Mode.LOCKED_DOWN, Mode.BLOCKED}
        self.door = Door(
            HERE, orders=tuple(one.order for one in orders if one.mode in protecting)
        )
        self.evidence.clear()
        self.alarms.clear()
        self.unlocks.clear()
        self.holds.clear()
        self.tested_until_ms, self.warned = 0, False
        self.fire = self.interlocked = self.schedule_held = False
        self.watch, self.stood_since_ms = ClockWatch(), 10**15
        assert self.strike.connect(self.now_ms)
        self.command(Request(Word.ALIVE))
        self.undisturbed = True
        for one in orders:
            if one.mode not in protecting:
                again = resumed(one.order.row(), HERE, self.now())
                assert again is not None
                assert again.until_up_ms == one.until_ms
                self.hear(TOUCHES.hold(again))

    # What always holds.

    @invariant()
    def within_evidence(self) -> None:
        if self.strike.released and not self.held():
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
    def the_mode_is_the_oracles(self) -> None:
        if self.door.heard_up_ms < self.now_ms:
            self.hear(Deadline())
        mode, why = self.mode()
        assert (self.door.mode, self.door.rank.why.value) == (mode, why)
        assert self.door.held is self.held()
        if self.held() and self.undisturbed:
            assert self.strike.released

    @invariant()
    def one_touch_opens_once(self) -> None:
        assert self.released_n == sorted(set(self.released_n))
        assert len(self.unused_n) == len(set(self.unused_n))
        assert set(self.unused_n) <= set(self.released_n)

    @invariant()
    def what_is_timed_has_a_deadline(self) -> None:
        timed = (
            self.door.lock is not Lock.SECURED
            or self.door.holding is Holding.SETTLING
            or (self.door.leaf in {Leaf.OPEN, Leaf.WARNED} and not self.door.held)
            or any(order.until_up_ms < NEVER for order in self.door.orders)
        )
        assert (self.door.deadline_up_ms is not None) is timed

    @invariant()
    def memory_is_bounded(self) -> None:
        STEPS["steps"] += 1
        self.evidence = [e for e in self.evidence if e.until_ms > self.now_ms]
        assert len(self.door.spent) <= 64
        assert len(self.door.orders) <= 6

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
            max_examples=40,
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
