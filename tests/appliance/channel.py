"""Two JSON channels into a running QEMU: its own monitor, and the guest's agent."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

ANSWER_S_MAX: Final = 300
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
_SENTINEL: Final = b"\xff"  # begins an answer to guest-sync-delimited


class ChannelError(Exception):
    """The other end refused, or is not there."""


@asynccontextmanager
async def _bounded(verb: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            yield
    except TimeoutError as error:
        raise ChannelError(f"{verb}: no answer in {ANSWER_S_MAX} s") from error


class Channel:
    """One request at a time over a unix socket."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader: Final = reader
        self._writer: Final = writer
        self._turn: Final = asyncio.Lock()
        self._ids: Final = count(1)

    @classmethod
    async def connect(cls, path: Path) -> Self:
        """Connect to a socket that QEMU serves."""
        return cls(*await asyncio.open_unix_connection(str(path), limit=LINE_BYTES_MAX))

    def close(self) -> None:
        """Let go."""
        self._writer.close()

    async def ask(self, verb: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Ask and return the answer's `return`; events in between are dropped.

        Raises:
            ChannelError: it was refused, or the other end is gone or stands still.
        """
        number = next(self._ids)
        message: dict[str, Any] = {"execute": verb, "id": number}
        if arguments:
            message["arguments"] = arguments
        async with self._turn, _bounded(verb):
            await self._send(json.dumps(message).encode() + b"\n")
            while True:
                answer = await self._receive()
                if answer.get("id") == number and answer.keys() & {"return", "error"}:
                    break
        if "error" in answer:
            raise ChannelError(f"{verb}: {answer['error'].get('desc')}")
        return answer["return"]

    async def sync(self, within_s: float) -> bool:
        """Bring an agent's channel to the beginning of a message, or say it cannot.

        A guest that was loaded knows nothing of what was said here before.
        """
        number = next(self._ids)
        message = {"execute": "guest-sync-delimited", "arguments": {"id": number}}
        async with self._turn:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._send(_SENTINEL + json.dumps(message).encode() + b"\n")
                    while True:
                        line = await self._line()
                        _, sentinel, rest = line.rpartition(_SENTINEL)
                        if sentinel and json.loads(rest).get("return") == number:
                            return True
        return False

    async def _send(self, line: bytes) -> None:
        try:
            self._writer.write(line)
            await self._writer.drain()
        except ConnectionError as error:
            raise ChannelError("QEMU is gone") from error

    async def _line(self) -> bytes:
        try:
            line = await self._reader.readline()
        except ConnectionError as error:
            raise ChannelError("QEMU is gone") from error
        if not line.endswith(b"\n"):
            raise ChannelError("QEMU is gone")
        return line

    async def _receive(self) -> dict[str, Any]:
        line = await self._line()
        answer = json.loads(line.rpartition(_SENTINEL)[2])
        return answer if isinstance(answer, dict) else {}


async def open_monitor(path: Path) -> Channel:
    """Return QEMU's monitor, ready for commands."""
    monitor = await Channel.connect(path)
    await monitor.ask("qmp_capabilities")
    return monitor
