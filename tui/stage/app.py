"""The console, and the person before its door."""

from typing import Any, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen

from gateway.client import AsyncClient
from gateway.errors import SimulationError
from gateway.schemas import Event, Snapshot
from tui.app import KeyraConsole
from tui.messages import Arrived
from tui.stage.hand import Hand
from tui.stage.panel import Panel, PanelScreen, WelcomeScreen

GLANCE_S: Final = 0.25
DOCK_COLUMNS_MIN: Final = 120
DOCK_LINES_MIN: Final = 34


class ChangeSides(Message):
    """F2, on its way behind the keys that were pressed before it."""


class LiveConsole(KeyraConsole):
    """The product's own console; F2 is the holder."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "holder", "You", key_display="F2", priority=True)
    ]

    def __init__(self, client: AsyncClient, hand: Hand, **console: Any) -> None:
        """Prepare.

        Args:
            client: the gateway's.
            hand: the holder's.
            console: what KeyraConsole takes beside.
        """
        super().__init__(client, **console)
        self._hand: Final = hand

    def on_ready(self) -> None:
        """Welcome whoever came; look at the door from then on."""
        self.push_screen(WelcomeScreen(), self._welcomed)
        self.set_interval(GLANCE_S, self._glance)

    def on_arrived(self, message: Arrived) -> None:
        """Let the holder learn what happened, too."""
        if isinstance(message.item, Snapshot) and not message.item.resumed:
            self._hand.began(message.item.status.last_event_id)
        elif isinstance(message.item, Event):
            self.run_worker(self._heard(message.item), group="hand")

    async def _welcomed(self, _: None) -> None:
        await self.on_change_sides()

    def action_holder(self) -> None:
        """Change between the console and the holder, after the keys before F2.

        F2 has priority, so that it works over a dialog, and would overtake them: "the
        numbers are equal", pressed just before it, became the holder's exit button.
        """
        (self.focused or self.screen).post_message(ChangeSides())

    async def on_change_sides(self) -> None:
        """Change sides: all earlier keys have come this way, and are done."""
        await self._dock()
        screen = self.screen
        if isinstance(screen, PanelScreen):
            screen.action_close()
            return
        if not screen.query(Panel):
            await self.push_screen(PanelScreen(self._do))
        elif isinstance(screen.focused, Panel):
            screen.set_focus(None)
        else:
            screen.set_focus(screen.query_one(Panel))  # focus() would be later
        self._draw()

    def _do(self, act: str) -> None:
        self.run_worker(self._acted(act), group="hand")

    async def _acted(self, act: str) -> None:
        await self._hand.do(act)
        await self._glance()

    async def _heard(self, event: Event) -> None:
        try:
            await self._hand.heard(event)
        except SimulationError as error:
            self._gone(error)

    async def _glance(self) -> None:
        try:
            await self._hand.glance()
        except SimulationError as error:
            self._gone(error)
            return
        await self._dock()
        self._draw()

    def _gone(self, error: SimulationError) -> None:
        self.exit(return_code=1, message=f"keyra demo: {error}")

    def _draw(self) -> None:
        for panel in self.screen.query(Panel):
            panel.show(self._hand)

    async def _dock(self) -> None:
        """Stand beside the console's screen where there is room."""
        screen = self.screen
        if isinstance(screen, ModalScreen):
            return
        width, height = self.size
        room = width >= DOCK_COLUMNS_MIN and height >= DOCK_LINES_MIN
        panels = screen.query(Panel)
        if room and not panels:
            await screen.mount(Panel(self._do, docked=True))
        elif not room and panels:
            await panels.remove()
