"""The console: holds what is known, and hands it to the screen that is open."""

import asyncio
from collections.abc import Callable
from datetime import tzinfo
from typing import ClassVar, Final

from textual.app import App
from textual.binding import Binding, BindingType

from gateway.client import AsyncClient
from tui import view_model
from tui.feed import follow
from tui.messages import Arrived, Refused
from tui.screens.door import DoorScreen
from tui.view_model import Model

AGE_REFRESH_S: Final = 1.0


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class KeyraConsole(App[None]):
    """One gateway on one terminal."""

    TITLE = "KEYRA"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "quit", "Quit")]

    def __init__(
        self,
        client: AsyncClient,
        *,
        clock: Callable[[], float] = _loop_time,
        zone: tzinfo | None = None,
    ) -> None:
        """Prepare.

        Args:
            client: the gateway; closed with the console.
            clock: seconds, from any beginning; what ages are measured by.
            zone: in which times are shown; the machine's own if None.
        """
        super().__init__()
        self._client: Final = client
        self._clock: Final = clock
        self._door: Final = DoorScreen(zone)
        self.model = Model()

    def on_mount(self) -> None:
        """Open the door's screen, and begin to follow."""
        self.push_screen(self._door)
        self.run_worker(follow(self._client, self.post_message), name="feed")
        self.set_interval(AGE_REFRESH_S, self._grow_older)

    async def on_unmount(self) -> None:
        """Disconnect."""
        await self._client.close()

    def on_arrived(self, message: Arrived) -> None:
        """Learn what the gateway said."""
        self.model = view_model.apply(self.model, message.item, self._clock())
        self._door.show(self.model, self._clock())

    def on_refused(self, message: Refused) -> None:
        """Show why there is nothing to see."""
        self.model = Model(refused=message.why)
        self._door.show(self.model, self._clock())

    def _grow_older(self) -> None:
        if self._door.is_mounted:
            self._door.show_age(self.model, self._clock())
