"""keyra-strike alone against a peer that says anything, at any time, or nothing."""

import sys
from collections import Counter
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from gateway.strike.line import Output
from gateway.strike.machine import (
    EXITS_PER_MINUTE_MAX,
    OnFault,
    StrikeLimits,
    StrikeMachine,
)
from gateway.strike.wire import Refusal, Request, Word
from gateway.strike.wiring import Level, Lock, Relay, Wiring

STEPS: Final[Counter[str]] = Counter()
COMBINATIONS: Final = [Wiring(lock, relay) for lock in Lock for relay in Relay]


class Pin:
    """A line that keeps (milliseconds, level)."""

    def __init__(self, level: Level) -> None:
        self.trace: list[tuple[int, Level]] = [(0, level)]
        self.now_ms = 0

    def set(self, level: Level) -> None:
        self.trace.append((self.now_ms, level))

    def close(self) -> None:
        """Never."""


class StrikeLaws(RuleBasedStateMachine):
    """A hostile peer; the test's own books say what could be owed to it."""

    on_fault: OnFault

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0

    @initialize(
        momentary_ms_max=st.sampled_from([100, 5_000, 60_000]),
        silence_ms_max=st.sampled_from([500, 2_000]),
        wiring=st.sampled_from(COMBINATIONS),
    )
    def install(
        self, momentary_ms_max: int, silence_ms_max: int, wiring: Wiring
    ) -> None:
        self.limits = StrikeLimits(
            momentary_ms_max=momentary_ms_max,
            silence_ms_max=silence_ms_max,
            fault_ms=10_000,
            on_fault=self.on_fault,
        )
        self.strike = StrikeMachine(self.limits, 0)
        self.wiring = wiring
        self.pin = Pin(wiring.safe_level)
        self.output = Output(self.pin, wiring)
        self.until_ms = 0  # what was granted, at most
        self.leased_ms = 0  # and until when a mode may hold
        self.heard_ms = 0
        self.fault = False
        self.serial_max = -1
        self.exits_ms: list[int] = []

    def show(self) -> None:
        self.pin.now_ms = self.now_ms
        self.output.drive(released=self.strike.released)

    @rule(
        serial=st.one_of(st.just(-1), st.integers(-1, 60)),
        duration_ms=st.integers(0, 70_000),
    )
    def release(self, serial: int, duration_ms: int) -> None:
        had_peer = self.strike.has_peer
        before = self.strike.released
        refusal = self.strike.request(
            Request(Word.RELEASE, serial, duration_ms), self.now_ms
        )
        STEPS["refused" if refusal else "released"] += 1
        if refusal is None:
            assert had_peer
            assert 1 <= duration_ms <= self.limits.momentary_ms_max
            assert serial == -1 or serial > self.serial_max
            self.serial_max = max(self.serial_max, serial)
            if serial == -1:
                self.exits_ms.append(self.now_ms)
            self.until_ms = self.now_ms + duration_ms
            assert self.strike.released
        elif refusal is Refusal.SILENT or not self.fault:
            assert self.strike.released is before
        if refusal is not Refusal.SILENT:
            self.heard()
        self.show()

    @rule(duration_ms=st.integers(0, 7_000))
    def lease(self, duration_ms: int) -> None:
        had_peer = self.strike.has_peer
        refusal = self.strike.request(
            Request(Word.LEASE, duration_ms=duration_ms), self.now_ms
        )
        if refusal is None:
            assert had_peer
            assert 1 <= duration_ms <= self.limits.lease_ms_max
            self.leased_ms = self.now_ms + duration_ms
            assert self.strike.released
        if refusal is not Refusal.SILENT:
            self.heard()
        self.show()

    @rule(duration_ms=st.integers(1, 5_000), wait_ms=st.integers(0, 1_500))
    def touch(self, duration_ms: int, wait_ms: int) -> None:
        """What an honest gateway does."""
        if not self.strike.has_peer:
            self.come()
        self.speak(Word.ALIVE)
        self.release(self.serial_max + 1, duration_ms)
        self.time_passes(wait_ms)

    @rule(times=st.integers(50, 80))
    def crowd(self, times: int) -> None:
        """Exit after exit, a moment apart."""
        if not self.strike.has_peer:
            self.come()
        for _ in range(times):
            self.release(-1, 50)
            self.time_passes(10)

    @rule(word=st.sampled_from([Word.ALIVE, Word.SECURE, Word.STATUS]))
    def speak(self, word: Word) -> None:
        refusal = self.strike.request(Request(word), self.now_ms)
        assert refusal in {None, Refusal.SILENT}
        if refusal is None and word is not Word.STATUS:
            self.heard()
        if refusal is None and word is Word.SECURE:
            assert not self.strike.released
            self.until_ms = self.leased_ms = self.now_ms
        self.show()

    @rule()
    def come(self) -> None:
        had_peer = self.strike.has_peer
        assert self.strike.connect(self.now_ms) is not had_peer
        if not had_peer:
            self.heard_ms = self.now_ms
        self.show()

    @rule()
    def go(self) -> None:
        self.strike.disconnect()
        self.until_ms = self.leased_ms = self.now_ms
        self.show()

    @rule(duration_ms=st.one_of(st.integers(0, 3_000), st.integers(0, 70_000)))
    def time_passes(self, duration_ms: int) -> None:
        """The loop wakes at each deadline, as it does in the process."""
        end_ms = self.now_ms + duration_ms
        while (due_ms := self.strike.deadline_ms) is not None and due_ms <= end_ms:
            assert due_ms >= self.now_ms
            self.now_ms = due_ms
            self.pass_time()
            assert self.strike.deadline_ms != due_ms, "the loop would spin"
            self.owed()
        self.now_ms = end_ms

    @rule(duration_ms=st.integers(0, 70_000))
    def strike_itself_stands_still(self, duration_ms: int) -> None:
        """The process was stopped; the loop passes time before all else."""
        self.now_ms += duration_ms
        self.pass_time()

    def heard(self) -> None:
        self.heard_ms = self.now_ms
        self.fault = False

    def pass_time(self) -> None:
        self.strike.pass_time(self.now_ms)
        absent_ms = self.now_ms - self.heard_ms
        if not self.strike.has_peer and absent_ms >= self.limits.fault_ms:
            self.fault = self.on_fault is OnFault.RELEASE
        self.show()

    @invariant()
    def owed(self) -> None:
        """Released only within what was granted, to a peer that was heard lately."""
        STEPS["steps"] += 1
        if self.fault:
            assert self.strike.released  # declared for life safety
        elif self.strike.released:
            assert self.now_ms < max(self.until_ms, self.leased_ms)
            assert self.now_ms - self.heard_ms < self.limits.silence_ms_max
            assert self.strike.has_peer

    @invariant()
    def the_pin_says_the_same(self) -> None:
        assert self.wiring.released(self.pin.trace[-1][1]) is self.strike.released

    @invariant()
    def exits_are_bounded(self) -> None:
        lately = [ms for ms in self.exits_ms if self.now_ms - ms < 60_000]
        self.exits_ms = lately
        assert len(lately) <= EXITS_PER_MINUTE_MAX

    def teardown(self) -> None:
        """No two sets to the same level: each is an edge."""
        levels = [level for _, level in self.pin.trace]
        assert all(a != b for a, b in pairwise(levels))
        STEPS["edges"] += len(levels) - 1


@pytest.mark.parametrize("on_fault", list(OnFault), ids=lambda fault: fault.value)
def test_the_budget_holds_against_any_peer(
    on_fault: OnFault, capsys: pytest.CaptureFixture[str]
) -> None:
    STEPS.clear()
    machine = type("StrikeLawsOfThis", (StrikeLaws,), {"on_fault": on_fault})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=150, stateful_step_count=50, deadline=None),
    )
    with capsys.disabled():
        sys.stdout.write(
            f"\n  on fault {on_fault.value}: {STEPS['steps']:,} steps, "
            f"{STEPS['released']:,} releases, {STEPS['refused']:,} refusals, "
            f"{STEPS['edges']:,} edges "
        )
    assert STEPS["released"]
    assert STEPS["refused"]
