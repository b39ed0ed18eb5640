"""What opens over a screen, and goes away again: a question, the help."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui.screens.hints import Hints
from tui.screens.listening import Listening


class AskScreen(Listening, ModalScreen[bool]):
    """Asks before something is lost. Cancel stands first, and has the focus."""

    CSS: ClassVar[str] = """
    AskScreen { align: center middle; }
    AskScreen Horizontal { height: auto; margin-top: 1; }
    AskScreen Button { margin-right: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel"),
        Binding("right,left", "other", "Choose", priority=True),
    ]

    def __init__(self, sentence: str, verb: str) -> None:
        """Prepare.

        Args:
            sentence: what will be lost, by name.
            verb: what is to happen, such as "Revoke".
        """
        super().__init__()
        self._sentence: Final = sentence
        self._verb: Final = verb

    def compose(self) -> ComposeResult:
        """Lay the question out."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._sentence), id="question", markup=False)
            with Horizontal():
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(Content(self._verb), id="agree", compact=True)
        yield Hints("enter Press")

    def on_mount(self) -> None:
        """Whoever presses Enter without reading changes nothing."""
        self.query_one("#cancel").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the answer."""
        self.dismiss(event.button.id == "agree")

    def action_cancel(self) -> None:
        """Change nothing."""
        self.dismiss(result=False)

    def action_other(self) -> None:
        """Go to the other answer."""
        self.focus_next(Button)


class HelpScreen(Listening, ModalScreen[None]):
    """Explains the screen below."""

    CSS: ClassVar[str] = """
    HelpScreen { align: center middle; }
    HelpScreen .dialog { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Back"),
        Binding("question_mark", "close", "Back", show=False),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title: Final = title
        self._text: Final = text

    def compose(self) -> ComposeResult:
        """Lay the help out."""
        with VerticalScroll(classes="dialog") as box:
            box.border_title = self._title
            yield Static(Content(self._text), id="help", markup=False)
        yield Hints()

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()
