"""The shapes of ASGI, and what this server adds to a request's scope."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CONNECTION_KEY: Final = "keyra.connection"
"""Where a scope holds its Connection. No header of a request can write a scope."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The kernel's word about who connected (SO_PEERCRED, unix(7))."""

    pid: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Connection:
    """Whose connection a request came over.

    Attributes:
        abort: drops the connection and whatever it still has to send.
    """

    peer: Peer
    abort: Callable[[], None]


def replayed(body: bytes, receive: Receive) -> Receive:
    """Hand the body on in one piece, and after it what the peer does next."""
    handed_on = False

    async def wrapped() -> Message:
        nonlocal handed_on
        if handed_on:
            return await receive()
        handed_on = True
        return {"type": "http.request", "body": body, "more_body": False}

    return wrapped
