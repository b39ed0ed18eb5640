"""Idempotency-Key: a creating request that is sent twice is carried out once.

    unknown key                     carried out; its answer is kept
    known key, the same request     the kept answer again, marked as replayed
    known key, another request      422 idempotency-key-reused
    known key, still under way      409 idempotency-key-in-flight

After draft-ietf-httpapi-idempotency-key-header-07. A key counts for one user of the
kernel's word, for KEPT_S, in memory: a gateway that was started anew knows none. Kept
is whatever was answered, also a refusal and a mistake of the gateway, for nobody knows
what had happened before it; only 503 is not, because it says that nothing has.
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from fastapi.responses import JSONResponse

from gateway.api.asgi import App, Message, Receive, Scope, Send, replayed
from gateway.api.problems import problem_response, unexpected_response

HEADER: Final = b"idempotency-key"
KEY_PATTERN: Final = r'^"?[A-Za-z0-9._~-]{8,128}"?$'
KEPT_S: Final = 600
KEYS_PER_UID_MAX: Final = 64
UIDS_MAX: Final = 16
ANSWER_BYTES_MAX: Final = 64 * 1024
ANSWERS_BYTES_PER_UID_MAX: Final = 256 * 1024

_KEY: Final = re.compile(KEY_PATTERN.encode())


@dataclass(slots=True)
class _Kept:
    """What is known of one key.

    Attributes:
        request: a digest of what was asked.
        answer: start and body; None while it is under way.
    """

    request: bytes
    at_s: float
    answer: tuple[Message, bytes] | None = None

    @property
    def size_bytes(self) -> int:
        return 0 if self.answer is None else len(self.answer[1])


@dataclass(slots=True)
class _Keys:
    """The keys of one user, the oldest first."""

    kept: OrderedDict[bytes, _Kept] = field(default_factory=OrderedDict)

    def forget(self, now_s: float) -> None:
        """Let go of what is too old, and of the oldest where there is too much.

        What is under way stays: no more of it than a user has connections.
        """
        over = [name for name, one in self.kept.items() if one.answer is not None]
        size_bytes = sum(one.size_bytes for one in self.kept.values())
        for name in over:
            one = self.kept[name]
            if (
                now_s - one.at_s < KEPT_S
                and len(self.kept) <= KEYS_PER_UID_MAX
                and size_bytes <= ANSWERS_BYTES_PER_UID_MAX
            ):
                return
            size_bytes -= one.size_bytes
            del self.kept[name]


class Idempotency:
    """Wraps the application, behind the guard: user known, body whole."""

    def __init__(
        self,
        app: App,
        uid_of: Callable[[Scope], int],
        now_s: Callable[[], float] | None = None,
    ) -> None:
        """Begin with nothing known.

        Args:
            app: the application.
            uid_of: returns who asks.
            now_s: a clock that never goes back; by default the running loop's.
        """
        self._app: Final = app
        self._uid_of: Final = uid_of
        self._now_s: Final = now_s or (lambda: asyncio.get_running_loop().time())
        self._users: Final[OrderedDict[int, _Keys]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry the request out, once."""
        keys = [value for name, value in scope["headers"] if name == HEADER]
        if scope["method"] != "POST" or not keys:
            await self._app(scope, receive, send)
            return
        if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
            await _refusal_key()(scope, receive, send)
            return
        body: bytes = (await receive()).get("body", b"")
        request = _digest(scope, body)
        user = self._user(self._uid_of(scope))
        name = keys[0].strip(b'"')
        kept = user.kept.get(name)
        if kept is not None:
            await _again(kept, request, scope, receive, send)
            return
        kept = user.kept[name] = _Kept(request, self._now_s())
        try:
            await self._carry_out(kept, scope, replayed(body, receive), send)
        finally:
            if kept.answer is None:
                user.kept.pop(name, None)
            user.forget(self._now_s())

    async def _carry_out(
        self, kept: _Kept, scope: Scope, receive: Receive, send: Send
    ) -> None:
        answer = _Answer()

        async def wrapped(message: Message) -> None:
            answer.take(message)
            kept.answer = answer.kept()  # before the wire, where it may get lost
            await send(message)

        try:
            await self._app(scope, receive, wrapped)
        except Exception:
            if kept.answer is None:
                kept.answer = _plain(unexpected_response())
            raise

    def _user(self, uid: int) -> _Keys:
        user = self._users.setdefault(uid, _Keys())
        self._users.move_to_end(uid)
        user.forget(self._now_s())
        if len(self._users) > UIDS_MAX:
            idle = (
                other
                for other, keys in self._users.items()
                if other != uid
                and all(one.answer is not None for one in keys.kept.values())
            )
            gone = next(idle, None)
            if gone is not None:
                del self._users[gone]
        return user


class _Answer:
    """Gathers an answer as it is sent."""

    def __init__(self) -> None:
        self._start: Message = {}
        self._body = bytearray()
        self._whole = False

    def take(self, message: Message) -> None:
        """Take the next message."""
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            if len(self._body) <= ANSWER_BYTES_MAX:
                self._body += message.get("body", b"")
            self._whole = not message.get("more_body", False)

    def kept(self) -> tuple[Message, bytes] | None:
        """Return what to keep of it, once it is whole."""
        unavailable = self._start.get("status") == HTTPStatus.SERVICE_UNAVAILABLE
        if not self._whole or unavailable:
            return None
        if len(self._body) > ANSWER_BYTES_MAX:
            return _plain(
                problem_response(
                    HTTPStatus.CONFLICT,
                    "idempotency-answer-gone",
                    "This was carried out; its answer was too long to be kept, so "
                    "look at what is there now.",
                )
            )
        return self._start, bytes(self._body)


def _digest(scope: Scope, body: bytes) -> bytes:
    said = (scope["path"].encode(), scope.get("query_string", b""), body)
    whole = hashlib.sha256()
    for part in said:
        whole.update(len(part).to_bytes(8))
        whole.update(part)
    return whole.digest()


async def _again(
    kept: _Kept, request: bytes, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer for a key that is known."""
    if kept.request != request:
        await problem_response(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "This Idempotency-Key was sent with another request; a new request takes "
            "a new key.",
        )(scope, receive, send)
    elif kept.answer is None:
        await problem_response(
            HTTPStatus.CONFLICT,
            "idempotency-key-in-flight",
            "The request with this Idempotency-Key is still being carried out; ask "
            "again in a moment.",
            headers={"retry-after": "1"},
        )(scope, receive, send)
    else:
        start, body = kept.answer
        headers = [*start["headers"], (b"idempotency-replayed", b"true")]
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _refusal_key() -> JSONResponse:
    return problem_response(
        HTTPStatus.BAD_REQUEST,
        "idempotency-key-invalid",
        "An Idempotency-Key is one header of 8 to 128 letters, digits and -._~ "
        "characters; a UUID is a good one.",
    )


def _plain(response: JSONResponse) -> tuple[Message, bytes]:
    start: Message = {
        "type": "http.response.start",
        "status": response.status_code,
        "headers": response.raw_headers,
    }
    return start, bytes(response.body)
