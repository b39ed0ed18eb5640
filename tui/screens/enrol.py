"""Enrol: the ceremony, step by step, with what to do next in one sentence."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label, Static

from gateway.order_schemas import KeyOrder
from gateway.schemas import Enrolment, Event
from tui.screens.changing import Changed, ChangingScreen
from tui.terminal import Place, Terminal
from tui.view_models import enrolment, enrolment_form, people
from tui.view_models.enrolment_form import FIELDS, FormError

_CEREMONY: Final = frozenset({"cancel", "equal", "differ"})


class CeremonyTold(Message):
    """How the ceremony stands, or that there is none."""

    def __init__(self, ceremony: Enrolment | None) -> None:
        super().__init__()
        self.ceremony = ceremony


class Field(Input):
    """One line of the form."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "Begin")]


class EnrolScreen(ChangingScreen):
    """A form, and after it the ceremony that it began."""

    WRITING = _CEREMONY | {"again"}
    CSS: ClassVar[str] = """
    EnrolScreen #form Horizontal { height: 1; margin-top: 1; }
    EnrolScreen #form Label { width: 14; }
    EnrolScreen #form Input, EnrolScreen #form Input:focus {
        border: none; height: 1; padding: 0 1; width: 1fr;
    }
    EnrolScreen #form { height: auto; }
    EnrolScreen #replaces { height: auto; margin-top: 1; }
    EnrolScreen #ceremony { height: auto; display: none; }
    EnrolScreen.under-way #ceremony { display: block; }
    EnrolScreen.under-way #form { display: none; }
    EnrolScreen #next { text-style: bold; margin: 1 0; height: auto; }
    EnrolScreen #number { text-style: bold reverse; width: auto; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        # First of all: what is typed quickly after it is meant for the next field.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
        Binding("e", "equal", "Numbers are equal"),
        Binding("d", "differ", "They differ"),
        Binding("x", "cancel", "Cancel"),
        Binding("n", "again", "Enrol another"),
    ]

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__(terminal, place)
        self._now: Enrolment | None = None
        self._ours: set[str] = set()
        self._reached = ""
        self._replaces = ""

    def body(self) -> ComposeResult:
        """Lay form and ceremony out; one of the two is seen."""
        with Vertical(id="form", classes="panel") as form:
            form.border_title = "Whose key?"
            yield Static(enrolment.INTRODUCTION, markup=False)
            for word, label, example in FIELDS:
                with Horizontal():
                    yield Label(label)
                    yield Field(id=f"field-{word}", placeholder=example)
            yield Static(id="replaces", markup=False)
        with Vertical(id="ceremony", classes="panel") as ceremony:
            ceremony.border_title = "Enrolment"
            yield Static(id="steps", markup=False)
            yield Static(id="next", markup=False)
            yield Static(id="number", markup=False)

    def reload(self) -> None:
        """Ask whether a ceremony is under way; take up what another screen left."""
        if self.terminal.replacing is not None:
            holder_id, self._replaces = self.terminal.replacing
            self.terminal.replacing = None
            self._field("holder_id").value = holder_id
            key = people.short(self._replaces, people.KEY_CHARS)
            self.put(
                "replaces",
                f"The new key takes the place of {key}, which is revoked as this one "
                "is registered. Press enter to begin.",
            )
        self.work(self._look(), group="read")

    def happened(self, event: Event) -> None:
        """Look again with each step."""
        if event.kind == "enrolment":
            self.work(self._look(), group="read")

    def on_ceremony_told(self, message: CeremonyTold) -> None:
        """Show it if it is under way, or was seen here to its end."""
        self.saw()
        now = message.ceremony
        if now is None and self._now is not None and not self._now.is_over:
            self.say(enrolment.FORGOTTEN, failed=True)
        if now is None or (now.is_over and now.id not in self._ours):
            self._show_form()
            return
        self._now = now
        self._ours.add(now.id)
        if now.step != "failed":
            self._reached = now.step
        self.set_class(True, "under-way")
        if isinstance(self.focused, Field):
            self.set_focus(None)  # its keys are letters there
        done = now.step == "registered"
        failed = now.step == "failed"
        self.put("steps", enrolment.checklist(self._reached, failed=failed, done=done))
        self.put("next", enrolment.next_step(now))
        self.put("number", enrolment.number(now))
        self.refresh_bindings()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Begin."""
        event.stop()
        self._submit()

    def on_changed(self, message: Changed) -> None:
        """The window is open: what is to be done stands in the ceremony."""
        self.say(message.sentence)
        self._forget_form()
        self.work(self._look(mine=True), group="read")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what the ceremony can take now."""
        now = self._now
        if action in {"equal", "differ"} and (now is None or now.step != "comparing"):
            return False
        if action == "cancel" and (now is None or now.is_over):
            return False
        if action == "again" and (now is None or not now.is_over):
            return False
        return super().check_action(action, parameters)

    def _submit(self) -> None:
        """Order it; where that takes a finger, the order is shown first."""
        typed = {word: self._field(word).value for word, _, _ in FIELDS}
        try:
            order = enrolment_form.wish(typed, self._replaces, self.terminal.zone)
        except FormError as error:
            self._field(error.field).focus()
            self.say(str(error), failed=True)
            return
        if self.terminal.read_only:
            self.say("You may look here, and change nothing.", failed=True)
            return
        self.say("")
        self.work(self._begin(order))

    def action_equal(self) -> None:
        """Both show the same number."""
        self.work(self._compared(agree=True))

    def action_differ(self) -> None:
        """Somebody may stand in between: the ceremony ends."""
        self.work(self._compared(agree=False))

    def action_cancel(self) -> None:
        """End it without a key, after asking."""
        if self._now is not None:
            self.work(self._cancel(self._now))

    def action_again(self) -> None:
        """Back to the form."""
        self._ours.clear()
        self._show_form()

    async def _look(self, *, mine: bool = False) -> Message:
        found = await self.terminal.client.enrolment()
        if mine and found is not None:
            self._ours.add(found.id)
        return CeremonyTold(found)

    async def _begin(self, order: KeyOrder) -> Message:
        wish = enrolment_form.directly(order)
        return await self.carry_out(
            order,
            f"The enrolment of {order.holder_id} has begun.",
            lambda: self.terminal.client.enrol(wish),
        )

    async def _compared(self, *, agree: bool) -> Message:
        return CeremonyTold(await self.terminal.client.answer_comparison(agree=agree))

    async def _cancel(self, now: Enrolment) -> Message | None:
        question = (
            f"The enrolment of {now.holder_id} will be lost; no key is registered."
        )
        if not await self.ask(question, "End it"):
            return None
        return CeremonyTold(await self.terminal.client.cancel_enrolment())

    def _show_form(self) -> None:
        self._now = None
        self._reached = ""
        self.set_class(False, "under-way")
        if self.focused is None:
            self._field("holder_id").focus()
        self.refresh_bindings()

    def _forget_form(self) -> None:
        for word, _, _ in FIELDS:
            self._field(word).value = ""
        self._replaces = ""
        self.put("replaces", "")

    def _field(self, word: str) -> Input:
        return self.query_one(f"#field-{word}", Input)
