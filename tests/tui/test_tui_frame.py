"""What stands around every screen, and what every screen can do."""

from datetime import UTC
from typing import Any, ClassVar

import pytest
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from gateway.client import ApiError
from tui import themes
from tui.messages import Done, Failed
from tui.places import PLACES
from tui.screens.base import KeyraScreen
from tui.screens.dialogs import AskScreen, HelpScreen
from tui.screens.door import DoorScreen
from tui.terminal import Place
from tui.view_models import frame


class Notes(KeyraScreen):
    """A screen that uses all that the frame offers."""

    WRITING = frozenset({"tear"})
    FILTERS = True
    COPIES = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "tear", "Tear"),
        Binding("f", "fail", "Fail"),
    ]
    fails = ApiError("busy", "Another one is under way.", 409)

    def body(self) -> ComposeResult:
        note = Static("all", id="note")
        note.can_focus = True
        yield note

    def filtered(self, text: str) -> None:
        self.put("note", text or "all")

    def copied(self) -> str:
        return "the note"

    def reload(self) -> None:
        self.saw()

    def action_tear(self) -> None:
        self.work(self._tear())

    def action_fail(self) -> None:
        self.work(self._fail())

    async def _tear(self) -> Done | None:
        if not await self.ask("The note of Monday will be lost.", "Tear"):
            return None
        return Done("Torn.")

    async def _fail(self) -> None:
        raise self.fails


TABLE = {
    Place("1", "Door", "How the door is."): DoorScreen,
    Place("2", "Notes", "What people write."): Notes,
}


def said(app: Any) -> str:
    text = app.screen.query_one("#said", Static)
    return str(text.content) if text.has_class("shown") else ""


def hints(app: Any) -> str:
    return str(app.screen.query(".hints").last(Static).content)


async def test_one_goes_anywhere_and_back(opened: Any) -> None:
    async with opened(places=TABLE) as (app, pilot):
        assert "Back" not in hints(app)
        await pilot.press("2")
        assert isinstance(app.screen, Notes)
        await pilot.press("1", "2", "2")
        assert "esc Back" in hints(app)
        for name in ("Door", "Notes", "Door", "Door"):
            await pilot.press("escape")
            assert app.place.name == name
        assert "Back" not in hints(app)


async def test_the_help_is_made_of_the_keys_that_work(opened: Any) -> None:
    async with opened(places=TABLE, keys=("2", "question_mark")) as (app, pilot):
        assert isinstance(app.screen, HelpScreen)
        text = str(app.screen.query_one("#help", Static).content)
        for line in ("What people write.", "t           Tear", "/           Filter"):
            assert line in text
        assert "1   Door" in text
        await pilot.press("escape")
        assert app.place.name == "Notes"
        assert isinstance(app.screen, Notes)


async def test_cancel_stands_first_and_nothing_is_lost(opened: Any) -> None:
    async with opened(places=TABLE, keys=("2", "t")) as (app, pilot):
        assert isinstance(app.screen, AskScreen)
        assert app.screen.focused is app.screen.query_one("#cancel")
        question = str(app.screen.query_one("#question", Static).content)
        assert question == "The note of Monday will be lost."
        await pilot.press("enter")
        assert (app.place.name, said(app)) == ("Notes", "")
        await pilot.press("t", "escape")
        assert said(app) == ""
        await pilot.press("t", "right", "enter")
        await pilot.pause()
        assert said(app) == "Torn."


async def test_who_may_only_look_has_no_key_that_writes(opened: Any) -> None:
    async with opened(places=TABLE, keys=("2",), read_only=True) as (app, pilot):
        title = str(app.screen.query_one("#title", Static).content)
        assert title.endswith("READ-ONLY")
        assert "Tear" not in hints(app)
        await pilot.press("t")
        assert isinstance(app.screen, Notes)


async def test_a_gateway_that_forbids_makes_it_read_only(opened: Any) -> None:
    async with opened(places=TABLE, keys=("2",)) as (app, pilot):
        app.screen.post_message(Failed("forbidden", "User 7 may not do this."))
        await pilot.pause()
        assert said(app) == "FAILED: User 7 may not do this."
        assert "READ-ONLY" in str(app.screen.query_one("#title", Static).content)
        assert "Tear" not in hints(app)


async def test_a_refusal_is_one_sentence(opened: Any, settled: Any) -> None:
    async with opened(places=TABLE, keys=("2", "f")) as (app, pilot):
        await settled(app, pilot)
        assert said(app) == "FAILED: Another one is under way."
        await pilot.press("1", "2")
        assert said(app) == ""


