"""Settings: the switches of the config as they stand, each with what it risks."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from gateway.schemas.policy import Setting
from tui.screens.base import KeyraScreen
from tui.screens.table import Table
from tui.terminal import Place, Terminal
from tui.view_models import settings


class SettingsTold(Message):
    """The switches."""

    def __init__(self, settings: tuple[Setting, ...]) -> None:
        super().__init__()
        self.settings = settings


class SettingsScreen(KeyraScreen):
    """Shows; the config file alone is the place to change them."""

    FILTERS = True
    COPIES = True
    CSS: ClassVar[str] = """
    SettingsScreen #introduction { height: auto; padding: 0 1; margin-bottom: 1; }
    SettingsScreen Table { height: 1fr; }
    SettingsScreen #setting { height: auto; max-height: 7; }
    SettingsScreen #details { height: auto; }
    """

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__(terminal, place)
        self._settings: dict[str, Setting] = {}
        self._matching = ""

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        yield Static(settings.INTRODUCTION, id="introduction", markup=False)
        yield Table(id="settings", opens=False)
        with VerticalScroll(id="setting", classes="panel", can_focus=False) as panel:
            panel.border_title = "What it risks"
            yield Static(id="details", markup=False)

    def on_mount(self) -> None:
        """Prepare the table."""
        self.query_one(Table).add_columns(*settings.HEAD)

    def reload(self) -> None:
        """Ask for the switches."""
        self.work(self._read(), group="read")

    def filtered(self, text: str) -> None:
        """Show those with a text anywhere in them."""
        self._matching = text
        self._draw()

    def copied(self) -> str:
        """Section and key of the config."""
        return self._chosen.key if self._chosen else ""

    def on_settings_told(self, message: SettingsTold) -> None:
        """Show them."""
        self._settings = {one.name: one for one in message.settings}
        self.saw()
        self._draw()

    def on_data_table_row_highlighted(self) -> None:
        """Explain the one under the cursor."""
        self._draw_details()

    @property
    def _chosen(self) -> Setting | None:
        return self._settings.get(self.query_one(Table).chosen or "")

    def _draw(self) -> None:
        shown = [
            one
            for one in self._settings.values()
            if settings.matches(one, self._matching)
        ]
        self.query_one(Table).fill((one.name, settings.row(one)) for one in shown)
        self._draw_details()

    def _draw_details(self) -> None:
        chosen = self._chosen
        self.put("details", settings.details(chosen) if chosen else settings.NONE)

    async def _read(self) -> Message:
        return SettingsTold(await self.terminal.client.settings())
