"""Errors as problem details (RFC 9457), each with a stable code."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from gateway import errors
from gateway.schemas import Fault, Problem

MEDIA_TYPE: Final = "application/problem+json"
FAULTS_MAX: Final = 16
FAULT_CHARS_MAX: Final = 200

_PARAMETER: Final = re.compile(r"\{[^}]+\}")

# The nearest ancestor counts.
_STATUSES: Final[Mapping[type[Exception], HTTPStatus]] = {
    errors.KeyraError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.RegistryError: HTTPStatus.CONFLICT,
    errors.HolderUnknownError: HTTPStatus.NOT_FOUND,
    errors.EnrolmentError: HTTPStatus.CONFLICT,
    errors.OrderError: HTTPStatus.CONFLICT,
    errors.AdministrationError: HTTPStatus.CONFLICT,
    errors.FingerNeededError: HTTPStatus.PRECONDITION_REQUIRED,
    errors.AttestationError: HTTPStatus.CONFLICT,
    errors.LinkError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.HardwareMissingError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.JournalError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LedgerReadError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.EntryUnknownError: HTTPStatus.NOT_FOUND,
    errors.LedgerBusyError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.VerificationRunningError: HTTPStatus.CONFLICT,
    errors.StrikeError: HTTPStatus.SERVICE_UNAVAILABLE,
}

# What FastAPI refuses by itself.
_CODES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("request-invalid", "The request's body is not JSON text."),
    404: ("not-found", "There is nothing at this path; see /v1/openapi.json."),
    405: ("method-not-allowed", "This path does not know that method; see Allow."),
}


class Refusal(Exception):  # noqa: N818 - an answer of the API, not a failure in it
    """A request that the API itself turns down."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status: Final = status
        self.code: Final = code


def status_of(error: type[Exception]) -> HTTPStatus:
    """Return the HTTP status for a class of the gateway's exception tree."""
    return next(_STATUSES[cls] for cls in error.__mro__ if cls in _STATUSES)


def problem_response(
    status: int,
    code: str,
    detail: str,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Build the answer for a refused request."""
    problem = Problem(
        type=f"urn:keyra:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        faults=tuple(faults),
    )
    return JSONResponse(
        problem.model_dump(), status, headers=headers, media_type=MEDIA_TYPE
    )


async def _keyra(_: Request, error: Exception) -> JSONResponse:
    code = error.code if isinstance(error, errors.KeyraError) else ""
    return problem_response(status_of(type(error)), code, str(error))


async def _refusal(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)  # noqa: S101 - it is registered for nothing else
    return problem_response(error.status, error.code, str(error))


async def _framework(request: Request, error: Exception) -> JSONResponse:
    status = getattr(error, "status_code", HTTPStatus.NOT_FOUND)
    headers: Mapping[str, str] | None = getattr(error, "headers", None)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = _allow(request) or headers
    code, detail = _CODES[status]
    return problem_response(status, code, detail, headers=headers)


def _methods(router: APIRouter) -> dict[re.Pattern[str], str]:
    found: dict[str, set[str]] = {}
    for route in router.routes:
        if isinstance(route, APIRoute):
            found.setdefault(route.path, set()).update(route.methods or ())
    return {  # a path by its very words comes before one with parameters (OpenAPI)
        re.compile(_PARAMETER.sub("[^/]+", path)): ", ".join(sorted(found[path]))
        for path in sorted(found, key=lambda path: path.count("{"))
    }


def _allow(request: Request) -> Mapping[str, str] | None:
    """Name all methods of a path; its routes know only their own."""
    served: Mapping[re.Pattern[str], str] = request.app.state.methods
    path = request.scope["path"]
    return next(({"allow": served[one]} for one in served if one.fullmatch(path)), None)


def _shown(text: str) -> str:
    """Return what may hold words of the asker's in a form for screens and logs."""
    cut = text[:FAULT_CHARS_MAX]
    return "".join(letter if letter.isprintable() else "�" for letter in cut)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    found: Sequence[Mapping[str, Any]] = (
        error.errors() if isinstance(error, RequestValidationError) else ()
    )
    faults = [
        Fault(where=_shown("/".join(map(str, each["loc"]))), what=_shown(each["msg"]))
        for each in found[:FAULTS_MAX]
    ]
    first = f"{faults[0].where}: {faults[0].what}" if faults else "no reason known"
    return problem_response(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "request-invalid",
        f"The request is not what this path takes: {first}.",
        faults,
    )


async def _unexpected(_: Request, __: Exception) -> JSONResponse:
    return unexpected_response()


def unexpected_response() -> JSONResponse:
    """Build the answer for a mistake of the gateway itself."""
    return problem_response(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "The gateway made a mistake; its log says more, and the door is not affected.",
        headers={"connection": "close"},  # as uvicorn does after an exception
    )


def install(app: FastAPI, router: APIRouter) -> None:
    """Answer every error of the application and its router with problem details."""
    app.state.methods = _methods(router)
    app.add_exception_handler(errors.KeyraError, _keyra)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)
    for status in _CODES:
        app.add_exception_handler(status, _framework)