async def test_the_filter_is_typed_kept_and_cleared(opened: Any) -> None:
    async with opened(places=TABLE, keys=("2",)) as (app, pilot):
        note = app.screen.query_one("#note", Static)
        await pilot.press("slash", "T", "q")
        assert str(note.content) == "tq"
        assert "q Quit" not in hints(app)
        await pilot.press("enter")
        assert app.screen.query_one("#filter", Input).has_class("shown")
        assert app.screen.focused is note
        await pilot.press("escape")
        assert str(note.content) == "all"
        assert app.place.name == "Notes"


async def test_an_empty_filter_goes_away(opened: Any) -> None:
    async with opened(places=TABLE, keys=("2", "slash", "enter")) as (app, _):
        assert not app.screen.query_one("#filter", Input).has_class("shown")


async def test_copying_goes_through_the_terminal(opened: Any) -> None:
    async with opened(places=TABLE, keys=("2", "y")) as (app, _):
        assert app.clipboard == "the note"
        assert said(app) == "Copied: the note"


async def test_the_palette_offers_screens_actions_and_colours(opened: Any) -> None:
    async with opened(places=TABLE, keys=("2",)) as (app, pilot):
        offered = {one.title: one for one in app.get_system_commands(app.screen)}
        assert {"Go to Door", "Tear", f"Theme {themes.CONTRAST}"} <= set(offered)
        offered[f"Theme {themes.CONTRAST}"].callback()
        assert app.theme == themes.CONTRAST
        await offered["Fail"].callback()
        await pilot.pause()
        assert "FAILED" in said(app)
        offered["Go to Door"].callback()
        await pilot.pause()
        assert app.place.name == "Door"
        await pilot.press("colon")
        assert app.screen.id == "--command-palette"


async def test_what_was_read_long_ago_is_said_to_be_old(
    gateway: Any, opened: Any, until: Any, clock: Any
) -> None:
    async with opened(places=TABLE, keys=("2",)) as (app, pilot):
        clock.now_s += 12
        gateway.stop()
        await until(pilot, lambda: app.model.lost is not None)
        clock.now_s += 42
        app._grow_older()
        banner = app.screen.query_one("#banner", Static)
        assert "54 s old" in str(banner.content)
        gateway.start()
        await until(pilot, lambda: app.model.lost is None)
        assert not banner.has_class("shown")


@pytest.fixture
def kernel_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")


@pytest.mark.usefixtures("kernel_terminal")
async def test_the_kernels_own_terminal_gets_borders_that_it_has(
    opened: Any, drawn: Any
) -> None:
    async with opened() as (app, _):
        text = "\n".join(drawn(app))
    assert "+- Door -" in text
    assert text.isascii() or set(filter(str.isprintable, text)) - set("╭╮╰╯─│")


def test_each_screen_has_a_key_of_its_own_and_a_purpose() -> None:
    keys = [place.key for place in PLACES]
    assert len(set(keys)) == len(keys)
    for place in PLACES:
        assert len(place.key) == 1
        assert place.key.isdigit() or place.key.isupper()
        assert place.purpose.endswith(".")


@pytest.mark.parametrize("width", [20, 40, 80])
def test_hints_and_places_never_overflow(width: int) -> None:
    keys = [(chr(97 + at), f"Word{at}") for at in range(12)]
    line = frame.hints(keys, "? Help", width)
    assert len(line) <= width
    assert line.endswith("? Help")
    many = [Place(str(at), f"Name{at}", "For this.") for at in range(10)]
    assert len(frame.places(many, "Name3", width)) <= width


def test_nothing_fits_and_that_is_said() -> None:
    assert frame.hints([("a", "A long description")], "? Help", 12) == "…  ? Help"
    assert frame.hints([], "? Help", 80) == "? Help"


def test_the_current_place_stands_in_brackets() -> None:
    line = frame.places(list(TABLE), "Notes", 80)
    assert line == " 1 Door  [2 Notes]"


@pytest.mark.parametrize(
    ("age_s", "words"),
    [(-3.0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7300, "2 h")],
)
def test_an_age_is_told_in_its_largest_unit(age_s: float, words: str) -> None:
    assert frame.age(age_s) == words


def test_instants() -> None:
    assert frame.instant(0, UTC) == "-"
    assert frame.instant(1_700_000_000_000, UTC) == "2023-11-14 22:13"
    assert frame.instant(10**18, UTC) == "?"


async def test_markup_of_others_is_text(opened: Any) -> None:
    async with opened(places=TABLE, keys=("2",)) as (app, _):
        app.screen.say("[red]x[/red]\x1b[2J")
        shown = app.screen.query_one("#said", Static).content
        assert isinstance(shown, Content)
        assert str(shown) == "[red]x[/red]\ufffd[2J"
