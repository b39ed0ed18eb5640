"""The frame of every screen: title, places, banner, body, one sentence, key hints."""

from abc import abstractmethod
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from gateway.client import Item, printable
from gateway.schemas import Event, Snapshot, Status
from tui.messages import Done, Failed
from tui.screens.dialogs import AskScreen, HelpScreen
from tui.screens.hints import Hints, working_keys
from tui.screens.jobs import Job, Jobs
from tui.screens.listening import Listening
from tui.screens.typing import TypeScreen
from tui.terminal import Place, Terminal
from tui.view_models import frame
from tui.view_models.live import Model


class KeyraScreen(Listening, Screen[None]):
    """One place of the console; `tui.screens` says how to add one.

    Class attributes of a screen:
        WRITING: names of actions that change something; READ-ONLY takes them away.
        FILTERS: whether `/` filters here; then `filtered` is told.
        COPIES: whether `y` copies here; then `copied` says what.
    """

    WRITING: ClassVar[frozenset[str]] = frozenset()
    FILTERS: ClassVar[bool] = False
    COPIES: ClassVar[bool] = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter"),
        Binding("y", "copy", "Copy"),
        Binding("question_mark,f1", "help", "Help"),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__()
        self.terminal: Final = terminal
        self.place: Final = place
        self.model = Model()
        self._seen_s: float | None = None
        self._jobs: Final = Jobs(self)

    # What a screen fills in.

    @abstractmethod
    def body(self) -> ComposeResult:
        """Lay out what stands between the banner and the hints."""

    def show(self, model: Model) -> None:
        """Draw what the event stream told; called with each message, and at first."""

    def aged(self, at_s: float) -> None:
        """Draw what changes with time alone; called about once a second."""

    def happened(self, event: Event) -> None:
        """Hear of one event while the screen is open."""

    def reload(self) -> None:
        """Begin to read what the stream does not bring.

        Called whenever the screen is opened, when a lost gateway is back, and again
        now and then until it was read.
        """

    def filtered(self, text: str) -> None:
        """Show what fits a text, in lower case; everything for an empty one."""

    def copied(self) -> str:
        """Return what `y` copies; empty if there is nothing."""
        return ""

    @property
    def is_outdated(self) -> bool:
        """Whether what was read may have changed since, and nobody said so."""
        return frame.is_outdated(self.model, self._seen_s)

    # What a screen calls.

    def work(self, job: Job, group: str = "change") -> None:
        """Ask the gateway, outside all handlers; its answer comes as a message.

        Args:
            job: returns the message to post here, or None. What the gateway refuses is
                posted as Failed, and shown.
            group: of work of which only the latest counts: a newer one cancels.
        """
        self._jobs.start(job, group)

    def saw(self) -> None:
        """Say that what the screen shows was read just now."""
        self._seen_s = self.terminal.clock()
        self._draw_banner(self._seen_s)

    def say(self, sentence: str, *, failed: bool = False) -> None:
        """Show one sentence above the hints, until the next one; empty for none."""
        said = self.query_one("#said", Static)
        said.set_class(bool(sentence), "shown").set_class(failed, "failed")
        text = printable(sentence)
        said.update(Content(f"FAILED: {text}" if failed else text))

    async def ask(self, sentence: str, verb: str) -> bool:
        """Ask before something is lost; only in a job of `work`.

        Args:
            sentence: what will be lost, by name.
            verb: what is to happen, such as "Revoke".
        """
        asking: Screen[Any] = AskScreen(printable(sentence), verb)
        return bool(await self.app.push_screen_wait(asking))

    async def ask_line(self, title: str, sentence: str, typed: str = "") -> str | None:
        """Ask for one line; only in a job of `work`. None: it was given up."""
        asking: Screen[Any] = TypeScreen(title, sentence, typed)
        line: str | None = await self.app.push_screen_wait(asking)
        return line

    def put(self, where: str, text: str) -> None:
        """Write plain text into the Static of this id."""
        self.query_one(f"#{where}", Static).update(Content(text))

    # The frame.

    def compose(self) -> ComposeResult:
        """Lay the frame out; it fits 80 by 24."""
        yield Static(id="title", markup=False)
        yield Static(id="places", markup=False)
        yield Static(id="banner", markup=False)
        with Vertical(id="body"):
            yield from self.body()
        yield Input(id="filter", placeholder="filter; enter keeps it, esc clears it")
        yield Static(id="said", markup=False)
        yield Hints()

    def on_unmount(self) -> None:
        """Ask nobody any more."""
        self._jobs.give_up()

    def on_screen_resume(self) -> None:
        """Be open again: nothing said before holds still."""
        self.say("")
        self.refresh_bindings()
        self._draw_frame()
        self.show(self.model)
        if self.model.heard_s is not None and self.model.lost is None:
            self.reload()

    def on_resize(self) -> None:
        """Take the room that there is."""
        self._draw_frame()

    def hear(self, model: Model, item: Item | Status | None, at_s: float) -> None:
        """Learn how things stand."""
        self.model = model
        if not self.is_mounted or not self.query("#title"):
            return  # it is opening, or closing
        if item is not None:
            self._draw_frame()
            self.show(model)
        self.aged(at_s)
        if isinstance(item, Event):
            self.happened(item)
        elif isinstance(item, Snapshot) or (
            isinstance(item, Status) and self._was_not_read
        ):
            self.reload()
        self._draw_banner(at_s)

    def on_done(self, message: Done) -> None:
        """Say so."""
        self.say(message.sentence)

    def on_failed(self, message: Failed) -> None:
        """Say why; a gateway that lets this user only look makes that the rule."""
        if message.code == "forbidden":
            self.terminal.read_only = True
            self.refresh_bindings()
            self._draw_frame()
        self.say(message.sentence, failed=True)

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Take keys away that have nothing to do here, or may not."""
        if action == "filter":
            return self.FILTERS
        if action == "copy":
            return self.COPIES
        if action == "back":
            return len(self.terminal.trail) > 1 or self._is_filtering
        return not (self.terminal.read_only and action in self.WRITING)

    def action_filter(self) -> None:
        """Open the filter."""
        field = self.query_one("#filter", Input)
        field.add_class("shown")
        self.set_focus(field)
        self.refresh_bindings()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        if event.input.id == "filter":
            event.stop()
            self.filtered(event.value.strip().lower())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter, and go back to what it left."""
        if event.input.id == "filter":
            event.stop()
            event.input.set_class(bool(event.value), "shown")
            self._leave_filter()

    async def action_back(self) -> None:
        """Clear the filter, or go to where one came from."""
        if self._is_filtering:
            field = self.query_one("#filter", Input)
            field.value = ""
            field.remove_class("shown")
            self._leave_filter()
            return
        await self.run_action("app.back")

    def action_copy(self) -> None:
        """Copy through the terminal, which works over SSH, too (OSC 52)."""
        text = self.copied()
        if text:
            self.app.copy_to_clipboard(text)
        self.say(f"Copied: {text}" if text else "There is nothing to copy here.")

    def action_help(self) -> None:
        """Explain this screen by the keys that work on it."""
        keys = working_keys(self, hidden=True)
        text = frame.help_text(self.place, keys, self.terminal.places)
        self.app.push_screen(HelpScreen(self.place.name, text))

    def _leave_filter(self) -> None:
        self.set_focus(None)
        self.focus_next("#body *")
        self.refresh_bindings()

    @property
    def _is_filtering(self) -> bool:
        return self.is_mounted and self.query_one("#filter").has_class("shown")

    def _draw_frame(self) -> None:
        name, width = self.place.name, max(1, self.size.width - 2)
        read_only = self.terminal.read_only
        self.put("title", frame.title(self.model, name, read_only=read_only))
        self.put("places", frame.places(self.terminal.places, name, width))
        self._draw_banner(self.terminal.clock())

    @property
    def _reads(self) -> bool:
        return type(self).reload is not KeyraScreen.reload

    @property
    def _was_not_read(self) -> bool:
        return self._reads and self.is_outdated and not self._jobs.busy("read")

    def _draw_banner(self, at_s: float) -> None:
        text = frame.banner(self.model, self._seen_s, at_s, reads=self._reads)
        self.query_one("#banner").set_class(text is not None, "shown")
        self.put("banner", text or "")
