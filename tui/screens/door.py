"""The door: how it is, who is there, what works, and what happened last."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from gateway.order_schemas import AcknowledgeOrder, ModeOrder
from gateway.schemas import ModeWish
from tui.screens.changing import ChangingScreen
from tui.view_models import live, modes
from tui.view_models.live import Model

NOTHING_YET: Final = "Nothing has happened yet; touch a key to see it here."


class DoorScreen(ChangingScreen):
    """Draws a model; decides nothing."""

    WRITING = frozenset({"lockdown", "hold", "normal", "acknowledge"})
    CSS: ClassVar[str] = """
    DoorScreen #top { height: 7; }
    DoorScreen #door { width: 1fr; }
    DoorScreen #health { width: 30; }
    DoorScreen #alarms {
        height: auto; padding: 0 1; text-style: reverse bold; display: none;
    }
    DoorScreen #alarms.shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "acknowledge", "Acknowledge"),
        Binding("l", "lockdown", "Lock down"),
        Binding("u", "hold", "Hold open"),
        Binding("n", "normal", "Normal"),
    ]

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        yield Static(id="alarms", markup=False)
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
        """Draw what is known, and say so if it is only what was known."""
        for name, title in (("door", "Door"), ("health", "Health")):
            known = "" if model.lost is None else live.LAST_KNOWN
            self.query_one(f"#{name}").border_title = f"{title}{known}"
        alarms = live.alarms(model)
        self.query_one("#alarms").set_class(bool(alarms), "shown")
        self.put("alarms", alarms)
        self.put(
            "health",
            "\n".join(
                f"{'ok  ' if works else 'NOT '} {what}"
                for works, what in live.health(model)
            ),
        )
        lines = [live.line_text(line, self.terminal.zone) for line in model.lines]
        self.put("lines", "\n".join(lines) or NOTHING_YET)
        self.aged(self.terminal.clock())
        self.refresh_bindings()

    def aged(self, at_s: float) -> None:
        """Draw the door itself: its time runs."""
        model = self.model
        size = model.status.ledger_size if model.status else "?"
        self.put(
            "door",
            f"{live.phase(model, at_s)}\n"
            f"there   {live.visitor(model, at_s)}\n"
            f"mode    {live.mode(model)}\n"
            f"        {live.mode_until(model, self.terminal.zone)}\n"
            f"ledger  {size} entries",
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to acknowledge what there is."""
        status = self.model.status
        if action == "acknowledge" and (status is None or not status.unacknowledged):
            return False
        return super().check_action(action, parameters)

    def action_acknowledge(self) -> None:
        """Sign for having seen that the glass was broken."""
        wish = AcknowledgeOrder(kind="acknowledge")
        self.work(self.carry_out(wish, "It is acknowledged."))

    def action_lockdown(self) -> None:
        """Deny every key."""
        self.work(self._set_mode("LockedDown"))

    def action_hold(self) -> None:
        """Let everybody in."""
        self.work(self._set_mode("Unlocked"))

    def action_normal(self) -> None:
        """Lift what is ordered."""
        self.work(self._set_mode("Locked"))

    async def _set_mode(self, mode: ModeWish) -> Message | None:
        question, verb = modes.QUESTIONS[mode]
        if not await self.ask(question, verb):
            return None
        return await self.carry_out(
            ModeOrder(kind="mode", mode=mode),
            modes.DONE[mode],
            lambda: self.terminal.client.set_mode(mode),
        )
