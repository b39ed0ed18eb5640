"""`keyra trial`: what it says, and how it ends."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

KEY = "cred-0001AAAAAAAAAAAA"
PASSED: dict[str, Any] = {
    "state": "passed",
    "hint": "Nothing was opened.",
    "stages_us": {"connect": 12_300, "verify": 400},
    "user_present": True,
    "user_verified": False,
    "counter": 7,
    "challenge": "c0ffee",
    "client_data_json": '{"type":"webauthn.get"}',
    "request": "02a4",
    "authenticator_data": "aa",
    "signature": "bb",
}


@pytest.fixture
def ends(gateway: Any) -> Callable[..., None]:
    """Says how a trial that was begun ends, at once."""

    def end(**how: Any) -> None:
        trials = gateway.facade.tried
        begin = trials.begin

        def begin_and_end(credential_id: str) -> Any:
            view = begin(credential_id)
            trials.step(dataclasses.replace(view, **how))
            return view

        trials.begin = begin_and_end

    return end


def test_each_step_and_all_bytes_are_said(ask: Any, ends: Any) -> None:
    ends(**PASSED)
    ended = ask("trial", "cred-0001")
    assert ended.code == 0, ended.err
    for said in ("waiting", "12.3 ms", "UP", "c0ffee", '"webauthn.get"', "02a4"):
        assert said in ended.out
    assert ["UV", "NO"] in [line.split() for line in ended.out.splitlines()]


def test_a_failure_has_its_reason_and_code_1(ask: Any, ends: Any) -> None:
    ends(state="failed", reason="no-touch")
    ended = ask("trial", KEY)
    assert (ended.code, ended.out.splitlines()[-1]) == (1, "failed: no-touch")


def test_as_json(ask: Any, ends: Any) -> None:
    ends(**PASSED)
    ended = ask("trial", KEY, "--json")
    assert json.loads(ended.out)["user_verified"] is False


def test_a_key_that_nobody_has(ask: Any) -> None:
    ended = ask("trial", "zzz")
    assert ended.code == 1
    assert "keyra credentials" in ended.err


def test_one_at_a_time(ask: Any, gateway: Any) -> None:
    gateway.do(lambda: gateway.facade.tried.begin(KEY))
    ended = ask("trial", KEY)
    assert ended.code == 1
    assert "Another trial" in ended.err


def test_a_trial_that_somebody_else_took_over_is_gone(ask: Any, ends: Any) -> None:
    ends(id="trl_2")
    ended = ask("trial", KEY)
    assert ended.code == 1
    assert "is gone" in ended.err
