"""The gateway's end of keyra-strike's socket: ports.Strike.

Every command is bounded in time. A command that was given up costs the connection, at
whose end keyra-strike secures; the next command makes a new one. One that met a
connection already closed, as after a restart of keyra-strike, is sent once more.
"""

import asyncio
from pathlib import Path
from typing import Final

from gateway.errors import StrikeError
from gateway.strike.wire import (
    LINE_BYTES_MAX,
    Refusal,
    Request,
    Word,
    parse_reply,
    render_request,
)

REPLY_MS_MAX: Final = 1_000
"""Connecting included; well below the silence that keyra-strike puts up with."""


class StrikeClient:
    """One connection to the keyra-strike that listens at `path`, made when needed."""

    def __init__(self, path: Path, *, reply_ms_max: int = REPLY_MS_MAX) -> None:
        self._path: Final = path
        self._reply_ms_max: Final = reply_ms_max
        self._turn: Final = asyncio.Lock()
        self._wire: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def release(self, serial: int, duration_ms: int) -> None:
        """See ports.Strike."""
        await self._command(Request(Word.RELEASE, serial, duration_ms))

    async def lease(self, duration_ms: int) -> None:
        """See ports.Strike."""
        await self._command(Request(Word.LEASE, duration_ms=duration_ms))

    async def secure(self) -> None:
        """See ports.Strike."""
        await self._command(Request(Word.SECURE))

    async def keep_alive(self) -> None:
        """See ports.Strike."""
        await self._command(Request(Word.ALIVE))

    def close(self) -> None:
        """Hang up, at which keyra-strike secures."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire[1].close()

    async def _command(self, request: Request) -> None:
        """Send a request and wait for its reply.

        Raises:
            StrikeError: refused, silent or out of reach.
        """
        done = False
        async with self._turn:
            try:
                async with asyncio.timeout(self._reply_ms_max / 1000):
                    refusal = await self._ask_twice(request)
                done = True
            except TimeoutError as error:
                raise StrikeError(
                    f"keyra-strike did not answer within {self._reply_ms_max} ms."
                ) from error
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
                raise StrikeError(
                    f"keyra-strike at {self._path} is out of reach "
                    f"({str(error) or type(error).__name__}); is it running?"
                ) from error
            finally:
                if not done:  # a reply may still come: never read it as another's
                    self.close()
        if refusal is not None:
            raise StrikeError(refusal.sentence)

    async def _ask_twice(self, request: Request) -> Refusal | None:
        if self._wire is not None:
            try:
                return await self._ask(request)
            except (OSError, EOFError):
                self.close()
        return await self._ask(request)

    async def _ask(self, request: Request) -> Refusal | None:
        if self._wire is None:
            self._wire = await asyncio.open_unix_connection(
                self._path, limit=LINE_BYTES_MAX
            )
        reader, writer = self._wire
        writer.write(render_request(request))
        await writer.drain()
        reply = parse_reply((await reader.readuntil(b"\n"))[:-1])
        if reply is None:
            raise ValueError("it spoke nonsense")
        return reply.refusal
