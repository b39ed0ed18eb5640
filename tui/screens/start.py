"""Get started: what a new door still needs, and where it is done."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from gateway.schemas import Event
from gateway.schemas.ledger import LedgerQuery
from tui.screens.base import KeyraScreen
from tui.terminal import Place, Terminal
from tui.view_models import start
from tui.view_models.live import Model

KINDS: Final = frozenset(
    {"holder", "enrol", "credential.state", "door.grant", "commissioned"}
)


class Looked(Message):
    """Who has keys, and whether the door was ever opened by one."""

    def __init__(self, *, administered: bool, shared: bool, opened: bool) -> None:
        super().__init__()
        self.administered: Final = administered
        self.shared: Final = shared
        self.opened: Final = opened


class StartScreen(KeyraScreen):
    """Judges by what the gateway says; there is nothing to tick."""

    CSS: ClassVar[str] = "StartScreen #steps-box { height: 1fr; }"

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__(terminal, place)
        self._found: Looked | None = None

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        with VerticalScroll(id="steps-box", classes="panel") as box:
            box.border_title = "From a new door to a door in use"
            yield Static(start.UNKNOWN, id="steps", markup=False)

    def reload(self) -> None:
        """Ask who is there."""
        self.work(self._read(), group="read")

    def happened(self, event: Event) -> None:
        """Look again after what may have been a step."""
        if event.kind in KINDS:
            self.reload()

    def show(self, model: Model) -> None:
        """Draw the steps."""
        found = self._found
        if model.status is None or found is None:
            return
        steps = start.steps(
            model.status,
            administered=found.administered,
            shared=found.shared,
            opened=found.opened,
        )
        self.put("steps", start.text(steps))

    def on_looked(self, message: Looked) -> None:
        """Judge anew."""
        self._found = message
        self.saw()
        self.show(self.model)

    async def _read(self) -> Message:
        client = self.terminal.client
        page = await client.ledger.page(LedgerQuery(kind="door.grant", limit=1))
        return Looked(
            administered=await self._administered(),
            shared=await self._shared(),
            opened=bool(page.items),
        )

    async def _administered(self) -> bool:
        client = self.terminal.client
        async for holder in client.holders():
            if holder.role == "admin" and not holder.suspended:
                async for key in client.credentials(holder.id):
                    if key.state == "active":
                        return True
        return False

    async def _shared(self) -> bool:
        seen: set[str] = set()
        async for key in self.terminal.client.credentials():
            if key.state == "active":
                seen.add(key.holder_id)
            if len(seen) > 1:
                return True
        return False
