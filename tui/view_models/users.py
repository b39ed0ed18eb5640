"""People as applications know them: their keys and aliases, in words."""

from datetime import tzinfo
from typing import Final

from gateway.client import printable
from gateway.order_schemas import AliasOrder
from gateway.schemas import Credential
from gateway.schemas.users import User
from tui.view_models.frame import instant
from tui.view_models.people import KEY_CHARS, short

KEY_HEAD: Final = ("KEY", "MODEL", "ENROLLED", "LAST USED", "COUNT", "STATE")
NOBODY: Final = (
    "Nobody is registered yet. Press 3: the first holder is enrolled with their key."
)
NOBODY_FITS: Final = "Nobody fits the filter; esc clears it."
ASK_LOOKUP: Final = (
    "By which alias, such as ada@example.org? Aliases are kept hashed: they can be "
    "looked up, and never listed."
)
WRONG_ALIAS: Final = "An alias has 1 to 120 printable characters."


def ask_alias(user: User, *, removed: bool) -> str:
    """Ask for an alias of somebody."""
    if removed:
        return f"Which alias no longer finds {who(user)}?"
    return (
        f"Which alias, such as ada@example.org, finds {who(user)} from now on? It is "
        "kept hashed: it can be looked up, and never listed."
    )


def key_row(key: Credential, zone: tzinfo | None) -> tuple[str, ...]:
    """Lay a key out in the columns of KEY_HEAD."""
    return (
        short(key.id, KEY_CHARS),
        short(key.model, 14),
        instant(key.enrolled_ms, zone, "%Y-%m-%d"),
        instant(key.last_used_ms, zone, "%m-%d %H:%M"),
        str(key.counter),
        key.state,
    )


def details(user: User) -> str:
    """Write out what is known of somebody beside their keys."""
    words = [who(user), f"role {user.role or 'none'}", user.state]
    aliases = user.alias_count
    words.append("1 alias" if aliases == 1 else f"{aliases or 'no'} aliases")
    if not user.credentials:
        words.append("no key: press 3 to enrol one")
    return " · ".join(words)


def who(user: User) -> str:
    """Name somebody."""
    name = printable(user.name) if user.name else f"({user.state})"
    return f"{name} ({printable(user.id)})"


def wish(user: User, alias: str, *, removed: bool) -> AliasOrder | None:
    """Return what is ordered, or None where it is no alias."""
    try:
        return AliasOrder(kind="alias", holder_id=user.id, alias=alias, removed=removed)
    except ValueError:
        return None
