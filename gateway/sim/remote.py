"""A world process as the people in a story see it: keys, pins and the door."""

import asyncio
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from gateway.core.facts import InputName
from gateway.ctap.command import Protocol
from gateway.errors import SimulationError
from gateway.sim.authenticator import ALG_ES256, AttestationStyle
from gateway.sim.door import DoorState
from gateway.sim.key_model import KeyState
from gateway.sim.key_pairing import KeyIo
from gateway.sim.look import Look
from gateway.sim.misbehaviour import Misbehaviour
from gateway.sim.pins import Edge
from gateway.sim.place import PlaceStats
from gateway.sim.wire import LINE_BYTES_MAX, BadLineError, encode, read_message
from gateway.sim.world import WORLD_SOCKET


class RemoteWorld:
    """A connection to a world's `world.sock`; use it with `async with`."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take a connection; `connect` makes one."""
        self._reader: Final = reader
        self._writer: Final = writer
        self._turn: Final = asyncio.Lock()
        self._ids: Final = count()
        self.pins: Final = RemotePins(self)
        self.door: Final = RemoteDoor(self)

    @classmethod
    async def connect(cls, directory: Path) -> Self:
        """Connect to the world that listens in a directory.

        Raises:
            SimulationError: there is none.
        """
        path = directory / WORLD_SOCKET
        try:
            streams = await asyncio.open_unix_connection(
                str(path), limit=LINE_BYTES_MAX
            )
        except OSError as error:
            raise SimulationError(
                f"No simulated world at {path}: start gateway.sim.world first."
            ) from error
        return cls(*streams)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    async def ask(self, verb: str, /, **arguments: Any) -> Any:
        """Send one verb and return its value.

        Raises:
            SimulationError: the world refused, or went away.
        """
        async with self._turn:
            number = next(self._ids)
            message = {"id": number, "do": verb, "with": arguments}
            try:
                self._writer.write(encode(message))
                answer = await self._answer(number)
            except (BadLineError, ConnectionError) as error:
                raise SimulationError(f"The world went away ({error}).") from error
        if answer is None or answer.get("id") != number:
            raise SimulationError("The world went away.")
        if answer.get("ok") is not True:
            raise SimulationError(str(answer.get("error")))
        return answer.get("value")

    async def _answer(self, number: int) -> dict[str, Any] | None:
        """Return the answer to a number; those that nobody waits for any more go."""
        while True:
            answer = await read_message(self._reader)
            if answer is None or answer.get("id") not in range(number):
                return answer

    async def add_key(
        self,
        name: str,
        *,
        io: KeyIo = KeyIo.COMPARE,
        algorithm: int = ALG_ES256,
        style: AttestationStyle = AttestationStyle.PACKED_X5C,
        tokens: Sequence[Protocol] = (),
        by_hand: bool = False,
    ) -> "RemoteKey":
        """Make a key that sleeps."""
        await self.ask(
            "key.add",
            key=name,
            io=io.value,
            algorithm=algorithm,
            style=style.value,
            tokens=[int(protocol) for protocol in tokens],
            by_hand=by_hand,
        )
        return self.key(name)

    def key(self, name: str) -> "RemoteKey":
        """Return a key by name; whether it exists is seen at its first verb."""
        return RemoteKey(self, name)

    async def keys(self) -> Sequence[str]:
        """Return the names of all keys."""
        return [str(name) for name in await self.ask("keys")]

    async def chain(self) -> tuple[bytes, bytes]:
        """Return the maker's trust root in DER and the model's AAGUID."""
        chain = await self.ask("chain")
        return bytes.fromhex(chain["root"]), bytes.fromhex(chain["aaguid"])

    async def look(self, key: str) -> Look:
        """Look around, with that key in the hand."""
        return Look.read(await self.ask("look", key=key))

    async def stats(self) -> PlaceStats:
        """Return how the world is."""
        return PlaceStats(**await self.ask("stats"))


