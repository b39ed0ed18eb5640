"""What light and buzzer play for each pattern, as data.

    once | again and again        a step is lights and milliseconds: "gb60"
    g green, r red, b buzzer, - nothing

People tell the patterns apart without colours: by rhythm, and by how many beeps.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.core.facts import Pattern
from gateway.errors import ConfigError

STEPS_MAX: Final = 32
STEP_MS_MAX: Final = 3_600_000
_STEP: Final = re.compile(r"(-|g?r?b?)([1-9][0-9]{0,6})")

TABLE: Final[Mapping[Pattern, str]] = MappingProxyType(
    {
        Pattern.READY: "| g50 -2950",
        Pattern.VERIFYING: "| g100 -100",
        Pattern.TOUCH_NOW: "gb60 | g500 -500",
        Pattern.GRANTED: "gb400 | g3600000",
        Pattern.UNLOCKED: "| g950 -50",
        Pattern.PRE_ALARM: "| rb80 -920",
        Pattern.DENIED: "rb120 r120 rb120 r120 rb120 r120 | r3600000",
        Pattern.FAULT: "| r50 -950",
        Pattern.ALARM: "| rb500 -500",
        Pattern.ORDER: "rb60 | g250 r250",
    }
)


@dataclass(frozen=True, slots=True)
class Step:
    """What is on, and for how long."""

    green: bool
    red: bool
    buzzer: bool
    duration_ms: int


Played = tuple[tuple[Step, ...], tuple[Step, ...]]
"""What is played once, and what again and again after it."""


def parse(text: str) -> Played:
    """Return what a line of the table stands for.

    Raises:
        ConfigError: it is malformed, too long, or ends without anything to go on with.
    """
    once, bar, again = text.partition("|")
    played = _steps(once, text), _steps(again, text)
    if not bar or not played[1]:
        raise ConfigError(f'"{text:.60}" says nothing that goes on after its "|".')
    return played


def _steps(part: str, text: str) -> tuple[Step, ...]:
    words = part.split()
    if len(words) > STEPS_MAX:
        raise ConfigError(f'"{text:.60}" has more than {STEPS_MAX} steps.')
    return tuple(_step(word) for word in words)


def _step(word: str) -> Step:
    match = _STEP.fullmatch(word)
    if match is None or not match[1] or int(match[2]) > STEP_MS_MAX:
        raise ConfigError(
            f'"{word:.30}" is no step; write lights and milliseconds, such as gb60.'
        )
    lights = match[1]
    return Step("g" in lights, "r" in lights, "b" in lights, int(match[2]))


PLAYED: Final[Mapping[Pattern, Played]] = MappingProxyType(
    {pattern: parse(text) for pattern, text in TABLE.items()}
)
