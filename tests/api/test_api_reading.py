"""What the API says, over a real socket."""

import runpy
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from gateway.api import create_app
from gateway.core import facts, ids
from gateway.core.orders import ORDERABLE
from gateway.schemas import CredentialStateChange, EnrolmentOrder, ModeChange
from tests.books import FakeBooks

FAKES: Final[dict[str, Any]] = runpy.run_path(
    str(Path(__file__).parent / "fake_gateway.py")
)


def test_status_is_the_facades(http: httpx.Client) -> None:
    answer = http.get("/v1/status")
    assert answer.status_code == 200
    assert answer.json()["door"] == {
        "id": "main",
        "phase": "secured",
        "mode": "Locked",
        "deadline_up_ms": None,
        "why": "normal",
        "until_ms": 0,
        "precedence": [],
        "commissioned": True,
    }
    assert answer.json()["stages"] == {
        "verify": {"count": 500, "p50_us": 210, "p99_us": 480}
    }


def test_an_erased_name_is_null(http: httpx.Client) -> None:
    names = [item["name"] for item in http.get("/v1/holders").json()["items"]]
    assert names == ["Ada Byron", None]


def test_statistics_are_of_the_minutes_asked_for(http: httpx.Client) -> None:
    found = http.get("/v1/statistics", params={"minutes": 5}).json()
    assert found["until_ms"] - found["from_ms"] == 5 * 60_000
    (series,) = found["series"]
    assert (series["name"], series["count"]) == ("verify", 1)
    assert http.get("/v1/statistics", params={"minutes": 0}).status_code == 422


def test_no_ceremony_is_null(http: httpx.Client) -> None:
    answer = http.get("/v1/enrolment")
    assert (answer.status_code, answer.json()) == (200, None)


def test_lists_page_by_cursor(http: httpx.Client) -> None:
    first = http.get("/v1/credentials", params={"limit": 1}).json()
    assert [item["id"] for item in first["items"]] == ["cred-0001AAAAAAAAAAAA"]
    second = http.get(
        "/v1/credentials", params={"limit": 1, "cursor": first["next"]}
    ).json()
    assert [item["id"] for item in second["items"]] == ["cred-0002AAAAAAAAAAAA"]
    assert second["next"] is None


def test_only_owner_and_group_reach_the_socket(gateway: Any) -> None:
    mode = gateway.path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


def paths_of(routes: Iterable[Any]) -> set[str]:
    """The paths that are served, those of included routers too."""
    found: set[str] = set()
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            found |= paths_of(included.routes)
        else:
            found.add(route.path)
    return found


def test_the_document_names_every_path_and_its_errors(
    http: httpx.Client, folder: Path
) -> None:
    document = http.get("/v1/openapi.json").json()
    app = create_app(FAKES["FakeFacade"](), ledger=FakeBooks(folder))
    assert document["paths"].keys() | {"/v1/openapi.json"} == paths_of(app.routes)
    assert "/v1/status" in document["paths"]
    for path in document["paths"].values():
        for operation in path.values():
            assert (
                "application/problem+json"
                in (operation["responses"]["default"]["content"])
            )
            assert "422" not in operation["responses"]


def test_every_reference_of_the_document_leads_somewhere(http: httpx.Client) -> None:
    document = http.get("/v1/openapi.json").json()

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return here + [r for child in node.values() for r in references(child)]
        if isinstance(node, list):
            return [r for child in node for r in references(child)]
        return []

    found = references(document)
    assert len(found) > 10
    for reference in found:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert isinstance(place, dict), reference


@pytest.mark.parametrize(
    ("model", "field", "words"),
    [
        (CredentialStateChange, "state", {"active", "suspended", "revoked"}),
        (ModeChange, "mode", {mode.value for mode in ORDERABLE}),
    ],
)
def test_words_are_the_cores(model: Any, field: str, words: set[str]) -> None:
    schema = model.model_json_schema()
    assert set(schema["properties"][field]["enum"]) == words
    if field == "state":
        assert words | {"expired"} == {s.value for s in facts.CredentialState}


@pytest.mark.parametrize(
    "text",
    ["a", "a" * 64, "a" * 65, "", "a.b", "-a", "a-", "A", "a\n", "é", "a b", "a..b"],
)
def test_an_identifier_is_the_cores(text: str) -> None:
    order = {"holder_id": text, "name": "N", "groups": []}
    try:
        EnrolmentOrder.model_validate(order)
        accepted = True
    except ValueError:
        accepted = False
    assert accepted == ids.is_identifier(text)
