"""The door: how it is, what works, and what happened last."""

from datetime import tzinfo
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from tui import view_model
from tui.view_model import Model

NOTHING_YET: Final = "Nothing has happened yet; touch a key to see it here."


class DoorScreen(Screen[None]):
    """Draws a model; decides nothing."""

    CSS: ClassVar[str] = """
    #title { height: 1; text-style: bold; padding: 0 1; }
    #banner { height: auto; padding: 0 1; text-style: reverse bold; display: none; }
    #banner.shown { display: block; }
    #top { height: 6; }
    #door { width: 1fr; border: round $primary; padding: 0 1; }
    #health { width: 30; border: round $primary; padding: 0 1; }
    #tail { border: round $primary; padding: 0 1; }
    """

    def __init__(self, zone: tzinfo | None) -> None:
        super().__init__()
        self._zone: Final = zone

    def compose(self) -> ComposeResult:
        """Lay the screen out; it fits 80 by 24."""
        yield Static(id="title", markup=False)
        yield Static(id="banner", markup=False)
        with Horizontal(id="top"):
            door = Static(id="door", markup=False)
            door.border_title = "Door"
            yield door
            health = Static(id="health", markup=False)
            health.border_title = "Health"
            yield health
        with VerticalScroll(id="tail") as tail:
            tail.border_title = "Last openings and denials"
            yield Static(id="lines", markup=False)
        yield Footer()

    def show(self, model: Model, at_s: float) -> None:
        """Draw what is known."""
        self._put("title", view_model.title(model))
        self._put(
            "door",
            f"{view_model.phase(model)}\n"
            f"mode    {view_model.mode(model)}\n"
            f"        {view_model.mode_until(model, self._zone)}\n"
            f"ledger  {model.status.ledger_size if model.status else '?'} entries",
        )
        self._put(
            "health",
            "\n".join(
                f"{'ok  ' if works else 'NOT '} {what}"
                for works, what in view_model.health(model)
            ),
        )
        lines = [view_model.line_text(line, self._zone) for line in model.lines]
        self._put("lines", "\n".join(lines) or NOTHING_YET)
        self.show_age(model, at_s)

    def show_age(self, model: Model, at_s: float) -> None:
        """Draw only what changes with time."""
        text = view_model.banner(model, at_s)
        self.query_one("#banner").set_class(text is not None, "shown")
        self._put("banner", text or "")

    def _put(self, where: str, text: str) -> None:
        self.query_one(f"#{where}", Static).update(Content(text))
