"""Purposes on the screen: what can be changed, and what stays."""

from typing import Any

from textual.widgets import Input, Static

from gateway.schemas.policy import Purpose
from tui.screens.dialogs import AskScreen
from tui.screens.purposes import PurposesTold
from tui.screens.table import Table
from tui.screens.typing import TypeScreen
from tui.view_models import purposes


def said(app: Any) -> str:
    return str(app.screen.query_one("#said", Static).content)


async def type_line(app: Any, pilot: Any, until: Any, settled: Any, line: str) -> None:
    app.screen.query_one("#typed", Input).value = line
    await pilot.press("enter")
    await until(pilot, lambda: not isinstance(app.screen, TypeScreen))
    await settled(app, pilot)


def test_what_is_typed_is_an_order_or_nothing() -> None:
    order = purposes.wish("payment 90 preferred")
    assert order is not None
    assert (order.name, order.ttl_s, order.user_verification) == (
        "payment",
        90,
        "preferred",
    )
    assert purposes.change(order).ttl_s == 90
    assert purposes.wish("payment 90") is not None
    for wrong in ("", "payment", "payment soon", "payment 1", "A B", "payment 90 no"):
        assert purposes.wish(wrong) is None


async def test_purposes_that_arrive_say_what_cannot_be_done(opened: Any) -> None:
    async with opened(keys=("8",)) as (app, pilot):
        own = Purpose(
            name="door.unlock",
            ttl_s=10,
            user_verification="required",
            built_in=True,
            changeable=False,
        )
        app.screen.post_message(PurposesTold((own,)))
        await pilot.pause()
        row = [str(cell) for cell in app.screen.query_one(Table).get_row_at(0)]
        assert row == ["door.unlock", "10 s", "required", "by the config alone"]
        assert app.screen.check_action("change", ()) is False
        assert app.screen.check_action("delete", ()) is False


async def test_a_purpose_is_added_and_deleted(
    gateway: Any, opened: Any, until: Any, settled: Any
) -> None:
    async with opened(keys=("8", "n")) as (app, pilot):
        await type_line(app, pilot, until, settled, "login 90 required")
        assert said(app) == "The purpose login waits 90 s."
        await pilot.press("home", "down")
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("right", "enter")
        await until(pilot, lambda: not isinstance(app.screen, AskScreen))
        await settled(app, pilot)
    changes = [what for what, _ in gateway.facade.changes]
    assert changes == ["purpose login 90 required", "purpose login goes"]


async def test_what_is_no_purpose_changes_nothing(
    gateway: Any, opened: Any, until: Any, settled: Any
) -> None:
    async with opened(keys=("8", "n")) as (app, pilot):
        await type_line(app, pilot, until, settled, "login soon")
        assert purposes.WRONG in said(app)
    assert gateway.facade.changes == []


async def test_the_filter_and_read_only(opened: Any, settled: Any) -> None:
    async with opened(keys=("8",), read_only=True) as (app, pilot):
        assert app.screen.check_action("add", ()) is False
        await pilot.press("slash", "p", "a", "y")
        await settled(app, pilot)
        assert app.screen.query_one(Table).row_count == 1
        await pilot.press("q")
        assert purposes.NONE in str(
            app.screen.query_one("#introduction", Static).content
        )


async def test_purposes_look_like_their_pictures(snap: Any) -> None:
    await snap("purposes", keys=("8",))
