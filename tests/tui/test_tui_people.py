"""Holders and keys on the screen, and what may be done to them."""

import dataclasses
from datetime import UTC
from typing import Any

import pytest
from textual.widgets import Static

from gateway.core.facts import CredentialState
from gateway.errors import FingerNeededError
from gateway.schemas import Credential, Holder, HolderPage
from tui.messages import Done
from tui.screens.changing import Changed
from tui.screens.dialogs import AskScreen
from tui.screens.holders import HoldersPage
from tui.screens.order import OrderScreen
from tui.screens.people import Keys, PeopleScreen
from tui.screens.table import Table
from tui.view_models import people


def holder(number: int = 1, **members: Any) -> Holder:
    known = {
        "id": f"h-{number:05}",
        "name": f"Person {number}",
        "groups": ("staff",),
        "from_ms": 0,
        "until_ms": 0,
        "suspended": False,
    }
    return Holder.model_validate({**known, **members})


def key(**members: Any) -> Credential:
    known = {
        "id": "cred-0001AAAAAAAAAAAA",
        "holder_id": "h-00001",
        "state": "active",
        "aaguid": "00",
        "model": "KEYRA One",
        "counter": 7,
        "until_ms": 0,
    }
    return Credential.model_validate({**known, **members})


def text(app: Any, where: str) -> str:
    return str(app.screen.query_one(where, Static).content)


def table(app: Any, where: str = "#holders") -> list[list[str]]:
    found = app.screen.query_one(where, Table)
    rows = [found.get_row_at(at) for at in range(found.row_count)]
    return [[str(cell) for cell in row] for row in rows]


async def test_a_page_that_arrives_is_shown(opened: Any) -> None:
    async with opened(keys=("2",)) as (app, pilot):
        page = HolderPage(items=(holder(1), holder(2, suspended=True)), next=None)
        app.screen.post_message(HoldersPage(page, first=True))
        await pilot.pause()
        assert [row[-1] for row in table(app)] == ["active", "suspended"]
        assert text(app, "#count") == "People: 2"


async def test_keys_of_somebody_else_are_not_shown(opened: Any) -> None:
    async with opened(keys=("2",)) as (app, pilot):
        app.screen.post_message(Keys("somebody-else", [key()]))
        await pilot.pause()
        (shown,) = table(app, "#keys")
        assert shown[0] == "cred-0001AAAAAA…"
        assert shown[1:] == ["KEYRA One", "active", "7", "-"]


async def test_an_empty_list_says_what_to_do(gateway: Any, opened: Any) -> None:
    gateway.facade.people = []
    async with opened(keys=("2",)) as (app, pilot):
        assert text(app, "#holder") == people.NOBODY
        await pilot.press("slash", "x", "y")
        await pilot.press("enter", "s", "r", "e", "enter")
        assert isinstance(app.screen, PeopleScreen)


async def test_ten_thousand_are_read_page_by_page(
    gateway: Any, opened: Any, settled: Any
) -> None:
    one = gateway.facade.people[0]
    gateway.facade.people = [
        dataclasses.replace(one, id=f"h-{n:05}", name=f"Person {n}")
        for n in range(10_000)
    ]
    async with opened(keys=("2",)) as (app, pilot):
        assert len(table(app)) == 200
        assert text(app, "#count") == "People: the first 200, more below"
        await pilot.press("end")
        await settled(app, pilot)
        assert len(table(app)) == 400
        assert len({row[0] for row in table(app)}) == 400
        await pilot.press("slash", *"Person 99")
        await settled(app, pilot)
        assert len(table(app)) == 111
        assert table(app)[0][0] == "h-00099"
        await pilot.press("escape")
        await settled(app, pilot)
        assert len(table(app)) == 200


async def test_suspending_names_who_and_asks_with_cancel_first(
    gateway: Any, opened: Any, settled: Any
) -> None:
    async with opened(keys=("2", "s")) as (app, pilot):
        assert isinstance(app.screen, AskScreen)
        assert "Ada Byron (holder-0001)" in text(app, "#question")
        await pilot.press("enter")
        assert gateway.facade.changes == []
        await pilot.press("s")
        await settled(app, pilot)
        await pilot.press("right", "enter")
        await settled(app, pilot)
        assert isinstance(app.screen, OrderScreen)
        (wish,) = gateway.facade.desk.wishes
        assert (wish.holder_id, wish.suspended) == ("holder-0001", True)


async def test_a_key_is_suspended_resumed_and_revoked(
    gateway: Any, opened: Any, settled: Any
) -> None:
    def state() -> str:
        return str(gateway.facade.known["cred-0001AAAAAAAAAAAA"].state.value)

    async with opened(keys=("2", "enter", "s")) as (app, pilot):
        await settled(app, pilot)
        assert state() == "suspended"
        assert text(app, "#said") == "The key cred-0001AAAAAA… is suspended."
        await pilot.press("r")
        await settled(app, pilot)
        assert state() == "active"
        await pilot.press("v")
        await settled(app, pilot)
        assert "cred-0001AAAAAA… (KEYRA One) of holder-0001" in text(app, "#question")
        await pilot.press("right", "enter")
        await settled(app, pilot)
        assert state() == "revoked"


