"""Playground: a challenge against a chosen key, step by step; nothing follows."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from gateway.schemas import Credential, Event
from gateway.schemas.trials import Trial
from tui.screens.base import KeyraScreen
from tui.screens.table import Table
from tui.terminal import Place, Terminal
from tui.view_models import playground
from tui.view_models.live import Model

KEYS_MAX: Final = 500
"""Which are listed here; `keyra trial ID` tries any."""


class TrialTold(Message):
    """How the trial stands, and, where they were asked for, all keys."""

    def __init__(
        self, trial: Trial | None, keys: tuple[Credential, ...] | None = None
    ) -> None:
        super().__init__()
        self.trial = trial
        self.keys = keys


class PlaygroundScreen(KeyraScreen):
    """Keys above; below, the trial, or before one what challenges are bound to."""

    WRITING = frozenset({"try", "cancel"})
    COPIES = True
    CSS: ClassVar[str] = """
    PlaygroundScreen Table { height: 7; }
    PlaygroundScreen #trial-box { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "try", "Try this key"),
        Binding("x", "cancel", "Cancel"),
        Binding("tab", "app.focus_next", "Other part", show=False),
    ]

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__(terminal, place)
        self._trial: Trial | None = None

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        yield Table(id="keys")
        yield Static(playground.CHOOSE, id="advice", markup=False)
        with VerticalScroll(id="trial-box", classes="panel") as box:
            box.border_title = "Challenge and answer"
            yield Static(id="trial", markup=False)

    def on_mount(self) -> None:
        """Prepare the table."""
        self.query_one(Table).add_columns(*playground.HEAD)

    def reload(self) -> None:
        """Ask for the keys, and how the last trial stands."""
        self.work(self._read(), group="read")

    def happened(self, event: Event) -> None:
        """Follow the trial; a key that was enrolled or changed is read anew."""
        if event.kind == "trial":
            self.work(self._followed(), group="trial")
        elif event.kind in {"enrol", "credential.state"}:
            self.reload()

    def show(self, model: Model) -> None:  # noqa: ARG002 - read where it is drawn
        """Draw the example once the door's name is known."""
        self._draw_trial()

    def copied(self) -> str:
        """Everything about the trial."""
        return playground.told(self._trial) if self._trial else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Try while none is tried; cancel while one is."""
        running = self._trial is not None and not self._trial.is_over
        if action == "cancel" and not running:
            return False
        if action == "try" and (running or self._chosen is None):
            return False
        return super().check_action(action, parameters)

    def on_trial_told(self, message: TrialTold) -> None:
        """Show how it stands."""
        self._trial = message.trial
        if message.keys is not None:
            rows = ((key.id, playground.row(key)) for key in message.keys)
            self.query_one(Table).fill(rows)
            self.put("advice", playground.advice(len(message.keys), KEYS_MAX))
        self.saw()
        self._draw_trial()

    def on_data_table_row_highlighted(self) -> None:
        """Offer what can be done with it."""
        self.refresh_bindings()

    def on_data_table_row_selected(self) -> None:
        """Try the key under the cursor."""
        if self.check_action("try", ()):
            self.action_try()

    def action_try(self) -> None:
        """Ask the chosen key."""
        if self._chosen is not None:
            self.work(self._begun(self._chosen))

    def action_cancel(self) -> None:
        """End the trial."""
        self.work(self._ended())

    @property
    def _chosen(self) -> str | None:
        for table in self.query(Table):
            return table.chosen
        return None

    def _draw_trial(self) -> None:
        trial, status = self._trial, self.model.status
        said = playground.told(trial) if trial else playground.examples(status)
        self.put("trial", said)
        self.refresh_bindings()

    async def _read(self) -> Message:
        client = self.terminal.client
        trial, keys = await client.trial(), []
        async for key in client.credentials():
            keys.append(key)
            if len(keys) == KEYS_MAX:
                break
        return TrialTold(trial, tuple(keys))

    async def _followed(self) -> Message:
        return TrialTold(await self.terminal.client.trial())

    async def _begun(self, credential_id: str) -> Message:
        return TrialTold(await self.terminal.client.begin_trial(credential_id))

    async def _ended(self) -> Message:
        return TrialTold(await self.terminal.client.cancel_trial())
