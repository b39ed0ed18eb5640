"""The OpenAPI document: FastAPI's, with problem details in place of its own errors."""

import asyncio
import json
from typing import Any, Final

from fastapi import FastAPI, Response

from gateway.api.idempotency import KEY_PATTERN
from gateway.api.problems import MEDIA_TYPE
from gateway.schemas import Event, Problem, Snapshot

DESCRIPTION: Final = (
    "Administration of one door, on a unix socket. The kernel says who connects; "
    "members of keyra-audit may read, members of keyra-admin may change. Every error "
    "is problem details (RFC 9457) with a stable `code`."
)

_REF: Final = "#/components/schemas/{model}"

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "The request was refused.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
    },
}

_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "The same request with the same key is carried out once, for ten minutes; each "
        "new request takes a new key, such as a UUID."
    ),
    "schema": {"type": "string", "pattern": KEY_PATTERN},
}

_MESSAGE: Final[dict[str, Any]] = {
    "type": "object",
    "description": "One message of the stream.",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "description": "For Last-Event-ID, to resume here."},
        "event": {"enum": ["snapshot", "change"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {
                "anyOf": [
                    {"$ref": _REF.format(model="Snapshot")},
                    {"$ref": _REF.format(model="Event")},
                ]
            },
        },
    },
}

EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": (
            "Server-sent events: one `snapshot` with a Snapshot, then one `change` "
            "with an Event for each thing that happens; comments in between keep the "
            "stream alive."
        ),
        "content": {"text/event-stream": {"schema": _MESSAGE}},
    },
}


class DescribedApi(FastAPI):
    """An application whose document tells the truth about its errors."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = _amended(super().openapi())
        return self.openapi_schema


def add_document(app: FastAPI) -> None:
    """Serve the document, made when it is first asked for, beside the door's loop."""
    making = asyncio.Lock()
    made: list[bytes] = []

    @app.get("/v1/openapi.json", include_in_schema=False)
    async def document() -> Response:
        async with making:
            if not made:
                made.append(await asyncio.to_thread(_written, app))
        return Response(made[0], media_type="application/json")


def _written(app: FastAPI) -> bytes:
    return json.dumps(app.openapi()).encode()


def _amended(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    for model in (Problem, Snapshot, Event):
        schema = model.model_json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    for path in document["paths"].values():
        for method, operation in path.items():
            operation["responses"].pop("422", None)
            if method == "post":
                operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document