class RemoteKey:
    """One key of a remote world; the verbs are KeyraDevice's."""

    def __init__(self, world: RemoteWorld, name: str) -> None:
        """Name a key."""
        self.name: Final = name
        self._world: Final = world

    async def _do(self, verb: str, **how: Any) -> Any:
        return await self._world.ask("key", key=self.name, verb=verb, how=how)

    async def present(self, **how: float) -> None:
        """Wake it (`distance_m`, `awake_ms`)."""
        await self._do("present", **how)

    async def touch(self, times: int = 1, after_ms: int = 0) -> None:
        """Put the right finger on it at the next blink."""
        await self._do("touch", times=times, after_ms=after_ms)

    async def slow_touch(self, after_ms: int = 4_000) -> None:
        """Put the right finger on it, late."""
        await self._do("slow_touch", after_ms=after_ms)

    async def wrong_finger(self, times: int = 1, after_ms: int = 0) -> None:
        """Put a wrong finger on it at the next blink."""
        await self._do("wrong_finger", times=times, after_ms=after_ms)

    async def decline(self, after_ms: int = 0) -> None:
        """Say no at the next blink."""
        await self._do("decline", after_ms=after_ms)

    async def move(self, distance_m: float) -> None:
        """Carry it to that distance from the door."""
        await self._do("move", distance_m=distance_m)

    async def walk_away(self) -> None:
        """Carry it out of reach."""
        await self._do("walk_away")

    async def sleep(self) -> None:
        """Let it sleep now."""
        await self._do("sleep")

    async def pairing_mode(self) -> None:
        """Wake it ready for a new bond."""
        await self._do("pairing_mode")

    async def refuse_pairing(self, *, refuse: bool = True) -> None:
        """Say no on the key when the numbers are to be compared."""
        await self._do("refuse_pairing", refuse=refuse)

    async def press(self, *, agree: bool) -> None:
        """Press yes or no on the key while it shows a number."""
        await self._do("press", agree=agree)

    async def type_passkey(self, number: int) -> None:
        """Type the number that the gateway shows."""
        await self._do("type_passkey", number=number)

    async def lose_bond(self) -> None:
        """Forget every gateway."""
        await self._do("lose_bond")

    async def reset(self) -> None:
        """Factory reset."""
        await self._do("reset")

    async def run_flat(self) -> None:
        """Let the battery die."""
        await self._do("run_flat")

    async def charge(self, percent: int = 100) -> None:
        """Charge it."""
        await self._do("charge", percent=percent)

    async def unblock(self) -> None:
        """Give it back its finger tries."""
        await self._do("unblock")

    async def misbehave(self, *ways: Misbehaviour) -> None:
        """Misbehave in exactly these ways from now on; none: behave."""
        await self._world.ask(
            "key.misbehave", key=self.name, ways=[way.value for way in ways]
        )

    async def state(self) -> KeyState:
        """Look at it."""
        return KeyState(**await self._do("state"))


class RemotePins:
    """The board of a remote world."""

    def __init__(self, world: RemoteWorld) -> None:
        """Look at a world's board."""
        self._world: Final = world

    async def trace(self, line: str) -> tuple[Edge, ...]:
        """Return a line's edges, oldest first."""
        edges = await self._world.ask("pins.trace", line=line)
        return tuple(Edge(up_ns, level) for up_ns, level in edges)

    async def set_input(self, name: InputName, *, active: bool) -> None:
        """Make an input active or not."""
        await self._world.ask("input.set", input=name.value, active=active)


class RemoteDoor:
    """The door of a remote world."""

    def __init__(self, world: RemoteWorld) -> None:
        """Stand before a world's door."""
        self._world: Final = world

    async def state(self) -> DoorState:
        """Look at it."""
        return DoorState(**await self._world.ask("door.state"))

    async def open(self) -> bool:
        """Pull it; return whether it gave way."""
        return bool(await self._world.ask("door.open"))

    async def close(self) -> None:
        """Close it."""
        await self._world.ask("door.close")

    async def force(self) -> None:
        """Break it open."""
        await self._world.ask("door.force")

    async def press_exit(self) -> None:
        """Press the exit button for a moment."""
        await self._world.ask("door.press_exit")
