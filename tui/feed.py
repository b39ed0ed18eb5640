"""The worker that follows the gateway. It posts messages and owns nothing."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Final

from textual.message import Message

from gateway.client import ApiError, AsyncClient, Heartbeat, UnreachableError
from gateway.schemas import Status
from tui.messages import Arrived, Refused

RECENT_EVENTS: Final = 200


async def follow(client: AsyncClient, post: Callable[[Message], object]) -> None:
    """Post what happens, and the whole status with each heartbeat, until cancelled."""
    try:
        async with aclosing(client.events(recent=RECENT_EVENTS)) as items:
            async for item in items:
                post(Arrived(item))
                if isinstance(item, Heartbeat) and (status := await _status(client)):
                    post(Arrived(status))
    except ApiError as error:
        post(Refused(str(error)))


async def _status(client: AsyncClient) -> Status | None:
    """Ask once; if that fails, the stream will soon say why."""
    try:
        return await client.status()
    except (ApiError, UnreachableError):
        return None
