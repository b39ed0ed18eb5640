"""What is being asked of whom: orders, their text and code, and what is missing."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from gateway.order_schemas import Order
from gateway.schemas import Event
from tui.screens.changing import ChangingScreen
from tui.screens.table import Table
from tui.terminal import Place, Terminal
from tui.view_models import orders
from tui.view_models.live import Model


class OrdersTold(Message):
    """The orders that are remembered."""

    def __init__(self, orders: tuple[Order, ...]) -> None:
        super().__init__()
        self.orders = orders


class ApprovalsScreen(ChangingScreen):
    """Lists orders; each is read in full before it is signed."""

    WRITING = frozenset({"withdraw"})
    COPIES = True
    CSS: ClassVar[str] = """
    ApprovalsScreen Table { height: 1fr; }
    ApprovalsScreen #order { height: auto; max-height: 14; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "withdraw", "Withdraw"),
    ]

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__(terminal, place)
        self._orders: dict[str, Order] = {}

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        yield Table(id="orders")
        with VerticalScroll(id="order", classes="panel", can_focus=False) as panel:
            panel.border_title = "Order"
            yield Static(orders.NONE_WAITS, id="details", markup=False)

    def on_mount(self) -> None:
        """Prepare the table."""
        self.query_one(Table).add_columns(*orders.HEAD)

    def reload(self) -> None:
        """Ask for the orders."""
        self.work(self._read(), group="read")

    def happened(self, event: Event) -> None:
        """Look again when anything happened to an order."""
        if event.kind == "order":
            self.reload()

    def show(self, model: Model) -> None:
        """Let the time of the order run."""
        if model.status is not None:
            self._draw_details()

    def on_orders_told(self, message: OrdersTold) -> None:
        """Show them, with the cursor on the one where it was."""
        table = self.query_one(Table)
        self._orders = {
            order.id: order for order in orders.newest_first(message.orders)
        }
        table.fill((order.id, orders.row(order)) for order in self._orders.values())
        self.saw()
        self._draw_details()

    def on_data_table_row_highlighted(self) -> None:
        """Show the one under the cursor."""
        self._draw_details()

    def on_data_table_row_selected(self) -> None:
        """Open the order under the cursor."""
        if self._selected is not None:
            self.work(self._open(self._selected))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to withdraw what waits."""
        chosen = self._selected
        if action == "withdraw" and (chosen is None or chosen.is_over):
            return False
        return super().check_action(action, parameters)

    def action_withdraw(self) -> None:
        """Take the order under the cursor back."""
        if self._selected is not None:
            self.work(self._withdraw(self._selected))

    def copied(self) -> str:
        """The code of the order under the cursor."""
        return self._selected.code if self._selected else ""

    @property
    def _selected(self) -> Order | None:
        for table in self.query(Table):
            return self._orders.get(table.chosen or "")
        return None

    def _draw_details(self) -> None:
        order, status = self._selected, self.model.status
        up_ms = status.up_ms if status else None
        text = orders.details(order, up_ms) if order else orders.NONE_WAITS
        self.put("details", text)
        self.refresh_bindings()

    async def _read(self) -> Message:
        return OrdersTold(await self.terminal.client.orders())

    async def _open(self, order: Order) -> Message:
        await self.show_order(order)
        return await self._read()

    async def _withdraw(self, order: Order) -> Message | None:
        text = " ".join(order.text)
        if await self.ask(
            f"Order {orders.code(order)} will be lost: {text}", "Withdraw"
        ):
            await self.terminal.client.withdraw(order.id)
            return await self._read()
        return None
