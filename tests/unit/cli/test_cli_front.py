"""`keyra health`, `settings`, `purposes`, `users` and `policy week`."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.cli.front import health_lines, week_lines
from gateway.order_schemas import AliasOrder
from gateway.schemas.policy import Week
from gateway.schemas.users import Wellbeing
from gateway.service.views import AliasWish
from tests.fake_front import ALIAS

Ask = Callable[..., Any]
ADA = "holder-0001"


def test_health_says_how_everything_is(ask: Ask) -> None:
    done = ask("health")
    assert done.code == 0
    for said in (
        "scanning, for 58 s; heard a key 5 s ago at -61 dBm",
        "within 5 ms",
        "1907 MiB free",
        "42 entries, 42 sealed",
        "never, as far as can be seen from here",
        "(1 h 0 min ago), 40 entries",
        "48 celsius",
        "0.2     0.5",
    ):
        assert said in done.out
    assert json.loads(ask("health", "--json").out)["radio"]["signal_dbm"] == -61


def test_what_does_not_work_is_said_and_the_exit_code_tells(
    ask: Ask, gateway: Any
) -> None:
    gateway.facade.health = replace(gateway.facade.health, ledger_writable=False)
    done = ask("health")
    assert done.code == 1
    assert "WRONG: " in done.out


async def test_health_without_anything_known(gateway: Any) -> None:
    view = await gateway.facade.front.wellbeing()
    found = Wellbeing.model_validate(view)
    radio = found.radio.model_copy(
        update={"scanning": False, "heard_up_ms": None, "fault": "No adapter."}
    )
    upkeep = found.upkeep.model_copy(
        update={"backup_ms": -1, "disk_free_bytes": -1, "sealed_entries": -1}
    )
    changed = {"radio": radio, "upkeep": upkeep, "clock_error_ms": -1, "stages": {}}
    text = "\n".join(health_lines(found.model_copy(update=changed)))
    for said in (
        "NOT scanning: No adapter.",
        "never heard a key",
        "NOT believed",
        "unknown",
        "no seal",
    ):
        assert said in text
    assert "STAGE" not in text


def test_settings_name_their_risk_where_there_is_one(ask: Ask) -> None:
    done = ask("settings")
    assert (done.code, done.out.count("Two may enter.")) == (0, 1)
    assert "It is gone." not in done.out
    assert json.loads(ask("settings", "--json").out)[0]["safe"] is False


def test_purposes_are_listed_set_and_deleted(ask: Ask, gateway: Any) -> None:
    assert "by the config" in ask("purposes").out
    assert len(json.loads(ask("purposes", "--json").out)) == 3
    made = ask("purposes", "set", "release", "--ttl", "90")
    assert made.code == 0
    assert "90 s" in made.out
    gone = ask("purposes", "delete", "release", "--json")
    assert "release" not in {one["name"] for one in json.loads(gone.out)}
    assert [what for what, _ in gateway.facade.changes] == [
        "purpose release 90 required",
        "purpose release goes",
    ]


@pytest.mark.parametrize(
    "words",
    [("set", "x"), ("set", "x", "--ttl", "5"), ("set", "x", "--ttl", "9", "-v")],
)
def test_wrong_use_is_said(ask: Ask, words: tuple[str, ...]) -> None:
    assert ask("purposes", *words).code == 64


def test_a_purpose_that_takes_a_finger_is_ordered(ask: Ask, gateway: Any) -> None:
    gateway.facade.front.needs_finger = True
    done = ask("purposes", "set", "payment", "--ttl", "90", "--as", ADA)
    assert done.code == 0
    assert "touch your key" in done.out
    assert [type(one).__name__ for one in gateway.facade.desk.wishes] == ["PurposeWish"]


def test_users_are_listed_and_looked_up(ask: Ask) -> None:
    listed = ask("users")
    assert "LAST USED" in listed.out
    assert "2023-11-14 22:13:20Z" in listed.out
    assert len(json.loads(ask("users", "--json").out)) == 2
    found = ask("users", "lookup", ALIAS)
    assert (found.code, ADA in found.out) == (0, True)
    nobody = ask("users", "lookup", "bob")
    assert (nobody.code, nobody.out) == (1, "")
    assert "Nobody is found" in nobody.err


def test_nobody_is_registered(ask: Ask, gateway: Any) -> None:
    gateway.facade.people = []
    assert "keyra enrol" in ask("users").out


def test_an_alias_is_read_from_stdin_to_stay_out_of_the_shells_history(
    ask: Ask, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{ALIAS}\n"))
    done = ask("users", "alias", ADA, "-", "--as", ADA)
    assert done.code == 0
    assert "has 1 aliases" in done.out
    [wish] = gateway.facade.desk.wishes
    assert wish == AliasWish(ADA, ALIAS)
    again = ask("users", "unalias", ADA, ALIAS, "--as", ADA, "--json")
    assert gateway.facade.desk.wishes[-1].removed
    assert again.code == 0
    assert AliasOrder(kind="alias", holder_id=ADA, alias=ALIAS).removed is False


def test_the_week_is_a_grid(ask: Ask) -> None:
    done = ask("policy", "week")
    assert done.code == 0
    assert "Mon 13.11" in done.out
    assert "08:00-18:00" in done.out
    assert "closed*" in done.out
    one = json.loads(
        ask("policy", "week", "--holder", ADA, "--from", "2026-12-21", "--json").out
    )
    assert (one["first"], one["holder_id"]) == ("2026-12-21", ADA)
    assert ask("policy", "week", "--holder", "nobody").code == 1
    assert ask("policy", "week", "--from", "soon").code == 64


def test_a_policy_without_lines_says_so(gateway: Any) -> None:
    view = gateway.facade.front.policy.week()
    week = Week.model_validate(view).model_copy(update={"lines": ()})
    assert "lets anybody in" in week_lines(week)[0]
