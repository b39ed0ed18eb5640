"""One simulated place: the air, the keys on it, and who made them.

The same place serves unit tests in virtual time, the demonstration and the rig; what
runs it as a process of its own is gateway.sim.world.
"""

import asyncio
import resource
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from types import TracebackType
from typing import Final, Self

from gateway.errors import SimulationError
from gateway.sim.adapter import SimulatedAdapter
from gateway.sim.air import Air
from gateway.sim.attestation_ca import AttestationChain, attestation_chain
from gateway.sim.door import STRIKE, SimulatedDoor, idle_level
from gateway.sim.key import KeyraDevice
from gateway.sim.key_model import DEFAULT_MODEL, KeyModel
from gateway.sim.lamp import Lamp
from gateway.sim.pins import PinBoard
from gateway.strike.wiring import Lock, Relay

KEYS_MAX: Final = 2_000
MADE_FROM: Final = datetime(2025, 1, 1, tzinfo=UTC)
MADE_UNTIL: Final = datetime(2055, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PlaceStats:
    """How a place is.

    Attributes:
        rss_bytes: resident memory of the process.
        cpu_ms: processor time that the process has used.
        adverts_sent: since the start; likewise heard by a gateway, and lost to it.
    """

    seed: int
    keys: int
    gateways: int
    rss_bytes: int
    cpu_ms: int
    adverts_sent: int
    adverts_heard: int
    adverts_lost: int


class Place:
    """Owns the keys and the tasks that they live in; use it with `async with`."""

    def __init__(
        self,
        seed: int,
        *,
        loss: float = 0.0,
        chain: AttestationChain | None = None,
        lock: Lock = Lock.FAIL_SECURE,
        relay: Relay = Relay.ACTIVE_HIGH,
        keeps_outputs: bool = True,
    ) -> None:
        """Prepare a place without keys; its door is closed.

        Args:
            seed: decides everything that is left to chance.
            loss: share of adverts that get lost, 0 to 1.
            chain: attestation of the keys made here, a KEYRA-like one by default.
            lock: what the door's lock does without power.
            relay: which level energises its relay; the line is pulled to the other.
            keeps_outputs: whether a line stays as it is when its holder dies.
        """
        self.seed: Final = seed
        self.air: Final = Air(seed, loss=loss)
        self.chain: Final = chain or attestation_chain(seed, MADE_FROM, MADE_UNTIL)
        self.pins: Final = PinBoard(
            _now_ns, {STRIKE: idle_level(relay)}, keeps_outputs=keeps_outputs
        )
        self.door: Final = SimulatedDoor(self.pins, lock, relay)
        self.lamp: Final = Lamp(_now_ns)
        self.keys: Final[dict[str, KeyraDevice]] = {}
        self._tasks: Final = asyncio.TaskGroup()
        self._lives: Final[list[asyncio.Task[None]]] = []

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for life in self._lives:
            life.cancel()
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            await self._tasks.__aexit__(kind, error, trace)
        else:
            # What the story raised goes its way; a group would wrap it.
            await self._tasks.__aexit__(None, None, None)

    async def add_key(
        self,
        name: str,
        model: KeyModel = DEFAULT_MODEL,
        chain: AttestationChain | None = None,
    ) -> KeyraDevice:
        """Make a key and power it on; it sleeps.

        Raises:
            SimulationError: the name is taken, or there are too many keys.
        """
        if name in self.keys:
            raise SimulationError(f"There is a key named {name} already.")
        if len(self.keys) >= KEYS_MAX:
            raise SimulationError(f"A place has at most {KEYS_MAX} keys.")
        key = KeyraDevice(self.air, name, chain or self.chain, self.seed, model)
        self.keys[name] = key
        self._lives.append(self._tasks.create_task(key.run(), name=f"key {name}"))
        await key.ready()
        return key

    def key(self, name: str) -> KeyraDevice:
        """Return a key.

        Raises:
            SimulationError: there is none of that name.
        """
        if name not in self.keys:
            raise SimulationError(f"There is no key named {name} here.")
        return self.keys[name]

    def stats(self) -> PlaceStats:
        """Return how the place is."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        counts = self.air.counts
        return PlaceStats(
            seed=self.seed,
            keys=len(self.keys),
            gateways=self.air.listeners,
            rss_bytes=pages * resource.getpagesize(),
            cpu_ms=int(process_time() * 1000),
            adverts_sent=counts.sent,
            adverts_heard=counts.heard,
            adverts_lost=counts.lost,
        )

    async def adapter(
        self,
        name: str = "gateway",
        *,
        bond_file: Path | None = None,
        just_works_allowed: bool = False,
    ) -> SimulatedAdapter:
        """Return a gateway's adapter on this air, in this process."""
        return await SimulatedAdapter.in_process(
            self.air,
            name,
            bond_file=bond_file,
            just_works_allowed=just_works_allowed,
        )


def _now_ns() -> int:
    return int(asyncio.get_running_loop().time() * 1_000_000_000)
