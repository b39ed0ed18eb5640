"""The door: how it is, what works, and what happened last."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from tui.screens.base import KeyraScreen
from tui.view_models import live
from tui.view_models.live import Model

NOTHING_YET: Final = "Nothing has happened yet; touch a key to see it here."


class DoorScreen(KeyraScreen):
    """Draws a model; decides nothing."""

    CSS: ClassVar[str] = """
    #top { height: 6; }
    #door { width: 1fr; }
    #health { width: 30; }
    """

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        with Horizontal(id="top"):
            door = Static(id="door", classes="panel", markup=False)
            door.border_title = "Door"
            yield door
            health = Static(id="health", classes="panel", markup=False)
            health.border_title = "Health"
            yield health
        with VerticalScroll(id="tail", classes="panel") as tail:
            tail.border_title = "Last openings and denials"
            yield Static(id="lines", markup=False)

    def show(self, model: Model) -> None:
        """Draw what is known."""
        zone = self.terminal.zone
        self.put(
            "door",
            f"{live.phase(model)}\n"
            f"mode    {live.mode(model)}\n"
            f"        {live.mode_until(model, zone)}\n"
            f"ledger  {model.status.ledger_size if model.status else '?'} entries",
        )
        self.put(
            "health",
            "\n".join(
                f"{'ok  ' if works else 'NOT '} {what}"
                for works, what in live.health(model)
            ),
        )
        lines = [live.line_text(line, zone) for line in model.lines]
        self.put("lines", "\n".join(lines) or NOTHING_YET)
