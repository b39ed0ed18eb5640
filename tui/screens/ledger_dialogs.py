"""What opens over the ledger: a line to fill in, and a text to read."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.screens.hints import Hints
from tui.screens.listening import Listening


class LineScreen(Listening, ModalScreen[str | None]):
    """Asks for one line; None for none."""

    CSS: ClassVar[str] = "LineScreen { align: center middle; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, question: str, value: str = "", hint: str = "") -> None:
        super().__init__()
        self._question: Final = question
        self._value: Final = value
        self._hint: Final = hint

    def compose(self) -> ComposeResult:
        """Lay the question out."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._question), markup=False)
            yield Input(
                self._value,
                placeholder=self._hint,
                select_on_focus=False,  # it comes later, and would select a first key
                id="line",
                compact=True,
            )
        yield Hints("enter Go on")

    def on_mount(self) -> None:
        """Write at once, in the place of what is proposed."""
        line = self.query_one("#line", Input)
        line.action_select_all()
        self.set_focus(line)

    async def on_key(self, event: Key) -> None:
        """Take keys that came while this opened, as if the field had had them."""
        line = self.query_one("#line", Input)
        if event.is_printable and event.character:
            event.stop()
            line.replace(event.character, *line.selection)
        elif event.key == "enter":
            event.stop()
            await line.action_submit()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the line."""
        event.stop()
        self.dismiss(event.value.strip())

    def action_cancel(self) -> None:
        """Take nothing."""
        self.dismiss(result=None)


class TextScreen(Listening, ModalScreen[None]):
    """Shows a text that `y` copies."""

    CSS: ClassVar[str] = """
    TextScreen { align: center middle; }
    TextScreen .dialog { padding: 0 1; width: 100%; max-width: 100%; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy"),
        Binding("escape", "close", "Back"),
    ]

    def __init__(self, title: str, text: str, copied: str = "") -> None:
        """Prepare.

        Args:
            title: stands in the border.
            text: to read.
            copied: what `y` copies; the text itself if left out.
        """
        super().__init__()
        self._title: Final = title
        self._text: Final = text
        self._copied: Final = copied or text

    def compose(self) -> ComposeResult:
        """Lay the text out."""
        with VerticalScroll(classes="dialog") as box:
            box.border_title = self._title
            yield Static(Content(self._text), id="text", markup=False)
        yield Hints("esc Back")

    def action_copy(self) -> None:
        """Copy through the terminal, which works over SSH, too (OSC 52)."""
        self.app.copy_to_clipboard(self._copied)
        self.query_one(".dialog").border_subtitle = "Copied."

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()
