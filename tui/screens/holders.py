"""A list of holders, read page by page, as far as one looks."""

from abc import abstractmethod
from typing import ClassVar, Final

from textual.message import Message

from gateway.schemas import Event, Holder, HolderPage
from tui.screens.changing import ChangingScreen
from tui.screens.table import Table
from tui.terminal import Place, Terminal
from tui.view_models import people

AHEAD_ROWS: Final = 20
"""How near the end of what is loaded the next page is asked for."""


class HoldersPage(Message):
    """Holders that follow the ones shown; the first ones, if `first`."""

    def __init__(self, page: HolderPage, *, first: bool) -> None:
        super().__init__()
        self.page = page
        self.first = first


class HoldersScreen(ChangingScreen):
    """A screen with such a list, filtered by the gateway, which knows them all.

    Attributes:
        TABLE: the id of the list's table.
        KINDS: the events after which it is read anew.
    """

    FILTERS = True
    COPIES = True
    TABLE: ClassVar[str]
    KINDS: ClassVar[frozenset[str]]

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__(terminal, place)
        self.holders: Final[dict[str, Holder]] = {}
        self.matching = ""
        self._next: str | None = None
        self._asked_after: str | None = None

    @property
    def has_more(self) -> bool:
        """Whether the gateway knows holders after those that are here."""
        return self._next is not None

    def listed(self) -> None:
        """Take note that more holders are here; nothing, unless a screen counts."""

    @abstractmethod
    def look_at_chosen(self) -> None:
        """Show whoever is under the cursor now."""

    def reload(self) -> None:
        """Ask for the first page."""
        self._asked_after = None
        self.work(self._read(None), group="read")

    def happened(self, event: Event) -> None:
        """Look again when anything happened to those in the list."""
        if event.kind in self.KINDS:
            self.reload()

    def filtered(self, text: str) -> None:
        """Ask the gateway."""
        self.matching = text
        self.reload()

    def on_holders_page(self, message: HoldersPage) -> None:
        """Show what came."""
        if message.first:
            self.holders.clear()
        found = {one.id: one for one in message.page.items}
        self.holders.update(found)
        self._next = message.page.next
        zone = self.terminal.zone
        rows = [(one.id, people.row(one, zone)) for one in found.values()]
        table = self.query_one(f"#{self.TABLE}", Table)
        table.fill(rows) if message.first else table.extend(rows)
        self.listed()
        self.saw()
        if message.first:
            self.look_at_chosen()

    def on_data_table_row_highlighted(self, event: Table.RowHighlighted) -> None:
        """Show whoever is under the cursor, and look ahead."""
        if event.data_table.id == self.TABLE:
            self.look_at_chosen()
            if event.cursor_row >= len(self.holders) - AHEAD_ROWS:
                self._look_ahead()

    def _look_ahead(self) -> None:
        if self._next is not None and self._next != self._asked_after:
            self._asked_after = self._next
            self.work(self._read(self._next), group="read")

    async def _read(self, cursor: str | None) -> Message:
        page = await self.terminal.client.holder_page(cursor, self.matching)
        return HoldersPage(page, first=cursor is None)
