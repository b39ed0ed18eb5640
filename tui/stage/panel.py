"""The panel to play the holder: beside a screen, or a screen of its own."""

from collections.abc import Callable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.screens.hints import Hints
from tui.screens.listening import Listening
from tui.stage import picture
from tui.stage.hand import Hand

DRAWER_LINES: Final = 6
KEYS: Final = """\
t right finger  o open or shut it
w wrong finger  f force it open
d decline       e exit button
l walk away     a fire alarm on, off
p new bond      y the numbers agree
↑↓ other key    n they do not"""
WELCOME: Final = """\
Welcome to a KEYRA door.

This is the whole gateway as it runs on a door: its own process, its own ledger, its \
real protocol. Only the air, the keys, the pins and the door itself are simulated.

The console is what a guard or an administrator sees. F2 is you, before the door: with \
a key, a finger and, if you like, a crowbar.

At every moment the panel says in one sentence what to try next. Nothing can break: \
q ends it, and takes everything down.
"""

Do = Callable[[str], None]


class Panel(Container, can_focus=True):
    """What the holder sees and can do; `do` is told what is done."""

    DEFAULT_CSS: ClassVar[str] = """
    Panel { height: auto; border: round $accent; padding: 0 1; }
    Panel:focus { border: heavy $accent; }
    Panel.docked { dock: right; width: 42; height: 100%; }
    Panel .top { height: auto; }
    Panel.docked .top { layout: vertical; }
    Panel .sight { width: 40; height: 9; }
    Panel .door { width: 14; }
    Panel .lamp { height: 1; }
    Panel .keys { width: 1fr; height: auto; }
    Panel .drawer { height: 6; }
    Panel .held { height: 2; }
    Panel .acts { margin-top: 1; color: $text-muted; }
    Panel.docked .said, Panel.docked .next { margin-top: 1; }
    Panel .said { min-height: 1; }
    Panel .next { min-height: 2; text-style: bold; color: $accent; }
    Panel .released { color: $success; }
    Panel .broken, Panel .red { color: $error; text-style: bold; }
    Panel .green { color: $success; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"act({act!r})", what, show=False)
        for key, act, what in (
            ("t", "touch", "Right finger"),
            ("w", "wrong", "Wrong finger"),
            ("d", "decline", "Say no on the key"),
            ("l", "walk_away", "Walk away"),
            ("p", "pair", "Ready the key for a new bond"),
            ("y", "yes", "Yes, the numbers are the same"),
            ("n", "no", "No, they are not"),
            ("o", "handle", "Open or close the door"),
            ("f", "force", "Force the door"),
            ("e", "exit", "Exit button"),
            ("a", "fire", "Fire alarm on or off"),
            ("down", "next", "Next key"),
            ("up", "previous", "Previous key"),
        )
    ]

    def __init__(self, do: Do, *, docked: bool) -> None:
        super().__init__(classes="docked" if docked else "")
        self._do: Final = do
        self.border_title = "You, before the door"
        self.border_subtitle = "F2 console"

    def compose(self) -> ComposeResult:
        """Lay it out: 76 columns by 19 lines, or 40 by 29."""
        with Horizontal(classes="top"):
            with Horizontal(classes="sight"):
                yield Static(classes="door", markup=False)
                with Vertical():
                    yield Static(classes="lamp", markup=False)
                    yield Static(classes="signs", markup=False)
            with Vertical(classes="keys"):
                yield Static(classes="drawer", markup=False)
                yield Static(classes="held", markup=False)
        yield Static(KEYS, classes="acts", markup=False)
        yield Static(classes="said", markup=False)
        yield Static(classes="next", markup=False)

    def show(self, hand: Hand) -> None:
        """Draw what the holder sees now."""
        look = hand.look
        if look is None or not self.query(".next"):
            return  # it is opening
        chosen = "" if look.key is None else look.key.name
        drawn = {
            "door": picture.door(look, hand.swing, forced=hand.forced),
            "lamp": picture.lamp(look),
            "signs": picture.signs(look, forced=hand.forced),
            "drawer": picture.drawer(look.keys, chosen, DRAWER_LINES),
            "held": picture.held(look),
            "said": hand.said,
            "next": f"Next: {hand.advice}",
        }
        for name, text in drawn.items():
            self.query_one(f".{name}", Static).update(Content(text))
        door, lamp = self.query_one(".door"), self.query_one(".lamp")
        door.set_class(look.door.released, "released").set_class(hand.forced, "broken")
        lamp.set_class(look.lamp.green, "green").set_class(look.lamp.red, "red")

    def action_act(self, act: str) -> None:
        """Do it."""
        self._do(act)


class PanelScreen(Listening, ModalScreen[None]):
    """The panel where there is no room beside the console."""

    CSS: ClassVar[str] = "PanelScreen { align: center top; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Console")]

    def __init__(self, do: Do) -> None:
        super().__init__()
        self._do: Final = do

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Panel(self._do, docked=False)
        yield Hints()

    def on_mount(self) -> None:
        """Be ready for keys."""
        self.query_one(Panel).focus()

    def action_close(self) -> None:
        """Go back to the console."""
        self.dismiss()


class WelcomeScreen(Listening, ModalScreen[None]):
    """The first thing a newcomer sees."""

    CSS: ClassVar[str] = "WelcomeScreen { align: center middle; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "close", "Go to the door"),
        Binding("escape", "close", "Go to the door", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog") as box:
            box.border_title = "Live demonstration"
            yield Static(WELCOME, markup=False)
        yield Hints()

    def action_close(self) -> None:
        """Begin."""
        self.dismiss()
