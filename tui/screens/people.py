"""People: holders, their keys, and what may be done to both."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from gateway.order_schemas import CredentialStateOrder, EraseOrder, HolderStateOrder
from gateway.schemas import Credential, CredentialWish, Holder
from tui.screens.holders import HoldersScreen
from tui.screens.table import Table
from tui.terminal import Place, Terminal
from tui.view_models import people

_OF_HOLDERS: Final = frozenset({"suspend_holder", "resume_holder", "erase"})
_OF_KEYS: Final = frozenset({"suspend_key", "resume_key", "revoke", "lost"})


class Keys(Message):
    """The keys of one holder."""

    def __init__(self, holder_id: str, keys: list[Credential]) -> None:
        super().__init__()
        self.holder_id = holder_id
        self.keys = keys


class PeopleScreen(HoldersScreen):
    """Lists holders page by page, as far as one looks."""

    TABLE = "holders"
    KINDS = frozenset({"holder", "enrol", "erase", "credential.state"})
    WRITING = _OF_HOLDERS | _OF_KEYS
    CSS: ClassVar[str] = """
    PeopleScreen #holders { height: 1fr; }
    PeopleScreen #keys-box { height: 9; }
    PeopleScreen #keys { height: 1fr; }
    PeopleScreen #holder { height: auto; max-height: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "suspend_holder", "Suspend"),
        Binding("r", "resume_holder", "Resume"),
        Binding("e", "erase", "Erase"),
        Binding("s", "suspend_key", "Suspend key"),
        Binding("r", "resume_key", "Resume key"),
        Binding("v", "revoke", "Revoke key"),
        Binding("l", "lost", "Lost key"),
    ]

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__(terminal, place)
        self._keys: dict[str, Credential] = {}

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        yield Static(people.count(0, more=False), id="count", markup=False)
        yield Table(id="holders")
        with Vertical(id="keys-box", classes="panel") as box:
            box.border_title = "Holder and keys"
            yield Static(people.NOBODY, id="holder", markup=False)
            yield Table(id="keys")

    def on_mount(self) -> None:
        """Prepare both tables."""
        self.query_one("#holders", Table).add_columns(*people.HEAD)
        self.query_one("#keys", Table).add_columns(*people.KEY_HEAD)

    def copied(self) -> str:
        """The id of the key, or of the holder, under the cursor."""
        return (self._at_keys and self._chosen_id("keys")) or self._chosen_id("holders")

    def listed(self) -> None:
        """Count them."""
        self.put("count", people.count(len(self.holders), more=self.has_more))

    def on_keys(self, message: Keys) -> None:
        """Show them, if they are still the chosen holder's."""
        if message.holder_id != self._chosen_id("holders"):
            return
        self._keys = {one.id: one for one in message.keys}
        zone = self.terminal.zone
        self.query_one("#keys", Table).fill(
            (one.id, people.key_row(one, zone)) for one in message.keys
        )
        self.refresh_bindings()

    def on_data_table_row_selected(self, event: Table.RowSelected) -> None:
        """Go from the holder to their keys."""
        if event.data_table.id == "holders":
            self.query_one("#keys").focus()

    def on_descendant_focus(self) -> None:
        """Other keys work on the other table."""
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer for holders what concerns holders, for keys what concerns keys."""
        if action in _OF_KEYS and not (self._at_keys and self._key):
            return False
        if action in _OF_HOLDERS and (self._at_keys or not self._holder):
            return False
        return super().check_action(action, parameters)

    # What may be done.

    def action_suspend_holder(self) -> None:
        """Suspend the holder, after asking."""
        if self._holder is not None:
            self.work(self._set_suspended(self._holder, suspended=True))

    def action_resume_holder(self) -> None:
        """Let their keys work again."""
        if self._holder is not None:
            self.work(self._set_suspended(self._holder, suspended=False))

    def action_erase(self) -> None:
        """Remove their name, after asking."""
        if self._holder is not None:
            self.work(self._erase(self._holder))

    def action_suspend_key(self) -> None:
        """Suspend the key; it can be resumed."""
        if self._key is not None:
            self.work(self._set_state(self._key, "suspended"))

    def action_resume_key(self) -> None:
        """Let it work again."""
        if self._key is not None:
            self.work(self._set_state(self._key, "active"))

    def action_revoke(self) -> None:
        """Revoke it for good, after asking."""
        if self._key is not None:
            self.work(self._set_state(self._key, "revoked"))

    def action_lost(self) -> None:
        """Suspend it, and go on to enrol the one that takes its place."""
        if self._key is not None:
            self.work(self._lose(self._key))

    async def _set_suspended(
        self, holder: Holder, *, suspended: bool
    ) -> Message | None:
        sentence = people.asks_suspension(holder, list(self._keys.values()))
        if suspended and not await self.ask(sentence, "Suspend"):
            return None
        wish = HolderStateOrder(
            kind="holder-state", holder_id=holder.id, suspended=suspended
        )
        word = "suspended" if suspended else "active"
        return await self.carry_out(wish, f"{people.who(holder)} is {word}.")

    async def _erase(self, holder: Holder) -> Message | None:
        sentence = people.asks_erasure(holder, list(self._keys.values()))
        if not await self.ask(sentence, "Erase"):
            return None
        return await self.carry_out(
            EraseOrder(kind="erase", holder_id=holder.id),
            f"{holder.id} is erased, and their keys are revoked.",
            lambda: self.terminal.client.erase_holder(holder.id),
        )

    async def _set_state(
        self, key: Credential, state: CredentialWish
    ) -> Message | None:
        if state == "revoked" and not await self.ask(
            people.asks_revocation(key), "Revoke"
        ):
            return None
        name = people.short(key.id, people.KEY_CHARS)
        return await self.carry_out(
            CredentialStateOrder(kind="credential", credential_id=key.id, state=state),
            f"The key {name} is {state}.",
            lambda: self.terminal.client.set_credential_state(key.id, state),
        )

    async def _lose(self, key: Credential) -> Message | None:
        if not await self.ask(people.asks_loss(key), "Suspend it"):
            return None
        if key.state == "active":
            await self.terminal.client.set_credential_state(key.id, "suspended")
        self.terminal.replacing = key.holder_id, key.id
        await self.run_action("app.open('Enrol')")
        return None

    # What is looked at.

    @property
    def _at_keys(self) -> bool:
        return self.focused is not None and self.focused.id == "keys"

    @property
    def _holder(self) -> Holder | None:
        return self.holders.get(self._chosen_id("holders"))

    @property
    def _key(self) -> Credential | None:
        return self._keys.get(self._chosen_id("keys"))

    def _chosen_id(self, table: str) -> str:
        for found in self.query(f"#{table}").results(Table):
            return found.chosen or ""
        return ""

    def look_at_chosen(self) -> None:
        """Show the holder under the cursor, and ask for their keys."""
        holder = self._holder
        self._keys = {}
        self.query_one("#keys", Table).clear()
        if holder is None:
            nobody = people.NOBODY_FITS if self.matching else people.NOBODY
            self.put("holder", nobody)
        else:
            self.put("holder", people.details(holder, self.terminal.zone))
            self.work(self._read_keys(holder.id), group="keys")
        self.refresh_bindings()

    async def _read_keys(self, holder_id: str) -> Message:
        client = self.terminal.client
        return Keys(holder_id, [one async for one in client.credentials(holder_id)])
