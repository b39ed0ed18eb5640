"""The simulated world as a process of its own, which survives what the gateway suffers.

    python -m gateway.sim.world --dir DIR --seed N [--keys N]

It listens in DIR: `hci.sock` (each connection is a controller on the air, H4),
`pins.sock` (outputs and inputs, JSON lines) and `world.sock` (verbs, JSON lines). It
prints one line of JSON when it is ready, and its seed when something fails.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Final

from gateway.core.facts import Pattern
from gateway.core.patterns import TABLE, parse
from gateway.errors import ConfigError, KeyraError, SimulationError
from gateway.sim.air import Radio
from gateway.sim.bumble_faults import quieten
from gateway.sim.hci_socket import HciSink, HciStream
from gateway.sim.pins import InputEvent
from gateway.sim.place import KEYS_MAX, Place
from gateway.sim.verbs import perform
from gateway.sim.wire import (
    LINE_BYTES_MAX,
    BadLineError,
    Handler,
    Message,
    encode,
    read_message,
    serve_one,
)
from gateway.strike.wiring import Lock, Relay

HCI_SOCKET: Final = "hci.sock"
PINS_SOCKET: Final = "pins.sock"
WORLD_SOCKET: Final = "world.sock"
LISTENERS_MAX: Final = 16


class World:
    """Serves one place on three sockets until it is cancelled."""

    def __init__(self, place: Place, directory: Path) -> None:
        """Take a place that is entered already.

        Args:
            place: what to serve.
            directory: where the sockets will be; it exists.
        """
        self._place: Final = place
        self._directory: Final = directory
        self._taken: Final[set[int]] = set()

    async def serve(self, on_ready: Callable[[], None]) -> None:
        """Open the sockets, say so by `on_ready`, and serve for ever."""
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            hci = await loop.create_unix_server(
                self._listener, str(self._free(HCI_SOCKET))
            )
            await stack.enter_async_context(hci)
            await stack.enter_async_context(await self._lines(PINS_SOCKET, self._pins))
            await stack.enter_async_context(
                await self._lines(WORLD_SOCKET, self._verbs)
            )
            on_ready()
            await loop.create_future()

    async def _lines(self, name: str, handler: Handler) -> asyncio.Server:
        return await asyncio.start_unix_server(
            lambda reader, writer: serve_one(handler, reader, writer),
            str(self._free(name)),
            limit=LINE_BYTES_MAX,
        )

    def _free(self, name: str) -> Path:
        path = self._directory / name
        path.unlink(missing_ok=True)
        return path

    # hci.sock

    def _listener(self) -> asyncio.Protocol:
        number = next(n for n in count(1) if n not in self._taken)
        self._taken.add(number)
        return _Listener(self._place, number, self._taken.discard)

    # pins.sock

    async def _pins(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first = await read_message(reader)
        if first is None:
            return
        if first.get("watch") is True:
            await self._watch(reader, writer)
        elif "show" in first:
            await self._light(first, reader)
        else:
            await self._hold(first, reader, writer)

    async def _watch(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        def tell(event: InputEvent) -> None:
            said = {"active": event.active, "up_ns": event.up_ns}
            writer.write(encode({"input": event.name.value, **said}))

        stop = self._place.pins.watch(tell)
        try:
            await reader.read()  # says nothing more; its end is the watcher's
        finally:
            stop()

    async def _light(self, first: Message, reader: asyncio.StreamReader) -> None:
        message: Message | None = first
        try:
            while message is not None:
                try:
                    pattern = Pattern(message.get("show"))
                    text = message.get("plays", TABLE[pattern])
                    self._place.lamp.show(pattern, parse(str(text)))
                except (ValueError, ConfigError) as error:
                    raise BadLineError("no such pattern") from error
                message = await read_message(reader)
        finally:
            self._place.lamp.show(None)  # who played it is gone

    async def _hold(
        self,
        first: Message,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        name = str(first.get("claim"))
        try:
            self._place.pins.claim(name, first.get("level", -1))
        except SimulationError as error:
            writer.write(encode({"ok": False, "error": str(error)}))
            return
        try:
            writer.write(encode({"ok": True}))
            while (message := await read_message(reader)) is not None:
                writer.write(encode(self._move(name, message)))
        finally:
            self._place.pins.let_go(name)

    def _move(self, name: str, message: Message) -> Message:
        try:
            up_ns = self._place.pins.set(name, message.get("set", -1))
        except SimulationError as error:
            return {"ok": False, "error": str(error)}
        return {"ok": True, "up_ns": up_ns}

    # world.sock

    async def _verbs(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while (message := await read_message(reader)) is not None:
            answer: Message = {"id": message.get("id")}
            arguments = message.get("with", {})
            try:
                if not isinstance(arguments, dict):
                    raise BadLineError("`with` is no JSON object")
                value = await perform(self._place, str(message.get("do")), arguments)
                answer |= {"ok": True, "value": value}
            except SimulationError as error:
                answer |= {"ok": False, "error": str(error)}
            writer.write(encode(answer))
            await writer.drain()


class _Listener(HciStream):
    """One gateway's controller, for as long as its connection lasts.

    Whoever comes back takes the lowest free number, and with it the address that a
    kernel keeps its bonds under.
    """

    def __init__(
        self, place: Place, number: int, on_left: Callable[[int], None]
    ) -> None:
        super().__init__(self._leave)
        self._place: Final = place
        self._number: Final = number
        self._on_left: Final = on_left
        self._radio: Radio | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.WriteTransport):
            raise TypeError("a stream socket's transport writes")
        if self._number > LISTENERS_MAX:
            transport.close()
            return
        self._radio = Radio(
            f"gateway-{self._number}",
            self._place.air,
            listens=True,
            public_address=f"02:4B:52:00:00:{self._number:02X}",
        )
        self._radio.host = HciSink(transport)
        self.set_packet_sink(self._radio)

    def _leave(self) -> None:
        self._on_left(self._number)
        if self._radio is not None:
            self._place.air.leave(self._radio)


async def live(options: argparse.Namespace) -> None:
    """Build the place that the options describe and serve it."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def end() -> None:
        if task is not None:
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, end)
    loop.add_signal_handler(signal.SIGINT, end)
    if not 0 <= options.keys <= KEYS_MAX:
        raise SimulationError(f"A world has 0 to {KEYS_MAX} keys, not {options.keys}.")
    place = Place(
        options.seed,
        loss=options.loss,
        lock=Lock(options.lock),
        relay=Relay(options.relay),
        keeps_outputs=options.outputs == "keep",
    )
    async with place:
        for number in range(1, options.keys + 1):
            await place.add_key(f"k{number:04}")
        if options.with_parent:
            await loop.connect_read_pipe(lambda: _Parent(end), sys.stdin)

        def say_ready() -> None:
            ready = {"ready": True, "seed": options.seed}
            print(json.dumps(ready), flush=True)  # noqa: T201 - the starter waits for it

        await World(place, options.dir).serve(say_ready)


