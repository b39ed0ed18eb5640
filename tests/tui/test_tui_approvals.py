"""Orders on the screen: what waits for whose finger."""

import dataclasses
from typing import Any

import pytest
from textual.widgets import OptionList, Static

from gateway.order_schemas import Order
from gateway.schemas import Holder
from gateway.service.views import OrderView
from tui.messages import Failed
from tui.screens.approvals import ApprovalsScreen, OrdersTold
from tui.screens.dialogs import AskScreen
from tui.screens.order import OrderScreen, Told
from tui.screens.table import Table
from tui.view_models import orders

VIEW = OrderView(
    id="ord_0000000000000001",
    action="key.resume",
    text=("Resume the key of holder-0001.",),
    code="483217",
    state="pending",
    hint="Read it, and choose it by its code to sign it.",
    signers=2,
    roles=("admin",),
    signed=(),
    signer=None,
    reason=None,
    expires_up_ms=360_000,
)
ORDER = Order.model_validate(VIEW)


def order(**members: Any) -> Order:
    return ORDER.model_copy(update=members)


def person(holder_id: str, role: str = "admin", *, suspended: bool = False) -> Holder:
    return Holder(
        id=holder_id,
        name="Ada\x1b Byron",
        groups=(),
        from_ms=0,
        until_ms=0,
        suspended=suspended,
        role=role,
    )


def text(app: Any, where: str) -> str:
    return str(app.screen.query_one(where, Static).content)


def details(app: Any) -> str:
    """What the screen says of the chosen order, once no dialog lies over it."""
    return "".join(str(one.content) for one in app.screen.query("#details"))


@pytest.fixture
def waiting(gateway: Any) -> Any:
    """A gateway with one order on its desk, and two administrators."""
    gateway.facade.desk.known[VIEW.id] = VIEW
    one = gateway.facade.people[0]
    gateway.facade.people = [
        dataclasses.replace(one, id=f"adm-{n}", role="admin") for n in (1, 2)
    ]
    return gateway


async def test_orders_that_arrive_are_shown_the_waiting_ones_first(opened: Any) -> None:
    async with opened(keys=("4",)) as (app, pilot):
        done = order(id="ord_0000000000000002", state="done", code="000001")
        app.screen.post_message(OrdersTold((ORDER, done)))
        await pilot.pause()
        table = app.screen.query_one(Table)
        shown = [[str(cell) for cell in table.get_row_at(at)] for at in range(2)]
        assert [row[:3] for row in shown] == [
            ["483 217", "waits for a finger", "0/2"],
            ["000 001", "done", "0/2"],
        ]
        assert "Resume the key of holder-0001." in text(app, "#details")
        assert "5:00 until it runs out" in text(app, "#details")


async def test_nothing_waits_and_that_is_explained(opened: Any) -> None:
    async with opened(keys=("4", "enter", "w")) as (app, _):
        assert text(app, "#details") == orders.NONE_WAITS


async def test_an_order_is_read_and_signed_by_one_of_two(
    waiting: Any, opened: Any, until: Any
) -> None:
    async with opened(keys=("4", "enter")) as (app, pilot):
        assert isinstance(app.screen, OrderScreen)
        await pilot.press("s")
        signers = app.screen.query_one(OptionList)
        await until(pilot, lambda: signers.has_focus)
        assert signers.option_count == 2
        await pilot.press("down", "enter")
        await until(pilot, lambda: "State   done" in details(app))
        assert waiting.facade.changes[-1][0] == "choose 483217 adm-2"
        await pilot.press("enter")
        assert "State   done" in text(app, "#order")
        await pilot.press("s", "w", "escape")
        await until(pilot, lambda: isinstance(app.screen, ApprovalsScreen))


@pytest.mark.usefixtures("waiting")
async def test_an_order_that_was_done_under_something_else_closes(
    opened: Any, until: Any
) -> None:
    async with opened(keys=("4", "enter")) as (app, pilot):
        showing = app.screen
        asking = AskScreen("Is it?", "So it is")
        await app.push_screen(asking)
        showing.post_message(Told(order(state="done")))
        await pilot.pause()
        assert app.screen is asking
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ApprovalsScreen))


