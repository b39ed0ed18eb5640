"""Output lines: what keyra-strike holds, and how `--line` names one."""

import re
from typing import Final, Protocol

from gateway.errors import ConfigError
from gateway.strike.sim_line import SimLine
from gateway.strike.wiring import Level, Wiring

_SIM: Final = re.compile(r"sim:(.+):([a-z0-9-]{1,32})")
_GPIO: Final = re.compile(r"gpio:([0-9]{1,2}):([0-9]{1,2})")


class OutputLine(Protocol):
    """One claimed line. It is at the level it was claimed with until `set`."""

    def set(self, level: Level) -> None:
        """Drive the line; returns once it has moved.

        Raises:
            HardwareMissingError: the line is lost.
        """

    def close(self) -> None:
        """Give the line back; whoever runs the board decides what it does then."""


class Output:
    """A line and its wiring: speaks of the door instead of levels."""

    def __init__(self, line: OutputLine, wiring: Wiring) -> None:
        self._line: Final = line
        self._wiring: Final = wiring
        self._level = wiring.safe_level

    def drive(self, *, released: bool) -> None:
        """Release or secure the door; no call to the line where nothing changes.

        Raises:
            HardwareMissingError: the line is lost.
        """
        level = self._wiring.level(released=released)
        if level != self._level:
            self._line.set(level)
            self._level = level


def open_line(name: str, level: Level) -> OutputLine:
    """Claim a line at `level`, without another level in between.

    Args:
        name: `sim:<unix socket of the pins board>:<pin>` or `gpio:<chip>:<bcm>`.
        level: what the line is at from the first moment.

    Raises:
        ConfigError: `name` is neither.
        HardwareMissingError: there is no such line, or it cannot be claimed.
    """
    sim = _SIM.fullmatch(name)
    if sim:
        return SimLine(sim[1], sim[2], level)
    gpio = _GPIO.fullmatch(name)
    if gpio:
        # Only here: a simulated strike runs where there is no GPIO library.
        from gateway.strike.gpio_line import open_gpio  # noqa: PLC0415

        return open_gpio(int(gpio[1]), int(gpio[2]), level)
    raise ConfigError(
        f"--line {name!r} is neither sim:<socket>:<pin> nor gpio:<chip>:<bcm>."
    )
