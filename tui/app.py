"""The console: holds what is known, and hands it to the screens that are open."""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from functools import partial
from typing import Any, ClassVar, Final

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from gateway.client import AsyncClient, Item
from gateway.schemas import Status
from tui import themes
from tui.feed import follow
from tui.messages import Arrived, Refused
from tui.places import PLACES
from tui.screens.base import KeyraScreen
from tui.screens.hints import is_ours
from tui.screens.listening import Listening
from tui.terminal import Place, Terminal
from tui.view_models import live
from tui.view_models.live import Model

AGE_REFRESH_S: Final = 1.0
TRAIL_MAX: Final = 64


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class KeyraConsole(App[None]):
    """One gateway on one terminal."""

    TITLE = "KEYRA"
    COMMAND_PALETTE_BINDING = "ctrl+p"
    CSS: ClassVar[str] = themes.CSS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("colon", "command_palette", "Palette", key_display=":"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(
        self,
        client: AsyncClient,
        *,
        clock: Callable[[], float] = _loop_time,
        zone: tzinfo | None = None,
        places: Mapping[Place, type[KeyraScreen]] = PLACES,
        read_only: bool = False,
    ) -> None:
        """Prepare.

        Args:
            client: the gateway; closed with the console.
            clock: seconds, from any beginning; what ages are measured by.
            zone: in which times are shown; the machine's own if None.
            places: the screens; the first one is opened.
            read_only: nothing may be changed from here.
        """
        super().__init__()
        self._client: Final = client
        self._places: Final = places
        self.terminal: Final = Terminal(client, clock, zone, tuple(places), read_only)
        self.model = Model()
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme = themes.DARK
        # The kernel's own terminal has no round corners in its font.
        self.set_class(os.environ.get("TERM") == "linux", "-tty")
        for place, screen in places.items():
            self.install_screen(screen(self.terminal, place), place.name)
            action = f"open({place.name!r})"
            self.bind(place.key, action, description=place.name, show=False)

    @property
    def place(self) -> Place:
        """Which screen is open, below all dialogs."""
        return self.terminal.trail[-1]

    def on_mount(self) -> None:
        """Open the first screen, and begin to follow."""
        self.terminal.trail.append(next(iter(self._places)))
        self.push_screen(self.place.name)
        self.run_worker(follow(self._client, self.post_message), name="feed")
        self.set_interval(AGE_REFRESH_S, self._grow_older)

    async def on_unmount(self) -> None:
        """Disconnect."""
        await self._client.close()

    def on_arrived(self, message: Arrived) -> None:
        """Learn what the gateway said."""
        self.model = live.apply(self.model, message.item, self.terminal.clock())
        self._tell(message.item)

    def on_refused(self, message: Refused) -> None:
        """Show why there is nothing to see."""
        self.model = Model(refused=message.why)
        self._tell(None, whole=True)

    def action_open(self, name: str) -> None:
        """Go to a screen, from any other, whatever lies over it."""
        place = next(one for one in self._places if one.name == name)
        if place == self.place:
            return
        self.terminal.trail.append(place)
        del self.terminal.trail[:-TRAIL_MAX]
        self._switch()

    async def action_back(self) -> None:
        """Go back to where one came from; from the first screen, stay."""
        if len(self.terminal.trail) > 1:
            self.terminal.trail.pop()
            self._switch()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """List what the palette offers: screens, actions of this one, themes."""
        for place in self._places:
            go = partial(self.action_open, place.name)
            yield SystemCommand(f"Go to {place.name}", place.purpose, go)
        for node, binding, enabled, _ in screen.active_bindings.values():
            if enabled and node is screen and is_ours(binding):
                run = partial(self._run_on, screen, binding.action)
                yield SystemCommand(binding.description, f"Key {binding.key}", run)
        for theme in themes.THEMES:
            choose = partial(setattr, self, "theme", theme.name)
            yield SystemCommand(f"Theme {theme.name}", "Change the colours", choose)
        yield SystemCommand("Quit", "Close the console", self.action_quit)

    async def _run_on(self, screen: Screen[Any], action: str) -> None:
        await self.run_action(action, screen)

    def _switch(self) -> None:
        opened = self.get_screen(self.place.name, KeyraScreen)
        opened.model = self.model
        self.switch_screen(self.place.name)

    def _tell(self, item: Item | Status | None, *, whole: bool = False) -> None:
        at_s = self.terminal.clock()
        for screen in self.screen_stack:
            if isinstance(screen, Listening):
                screen.hear(self.model, item, at_s)
            if whole and isinstance(screen, KeyraScreen) and screen.is_mounted:
                screen.show(self.model)

    def _grow_older(self) -> None:
        self._tell(None)
