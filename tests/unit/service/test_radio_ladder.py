"""When a scan counts as dead, and which step comes next: the table, row by row."""

from itertools import pairwise

from gateway.service.radio_ladder import (
    FAULT_MS,
    REST_MS,
    ROUNDS_RECORDED_MAX,
    SILENT_MS,
    STEPS,
    Action,
    Alarm,
    Clear,
    Climb,
    Ladder,
    Probe,
    Seen,
    Step,
    step,
)

GONE = "The adapter hci0 is gone."


class Radio:
    """A ladder and the time that passes for it."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.ladder = Ladder(0)

    def see(self, seen: Seen = Seen(), after_ms: int = 0) -> tuple[Action, ...]:  # noqa: B008 - frozen
        self.now_ms += after_ms
        self.ladder, actions = step(self.ladder, seen, self.now_ms)
        return actions

    def lose(self) -> tuple[Action, ...]:
        assert self.see(Seen(GONE)) == ()
        return self.see(Seen(GONE), FAULT_MS)

    def in_a_lively_air(self) -> "Radio":
        self.see(Seen(heard_ms=self.now_ms + 1), 1)
        return self


def test_a_fault_that_is_over_at_once_is_none() -> None:
    radio = Radio()
    assert radio.see(Seen(GONE)) == ()
    assert radio.see(Seen(GONE), FAULT_MS - 1) == ()
    assert radio.see(Seen(), 1) == ()
    assert radio.see(Seen(GONE), FAULT_MS) == ()
    assert not radio.ladder.lost


def test_a_fault_is_an_alarm_and_the_first_step() -> None:
    radio = Radio()
    assert radio.lose() == (Alarm(GONE), Climb(Step.RESTART_SCAN, recorded=True))
    assert radio.ladder.lost


def test_each_step_has_its_time_and_then_comes_the_next() -> None:
    radio = Radio()
    radio.lose()
    for before, after in pairwise(STEPS):
        assert radio.see(Seen(GONE), before.wait_ms - 1) == ()
        assert radio.see(Seen(GONE), 1) == (Climb(after, recorded=True),)


def test_the_ladder_rests_longer_each_time_and_tells_the_ledger_no_more() -> None:
    radio = Radio()
    radio.lose()
    rests, begun_ms = [], 0
    for _ in range(4 * 60 * 60):
        for action in radio.see(Seen(GONE), 1_000):
            assert isinstance(action, Climb)
            if action.step is Step.RESTART_SERVICE:
                begun_ms = radio.now_ms
            elif action.step is Step.RESTART_SCAN:
                rests.append(radio.now_ms - begun_ms - Step.RESTART_SERVICE.wait_ms)
                told = len(rests) < ROUNDS_RECORDED_MAX
                assert action.recorded is told
    assert rests[:3] == [REST_MS, 2 * REST_MS, 4 * REST_MS]
    assert rests[-1] == rests[-2] <= 900_000


def test_a_fault_that_is_gone_clears_the_alarm() -> None:
    radio = Radio()
    radio.lose()
    assert radio.see(Seen(), 1) == (Clear("the adapter scans again"),)
    assert not radio.ladder.lost


def test_nobody_near_is_no_alarm() -> None:
    radio = Radio()
    assert radio.see(Seen(), SILENT_MS - 1) == ()
    assert radio.see(Seen(), 1) == (Probe(),)
    assert radio.see(Seen(probed=False)) == ()
    assert radio.see(Seen(), SILENT_MS - 1) == ()
    assert not radio.ladder.lost


def test_strangers_prove_that_the_radio_hears() -> None:
    radio = Radio().in_a_lively_air()
    assert radio.see(Seen(heard_ms=1), SILENT_MS) == (Probe(),)
    assert radio.see(Seen(heard_ms=1, probed=True)) == ()
    assert radio.see(Seen(heard_ms=1), SILENT_MS - 1) == ()


def test_an_air_that_falls_silent_is_an_alarm_within_30_seconds() -> None:
    radio = Radio().in_a_lively_air()
    assert radio.see(Seen(heard_ms=1), SILENT_MS) == (Probe(),)
    alarm, climb = radio.see(Seen(heard_ms=1, probed=False), 3_000)
    assert alarm == Alarm("nothing at all is heard any more")
    assert climb == Climb(Step.RESTART_SCAN, recorded=True)
    assert radio.now_ms < 30_000


def test_an_advert_ends_a_silence() -> None:
    for sign in (Seen(heard_ms=30_000), Seen(heard_ms=1, probed=True)):
        radio = Radio().in_a_lively_air()
        radio.see(Seen(heard_ms=1, probed=False), SILENT_MS)
        assert radio.see(Seen(heard_ms=1), 1_000) == (Probe(),)
        assert radio.see(Seen(heard_ms=1, probed=False)) == ()
        assert radio.see(sign) == (Clear("keys and others are heard again"),)


def test_a_silence_that_no_step_ends_is_an_empty_air() -> None:
    radio = Radio().in_a_lively_air()
    radio.see(Seen(heard_ms=1, probed=False), SILENT_MS)
    taken: list[Action] = []
    while radio.ladder.lost:
        taken += radio.see(Seen(heard_ms=1, probed=False), 1_000)
    assert [one.step for one in taken if isinstance(one, Climb)] == list(STEPS[1:])
    assert isinstance(taken[-1], Clear)
    assert not radio.ladder.lively
    assert radio.see(Seen(heard_ms=1, probed=False), SILENT_MS) == ()
