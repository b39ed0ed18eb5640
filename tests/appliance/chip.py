"""The GPIO chip, seen from its own side: levels, pulls, and every edge there was."""

import re
from collections.abc import Sequence
from typing import Final

from gateway.sim.pins import Edge
from tests.appliance.machine import Machine

_EDGE: Final = re.compile(r"gpio_sim: edge (\d+) ([01]) (\d+)$")
_MODULE: Final = "/sys/module/gpio_sim/parameters/persist_gpio_outputs"


class Chip:
    """The simulated chip of a machine that runs."""

    def __init__(self, machine: Machine) -> None:
        self._machine: Final = machine

    async def level(self, line: int) -> int:
        """Return a line's level now."""
        return int(await self._machine.run(f"cat /run/rig-lines/sim_gpio{line}/value"))

    async def pull(self, line: int, level: int) -> None:
        """Pull a line: what a contact or a button does to an input."""
        word = "pull-up" if level else "pull-down"
        await self._machine.run(f"echo {word} >/run/rig-lines/sim_gpio{line}/pull")

    async def persist(self, *, keeps: bool) -> None:
        """Say whether a line keeps its level when its holder dies."""
        await self._machine.run(f"echo {int(keeps)} >{_MODULE}")

    async def forget(self) -> None:
        """Begin all traces anew."""
        await self._machine.run("dmesg --clear")

    async def trace(self, line: int) -> Sequence[Edge]:
        """Return a line's edges since the boot or `forget`, the oldest first.

        Their times are nanoseconds since boot (CLOCK_BOOTTIME).
        """
        log = await self._machine.run("dmesg --notime | grep ' edge ' || true")
        found = map(_EDGE.search, log.splitlines())
        return [
            Edge(int(edge[3]), int(edge[2]))
            for edge in found
            if edge is not None and int(edge[1]) == line
        ]
