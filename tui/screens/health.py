"""Radio and health: what works, since when, and how long a touch takes."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from gateway.schemas.users import Wellbeing
from tui.screens.base import KeyraScreen
from tui.terminal import Place, Terminal
from tui.view_models import health

AGAIN_S: Final = 10.0


class HealthTold(Message):
    """How the gateway is."""

    def __init__(self, wellbeing: Wellbeing) -> None:
        super().__init__()
        self.wellbeing = wellbeing


class HealthScreen(KeyraScreen):
    """Asks every ten seconds while it is open."""

    COPIES = True
    CSS: ClassVar[str] = """
    HealthScreen #report-box { height: 1fr; }
    HealthScreen #plot-box { height: auto; max-height: 9; }
    HealthScreen #report, HealthScreen #plot { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "again", "Look again")]

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__(terminal, place)
        self._asked_s: float | None = None

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        with VerticalScroll(id="report-box", classes="panel") as box:
            box.border_title = "How everything is"
            yield Static(health.NOT_READ, id="report", markup=False)
        with VerticalScroll(id="plot-box", classes="panel", can_focus=False) as box:
            box.border_title = "How long a touch takes, stage by stage"
            yield Static(health.NO_STAGES, id="plot", markup=False)

    def reload(self) -> None:
        """Ask how everything is."""
        self._asked_s = self.terminal.clock()
        self.work(self._read(), group="read")

    def aged(self, at_s: float) -> None:
        """Ask again now and then, while somebody answers."""
        reachable = self.model.heard_s is not None and self.model.lost is None
        waited = self._asked_s is not None and at_s - self._asked_s >= AGAIN_S
        if reachable and waited and self.is_current:
            self.reload()

    def copied(self) -> str:
        """All of it."""
        return str(self.query_one("#report", Static).content)

    def action_again(self) -> None:
        """Ask now."""
        self.reload()

    def on_health_told(self, message: HealthTold) -> None:
        """Show it."""
        found = message.wellbeing
        self.put("report", health.report(found, self.terminal.zone))
        self.put("plot", health.plot(found.stages))
        self.saw()

    async def _read(self) -> Message:
        return HealthTold(await self.terminal.client.health())