async def test_withdrawing_names_the_order(
    waiting: Any, opened: Any, settled: Any
) -> None:
    async with opened(keys=("4", "w")) as (app, pilot):
        assert isinstance(app.screen, AskScreen)
        assert "483 217" in text(app, "#question")
        await pilot.press("enter")
        assert waiting.facade.changes == []
        await pilot.press("w")
        await settled(app, pilot)
        await pilot.press("right", "enter")
        await settled(app, pilot)
        assert "withdrawn" in text(app, "#details")
        assert waiting.facade.changes[-1][0] == "cancel order"


async def test_an_order_can_be_withdrawn_where_it_is_read(
    waiting: Any, opened: Any, until: Any
) -> None:
    async with opened(keys=("4", "enter", "w")) as (app, pilot):
        await until(pilot, lambda: "withdrawn" in text(app, "#order"))
        assert waiting.facade.changes[-1][0] == "cancel order"


async def test_how_it_goes_on_elsewhere_is_seen(
    waiting: Any, opened: Any, until: Any
) -> None:
    async with opened(keys=("4", "enter")) as (app, pilot):
        touching = dataclasses.replace(VIEW, state="touching", signer="adm-2")
        waiting.facade.desk.known[VIEW.id] = touching
        waiting.publish("order", id=VIEW.id, state="touching")
        await until(pilot, lambda: "adm-2: touch your key" in text(app, "#order"))
        await pilot.press("escape")
        await until(pilot, lambda: "TOUCH NOW" in text(app, "#details"))


async def test_nobody_who_could_sign_is_said(
    waiting: Any, opened: Any, until: Any
) -> None:
    waiting.facade.people = []
    async with opened(keys=("4", "enter", "s")) as (app, pilot):
        await until(pilot, lambda: "Nobody can sign" in text(app, "#trouble"))
        app.screen.post_message(Failed("busy", "Another order waits for its touch."))
        await pilot.pause()
        assert text(app, "#trouble") == "FAILED: Another order waits for its touch."
        app.screen.post_message(Told(ORDER))
        await pilot.pause()
        assert text(app, "#trouble") == ""


async def test_who_may_only_look_signs_nothing(waiting: Any, opened: Any) -> None:
    async with opened(keys=("4", "enter", "s", "w"), read_only=True) as (app, pilot):
        assert waiting.facade.changes == []
        await pilot.press("escape", "w")
        assert waiting.facade.changes == []
        assert app.place.name == "Approvals"


async def test_y_copies_the_code(waiting: Any, opened: Any) -> None:
    async with opened(keys=("4", "y")) as (app, _):
        assert waiting.facade.desk.known
        assert app.clipboard == "483217"


async def test_its_pictures(waiting: Any, snap: Any) -> None:
    assert waiting.facade.desk.known
    await snap("approvals", keys=("4",))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"state": "pending", "signed": ("adm-1",)}, "1 more must sign"),
        ({"state": "touching", "signer": "adm-2"}, "adm-2: touch your key"),
        ({"state": "expired", "hint": "Nobody signed it in time."}, "Nobody signed"),
    ],
)
def test_the_next_step_is_one_sentence(members: dict[str, Any], words: str) -> None:
    assert words in orders.next_step(order(**members))


def test_who_is_able() -> None:
    people = [
        person("adm-1"),
        person("adm-2", suspended=True),
        person("op-1", "operator"),
        person("adm-3"),
    ]
    able = orders.able(order(signed=("adm-1",)), people)
    assert [one.id for one in able] == ["adm-3"]
    assert orders.signer_line(able[0]) == "adm-3  Ada\ufffd Byron  (admin)"


def test_reasons_and_unknown_states_are_printable() -> None:
    odd = order(state="new\x1b", reason="no\x1b", signed=("a\x1b",))
    assert "\x1b" not in orders.details(odd, None)
