"""Light and buzzer, as data."""

import pytest

from gateway.core.facts import Pattern
from gateway.core.patterns import PLAYED, STEPS_MAX, TABLE, Step, parse
from gateway.errors import ConfigError


def test_every_pattern_is_played_and_none_like_another() -> None:
    assert set(PLAYED) == set(Pattern)
    assert len(set(PLAYED.values())) == len(set(TABLE.values())) == len(Pattern)


def test_a_line_is_read() -> None:
    assert parse("gb60 | r500 -20") == (
        (Step(green=True, red=False, buzzer=True, duration_ms=60),),
        (
            Step(green=False, red=True, buzzer=False, duration_ms=500),
            Step(green=False, red=False, buzzer=False, duration_ms=20),
        ),
    )


@pytest.mark.parametrize(
    "text",
    ["", "g50", "g50 |", "| 50", "| g", "| x50", "| g0", "| bg50", "| g3600001"],
)
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)


def test_a_line_is_bounded() -> None:
    assert parse("| " + "g1 " * STEPS_MAX)
    with pytest.raises(ConfigError, match="more than"):
        parse("| " + "g1 " * (STEPS_MAX + 1))


def test_a_step_may_last_as_long_as_the_longest() -> None:
    ((step,),) = [again for _, again in [parse("| g3600000")]]
    assert step.duration_ms == 3_600_000
