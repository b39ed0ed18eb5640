"""Purposes: why applications ask for a touch, and how; added, changed, deleted."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from gateway.order_schemas import PurposeOrder
from gateway.schemas import Event
from gateway.schemas.policy import Purpose
from tui.messages import Failed
from tui.screens.changing import ChangingScreen
from tui.screens.table import Table
from tui.terminal import Place, Terminal
from tui.view_models import purposes


class PurposesTold(Message):
    """All purposes."""

    def __init__(self, purposes: tuple[Purpose, ...]) -> None:
        super().__init__()
        self.purposes = purposes


class PurposesScreen(ChangingScreen):
    """Lists purposes; the built-in ones can be changed, and stay."""

    WRITING = frozenset({"add", "change", "delete"})
    FILTERS = True
    CSS: ClassVar[str] = """
    PurposesScreen #introduction { height: auto; padding: 0 1; margin-bottom: 1; }
    PurposesScreen Table { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "add", "New"),
        Binding("c", "change", "Change"),
        Binding("d", "delete", "Delete"),
    ]

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__(terminal, place)
        self._purposes: dict[str, Purpose] = {}
        self._matching = ""

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        yield Static(purposes.INTRODUCTION, id="introduction", markup=False)
        yield Table(id="purposes")

    def on_mount(self) -> None:
        """Prepare the table."""
        self.query_one(Table).add_columns(*purposes.HEAD)

    def reload(self) -> None:
        """Ask for the purposes."""
        self.work(self._read(), group="read")

    def happened(self, event: Event) -> None:
        """Look again when one was changed."""
        if event.kind in {"purpose", "purpose.removed"}:
            self.reload()

    def filtered(self, text: str) -> None:
        """Show those with a text in their name."""
        self._matching = text
        self._draw()

    def on_purposes_told(self, message: PurposesTold) -> None:
        """Show them."""
        self._purposes = {one.name: one for one in message.purposes}
        self.saw()
        self._draw()

    def on_data_table_row_highlighted(self) -> None:
        """Other keys work on other purposes."""
        self.refresh_bindings()

    def on_data_table_row_selected(self) -> None:
        """Change the one under the cursor."""
        if self.check_action("change", ()):
            self.action_change()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done to the one under the cursor."""
        chosen = self._chosen
        if action == "change" and not (chosen and chosen.changeable):
            return False
        if action == "delete" and (chosen is None or chosen.built_in):
            return False
        return super().check_action(action, parameters)

    def action_add(self) -> None:
        """Set a new one."""
        self.work(self._set(""))

    def action_change(self) -> None:
        """Set the one under the cursor otherwise."""
        if self._chosen is not None:
            self.work(self._set(purposes.typed(self._chosen)))

    def action_delete(self) -> None:
        """Delete it, after asking."""
        if self._chosen is not None:
            self.work(self._delete(self._chosen))

    @property
    def _chosen(self) -> Purpose | None:
        for table in self.query(Table):
            return self._purposes.get(table.chosen or "")
        return None

    def _draw(self) -> None:
        shown = [one for one in self._purposes.values() if self._matching in one.name]
        self.query_one(Table).fill((one.name, purposes.row(one)) for one in shown)
        self.put("introduction", purposes.INTRODUCTION if shown else purposes.NONE)
        self.refresh_bindings()

    async def _read(self) -> Message:
        return PurposesTold(await self.terminal.client.purposes())

    async def _set(self, typed: str) -> Message | None:
        line = await self.ask_line("Purpose", purposes.ASK, typed)
        if line is None:
            return None
        order = purposes.wish(line)
        if order is None:
            return Failed("purpose", purposes.WRONG)
        change = purposes.change(order)
        return await self.carry_out(
            order,
            f"The purpose {order.name} waits {order.ttl_s} s.",
            lambda: self.terminal.client.set_purpose(order.name, change),
        )

    async def _delete(self, one: Purpose) -> Message | None:
        if not await self.ask(purposes.asks_deletion(one), "Delete"):
            return None
        return await self.carry_out(
            PurposeOrder(kind="purpose", name=one.name),
            f"The purpose {one.name} is deleted.",
            lambda: self.terminal.client.delete_purpose(one.name),
        )
