"""Users on the screen: aliases are looked up, never listed."""

from typing import Any

from textual.widgets import Input, Static

from gateway.schemas import HolderPage
from gateway.schemas.users import User
from tui.screens.holders import HoldersPage
from tui.screens.table import Table
from tui.screens.typing import TypeScreen
from tui.view_models import users

ADA = User(
    id="h-1",
    name="Ada\x1b[2J Byron",
    groups=(),
    role="",
    state="active",
    alias_count=2,
    credentials=(),
)


def text(app: Any, where: str = "#user") -> str:
    return str(app.screen.query_one(where, Static).content)


def test_a_user_is_told_without_their_aliases() -> None:
    told = users.details(ADA)
    assert told.endswith("active · 2 aliases · no key: press 3 to enrol one")
    assert "\x1b" not in told
    one = ADA.model_copy(update={"alias_count": 1, "name": None})
    assert users.details(one).startswith("(active) (h-1)")
    assert "1 alias" in users.details(one)


def test_an_alias_is_an_order_or_nothing() -> None:
    order = users.wish(ADA, "ada@example.org", removed=True)
    assert order is not None
    assert (order.holder_id, order.removed) == ("h-1", True)
    assert users.wish(ADA, "", removed=False) is None
    assert "no longer" in users.ask_alias(ADA, removed=True)
    assert "from now on" in users.ask_alias(ADA, removed=False)


async def test_nobody_is_an_invitation(opened: Any) -> None:
    async with opened(keys=("7",)) as (app, pilot):
        app.screen.post_message(
            HoldersPage(HolderPage(items=(), next=None), first=True)
        )
        await pilot.pause()
        assert text(app) == users.NOBODY


async def test_a_user_is_shown_with_their_keys(opened: Any, settled: Any) -> None:
    async with opened(keys=("7",)) as (app, pilot):
        assert "Ada Byron (holder-0001)" in text(app)
        keys = app.screen.query_one("#user-keys", Table)
        row = [str(cell) for cell in keys.get_row_at(0)]
        assert row[2:4] == ["2023-11-13", "11-14 22:13"]
        await pilot.press("down")
        await settled(app, pilot)
        assert "(erased) (holder-0002)" in text(app)
        assert app.screen.check_action("add_alias", ()) is False


async def test_an_alias_finds_somebody_or_nobody(
    opened: Any, until: Any, settled: Any
) -> None:
    async with opened(keys=("7",)) as (app, pilot):
        for alias, found in (
            ("ada@example.org", "The alias finds Ada Byron (holder-0001)."),
            ("bob", "FAILED"),
        ):
            await pilot.press("f")
            await until(pilot, lambda: isinstance(app.screen, TypeScreen))
            app.screen.query_one("#typed", Input).value = alias
            await pilot.press("enter")
            await until(pilot, lambda: not isinstance(app.screen, TypeScreen))
            await settled(app, pilot)
            assert found in text(app, "#said")


async def test_an_alias_takes_an_order(opened: Any, until: Any, settled: Any) -> None:
    async with opened(keys=("7", "a")) as (app, pilot):
        assert "never listed" in text(app, "#question")
        app.screen.query_one("#typed", Input).value = "x" * 121
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, TypeScreen))
        await settled(app, pilot)
        assert users.WRONG_ALIAS in text(app, "#said")


async def test_users_look_like_their_pictures(snap: Any) -> None:
    await snap("users", keys=("7",))
