"""The ceremony's table: forward, off the path, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.enrolment import (
    FAILURES,
    TRANSITIONS,
    WINDOW_MS_MAX,
    Ceremony,
    EnrolmentFailure,
    EnrolmentState,
    EnrolmentStep,
    advance,
    arm,
    expire,
    fail,
)
from tests.desk import HOLDER, at

EARLY, LATE = at(2_000), at(61_000)
PATH = [
    EnrolmentStep.KEY_FOUND,
    EnrolmentStep.BONDED,
    EnrolmentStep.ATTESTED,
    EnrolmentStep.PROVED,
    EnrolmentStep.RECORDED,
]


def walked(steps: list[EnrolmentStep]) -> Ceremony:
    ceremony = arm(HOLDER, at(1_000))
    for step in steps:
        ceremony = advance(ceremony, step, EARLY)
    return ceremony


def every_state() -> dict[EnrolmentState, Ceremony]:
    reached = [walked(PATH[:count]) for count in range(len(PATH) + 1)]
    reached.append(walked([EnrolmentStep.KEY_FOUND, EnrolmentStep.NUMBER_SHOWN]))
    reached.append(fail(walked([]), EnrolmentFailure.CANCELLED))
    return {ceremony.state: ceremony for ceremony in reached}


STATES = every_state()


def test_the_path_ends_in_a_registered_key() -> None:
    ceremony = walked(PATH)
    assert ceremony.state is EnrolmentState.REGISTERED
    assert ceremony.is_over
    assert not ceremony.must_forget_bond


def test_a_compared_number_goes_on_with_the_pairing() -> None:
    steps = [EnrolmentStep.KEY_FOUND, EnrolmentStep.NUMBER_SHOWN]
    assert walked(steps).state is EnrolmentState.COMPARING
    agreed = walked([*steps, EnrolmentStep.NUMBER_AGREED])
    assert agreed.state is EnrolmentState.PAIRING


def test_every_state_is_reached() -> None:
    assert set(STATES) == set(EnrolmentState)


@pytest.mark.parametrize("state", EnrolmentState)
@pytest.mark.parametrize("step", EnrolmentStep)
def test_a_pair_outside_the_table_changes_nothing(
    state: EnrolmentState, step: EnrolmentStep
) -> None:
    after = advance(STATES[state], step, EARLY)
    if (state, step) in TRANSITIONS:
        assert after.state is TRANSITIONS[state, step]
    else:
        assert after == STATES[state]


@pytest.mark.parametrize("state", EnrolmentState)
@pytest.mark.parametrize("failure", EnrolmentFailure)
def test_a_failure_happens_only_where_it_can(
    state: EnrolmentState, failure: EnrolmentFailure
) -> None:
    before = STATES[state]
    after = fail(before, failure, "detail")
    if state in FAILURES[failure]:
        assert (after.state, after.failure) == (EnrolmentState.FAILED, failure)
        assert after.detail == "detail"
        assert after.is_over
    else:
        assert after == before


@pytest.mark.parametrize(
    ("steps", "forget"),
    [(0, False), (1, True), (2, True), (3, True)],
)
def test_a_ceremony_that_fails_leaves_no_bond(steps: int, *, forget: bool) -> None:
    ceremony = walked(PATH[:steps])
    assert not ceremony.must_forget_bond
    assert fail(ceremony, EnrolmentFailure.CANCELLED).must_forget_bond is forget


def test_the_bond_of_a_key_already_enrolled_stays() -> None:
    failed = fail(walked(PATH[:2]), EnrolmentFailure.KEY_ALREADY_ENROLLED)
    assert not failed.must_forget_bond


@pytest.mark.parametrize("steps", range(4))
def test_a_step_after_the_window_ends_it(steps: int) -> None:
    late = advance(walked(PATH[:steps]), PATH[steps], LATE)
    assert late.failure is EnrolmentFailure.WINDOW_ENDED
    assert late == expire(walked(PATH[:steps]), LATE)


def test_the_window_counts_to_the_millisecond() -> None:
    ceremony = arm(HOLDER, at(1_000))
    assert expire(ceremony, at(60_999)) == ceremony
    assert expire(ceremony, at(61_000)).is_over
    assert arm(HOLDER, at(0), 10**9).window_ends_up_ms == WINDOW_MS_MAX


def test_what_is_being_written_is_written_to_the_end() -> None:
    recording = walked(PATH[:4])
    assert expire(recording, LATE) == recording
    assert advance(recording, PATH[4], LATE).state is EnrolmentState.REGISTERED


@given(
    st.lists(
        st.sampled_from(EnrolmentStep) | st.sampled_from(EnrolmentFailure), max_size=20
    ),
    st.integers(0, 100_000),
)
def test_an_end_is_an_end(
    events: list[EnrolmentStep | EnrolmentFailure], up_ms: int
) -> None:
    ceremony = arm(HOLDER, at(0))
    for event in events:
        before = ceremony
        if isinstance(event, EnrolmentStep):
            ceremony = advance(ceremony, event, at(up_ms))
        else:
            ceremony = fail(ceremony, event)
        assert ceremony == before or not before.is_over
        assert (ceremony.failure is not None) is (
            ceremony.state is EnrolmentState.FAILED
        )


@pytest.mark.parametrize("failure", EnrolmentFailure)
def test_every_failure_has_a_place_a_word_and_a_sentence(
    failure: EnrolmentFailure,
) -> None:
    assert FAILURES[failure]
    assert failure.value == failure.name.lower().replace("_", "-")
    assert failure.sentence.endswith(".")


def test_every_state_says_what_to_do() -> None:
    assert all(state.hint.endswith(".") for state in EnrolmentState)


def test_a_ceremony_is_for_its_holder_and_fails_without_a_word_of_its_own() -> None:
    ceremony = arm(HOLDER, at(5), 100)
    assert (ceremony.holder_id, ceremony.window_ends_up_ms) == (HOLDER, 105)
    failed = fail(ceremony, EnrolmentFailure.CANCELLED)
    assert (failed.failure, failed.detail) == (EnrolmentFailure.CANCELLED, "")
