"""ports.Inputs and ports.Indicators on the simulated board."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Final, Self

from gateway.core.facts import InputName, Pattern
from gateway.core.patterns import TABLE
from gateway.errors import SimulationError
from gateway.ports import Clock, InputChanged
from gateway.sim.pins import InputEvent, PinBoard
from gateway.sim.wire import encode

CHANGES_MAX: Final = 1_024
PATTERNS_MAX: Final = 10_000
LAMP_BYTES_MAX: Final = 4_096  # of a world that reads no more


class BoardInputs:
    """ports.Inputs of a board in this process."""

    def __init__(self, board: PinBoard, clock: Clock) -> None:
        """Watch a board; times are the clock's."""
        self._board: Final = board
        self._clock: Final = clock

    async def changes(self) -> AsyncGenerator[InputChanged, None]:
        """Yield each input once, then every change."""
        queue: asyncio.Queue[InputEvent] = asyncio.Queue(CHANGES_MAX)
        stop = self._board.watch(queue.put_nowait)
        try:
            while True:
                event = await queue.get()
                yield InputChanged(event.name, event.active, self._clock.now().up_ms)
        finally:
            stop()


class SocketInputs:
    """ports.Inputs of a world process, by its `pins.sock`."""

    def __init__(self, socket: Path, clock: Clock) -> None:
        """Watch a board; times are the clock's, at arrival."""
        self._socket: Final = socket
        self._clock: Final = clock

    async def changes(self) -> AsyncGenerator[InputChanged, None]:
        """Yield each input once, then every change.

        Raises:
            SimulationError: the world is not there, or went away.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._socket))
        except OSError as error:
            raise SimulationError(
                f"No simulated pins at {self._socket}: start gateway.sim.world first."
            ) from error
        try:
            writer.write(b'{"watch":true}\n')
            while line := await reader.readline():
                said = json.loads(line)
                yield InputChanged(
                    InputName(said["input"]), said["active"], self._clock.now().up_ms
                )
            raise SimulationError("The simulated pins went away.")
        finally:
            writer.close()


class SocketIndicators:
    """ports.Indicators of a world process, by its `pins.sock`."""

    def __init__(
        self, writer: asyncio.StreamWriter, texts: Mapping[Pattern, str]
    ) -> None:
        """Take a connection; `connect` makes one."""
        self._writer: Final = writer
        self._texts: Final = texts

    @classmethod
    async def connect(cls, socket: Path, texts: Mapping[Pattern, str] = TABLE) -> Self:
        """Connect to a world's lamp, which plays what `texts` says.

        Raises:
            SimulationError: the world is not there.
        """
        try:
            _, writer = await asyncio.open_unix_connection(str(socket))
        except OSError as error:
            raise SimulationError(
                f"No simulated pins at {socket}: start gateway.sim.world first."
            ) from error
        return cls(writer, texts)

    def show(self, pattern: Pattern) -> None:
        """Show a pattern until the next one; nobody waits for a lamp."""
        waiting = self._writer.transport.get_write_buffer_size()
        if not self._writer.is_closing() and waiting < LAMP_BYTES_MAX:
            self._writer.write(
                encode({"plays": self._texts[pattern], "show": pattern.value})
            )

    async def aclose(self) -> None:
        """Let go of the lamp."""
        self._writer.close()


class TracedIndicators:
    """ports.Indicators that remember what was shown, and tell whoever looks on."""

    def __init__(
        self, clock: Clock, on_pattern: Callable[[Pattern], None] | None = None
    ) -> None:
        """Show nothing yet."""
        self.shown: Final[deque[tuple[int, Pattern]]] = deque(maxlen=PATTERNS_MAX)
        self._clock: Final = clock
        self._on_pattern: Final = on_pattern

    def show(self, pattern: Pattern) -> None:
        """Show a pattern until the next one."""
        self.shown.append((self._clock.now().up_ms, pattern))
        if self._on_pattern is not None:
            self._on_pattern(pattern)
