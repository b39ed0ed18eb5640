"""JSON lines over a unix socket, as the world speaks them to whoever asks."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

LINE_BYTES_MAX: Final = 8_000_000  # a full trace of one line

Message = dict[str, Any]


class BadLineError(Exception):
    """A line that is no JSON object."""


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """Return the next message, None at the end.

    Raises:
        BadLineError: it is no JSON object, or too long.
    """
    try:
        line = await reader.readline()
    except (ValueError, ConnectionError) as error:
        raise BadLineError("a line is too long, or cut") from error
    if not line.endswith(b"\n"):
        return None
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLineError("a line is not JSON") from error
    if not isinstance(message, dict):
        raise BadLineError("a line is no JSON object")
    return message


def encode(message: Message) -> bytes:
    """Return a message as a line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def serve_one(
    handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Run one client's handler; its going away is no error."""
    try:
        await handler(reader, writer)
    except (BadLineError, ConnectionError) as error:
        if not writer.is_closing():
            writer.write(encode({"ok": False, "error": str(error)}))
    finally:
        writer.close()
