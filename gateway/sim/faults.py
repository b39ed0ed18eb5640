"""Faults on purpose: a gateway that dies at a named stage, and a witness of its ledger.

Only the simulated composition can be told to do this, by environment variables of its
process: `KEYRA_SIM_DIE_AFTER=append` (or `append:3`, at the third time) and
`KEYRA_SIM_WITNESS=FILE`, where each acknowledgement is noted, outside the ledger: the
last entry's number and leaf, and when, by the clock that also times the strike's trace.
"""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gateway.core.entries import Record
from gateway.errors import SimulationError
from gateway.ports import Journal
from gateway.service.telemetry import MemoryTelemetry

DIE_AFTER: Final = "KEYRA_SIM_DIE_AFTER"
WITNESS: Final = "KEYRA_SIM_WITNESS"


class DyingTelemetry(MemoryTelemetry):
    """Kills its own process, as `kill -9` does, when a stage of a touch has ended."""

    def __init__(self, stage: str, times: int) -> None:
        """Die at the end of the `times`-th `stage`."""
        super().__init__()
        self._stage: Final = stage
        self._left = times

    def stage(self, name: str, duration_us: int) -> None:
        """Record the stage, and die if it is the one."""
        super().stage(name, duration_us)
        if name == self._stage:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class WitnessedJournal(Journal):
    """A journal whose acknowledgements are noted in a file that a kill cannot undo."""

    def __init__(self, journal: Journal, path: Path) -> None:
        """Note what `journal` acknowledges at the end of the file at `path`."""
        self._journal: Final = journal
        self._descriptor: Final = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def _write(self, records: Sequence[Record]) -> tuple[int, bytes]:
        n, leaf = await self._journal._write(records)  # noqa: SLF001 - a journal's own
        up_ns = int(asyncio.get_running_loop().time() * 1_000_000_000)
        os.write(self._descriptor, f"{n} {leaf.hex()} {up_ns}\n".encode())
        return n, leaf

    def check(self) -> None:
        """Say what went wrong after an acknowledgement."""
        self._journal.check()

    async def close(self) -> None:
        """Close both."""
        os.close(self._descriptor)
        await self._journal.close()


def telemetry_from(environment: Mapping[str, str]) -> MemoryTelemetry:
    """Return telemetry that dies as the environment says, or an honest one.

    Raises:
        SimulationError: the variable says no stage and number.
    """
    wish = environment.get(DIE_AFTER)
    if wish is None:
        return MemoryTelemetry()
    stage, _, times = wish.partition(":")
    if not stage.isalpha() or not (times or "1").isdigit():
        raise SimulationError(f"{DIE_AFTER}={wish!r:.40} is no STAGE or STAGE:NUMBER.")
    return DyingTelemetry(stage, int(times or "1"))


def journal_from(environment: Mapping[str, str], journal: Journal) -> Journal:
    """Return the journal, witnessed if the environment says where."""
    path = environment.get(WITNESS)
    return journal if path is None else WitnessedJournal(journal, Path(path))
