"""Policy: who may pass when, as a picture; what the rules say, and to whom."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from gateway.schemas import Event
from gateway.schemas.policy import Explanation, PolicyRules, Week
from tui.messages import Failed
from tui.screens.base import KeyraScreen
from tui.screens.table import Table
from tui.terminal import Place, Terminal
from tui.view_models import policy

if TYPE_CHECKING:
    from datetime import date


class WeekTold(Message):
    """Seven days of hours, of every line or of one holder's."""

    def __init__(self, week: Week) -> None:
        super().__init__()
        self.week = week


class RulesTold(Message):
    """What the policy asks beside its hours."""

    def __init__(self, rules: PolicyRules) -> None:
        super().__init__()
        self.rules = rules


class Explained(Message):
    """What the rules say to somebody at some moment."""

    def __init__(self, explanation: Explanation) -> None:
        super().__init__()
        self.explanation = explanation


class PolicyScreen(KeyraScreen):
    """Shows; what is to change is written in a file, and ordered."""

    COPIES = True
    CSS: ClassVar[str] = """
    PolicyScreen Table { height: 5; }
    PolicyScreen #sheet { height: 1fr; }
    PolicyScreen #text { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "explain", "Explain"),
        Binding("w", "week", "Week"),
        Binding("d", "rules", "Rules"),
        Binding("p", "earlier", "Week before"),
        Binding("n", "later", "Week after"),
        Binding("o", "whose", "Of a holder"),
    ]

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__(terminal, place)
        self._week: Week | None = None
        self._first: date | None = None
        self._whose = ""
        self._is_week_shown = True
        self._are_rules_shown = False

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        yield Table(id="lines")
        with VerticalScroll(id="sheet", classes="panel", can_focus=False):
            yield Static(policy.NOT_READ, id="text", markup=False)

    def on_mount(self) -> None:
        """Prepare the table."""
        self.query_one(Table).add_columns(*policy.HEAD)

    def reload(self) -> None:
        """Ask for the week, and for the rules where they are shown."""
        self.work(self._read_week(), group="read")
        if self._are_rules_shown:
            self.work(self._read_rules(), group="sheet")

    def happened(self, event: Event) -> None:
        """Look again when another policy is in force."""
        if event.kind == "policy":
            self.reload()

    def copied(self) -> str:
        """What is shown below the lines."""
        return str(self.query_one("#text", Static).content)

    def on_week_told(self, message: WeekTold) -> None:
        """Show its lines, and draw the one under the cursor."""
        week = message.week
        if week.holder_id != self._whose:
            return  # asked before another one's was
        self._week = week
        self._first = week.first
        lines = [(str(at), policy.row(line)) for at, line in enumerate(week.lines)]
        self.query_one(Table).fill(lines)
        self.saw()
        if self._is_week_shown:
            self._draw_week()

    def on_rules_told(self, message: RulesTold) -> None:
        """Show them."""
        self._show_sheet("Rules and schedules", policy.rules(message.rules))
        self._are_rules_shown = True
        self.saw()

    def on_explained(self, message: Explained) -> None:
        """Show every rule's answer."""
        text = policy.explained(message.explanation, self.terminal.zone)
        self._show_sheet("Explained", text)
        self.saw()

    def on_data_table_row_highlighted(self) -> None:
        """Draw the week of the line under the cursor."""
        if self._is_week_shown:
            self._draw_week()

    def on_data_table_row_selected(self) -> None:
        """Draw the week of the line under the cursor, whatever was shown."""
        self.action_week()

    def action_week(self) -> None:
        """Draw the week."""
        self._is_week_shown, self._are_rules_shown = True, False
        self._draw_week()

    def action_rules(self) -> None:
        """Show the rules beside the hours."""
        self.work(self._read_rules(), group="sheet")

    def action_explain(self) -> None:
        """Ask what the rules say to somebody."""
        self.work(self._explain(), group="sheet")

    def action_whose(self) -> None:
        """Show one holder's week."""
        self.work(self._read_whose(), group="sheet")

    def action_earlier(self) -> None:
        """Go a week back."""
        self._go(-1)

    def action_later(self) -> None:
        """Go a week on."""
        self._go(1)

    def _go(self, weeks: int) -> None:
        if self._first is not None:
            self._is_week_shown, self._are_rules_shown = True, False
            self._first = policy.week_after(self._first, weeks)
            self.reload()

    def _draw_week(self) -> None:
        if self._week is None:
            return
        title = policy.heading(self._week.first, self._week.zone, self._whose)
        chosen, lines = self.query_one(Table).chosen, self._week.lines
        at = int(chosen) if chosen is not None else len(lines)
        self.query_one("#sheet").border_title = title
        self.put("text", policy.picture(lines[at]) if lines[at:] else policy.NO_LINE)

    def _show_sheet(self, title: str, text: str) -> None:
        self._is_week_shown = self._are_rules_shown = False
        self.query_one("#sheet").border_title = title
        self.put("text", text)

    async def _read_week(self) -> Message:
        return WeekTold(await self.terminal.client.week(self._first, self._whose))

    async def _read_rules(self) -> Message:
        return RulesTold(await self.terminal.client.rules())

    async def _read_whose(self) -> Message | None:
        typed = await self.ask_line("Week", policy.ASK_WHOSE, self._whose)
        if typed is None:
            return None
        week = await self.terminal.client.week(self._first, typed)
        self._whose = typed
        self._is_week_shown, self._are_rules_shown = True, False
        return WeekTold(week)

    async def _explain(self) -> Message | None:
        typed = await self.ask_line("Explain", policy.ASK_EXPLAIN)
        if typed is None:
            return None
        question = policy.question(typed)
        if question is None:
            return Failed("question", policy.ASK_EXPLAIN)
        return Explained(await self.terminal.client.explain(question))
