"""What every request passes before the application sees it: identity, rights, limits.

1. The connection's peer is known from the kernel, or the answer is 403.
2. It waits for its turn: so many in a second, of one user and of all.
3. Reading and asking take READ, all else WRITE; nobody else learns what is here.
4. The body is read whole, bounded in bytes and in time, only then goes on.
5. A peer that does not take its answer in time loses its connection.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from fastapi import Request
from fastapi.responses import JSONResponse

from gateway.api.asgi import (
    CONNECTION_KEY,
    App,
    Connection,
    Message,
    Receive,
    Scope,
    Send,
    replayed,
)
from gateway.api.pace import Turns
from gateway.api.problems import problem_response
from gateway.api.rights import ADMIN_GROUP, AUDIT_GROUP, Right, Rights
from gateway.service.views import Actor

BODY_BYTES_MAX: Final = 16 * 1024
IMPORT_BYTES_MAX: Final = 256 * 1024
BODIES_BYTES_MAX: Final[Mapping[str, int]] = {
    "/v1/orders": IMPORT_BYTES_MAX,
    "/v1/break-glass": IMPORT_BYTES_MAX,
}
"""Where more is needed: a list of holders to import."""
BODY_READ_S_MAX: Final = 5
WRITE_S_MAX: Final = 10

_READING: Final = frozenset({"GET", "HEAD"})
READING_PATHS: Final = frozenset(
    {"/v1/ledger/verification", "/v1/policy/explain", "/v1/users/lookup"}
)
"""Where every method only reads: to verify and to ask changes nothing."""
_CLOSE: Final = {"connection": "close"}


ACTOR_KEY: Final = "keyra.actor"


def actor_of(request: Request) -> Actor:
    """Return who asks; the guard let the request through."""
    actor: Actor = request.scope[ACTOR_KEY]
    return actor


def uid_of(scope: Scope) -> int:
    """Return whose request it is; the guard let it through."""
    actor: Actor = scope[ACTOR_KEY]
    return actor.uid


class DisconnectedError(Exception):
    """The peer went away in the middle of its request."""


class Guard:
    """Wraps the application."""

    def __init__(self, app: App, rights: Rights, turns: Turns) -> None:
        self._app: Final = app
        self._rights: Final = rights
        self._turns: Final = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here."""
        if scope["type"] != "http":
            return
        connection: Connection | None = scope.get(CONNECTION_KEY)
        if connection is not None:
            send = _impatient(send, connection)
            await self._turns.wait(connection.peer.uid)
        refused = await self._refused(connection, scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        if connection is not None:
            uid = connection.peer.uid
            scope[ACTOR_KEY] = Actor(uid, master=self._rights.is_master(uid))
        try:
            body = await _body(scope, receive)
        except DisconnectedError:
            return
        if isinstance(body, JSONResponse):
            await body(scope, receive, send)
            return
        await self._app(scope, replayed(body, receive), send)

    async def _refused(
        self, connection: Connection | None, scope: Scope
    ) -> JSONResponse | None:
        has = Right.NONE
        if connection is not None:
            has = await self._rights.of(connection.peer.uid)
        reads = scope["method"] in _READING or scope["path"] in READING_PATHS
        needs = Right.READ if reads else Right.WRITE
        if has >= needs:
            return None
        groups = ADMIN_GROUP
        if needs is Right.READ:
            groups = f"{AUDIT_GROUP} or {ADMIN_GROUP}"
        who = f"User {connection.peer.uid}" if connection else "An unknown user"
        return problem_response(
            HTTPStatus.FORBIDDEN,
            "forbidden",
            f"{who} may not do this; ask for membership in the group {groups}.",
            headers=_CLOSE,
        )


def _impatient(send: Send, connection: Connection) -> Send:
    """Give up a peer that does not read, and with it what is still to be sent."""
    given_up = False

    async def wrapped(message: Message) -> None:
        nonlocal given_up
        if given_up:
            return
        try:
            async with asyncio.timeout(WRITE_S_MAX):
                await send(message)
        except TimeoutError:
            given_up = True
            connection.abort()

    return wrapped


async def _body(scope: Scope, receive: Receive) -> bytes | JSONResponse:
    """Return the whole body, or the answer to one that is too large or too slow.

    Raises:
        DisconnectedError: the peer went away.
    """
    bytes_max = BODIES_BYTES_MAX.get(scope["path"], BODY_BYTES_MAX)
    if _declared_bytes(scope) > bytes_max:
        return _too_large(bytes_max)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_READ_S_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise DisconnectedError
                body += message.get("body", b"")
                if len(body) > bytes_max:
                    return _too_large(bytes_max)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return problem_response(
            HTTPStatus.REQUEST_TIMEOUT,
            "request-too-slow",
            f"The request's body took longer than {BODY_READ_S_MAX} s.",
            headers=_CLOSE,
        )


def _declared_bytes(scope: Scope) -> int:
    """Return what Content-Length says; h11 has made sure that it is one number."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0


def _too_large(bytes_max: int) -> JSONResponse:
    return problem_response(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        f"A request's body may have {bytes_max} bytes at most.",
        headers=_CLOSE,
    )
