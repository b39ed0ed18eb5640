"""The pins of the simulated board: what was on each line, and when.

Levels are electrical, 0 or 1; what they mean is the door's business. An output belongs
to one holder at a time. When a holder dies, Raspberry Pi OS keeps the line as it is
(`persist_gpio_outputs=Y`), where mainline lets it go to its pull; the board can both.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.facts import InputName
from gateway.errors import SimulationError

EDGES_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Edge:
    """A level that a line took.

    Attributes:
        up_ns: when, in nanoseconds of the world's monotonic clock.
        level: 0 or 1.
    """

    up_ns: int
    level: int


@dataclass(frozen=True, slots=True)
class InputEvent:
    """An input as it is from `up_ns` on."""

    name: InputName
    active: bool
    up_ns: int


OnInput = Callable[[InputEvent], None]


class _Line:
    def __init__(self, pull: int, up_ns: int) -> None:
        self.pull: Final = pull
        self.trace: Final = deque((Edge(up_ns, pull),), EDGES_MAX)
        self.held = False

    @property
    def level(self) -> int:
        return self.trace[-1].level

    def move(self, level: int, up_ns: int) -> None:
        if level != self.level:
            self.trace.append(Edge(up_ns, level))


class PinBoard:
    """Named output and input lines of one gateway."""

    def __init__(
        self,
        now_ns: Callable[[], int],
        outputs: Mapping[str, int],
        *,
        keeps_outputs: bool = True,
    ) -> None:
        """Wire the board.

        Args:
            now_ns: the world's monotonic clock, in nanoseconds.
            outputs: each line's pull: its level, 0 or 1, while nobody drives it.
            keeps_outputs: whether a line stays as it is when its holder dies.
        """
        self.keeps_outputs = keeps_outputs
        self._now_ns: Final = now_ns
        self._lines: Final = {
            name: _Line(_checked(pull), now_ns()) for name, pull in outputs.items()
        }
        self._inputs: Final = dict.fromkeys(InputName, False)
        self._watchers: Final[list[OnInput]] = []

    def claim(self, name: str, level: int) -> None:
        """Become the holder of a line and drive it to `level` in the same step.

        Raises:
            SimulationError: no such line or level, or somebody holds it.
        """
        line = self._line(name)
        if line.held:
            raise SimulationError(f"The line {name} is in use.")
        line.move(_checked(level), self._now_ns())
        line.held = True

    def set(self, name: str, level: int) -> int:
        """Drive a claimed line; return when, in nanoseconds.

        Raises:
            SimulationError: no such line or level, or nobody claimed it.
        """
        line = self._line(name)
        if not line.held:
            raise SimulationError(f"The line {name} was not claimed.")
        up_ns = self._now_ns()
        line.move(_checked(level), up_ns)
        return up_ns

    def let_go(self, name: str) -> None:
        """Let the holder of a line be gone."""
        line = self._line(name)
        line.held = False
        if not self.keeps_outputs:
            line.move(line.pull, self._now_ns())

    def level(self, name: str) -> int:
        """Return a line's present level."""
        return self._line(name).level

    async def trace(self, name: str) -> tuple[Edge, ...]:
        """Return a line's edges, oldest first; the first one is its level at start.

        Raises:
            SimulationError: no such line.
        """
        return tuple(self._line(name).trace)

    def inputs(self) -> Mapping[InputName, bool]:
        """Return all inputs."""
        return dict(self._inputs)

    async def set_input(self, name: InputName, *, active: bool) -> None:
        """Make an input active or not; watchers hear of a change."""
        if self._inputs[name] == active:
            return
        self._inputs[name] = active
        event = InputEvent(name, active, self._now_ns())
        for watcher in list(self._watchers):
            watcher(event)

    def watch(self, watcher: OnInput) -> Callable[[], None]:
        """Tell `watcher` each input now and each change; returns how to stop."""
        up_ns = self._now_ns()
        for name, active in self._inputs.items():
            watcher(InputEvent(name, active, up_ns))
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def _line(self, name: str) -> _Line:
        if name not in self._lines:
            raise SimulationError(f"The simulated board has no output named {name}.")
        return self._lines[name]


def _checked(level: int) -> int:
    if level not in (0, 1):
        raise SimulationError(f"A line's level is 0 or 1, not {level!r}.")
    return level
