"""One order over a screen: its text and code, who signs, and how it goes on."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from gateway.client import ApiError, Item, printable
from gateway.order_schemas import Order
from gateway.schemas import Event, Holder, Snapshot, Status
from tui.messages import Failed
from tui.screens.hints import Hints
from tui.screens.jobs import Jobs
from tui.screens.listening import Listening
from tui.terminal import Terminal
from tui.view_models import frame, live, orders
from tui.view_models.live import Model

_KIND: Final = "order"
_UNKNOWN: Final = "administration"


class Told(Message):
    """How the order stands now."""

    def __init__(self, order: Order) -> None:
        super().__init__()
        self.order = order


class Signers(Message):
    """Who may sign it."""

    def __init__(self, holders: list[Holder]) -> None:
        super().__init__()
        self.holders = holders


class OrderScreen(Listening, ModalScreen[Order]):
    """Shows an order until it is done, or left as it is; returns how it stood."""

    CSS: ClassVar[str] = """
    OrderScreen { align: center middle; }
    OrderScreen OptionList { display: none; height: auto; max-height: 6; border: none; }
    OrderScreen OptionList.shown { display: block; }
    OrderScreen #trouble { height: auto; color: $error; text-style: bold; }
    OrderScreen #lost { height: auto; text-style: reverse bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sign", "Sign"),
        Binding("w", "withdraw", "Withdraw"),
        Binding("escape", "leave", "Back"),
    ]

    def __init__(self, terminal: Terminal, order: Order) -> None:
        super().__init__()
        self._terminal: Final = terminal
        self._order = order
        self._carried_out = False
        self._up_ms: int | None = None
        self._jobs: Final = Jobs(self)

    def compose(self) -> ComposeResult:
        """Lay the order out."""
        with Vertical(classes="dialog") as box:
            box.border_title = "Order"
            yield Static(id="lost", markup=False)
            yield Static(id="order", markup=False)
            yield OptionList(id="signers")
            yield Static(id="trouble", markup=False)
        yield Hints()

    def on_mount(self) -> None:
        """Show it as it came."""
        self._draw()

    def on_unmount(self) -> None:
        """Ask nobody any more."""
        self._jobs.give_up()

    def hear(self, model: Model, item: Item | Status | None, at_s: float) -> None:
        """Ask how it stands, whenever anything happened to orders."""
        self._up_ms = None if model.lost is not None else live.up_ms(model, at_s)
        if isinstance(item, Snapshot) or (
            isinstance(item, Event) and item.kind == _KIND
        ):
            self._jobs.start(self._look(), "read")
        if self.is_mounted and self.query("#order"):
            lost = frame.banner(model, None, at_s)
            self.query_one("#lost", Static).update(Content(lost or ""))
            self._draw()

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Take away what cannot be done to it now, or from here."""
        if action == "sign":
            return self._order.state == "pending" and not self._terminal.read_only
        if action == "withdraw":
            return not (self._order.is_over or self._terminal.read_only)
        return True

    def action_sign(self) -> None:
        """Find out who can."""
        self._jobs.start(self._find_signers(), "change")

    def action_withdraw(self) -> None:
        """Take it back; what it orders is lost, and can be ordered again."""
        self._jobs.start(self._withdraw(), "change")

    def action_leave(self) -> None:
        """Leave it on the desk, as it is."""
        self.dismiss(self._order)

    def on_told(self, message: Told) -> None:
        """Show how it stands; what is done needs nobody to close it."""
        done = message.order.state == "done"
        self._carried_out |= done and not self._order.is_over
        self._order = message.order
        self.query_one("#signers").remove_class("shown")
        self._trouble("")
        self._draw()
        self.refresh_bindings()
        self._close_if_done()

    def on_screen_resume(self) -> None:
        """Close what was done while something else lay over it."""
        self._close_if_done()

    def on_signers(self, message: Signers) -> None:
        """Let the only one sign, or ask which."""
        if len(message.holders) == 1:
            self._jobs.start(self._choose(message.holders[0].id), "change")
            return
        if not message.holders:
            roles = " or ".join(self._order.roles)
            self._trouble(f"Nobody can sign: it takes another {roles} with a key.")
            return
        self._trouble("Whose key signs? Choose with the arrows, and press enter.")
        signers = self.query_one("#signers", OptionList)
        signers.clear_options()
        signers.add_options(
            Option(Content(orders.signer_line(one)), id=one.id)
            for one in message.holders
        )
        signers.highlighted = 0
        signers.add_class("shown")
        signers.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Put it on air for that key."""
        if event.option_id is not None:
            self._jobs.start(self._choose(event.option_id), "change")

    def on_failed(self, message: Failed) -> None:
        """Say why."""
        self._trouble(f"FAILED: {message.sentence}")

    def _trouble(self, sentence: str) -> None:
        self.query_one("#trouble", Static).update(Content(printable(sentence)))

    def _close_if_done(self) -> None:
        if self._carried_out and self.app.screen is self:
            self._carried_out = False
            self.dismiss(self._order)

    def _draw(self) -> None:
        text = orders.details(self._order, self._up_ms)
        self.query_one("#order", Static).update(Content(text))

    async def _look(self) -> Told:
        try:
            return Told(await self._terminal.client.order(self._order.id))
        except ApiError as error:
            if error.code != _UNKNOWN:
                raise
            return Told(orders.forgotten(self._order))  # by a gateway that is new

    async def _withdraw(self) -> Told:
        return Told(await self._terminal.client.withdraw(self._order.id))

    async def _choose(self, holder_id: str) -> Told:
        order = self._order
        return Told(await self._terminal.client.choose(order.id, order.code, holder_id))

    async def _find_signers(self) -> Signers:
        client = self._terminal.client
        found = [
            one for role in self._order.roles async for one in client.holders(role)
        ]
        able = orders.able(self._order, found)
        return Signers(list({one.id: one for one in able}.values()))
