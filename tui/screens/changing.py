"""Screens that change something: at once where that may be, else by a finger."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from textual.message import Message
from textual.screen import Screen  # noqa: TC002 - Textual reads annotations

from gateway.client import ApiError
from gateway.order_schemas import Order, OrderWish
from tui.messages import Done
from tui.screens.base import KeyraScreen
from tui.screens.order import OrderScreen
from tui.view_models import orders

_FINGER_NEEDED: Final = "finger-needed"


class Changed(Message):
    """A change was carried out."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence


class ChangingScreen(KeyraScreen):
    """A screen whose changes may take an administrator's finger."""

    async def carry_out(
        self,
        wish: OrderWish,
        sentence: str,
        directly: Callable[[], Awaitable[object]] | None = None,
    ) -> Message:
        """See a change through, in a job of `work`; return what came of it.

        Args:
            wish: the change, as an order.
            sentence: to say when it is done.
            directly: asks for it as for one that needs no finger.

        Returns:
            Changed if it is done, else Done with a sentence that says how it stands.

        Raises:
            ApiError, UnreachableError: it cannot be done.
        """
        if directly is not None:
            try:
                await directly()
            except ApiError as error:
                if error.code != _FINGER_NEEDED:
                    raise
            else:
                return Changed(sentence)
        order = await self.terminal.client.propose(wish)
        if not order.is_over:
            order = await self.show_order(order)
        return Changed(sentence) if order.state == "done" else Done(_how(order))

    async def show_order(self, order: Order) -> Order:
        """Show an order until it is over or left, in a job; return how it stands."""
        showing: Screen[Any] = OrderScreen(self.terminal, order)
        left: Order | None = await self.app.push_screen_wait(showing)
        return left or order

    def on_changed(self, message: Changed) -> None:
        """Say so, and look how things stand now."""
        self.say(message.sentence)
        self.reload()


def _how(order: Order) -> str:
    if order.state == orders.FORGOTTEN:
        return order.hint
    if order.is_over:
        return f"Nothing was changed: {order.hint}"
    return (
        f"Order {order.code[:3]} {order.code[3:]} waits on Approvals; it is not done."
    )