class _Parent(asyncio.Protocol):
    """Ends the world when whoever holds our standard input is gone."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end: Final = end

    def connection_lost(self, _error: Exception | None) -> None:
        self._end()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("gateway.sim.world", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="where to listen")
    parser.add_argument("--seed", type=int, required=True, help="decides all chance")
    parser.add_argument("--keys", type=int, default=0, help="make k0001, k0002, …")
    parser.add_argument("--loss", type=float, default=0.0, help="share of lost adverts")
    parser.add_argument(
        "--lock", choices=[lock.value for lock in Lock], default="fail-secure"
    )
    parser.add_argument(
        "--relay", choices=[relay.value for relay in Relay], default="active-high"
    )
    parser.add_argument(
        "--outputs",
        choices=["keep", "float"],
        default="keep",
        help="what a line does when its holder dies (persist_gpio_outputs)",
    )
    parser.add_argument(
        "--with-parent", action="store_true", help="end when standard input ends"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run a world until SIGTERM; return the exit code."""
    options = _options(arguments)
    quieten()
    try:
        asyncio.run(live(options))
    except asyncio.CancelledError:
        return 0
    except KeyraError as error:
        print(f"{error} (seed {options.seed})", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except BaseException:
        print(f"The world of seed {options.seed} failed.", file=sys.stderr)  # noqa: T201
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
