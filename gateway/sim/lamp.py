"""Light and buzzer of the simulated door, as somebody before it sees and hears them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.facts import Pattern
from gateway.core.patterns import PLAYED, Played, Step

_NS_PER_MS: Final = 1_000_000
_SAMPLE_MS: Final = 10


@dataclass(frozen=True, slots=True)
class LampState:
    """What was lit or heard at some instant of a glance.

    Attributes:
        pattern: its name; empty while nobody plays one.
    """

    pattern: str
    green: bool
    red: bool
    buzzer: bool


class Lamp:
    """Plays the pattern that it was told last."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """Stay dark.

        Args:
            now_ns: the world's monotonic clock, in nanoseconds.
        """
        self._now_ns: Final = now_ns
        self._pattern: Pattern | None = None
        self._played = PLAYED[Pattern.READY]
        self._since_ns = now_ns()

    def show(self, pattern: Pattern | None, played: Played | None = None) -> None:
        """Play a pattern from its beginning, or go dark; the same one plays on.

        `played` is what a site has instead of ours.
        """
        if pattern is not self._pattern:
            self._pattern, self._since_ns = pattern, self._now_ns()
        if pattern is not None:
            self._played = PLAYED[pattern] if played is None else played

    def glance(self, glance_ms: int) -> LampState:
        """Return what was lit at any instant of the last `glance_ms` milliseconds."""
        if self._pattern is None:
            return LampState("", green=False, red=False, buzzer=False)
        now_ms = (self._now_ns() - self._since_ns) // _NS_PER_MS
        seen = [
            step_at(self._played, at_ms)
            for at_ms in range(max(0, now_ms - glance_ms), now_ms + 1, _SAMPLE_MS)
        ]
        return LampState(
            self._pattern.value,
            green=any(step.green for step in seen),
            red=any(step.red for step in seen),
            buzzer=any(step.buzzer for step in seen),
        )


def step_at(played: Played, at_ms: int) -> Step:
    """Return the step of a pattern that is on `at_ms` milliseconds after its start."""
    once, again = played
    for step in once:
        if at_ms < step.duration_ms:
            return step
        at_ms -= step.duration_ms
    at_ms %= sum(step.duration_ms for step in again)
    for step in again[:-1]:
        if at_ms < step.duration_ms:
            return step
        at_ms -= step.duration_ms
    return again[-1]
