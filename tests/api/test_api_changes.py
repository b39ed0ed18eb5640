"""What the API changes, and how it refuses."""

import os
from typing import Any

import httpx
import pytest

from gateway import errors
from gateway.api.guard import BODY_BYTES_MAX

ORDER = {"holder_id": "h-1", "name": "Ada Byron", "groups": ["staff"]}
KEY_1 = "/v1/credentials/cred-0001AAAAAAAAAAAA/state"
KEY_2 = "/v1/credentials/cred-0002AAAAAAAAAAAA/state"


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of problem details that are well-formed."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["type"] == f"urn:keyra:problem:{told['code']}"
    assert told["detail"].endswith(".")
    assert told["title"]
    return answer.status_code, told["code"]


def test_each_change_reaches_the_facade_with_the_peers_uid(
    gateway: Any, http: httpx.Client
) -> None:
    assert http.post("/v1/enrolment", json=ORDER).status_code == 201
    assert http.delete("/v1/enrolment").json()["reason"] == "cancelled"
    assert http.put(KEY_1, json={"state": "suspended"}).json()["state"] == "suspended"
    mode = http.put("/v1/door/mode", json={"mode": "LockedDown"}).json()["door"]["mode"]
    assert mode == "LockedDown"
    erased = http.post("/v1/holders/holder-0001/erasure").json()
    assert (erased["name"], erased["erased"]) == (None, True)
    me = os.getuid()
    assert gateway.facade.changes == [
        ("enrol h-1", me),
        ("cancel", -1),
        ("cred-0001AAAAAAAAAAAA suspended", me),
        ("mode LockedDown", me),
        ("erase holder-0001", me),
    ]


@pytest.mark.parametrize("agree", [True, False])
def test_the_number_is_answered(
    gateway: Any, http: httpx.Client, *, agree: bool
) -> None:
    http.post("/v1/enrolment", json=ORDER)
    facade = gateway.facade
    gateway.do(lambda: facade.step(type(facade.ceremony)("e1", "h-1", "comparing", "")))
    answer = http.post("/v1/enrolment/comparison", json={"agree": agree})
    assert answer.json()["step"] == ("creating" if agree else "failed")


def test_a_second_ceremony_is_a_conflict(http: httpx.Client) -> None:
    http.post("/v1/enrolment", json=ORDER)
    assert problem(http.post("/v1/enrolment", json=ORDER)) == (409, "enrolment")


def test_a_revoked_credential_stays_so(http: httpx.Client) -> None:
    assert problem(http.put(KEY_2, json={"state": "active"})) == (409, "registry")


def test_an_unknown_credential_is_not_found(gateway: Any, http: httpx.Client) -> None:
    answer = http.put("/v1/credentials/nobody/state", json={"state": "active"})
    assert problem(answer) == (404, "credential-unknown")
    assert gateway.facade.changes == []


def test_an_unknown_holder_is_not_found(http: httpx.Client) -> None:
    answer = http.post("/v1/holders/nobody/erasure")
    assert problem(answer) == (404, "holder-unknown")
    assert problem(http.post("/v1/holders/No%20Id/erasure"))[0] == 422


def every_error() -> list[type[errors.KeyraError]]:
    """All classes of the tree that need no more than a message."""
    return [
        thing
        for thing in vars(errors).values()
        if isinstance(thing, type) and issubclass(thing, errors.KeyraError)
        if thing.__init__ is Exception.__init__
    ]


@pytest.mark.parametrize("error", every_error())
def test_every_error_of_the_tree_has_its_code(
    gateway: Any, http: httpx.Client, error: type[errors.KeyraError]
) -> None:
    gateway.fail_with(error("It is broken; mend it."))
    answer = http.put("/v1/door/mode", json={"mode": "Locked"})
    status, code = problem(answer)
    assert code == error.code
    assert status in {404, 409, 428, 429, 500, 503}
    assert answer.json()["detail"] == "It is broken; mend it."


def test_an_unexpected_error_tells_nothing_of_itself(
    gateway: Any, http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.fail_with(ZeroDivisionError("secret"))
    answer = http.put("/v1/door/mode", json={"mode": "Locked"})
    assert problem(answer) == (500, "internal")
    assert "secret" not in answer.text
    gateway.stop()  # it logs after it has answered
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", (404, "not-found")),
        ("GET", "/v1/status/", (404, "not-found")),
        ("GET", "/docs", (404, "not-found")),
        ("DELETE", "/v1/status", (405, "method-not-allowed")),
        ("POST", "/v1/door/mode", (405, "method-not-allowed")),
        ("BREW", "/v1/status", (405, "method-not-allowed")),
    ],
)
def test_what_is_not_there_is_said(
    http: httpx.Client, method: str, path: str, expected: tuple[int, str]
) -> None:
    answer = http.request(method, path)
    assert problem(answer) == expected
    assert ("allow" in answer.headers) == (expected[0] == 405)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"holder_id": "Not an id", "name": "x", "groups": []},
        {**ORDER, "name": ""},
        {**ORDER, "name": "a\x1b[31mred"},
        {**ORDER, "name": "a\u202eb"},
        {**ORDER, "name": " outer "},
        {**ORDER, "name": "x" * 121},
        {**ORDER, "groups": ["g"] * 33},
        {**ORDER, "until_ms": "5"},
        {**ORDER, "until_ms": True},
        {**ORDER, "until_ms": -1},
        {**ORDER, "until_ms": 2**53},
        {**ORDER, "from_ms": 10, "until_ms": 5},
        {**ORDER, "surprise": 1},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    gateway: Any, http: httpx.Client, change: dict[str, object]
) -> None:
    answer = http.post("/v1/enrolment", json=change)
    assert problem(answer) == (422, "request-invalid")
    assert answer.json()["faults"][0]["where"].startswith("body")
    assert gateway.facade.changes == []


def test_the_longest_body_is_read_and_one_byte_more_is_not(http: httpx.Client) -> None:
    longest = b'{"mode":"Locked"}'.ljust(BODY_BYTES_MAX)
    headers = {"content-type": "application/json"}
    answer = http.put("/v1/door/mode", content=longest, headers=headers)
    assert answer.status_code == 200
    answer = http.put("/v1/door/mode", content=longest + b" ", headers=headers)
    assert problem(answer) == (413, "body-too-large")


def test_a_body_without_length_is_counted(http: httpx.Client) -> None:
    pieces = iter([b" " * 4096] * 5)
    answer = http.put("/v1/door/mode", content=pieces)
    assert problem(answer) == (413, "body-too-large")
