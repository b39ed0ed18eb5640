"""Settings on the screen: where each is set, and what it risks."""

from typing import Any

from textual.widgets import Static

from gateway.schemas.policy import Setting
from tui.screens.settings import SettingsTold
from tui.screens.table import Table
from tui.view_models import settings

SOFT = Setting(
    name="Passback",
    value="soft",
    key="[rules] passback",
    risk="Two may enter.\x1b[2J",
    safe=False,
)


def details(app: Any) -> str:
    return str(app.screen.query_one("#details", Static).content)


def test_a_risk_is_a_word_and_steers_no_terminal() -> None:
    assert settings.row(SOFT) == ("Passback", "soft", "RISK")
    assert settings.row(SOFT.model_copy(update={"safe": True}))[-1] == "safe"
    assert "\x1b" not in settings.details(SOFT)
    assert settings.matches(SOFT, "risk")
    assert not settings.matches(SOFT, "backup")


async def test_settings_that_arrive_are_explained(opened: Any) -> None:
    async with opened(keys=("9",)) as (app, pilot):
        app.screen.post_message(SettingsTold((SOFT,)))
        await pilot.pause()
        assert "[rules] passback" in details(app)
        app.screen.post_message(SettingsTold(()))
        await pilot.pause()
        assert details(app) == settings.NONE


async def test_settings_are_filtered_and_copied(opened: Any, settled: Any) -> None:
    async with opened(keys=("9", "y")) as (app, pilot):
        assert app.clipboard == "[rules] passback"
        await pilot.press("slash", "s", "a", "f", "e")
        await settled(app, pilot)
        assert app.screen.query_one(Table).row_count == 1
        assert "It stands where it risks nothing" in details(app)


async def test_settings_look_like_their_pictures(snap: Any) -> None:
    await snap("settings", keys=("9",))