async def test_a_lost_key_leads_to_its_replacement(
    gateway: Any, opened: Any, settled: Any
) -> None:
    async with opened(keys=("2", "enter", "l", "right", "enter")) as (app, pilot):
        await settled(app, pilot)
        assert app.place.name == "Enrol"
        assert "cred-0001AAAAAA…" in text(app, "#replaces")
        known = gateway.facade.known["cred-0001AAAAAAAAAAAA"]
        assert known.state is CredentialState.SUSPENDED
        await pilot.press("enter")
        await settled(app, pilot)
        assert gateway.facade.changes[-1][0] == "enrol holder-0001"


async def test_erasing_says_what_is_lost_and_how_many_keys(
    gateway: Any, opened: Any, settled: Any
) -> None:
    async with opened(keys=("2", "e")) as (app, pilot):
        question = text(app, "#question")
        assert "Ada Byron (holder-0001)" in question
        assert "their 1 key revoked for good" in question
        await pilot.press("right", "enter")
        await settled(app, pilot)
        assert gateway.facade.people[0].erased
        assert "is erased" in text(app, "#said")
        assert table(app)[0][1] == "(erased)"


async def test_what_takes_a_finger_shows_the_order_until_it_is_signed(
    gateway: Any,
    opened: Any,
    settled: Any,
    until: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def needed(*_: object) -> None:
        raise FingerNeededError("That takes a finger.", "key.resume")

    monkeypatch.setattr(gateway.facade, "set_credential_state", needed)
    person = gateway.facade.people[0]
    gateway.facade.people[0] = dataclasses.replace(person, role="admin")
    async with opened(keys=("2", "enter", "r")) as (app, pilot):
        await settled(app, pilot)
        assert isinstance(app.screen, OrderScreen)
        order = text(app, "#order")
        assert "Resume the key of holder-0001." in order
        assert "Code    123 456" in order
        assert "waits for a finger" in order
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, PeopleScreen))
        await settled(app, pilot)
        assert gateway.facade.changes[-1][0] == "choose 123456 holder-0001"
        assert text(app, "#said") == "The key cred-0001AAAAAA… is active."


async def test_an_order_that_is_left_says_where_it_lies(
    gateway: Any, opened: Any, settled: Any
) -> None:
    async with opened(keys=("2", "r", "escape")) as (app, pilot):
        await settled(app, pilot)
        assert "123 456 waits on Approvals" in text(app, "#said")
        assert len(gateway.facade.desk.known) == 1


async def test_what_others_change_is_seen(
    gateway: Any, opened: Any, until: Any
) -> None:
    async with opened(keys=("2",)) as (app, pilot):
        person = gateway.facade.people[0]
        gateway.facade.people[0] = dataclasses.replace(person, suspended=True)
        gateway.publish("holder", holder="holder-0001", state="suspended")
        await until(pilot, lambda: table(app)[0][-1] == "suspended")


async def test_messages_are_said(opened: Any) -> None:
    async with opened(keys=("2",)) as (app, pilot):
        app.screen.post_message(Done("So it is."))
        await pilot.pause()
        assert text(app, "#said") == "So it is."
        app.screen.post_message(Changed("And so."))
        await pilot.pause()
        assert text(app, "#said") == "And so."


async def test_y_copies_the_whole_id(opened: Any) -> None:
    async with opened(keys=("2", "y")) as (app, pilot):
        assert app.clipboard == "holder-0001"
        await pilot.press("enter", "y")
        assert app.clipboard == "cred-0001AAAAAAAAAAAA"


async def test_its_pictures(gateway: Any, snap: Any) -> None:
    one = gateway.facade.people[0]
    names = ("Ada Byron", "Grace Hopper", "Katherine Johnson", "Hedy Lamarr")
    gateway.facade.people = [
        dataclasses.replace(
            one,
            id=f"holder-{at:04}",
            name=name,
            role="admin" if at == 1 else "",
            suspended=at == 3,
            until_ms=0 if at < 3 else 1_924_988_400_000,
        )
        for at, name in enumerate(names, start=1)
    ]
    await snap("people", keys=("2",))


def test_names_of_others_are_text_of_one_line() -> None:
    steering = holder(name="A\x1b[2J\nB", groups=("staff", "night"))
    assert people.row(steering, UTC)[1] == "A\ufffd[2J\ufffdB"
    long = holder(name="x" * 80)
    assert len(people.row(long, UTC)[1]) == 22


def test_all_that_is_known_of_a_holder_is_written_out() -> None:
    known = holder(
        role="operator", uses_max=3, extended=True, until_ms=1_700_000_000_000
    )
    words = people.details(known, UTC)
    assert "valid - to 2023-11-14 22:13" in words
    assert "role operator" in words
    assert "may pass 3 times · gets more time" in words
    assert people.name(holder(name=None)) == "(unreadable)"
    assert "2 keys" in people.asks_erasure(known, [key(), key()])
