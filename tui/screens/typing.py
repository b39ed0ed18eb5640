"""Asks for one line that is typed."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.screens.hints import Hints
from tui.screens.listening import Listening

CHARS_MAX: Final = 300


class TypeScreen(Listening, ModalScreen[str | None]):
    """Returns what was typed, without blanks around it; None if it is given up."""

    CSS: ClassVar[str] = """
    TypeScreen { align: center middle; }
    TypeScreen Input, TypeScreen Input:focus {
        border: none; height: 1; padding: 0 1; margin-top: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, title: str, sentence: str, typed: str = "") -> None:
        """Prepare.

        Args:
            title: what it is for, two words.
            sentence: what may be typed, with an example.
            typed: what stands there at first.
        """
        super().__init__()
        self._title: Final = title
        self._sentence: Final = sentence
        self._typed: Final = typed

    def compose(self) -> ComposeResult:
        """Lay the question out."""
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            yield Static(Content(self._sentence), id="question", markup=False)
            yield Input(self._typed, id="typed", max_length=CHARS_MAX)
        yield Hints("enter Go on")

    def on_mount(self) -> None:
        """Have what is typed go into the line."""
        self.query_one("#typed").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the line."""
        event.stop()
        self.dismiss(event.value.strip())

    def action_cancel(self) -> None:
        """Want nothing."""
        self.dismiss()
