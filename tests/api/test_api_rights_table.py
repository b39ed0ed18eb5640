"""Every route that changes something has its row in the rights, or a reason why not."""

import runpy
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import APIRouter, FastAPI
from pydantic import TypeAdapter

from gateway.api.app import create_app
from gateway.core.rights import NEEDS, Action
from gateway.order_schemas import OrderWish
from tests.books import FakeBooks

FAKES: Final[dict[str, Any]] = runpy.run_path(
    str(Path(__file__).parent / "fake_gateway.py")
)

Route = tuple[str, str]

# Reading; everything else changes something.
READING: Final = frozenset({"GET", "HEAD"})

KINDS: Final[dict[str, frozenset[Action]]] = {
    "credential": frozenset(
        {
            Action.KEY_SUSPEND,
            Action.KEY_REVOKE,
            Action.KEY_RESUME,
            Action.STAFF_KEY_REVOKE,
            Action.STAFF_RESUME,
        }
    ),
    "holder-state": frozenset(
        {Action.HOLDER_SUSPEND, Action.HOLDER_RESUME, Action.STAFF_RESUME}
    ),
    "holder": frozenset({Action.HOLDER_CHANGE, Action.ROLE}),
    "enrol": frozenset({Action.ENROL, Action.ROLE}),
    "mode": frozenset({Action.LOCKDOWN, Action.DOOR_MODE, Action.DOOR_HOLD}),
    "import": frozenset({Action.IMPORT, Action.ROLE}),
    "erase": frozenset({Action.ERASE, Action.ROLE}),
    "acknowledge": frozenset({Action.ACKNOWLEDGE}),
    "forgive": frozenset({Action.FORGIVE}),
    "policy": frozenset({Action.POLICY}),
    "purpose": frozenset({Action.PURPOSE}),
    "alias": frozenset({Action.HOLDER_CHANGE, Action.ROLE}),
}
"""Which rows of the table an order of each kind may fall under."""

WITH_ROW: Final[dict[Route, frozenset[Action]]] = {
    ("POST", "/v1/orders"): frozenset[Action]().union(*KINDS.values()),
    ("POST", "/v1/enrolment"): KINDS["enrol"],
    ("POST", "/v1/holders/{holder_id}/erasure"): KINDS["erase"],
    ("PUT", "/v1/credentials/{credential_id}/state"): KINDS["credential"],
    ("PUT", "/v1/door/mode"): KINDS["mode"],
    ("PUT", "/v1/purposes/{name}"): KINDS["purpose"],
    ("DELETE", "/v1/purposes/{name}"): KINDS["purpose"],
}

WITHOUT_ROW: Final[dict[Route, str]] = {
    ("POST", "/v1/policy/explain"): "only asks, and keyra-audit may",
    ("POST", "/v1/users/lookup"): "only asks, and keyra-audit may",
    ("POST", "/v1/orders/{order_id}/signature"): "asks for the finger itself",
    ("DELETE", "/v1/orders/{order_id}"): "what was only proposed is not done",
    ("POST", "/v1/break-glass"): "root alone, with a reason and an alarm that stays",
    ("POST", "/v1/enrolment/comparison"): "goes on in a ceremony that was signed for",
    ("POST", "/v1/trials"): "nothing follows from a trial",
    ("DELETE", "/v1/trials/current"): "ends a trial, from which nothing follows",
    ("DELETE", "/v1/enrolment"): "ends a ceremony; no key comes of it",
    ("POST", "/v1/door/commissioning"): "root alone, who has the machine",
    ("POST", "/v1/door/self-test"): "root alone, who could move the pin anyway",
    ("PUT", "/v1/door/self-test/seen"): "root alone; records what was seen",
    ("POST", "/v1/ledger/verification"): "reads, and is what auditors are for",
    ("DELETE", "/v1/ledger/verification"): "ends a reading",
}


def unaccounted(app: FastAPI) -> set[Route]:
    """The routes that change something and stand in neither table."""
    return written(app.routes) - WITH_ROW.keys() - WITHOUT_ROW.keys()


def written(routes: Iterable[Any]) -> set[Route]:
    """The routes that change something, those of included routers too."""
    found: set[Route] = set()
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            found |= written(included.routes)
        elif hasattr(route, "methods"):  # HTTP; a mount or a socket has none
            methods = route.methods or {"any"}
            found |= {(method, route.path) for method in methods - READING}
        else:  # a mount or a socket: nobody has said what it changes
            found.add(("any", repr(route)))
    return found


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return create_app(FAKES["FakeFacade"](), ledger=FakeBooks(tmp_path))


def test_every_route_that_writes_has_a_row_or_a_reason(app: FastAPI) -> None:
    assert unaccounted(app) == set()
    # And neither table speaks of a route that is gone.
    assert written(app.routes) == WITH_ROW.keys() | WITHOUT_ROW.keys()
    assert not WITH_ROW.keys() & WITHOUT_ROW.keys()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_new_route_without_a_row_is_noticed(app: FastAPI, method: str) -> None:
    router = APIRouter(prefix="/v1")

    @router.api_route("/door/open", methods=[method])
    async def open_it() -> None:
        """Open the door."""

    app.include_router(router)
    assert unaccounted(app) == {(method, "/v1/door/open")}


def test_every_row_is_reached_and_every_action_has_one() -> None:
    assert NEEDS.keys() == set(Action)
    assert frozenset[Action]().union(*WITH_ROW.values()) == set(Action)


def test_every_kind_of_order_has_its_rows() -> None:
    schema = TypeAdapter(OrderWish).json_schema()
    assert schema["discriminator"]["mapping"].keys() == KINDS.keys()
