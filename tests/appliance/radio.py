"""The host's air: the product's simulator, at the other end of the guest's controller.

Its keys survive whatever happens to the machine.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.sim.remote import RemoteKey, RemoteWorld

STOP_S_MAX: Final = 10


class Radio:
    """A world process in a directory, and the keys in it."""

    def __init__(self, place: Path, seed: int) -> None:
        self._place: Final = place
        self._seed: Final = seed
        self._process: Process | None = None
        self._world: RemoteWorld | None = None

    @property
    def world(self) -> RemoteWorld:
        """The air as a whole."""
        if self._world is None:
            raise RuntimeError("The radio has not been started.")
        return self._world

    async def start(self) -> None:
        """Start the world; the machine may be powered on from now."""
        with (self._place / "world.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway.sim.world", "--with-parent"),
                *("--dir", str(self._place), "--seed", str(self._seed)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
            )
        stdout = self._process.stdout
        line = b"{}" if stdout is None else await stdout.readline()
        if json.loads(line or b"{}").get("ready") is not True:
            raise RuntimeError(f"No world; see {self._place}/world.log.")
        self._world = await RemoteWorld.connect(self._place)

    async def stop(self) -> None:
        """End it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(STOP_S_MAX):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
            self._process = None

    async def key(self, name: str) -> RemoteKey:
        """Return a key, new if there is none of that name."""
        if name not in await self.world.keys():
            return await self.world.add_key(name)
        return self.world.key(name)

    async def crowd(self, keys: int) -> None:
        """Let that many strangers' keys advertise for a long time."""
        for number in range(keys):
            stranger = await self.key(f"stranger-{number}")
            await stranger.present(distance_m=2.0, awake_ms=3_600_000)

    async def disperse(self) -> None:
        """Let all keys sleep, and behave when they wake."""
        for name in await self.world.keys():
            await self.world.key(name).misbehave()
            await self.world.key(name).sleep()
