"""The GPIO chip, seen from its own side: levels, pulls, and every edge there was.

The chip says each edge on the machine's serial console, a file on this side. So the
trace outlives the machine, and asking for it costs the machine nothing.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.sim.pins import Edge
from tests.appliance.machine import Machine

_EDGE: Final = re.compile(rb"gpio_sim: edge (\d+) ([01]) (\d+)\r?\n")
_PERSIST: Final = "/sys/module/gpio_sim/parameters/persist_gpio_outputs"


class Chip:
    """The simulated chip of a machine.

    Args:
        machine: where it is.
        console: the file that the machine's console goes to.
    """

    def __init__(self, machine: Machine, console: Path) -> None:
        self._machine: Final = machine
        self._console: Final = console
        self._begin = 0

    async def level(self, line: int) -> int:
        """Return a line's level now."""
        return int(await self._machine.run(f"cat {value_path(line)}"))

    async def pull(self, line: int, level: int) -> None:
        """Pull a line: what a contact or a button does to an input."""
        word = "pull-up" if level else "pull-down"
        await self._machine.run(f"echo {word} >/run/rig-lines/sim_gpio{line}/pull")

    async def persist(self, *, keeps: bool) -> None:
        """Say whether a line keeps its level when its holder dies."""
        await self._machine.run(f"echo {int(keeps)} >{_PERSIST}")

    def forget(self) -> None:
        """Begin all traces anew; best while the lines are at rest."""
        self._begin = self._console.stat().st_size

    def trace(self, line: int) -> Sequence[Edge]:
        """Return a line's edges since `forget`, the oldest first.

        Their times are nanoseconds since the machine's boot (CLOCK_BOOTTIME).
        """
        with self._console.open("rb") as console:
            console.seek(self._begin)
            log = console.read()
        return [
            Edge(int(up_ns), int(level))
            for number, level, up_ns in _EDGE.findall(log)
            if int(number) == line
        ]


def value_path(line: int) -> str:
    """Return the file in the machine that says a line's level."""
    return f"/run/rig-lines/sim_gpio{line}/value"
