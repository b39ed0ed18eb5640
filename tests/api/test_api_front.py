"""Policy, purposes, users and health over the API, and who may ask."""

import json
from datetime import date
from typing import Any

import httpx
import pytest

from gateway.api.guard import READING_PATHS
from gateway.api.rights import AUDIT_GROUP
from gateway.client import ApiError, AsyncClient, Client
from gateway.schemas.policy import PurposeChange, Question
from tests.fake_front import ALIAS, MONDAY

ADA = "holder-0001"


def test_the_policy_and_its_week_are_read(gateway: Any) -> None:
    with Client(str(gateway.path)) as client:
        policy = client.rules()
        assert [line.group for line in policy.lines] == ["staff", "it"]
        assert policy.schedules[1].special[1].windows == ()
        week = client.week()
        assert (week.first, week.holder_id) == (MONDAY, "")
        assert week.lines[0].days[0].spans == ((480, 1080),)
        assert week.lines[0].days[4].special
        later = client.week(date(2026, 12, 21), ADA)
        assert (later.first, later.holder_id) == (date(2026, 12, 21), ADA)


def test_rules_are_asked_about_any_moment(gateway: Any) -> None:
    with Client(str(gateway.path)) as client:
        asked = Question(holder_id=ADA, door="main", at="2026-12-24T08:00", key="Zr3")
        told = client.explain(asked)
        assert (told.outcome, told.is_past) == ("outside-hours", True)
        assert [one.denial for one in told.rules] == [None, "outside-hours"]
        with pytest.raises(ApiError) as refused:
            client.explain(Question(holder_id=ADA, door="back"))
    assert refused.value.status == 409
    words = (ADA, "main", "2026-12-24T08:00", "Zr3")
    assert gateway.facade.front.policy.asked[0] == words


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"holder_id": "Ada Byron"},
        {"holder_id": ADA, "door": "Front Door"},
        {"holder_id": ADA, "at": "x" * 41},
        {"holder_id": ADA, "key": "a b"},
        {"holder_id": ADA, "who": 1},
    ],
    ids=str,
)
def test_a_question_in_no_words_of_ours_is_refused(
    http: httpx.Client, body: dict[str, Any]
) -> None:
    answer = http.post("/v1/policy/explain", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")


@pytest.mark.parametrize(
    "query", ["first=soon", "holder_id=Ada%20B", "first=2026-13-01"]
)
def test_a_week_of_no_day_is_refused(http: httpx.Client, query: str) -> None:
    assert http.get(f"/v1/policy/week?{query}").status_code == 422


def test_purposes_are_listed_set_and_deleted(gateway: Any) -> None:
    with Client(str(gateway.path)) as client:
        assert [one.name for one in client.purposes()] == [
            "door.unlock",
            "payment",
            "sign-in",
        ]
        made = client.set_purpose("release", PurposeChange(ttl_s=90))
        assert (made.ttl_s, made.user_verification) == (90, "required")
        left = client.delete_purpose("payment")
        assert "payment" not in {one.name for one in left}
        with pytest.raises(ApiError, match="no such purpose") as unknown:
            client.delete_purpose("payment")
        with pytest.raises(ApiError, match="built in") as fixed:
            client.delete_purpose("sign-in")
    assert (unknown.value.status, unknown.value.code) == (404, "purpose-unknown")
    assert fixed.value.status == 409
    assert gateway.facade.changes[0][0] == "purpose release 90 required"
    assert gateway.facade.changes[0][1] >= 0


def test_a_purpose_that_takes_a_finger_says_so(gateway: Any) -> None:
    gateway.facade.front.needs_finger = True
    with Client(str(gateway.path)) as client:
        with pytest.raises(ApiError) as one:
            client.set_purpose("payment", PurposeChange(ttl_s=90))
        with pytest.raises(ApiError) as other:
            client.delete_purpose("payment")
    assert {one.value.code, other.value.code} == {"finger-needed"}
    assert gateway.facade.changes == []


@pytest.mark.parametrize(
    "change",
    [{}, {"ttl_s": 9}, {"ttl_s": "60"}, {"ttl_s": 60, "user_verification": "no"}],
    ids=str,
)
def test_no_purpose_comes_of_a_bad_change(
    http: httpx.Client, change: dict[str, Any]
) -> None:
    assert http.put("/v1/purposes/payment", json=change).status_code == 422
    assert http.put("/v1/purposes/Pay", json={"ttl_s": 60}).status_code == 422


def test_users_come_page_by_page_with_their_keys(gateway: Any) -> None:
    with Client(str(gateway.path)) as client:
        found = list(client.users())
        assert [(one.id, one.state) for one in found] == [
            (ADA, "active"),
            ("holder-0002", "erased"),
        ]
        assert found[0].credentials[0].last_used_ms > 0
        assert client.user(ADA) == found[0]
        assert client.lookup(ALIAS) == found[0]
        for ask, wanted in ((client.lookup, "bob"), (client.user, "nobody")):
            with pytest.raises(ApiError) as unknown:
                ask(wanted)
            assert unknown.value.status == 404
        [known, _] = client.credentials()
        assert known.enrolled_ms > 0


def test_a_page_of_users_has_its_cursor(http: httpx.Client) -> None:
    first = http.get("/v1/users", params={"limit": 1}).json()
    assert (len(first["items"]), first["next"]) == (1, ADA)
    rest = http.get("/v1/users", params={"limit": 1, "cursor": first["next"]}).json()
    assert (rest["items"][0]["id"], rest["next"]) == ("holder-0002", None)


def test_no_answer_holds_an_alias(http: httpx.Client) -> None:
    http.post("/v1/users/lookup", json={"alias": ALIAS})
    for path in ("/v1/users", f"/v1/users/{ADA}", "/v1/holders"):
        assert ALIAS not in http.get(path).text


async def test_health_and_settings_are_read_by_the_async_client(gateway: Any) -> None:
    async with AsyncClient(str(gateway.path)) as client:
        found = await client.health()
        assert (found.radio.signal_dbm, found.upkeep.verified_ms) == (-61, -1)
        assert found.stages["verify"].p99_us == 480
        assert [one.safe for one in await client.settings()] == [False, True]
        assert (await client.rules()).door == "main"
        assert (await client.explain(Question(holder_id=ADA))).outcome != "granted"
        assert (await client.week()).door == "main"
        assert await client.purposes()
        changed = await client.set_purpose("payment", PurposeChange(ttl_s=61))
        assert changed.ttl_s == 61
        assert await client.delete_purpose("payment")
        assert [one.id async for one in client.users()] == [ADA, "holder-0002"]
        assert (await client.user(ADA)).id == (await client.lookup(ALIAS)).id == ADA


def request(method: str, path: str, body: object = None) -> bytes:
    text = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: keyra\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


BODIES = {
    "/v1/policy/explain": {"holder_id": ADA},
    "/v1/users/lookup": {"alias": ALIAS},
}


def test_an_auditor_asks_and_changes_nothing(stranger: Any) -> None:
    gateway, uid, ask = stranger
    assert BODIES.keys() <= READING_PATHS
    for path, body in BODIES.items():
        assert b" 403 " in ask(request("POST", path, body)).split(b"\r\n")[0]
    gateway.groups[uid] = frozenset({AUDIT_GROUP})
    for path, body in BODIES.items():
        assert b" 200 " in ask(request("POST", path, body)).split(b"\r\n")[0]
    change = {"ttl_s": 60}
    for refused in (
        request("PUT", "/v1/purposes/payment", change),
        request("DELETE", "/v1/purposes/payment"),
        # As asked for by another spelling, or under it.
        request("POST", "/v1/users/lookup/", {"alias": ALIAS}),
        request("POST", "/v1/policy/explain/../../orders", {}),
    ):
        assert b" 403 " in ask(refused).split(b"\r\n")[0]
    assert gateway.facade.changes == []
