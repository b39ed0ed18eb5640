"""The ledger: live and past, filtered, one entry with its proof, verified, exported."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, ClassVar, Final, Literal

from pydantic import ValidationError
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from gateway.schemas import PAGE_ITEMS_MAX, Event
from gateway.schemas.ledger import (
    LedgerPage,
    LedgerQuery,
    Verification,
    VerificationOrder,
)
from ledger import qr
from tui.files import new_file
from tui.messages import Done, Failed
from tui.screens.base import KeyraScreen
from tui.screens.ledger_dialogs import LineScreen, TextScreen
from tui.view_models import ledger
from tui.view_models.ledger import Book
from tui.view_models.live import Model

POLL_S: Final = 0.5
Way = Literal["opened", "older", "newer"]
FRAME_ROWS: Final = 4
"""Of a terminal, what a drawing in a dialog cannot have."""


class Read(Message):
    """Some entries were read; `how` says where they belong."""

    def __init__(self, how: Way, query: LedgerQuery, page: LedgerPage) -> None:
        super().__init__()
        self.how: Final = how
        self.query: Final = query
        self.page: Final = page


class Counted(Message):
    """How many entries there are, for who looks at the past."""

    def __init__(self, page: LedgerPage) -> None:
        super().__init__()
        self.page: Final = page


class Verified(Message):
    """A verification is somewhere, or over."""

    def __init__(self, found: Verification) -> None:
        super().__init__()
        self.found = found


class Entries(Static, can_focus=True):
    """The rows; it has the focus, so that keys are not letters in the filter."""


class LedgerScreen(KeyraScreen):
    """Holds a few pages at most, however long the ledger is."""

    FILTERS: ClassVar[bool] = True
    COPIES: ClassVar[bool] = True
    CSS: ClassVar[str] = """
    #position { height: 1; }
    #entries { height: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
    #verifying { height: 1; display: none; }
    #verifying.shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open"),
        Binding("p", "pause", "Pause"),
        Binding("g", "jump", "Go to"),
        Binding("v", "verify", "Verify"),
        Binding("x", "cancel", "Cancel"),
        Binding("e", "export", "Export"),
        Binding("c", "checkpoint", "Checkpoint"),
        Binding("down", "move(1)", "Older", show=False),
        Binding("up", "move(-1)", "Newer", show=False),
        Binding("pagedown", "page(1)", "A page older", show=False),
        Binding("pageup", "page(-1)", "A page newer", show=False),
        Binding("home", "newest", "Newest", show=False),
    ]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._book = Book()
        self._wanted = LedgerQuery(limit=PAGE_ITEMS_MAX)
        self._opening: LedgerQuery | None = None
        self._paused = False
        self._behind = 0
        self._held = 0  # how many entries there were when it was paused
        self._verifying = False

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        yield Static(id="position", markup=False)
        yield Entries(id="entries", markup=False)
        yield Static(id="verifying", markup=False)

    def on_mount(self) -> None:
        """Look after a verification while there is one."""
        self.set_interval(POLL_S, self._look_after)

    def show(self, model: Model) -> None:  # noqa: ARG002 - rows come by themselves
        """Draw what is held."""
        self._draw()

    def reload(self) -> None:
        """Read what is new, and leave whoever looks at the past where they are."""
        if self._opening is not None:
            self._open(self._opening)
        elif not self._book.rows:
            self._open(self._wanted)
        else:
            self._catch_up()
        self.work(self._asked_how_far(), group="verification")

    def happened(self, event: Event) -> None:  # noqa: ARG002 - any may be an entry
        """Follow, or count what one does not look at."""
        self._catch_up()

    def filtered(self, text: str) -> None:
        """Begin anew with what fits."""
        wanted = ledger.read_filter(text, self.terminal.zone)
        if isinstance(wanted, str):
            self.say(wanted, failed=True)
            return
        self.say("")
        self._open(wanted)

    def copied(self) -> str:
        """Return the chosen line."""
        entry = self._book.entry
        return "" if entry is None else ledger.row(entry, self.terminal.zone).strip()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Cancelling has something to do only while a verification runs."""
        if action == "cancel":
            return self._verifying
        return super().check_action(action, parameters)

    def on_read(self, message: Read) -> None:
        """Show what was read, unless one is elsewhere by now."""
        query, page = message.query, message.page
        if message.how == "opened":
            self._wanted = query.model_copy(update={"cursor": None})
            at_head = query.cursor is None or query.cursor >= page.size - 1
            self._book = ledger.opened(page, at_head=at_head)
            if query == self._opening:
                self._opening = None
        elif message.how == "older" and query.cursor == self._book.older:
            self._book = ledger.with_older(self._book, page)
        elif message.how == "newer" and query.cursor == self._book.newer:
            if self._book.follows and page.next is not None:
                self._open(self._wanted)  # much is new
                return
            follow = not self._paused
            self._book = ledger.with_newer(self._book, page, follow=follow)
        self._book = ledger.moved(self._book, 0, self._height)
        self.saw()
        self._draw()
        self._read_on()
        if message.how == "opened" and self._book.at_head and not self._paused:
            self._follow()  # what happened while it was read

    def on_counted(self, message: Counted) -> None:
        """Say how many there are; what is looked at stays where it is."""
        size = message.page.size
        if self._paused:
            self._behind = max(0, size - self._held)
        else:
            self._book = replace(self._book, size=size)
        self.saw()
        self._draw()

    def on_failed(self, message: Failed) -> None:
        """Say why; nothing is on its way any more."""
        self._opening = None
        super().on_failed(message)

    def on_verified(self, message: Verified) -> None:
        """Show how far it is; at its end, the verdict."""
        was_running = self._verifying
        found = message.found
        self._verifying = found.state == "running"
        text = ledger.progress(found)
        self.query_one("#verifying").set_class(bool(text), "shown")
        self.put("verifying", text)
        self.refresh_bindings()
        if was_running and not self._verifying:
            self.app.push_screen(TextScreen("Verification", ledger.verdict(found)))

    # Keys.

    def action_move(self, by: int) -> None:
        """Choose another entry."""
        self._book = ledger.moved(self._book, by, self._height)
        self._draw()
        self._read_on()

    def action_page(self, by: int) -> None:
        """Choose one a page away."""
        self.action_move(by * max(1, self._height - 1))

    def action_newest(self) -> None:
        """Go back to the newest entry, and follow."""
        self._paused, self._behind = False, 0
        self._open(self._wanted)

    def action_pause(self) -> None:
        """Hold still, or go on."""
        self._paused = not self._paused
        self._behind, self._held = 0, self._book.size
        if self._paused:
            self._draw()
        else:
            self._follow()

    def action_open(self) -> None:
        """Show the chosen entry in full."""
        entry = self._book.entry
        if entry is not None:
            self.work(self._shown(entry.n), group="entry")

    async def action_jump(self) -> None:
        """Go to a number or a time."""
        asking = LineScreen(
            "Go to which entry? A number, or a time.", hint="4711 or 2031-12-31T18:00"
        )
        await self._ask_line(asking, self._jumped, "jump")

    async def action_verify(self) -> None:
        """Verify the whole ledger."""
        asking = LineScreen(
            "The verifier key that you hold, or nothing. Without it the best answer is "
            "that the ledger is consistent in itself.",
            hint="name+id+key",
        )
        await self._ask_line(asking, self._begun, "verify")

    def action_cancel(self) -> None:
        """End the verification."""
        self.work(self._cancelled(), group="verify")

    async def action_export(self) -> None:
        """Write the export into a file of this machine."""
        asking = LineScreen(
            "Write the sealed export into which new file?", "ledger-export.jsonl"
        )
        await self._ask_line(asking, self._exported, "export")

    def action_checkpoint(self) -> None:
        """Show the newest signed head."""
        self.work(self._headed(), group="entry")

    # Jobs.

    async def _opened(self, query: LedgerQuery) -> Message:
        return Read("opened", query, await self.terminal.client.ledger.page(query))

    async def _older(self) -> Message:
        query = self._wanted.model_copy(update={"cursor": self._book.older})
        return Read("older", query, await self.terminal.client.ledger.page(query))

    async def _followed(self) -> Message:
        newer = {"cursor": self._book.newer, "order": "oldest"}
        query = self._wanted.model_copy(update=newer)
        return Read("newer", query, await self.terminal.client.ledger.page(query))

    async def _counted(self) -> Message:
        newest = LedgerQuery(limit=1)
        return Counted(await self.terminal.client.ledger.page(newest))

    async def _shown(self, n: int) -> Message | None:
        found = await self.terminal.client.ledger.entry(n)
        text = ledger.in_full(found, self.terminal.zone)
        self.app.push_screen(TextScreen(f"Entry {n}", text))
        return None

    async def _ask_line(
        self,
        asking: LineScreen,
        job: Callable[[str], Coroutine[Any, Any, Message]],
        group: str,
    ) -> None:
        def take(said: str | None) -> None:
            if said is not None:
                self.work(job(said), group=group)

        await self.app.push_screen(asking, take)  # what is typed next is its line

    async def _jumped(self, said: str) -> Message:
        place = ledger.read_jump(said, self.terminal.zone)
        if place is None:
            return Failed("jump", f"{said} is neither a number nor a time.")
        name, value = place
        if name == "at":
            n = (await self.terminal.client.ledger.position(value)).n
            if n is None:
                return Failed("jump", "No entry is as late as that.")
            value = n
        return await self._opened(self._wanted.model_copy(update={"cursor": value}))

    async def _begun(self, said: str) -> Message:
        try:
            order = VerificationOrder(vkey=said)
        except ValidationError:
            return Failed("vkey", "That is no verifier key; `keyra init` printed it.")
        begun = await self.terminal.client.ledger.verify(order)
        self.workers.cancel_group(self, "verification")  # it knows of none yet
        return Verified(begun)

    async def _cancelled(self) -> Message:
        return Verified(await self.terminal.client.ledger.cancel_verification())

    async def _asked_how_far(self) -> Message:
        return Verified(await self.terminal.client.ledger.verification())

    async def _exported(self, said: str) -> Message:
        written = 0
        try:
            with new_file(said) as file:
                async for piece in self.terminal.client.ledger.export():
                    written += file.write(piece)
                    self.say(f"{said}: {written:,} bytes so far.")
        except OSError as error:
            return Failed("export", f"{said} cannot be written: {error.strerror}.")
        return Done(f"{said}: {written:,} bytes. `keyra-ledger verify` checks it.")

    async def _headed(self) -> Message | None:
        found = await self.terminal.client.ledger.checkpoint()
        room = self.app.size.height - FRAME_ROWS
        drawing = qr.as_text(found.note.encode()).splitlines()
        if len(drawing) > room:
            drawing = qr.as_text(found.expect.encode()).splitlines()
        text = ledger.checkpoint_text(found, drawing if len(drawing) <= room else [])
        self.app.push_screen(TextScreen("Checkpoint", text, found.note))
        return None

    # Drawing.

    @property
    def _height(self) -> int:
        return max(1, self.query_one("#entries").content_size.height)

    def _open(self, query: LedgerQuery) -> None:
        self._opening = query
        self.work(self._opened(query), group="read")

    def _follow(self) -> None:
        if self._opening is None:  # else it would take the place of what was asked for
            self.work(self._followed(), group="read")

    def _catch_up(self) -> None:
        if self._book.at_head and not self._paused:
            self._follow()
        else:
            self.work(self._counted(), group="count")

    def _read_on(self) -> None:
        if self._opening is not None:
            return
        if ledger.wants_older(self._book, self._height):
            self.work(self._older(), group="read")
        elif ledger.wants_newer(self._book, self._height):
            self._follow()

    def _look_after(self) -> None:
        if self._verifying and self.is_mounted and self.model.lost is None:
            self.work(self._asked_how_far(), group="verification")

    def _draw(self) -> None:
        book = self._book
        self.put(
            "position",
            ledger.position(
                book,
                self._wanted,
                paused=self._paused,
                behind=self._behind,
                outdated=self.is_outdated,
            ),
        )
        rows = ledger.lines(book, self._height, self.terminal.zone)
        self.put("entries", "\n".join(rows) or ledger.nothing(book))
