"""Trials over the API, and both clients."""

from typing import Any

import httpx
import pytest

from gateway.client import ApiError, AsyncClient, Client

KEY = "cred-0001AAAAAAAAAAAA"


def test_a_trial_is_begun_looked_at_and_ended(gateway: Any, http: httpx.Client) -> None:
    assert http.get("/v1/trials/current").json() is None
    begun = http.post("/v1/trials", json={"credential_id": KEY})
    assert begun.status_code == 201
    assert begun.json()["state"] == "waiting"
    again = http.post("/v1/trials", json={"credential_id": KEY})
    assert (again.status_code, again.json()["code"]) == (409, "administration")
    assert http.get("/v1/trials/current").json() == begun.json()
    assert http.delete("/v1/trials/current").json()["reason"] == "cancelled"
    assert http.delete("/v1/trials/current").json()["code"] == "administration"
    assert [what for what, _ in gateway.facade.changes][:1] == [f"trial {KEY}"]


@pytest.mark.parametrize(
    "wish", [{}, {"credential_id": "!"}, {"credential_id": KEY, "x": 1}]
)
def test_a_wish_that_is_none_is_refused(http: httpx.Client, wish: Any) -> None:
    assert http.post("/v1/trials", json=wish).status_code == 422


def test_the_waiting_client(gateway: Any) -> None:
    with Client(str(gateway.path)) as client:
        assert client.trial() is None
        assert not client.begin_trial(KEY).is_over
        assert client.cancel_trial().is_over
        with pytest.raises(ApiError):
            client.cancel_trial()


async def test_the_async_client(gateway: Any) -> None:
    async with AsyncClient(str(gateway.path)) as client:
        assert await client.trial() is None
        begun = await client.begin_trial(KEY)
        assert await client.trial() == begun
        assert (await client.cancel_trial()).reason == "cancelled"
