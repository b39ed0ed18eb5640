"""Answers and failures of HTTP, as the client's values and errors."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import httpx
from pydantic import ValidationError

from gateway.client.calls import Call
from gateway.errors import AnswerLostError, ApiError, UnreachableError
from gateway.schemas import HEARTBEAT_S, Problem

BASE_URL: Final = "http://keyra"  # a name for the Host header; nothing resolves it
CONNECT_S_MAX: Final = 5.0
ANSWER_S_MAX: Final = 15.0
TIMEOUT: Final = httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX)
# A gateway that is there says so; three heartbeats missed, and it is not.
EVENTS_TIMEOUT: Final = httpx.Timeout(
    ANSWER_S_MAX, connect=CONNECT_S_MAX, read=3.0 * HEARTBEAT_S
)

_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERRORS_FROM: Final = 500

_Answer = TypeVar("_Answer")


def read(call: Call[_Answer], response: httpx.Response) -> _Answer:
    """Return what the gateway answered.

    Raises:
        ApiError: it refused, or its answer is not what this client knows.
    """
    check(response)
    try:
        return call.answer.validate_json(response.content)
    except ValidationError as error:
        raise ApiError(
            "answer-unknown",
            "The gateway's answer is not one that this client understands; use the "
            "client of the gateway's version.",
            response.status_code,
        ) from error


def check(response: httpx.Response) -> None:
    """Raise what a refusal says; its body must have been read.

    Raises:
        ApiError: the gateway refused.
    """
    if response.is_success:
        return
    status = response.status_code
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        raise ApiError("answer-unknown", f"HTTP status {status}.", status) from None
    raise ApiError(problem.code, problem.detail, status)


def is_passing(error: ApiError) -> bool:
    """Tell whether the same request may succeed later."""
    return error.status == _TOO_MANY_REQUESTS or error.status >= _SERVER_ERRORS_FROM


def knock(socket_path: str) -> None:
    """Find out whether somebody listens.

    httpcore's blocking backend leaks its socket when connecting fails; so it is only
    let loose on a door that opens.

    Raises:
        UnreachableError: nobody does.
    """
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.settimeout(CONNECT_S_MAX)
        try:
            knocking.connect(socket_path)
        except OSError as error:
            raise _unreachable(socket_path, error) from error


@contextmanager
def reaching(socket_path: str) -> Iterator[None]:
    """Turn failures of the connection into one sentence.

    Raises:
        UnreachableError: nobody answers, or not in time.
        AnswerLostError: the connection broke in the middle.
    """
    try:
        yield
    except httpx.TimeoutException as error:
        raise UnreachableError(
            f"The gateway at {socket_path} does not answer in time."
        ) from error
    except httpx.ConnectError as error:
        raise _unreachable(socket_path, error) from error
    except httpx.TransportError as error:
        raise AnswerLostError(
            f"The gateway at {socket_path} broke the connection before it answered; "
            "look whether what you asked for was done."
        ) from error


def _unreachable(socket_path: str, error: BaseException) -> UnreachableError:
    if _is_forbidden(error):
        return UnreachableError(
            f"You may not open {socket_path}; ask for membership in the group "
            "keyra-audit or keyra-admin, and log in again."
        )
    return UnreachableError(
        f"No gateway answers at {socket_path}; see `systemctl status keyra-gateway`, "
        "or name another with --socket."
    )


def _is_forbidden(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, PermissionError):
            return True
        error = error.__cause__ or error.__context__
    return False
