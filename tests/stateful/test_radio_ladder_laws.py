"""Whatever is seen of the radio, and whenever: the ladder's laws hold."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.service.radio_ladder import (
    REST_MS_MAX,
    STEPS,
    Action,
    Alarm,
    Clear,
    Climb,
    Ladder,
    Probe,
    Seen,
    step,
)


class RadioLadder(RuleBasedStateMachine):
    """A radio that fails, heals, hears and falls silent as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.ladder = Ladder(0)
        self.heard_ms: int | None = None
        self.alarmed = False
        self.next_rung = 0
        self.climbed_ms = -(10**9)

    @rule(after_ms=st.integers(0, 60_000), faulty=st.booleans(), heard=st.booleans())
    def look(self, after_ms: int, faulty: bool, heard: bool) -> None:  # noqa: FBT001 - drawn
        self.now_ms += after_ms
        if heard:
            self.heard_ms = self.now_ms
        seen = Seen("It is gone." if faulty else "", self.heard_ms)
        if Probe() in self._step(seen):
            answer = Seen(seen.fault, self.heard_ms, probed=heard)
            assert Probe() not in self._step(answer)  # a look ends

    def _step(self, seen: Seen) -> tuple[Action, ...]:
        self.ladder, actions = step(self.ladder, seen, self.now_ms)
        for action in actions:
            self._judge(action, seen)
        return actions

    def _judge(self, action: Action, seen: Seen) -> None:
        match action:
            case Alarm():
                assert not self.alarmed
                self.alarmed, self.next_rung = True, 0
            case Clear():
                assert self.alarmed
                assert not seen.fault
                self.alarmed = False
            case Climb(rung, _):
                assert self.alarmed
                assert rung is STEPS[self.next_rung]
                self.next_rung = (self.next_rung + 1) % len(STEPS)
            case _:
                assert not seen.fault

    @invariant()
    def alarm_and_state_agree(self) -> None:
        assert self.ladder.lost is self.alarmed

    @invariant()
    def a_lost_radio_is_always_due_for_something(self) -> None:
        if self.ladder.lost:
            longest_ms = REST_MS_MAX + max(rung.wait_ms for rung in STEPS)
            assert self.ladder.due_ms <= self.now_ms + longest_ms


RadioLadder.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestRadioLadder = RadioLadder.TestCase
