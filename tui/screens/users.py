"""Users: people as applications know them, with aliases and the dates of their keys."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from gateway.schemas import Event, Holder, HolderPage
from gateway.schemas.users import User
from tui.messages import Failed
from tui.screens.changing import ChangingScreen
from tui.screens.table import Table
from tui.terminal import Place, Terminal
from tui.view_models import people, users

AHEAD_ROWS: Final = 20
"""How near the end of what is loaded the next page is asked for."""
_KINDS: Final = frozenset({"holder", "enrol", "erase", "alias", "alias.removed"})


class UsersPage(Message):
    """Holders that follow the ones shown; the first ones, if `first`."""

    def __init__(self, page: HolderPage, *, first: bool) -> None:
        super().__init__()
        self.page = page
        self.first = first


class UserTold(Message):
    """One user with their keys; `sought`: an alias found them."""

    def __init__(self, user: User, *, sought: bool = False) -> None:
        super().__init__()
        self.user = user
        self.sought = sought


class UsersScreen(ChangingScreen):
    """Lists people page by page; shows one with their keys."""

    WRITING = frozenset({"add_alias", "remove_alias"})
    FILTERS = True
    COPIES = True
    CSS: ClassVar[str] = """
    UsersScreen #users { height: 1fr; }
    UsersScreen #user-box { height: 9; }
    UsersScreen #user-keys { height: 1fr; }
    UsersScreen #user { height: auto; max-height: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "look_up", "Find by alias"),
        Binding("a", "add_alias", "Add alias"),
        Binding("x", "remove_alias", "Remove alias"),
    ]

    def __init__(self, terminal: Terminal, place: Place) -> None:
        super().__init__(terminal, place)
        self._holders: Final[dict[str, Holder]] = {}
        self._user: User | None = None
        self._next: str | None = None
        self._matching = ""
        self._asked_after: str | None = None

    def body(self) -> ComposeResult:
        """Lay the screen out."""
        yield Table(id="users")
        with Vertical(id="user-box", classes="panel") as box:
            box.border_title = "User and keys"
            yield Static(users.NOBODY, id="user", markup=False)
            yield Table(id="user-keys", opens=False)

    def on_mount(self) -> None:
        """Prepare both tables."""
        self.query_one("#users", Table).add_columns(*people.HEAD)
        self.query_one("#user-keys", Table).add_columns(*users.KEY_HEAD)

    def reload(self) -> None:
        """Ask for the first page."""
        self._asked_after = None
        self.work(self._read(None), group="read")

    def happened(self, event: Event) -> None:
        """Look again when anything happened to people."""
        if event.kind in _KINDS:
            self.reload()

    def filtered(self, text: str) -> None:
        """Ask the gateway, which knows them all."""
        self._matching = text
        self.reload()

    def copied(self) -> str:
        """The id of the user under the cursor."""
        return self._chosen

    def on_users_page(self, message: UsersPage) -> None:
        """Show what came."""
        if message.first:
            self._holders.clear()
        found = {one.id: one for one in message.page.items}
        self._holders.update(found)
        self._next = message.page.next
        zone = self.terminal.zone
        rows = [(one.id, people.row(one, zone)) for one in found.values()]
        table = self.query_one("#users", Table)
        table.fill(rows) if message.first else table.extend(rows)
        self.saw()
        if message.first:
            self._look_at_chosen()

    def on_user_told(self, message: UserTold) -> None:
        """Show them, if they are still the chosen one, or an alias found them."""
        user = message.user
        if user.id != self._chosen and not message.sought:
            return
        self._user = user
        self.put("user", users.details(user))
        zone = self.terminal.zone
        self.query_one("#user-keys", Table).fill(
            (key.id, users.key_row(key, zone)) for key in user.credentials
        )
        if message.sought:
            self.say(f"The alias finds {users.who(user)}.")
        self.refresh_bindings()

    def on_data_table_row_highlighted(self, event: Table.RowHighlighted) -> None:
        """Show the user under the cursor, and look ahead."""
        if event.data_table.id == "users":
            self._look_at_chosen()
            if event.cursor_row >= len(self._holders) - AHEAD_ROWS:
                self._look_ahead()

    def on_data_table_row_selected(self) -> None:
        """Go from the user to their keys."""
        self.query_one("#user-keys").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer for somebody who is shown what concerns them."""
        if action == "add_alias" and (self._user is None or self._is_erased):
            return False
        if action == "remove_alias" and not (self._user and self._user.alias_count):
            return False
        return super().check_action(action, parameters)

    def action_look_up(self) -> None:
        """Find somebody by an alias."""
        self.work(self._look_up())

    def action_add_alias(self) -> None:
        """Have one more alias find the one who is shown."""
        if self._user is not None:
            self.work(self._set_alias(self._user, removed=False))

    def action_remove_alias(self) -> None:
        """Have an alias find them no longer."""
        if self._user is not None:
            self.work(self._set_alias(self._user, removed=True))

    @property
    def _is_erased(self) -> bool:
        return self._user is not None and self._user.state == "erased"

    @property
    def _chosen(self) -> str:
        return self.query_one("#users", Table).chosen or ""

    def _look_at_chosen(self) -> None:
        self._user = None
        if self._chosen:
            self.work(self._read_user(self._chosen), group="user")
        else:
            self.query_one("#user-keys", Table).clear()
            self.put("user", users.NOBODY_FITS if self._matching else users.NOBODY)
        self.refresh_bindings()

    def _look_ahead(self) -> None:
        if self._next is not None and self._next != self._asked_after:
            self._asked_after = self._next
            self.work(self._read(self._next), group="read")

    async def _read(self, cursor: str | None) -> Message:
        page = await self.terminal.client.holder_page(cursor, self._matching)
        return UsersPage(page, first=cursor is None)

    async def _read_user(self, user_id: str) -> Message:
        return UserTold(await self.terminal.client.user(user_id))

    async def _look_up(self) -> Message | None:
        alias = await self.ask_line("Alias", users.ASK_LOOKUP)
        if not alias:
            return None
        return UserTold(await self.terminal.client.lookup(alias), sought=True)

    async def _set_alias(self, user: User, *, removed: bool) -> Message | None:
        alias = await self.ask_line("Alias", users.ask_alias(user, removed=removed))
        if alias is None:
            return None
        order = users.wish(user, alias, removed=removed)
        if order is None:
            return Failed("alias", users.WRONG_ALIAS)
        done = "no longer finds" if removed else "finds"
        return await self.carry_out(order, f"The alias {done} {users.who(user)}.")
