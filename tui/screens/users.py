"""Users: people as applications know them, with aliases and the dates of their keys."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from gateway.schemas.users import User
from tui.messages import Failed
from tui.screens.holders import HoldersScreen
from tui.screens.table import Table
from tui.terminal import Place, Terminal
from tui.view_models import people, users


class UserTold(Message):
    """One user with their keys; `sought`: an alias found them."""

    def __init__(self, user: User, *, sought: bool = False) -> None:
        super().__init__()
        self.user = user
        self.sought = sought


class UsersScreen(HoldersScreen):
    """Lists people page by page; shows one with their keys."""

    TABLE = "users"
    KINDS = frozenset({"holder", "enrol", "erase", "alias", "alias.removed"})
    WRITING = frozenset({"add_alias", "remove_alias"})
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
        self._user: User | None = None

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

    def copied(self) -> str:
        """The id of the user under the cursor."""
        return self._chosen

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

    def look_at_chosen(self) -> None:
        """Show the user under the cursor, with their keys."""
        self._user = None
        if self._chosen:
            self.work(self._read_user(self._chosen), group="user")
        else:
            self.query_one("#user-keys", Table).clear()
            self.put("user", users.NOBODY_FITS if self.matching else users.NOBODY)
        self.refresh_bindings()

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
