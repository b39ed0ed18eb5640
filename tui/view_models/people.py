"""Holders and their keys, in words."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from gateway.client import printable
from gateway.schemas import Credential, Holder
from tui.view_models.frame import instant

HEAD: Final = ("HOLDER", "NAME", "GROUPS", "UNTIL", "STATE")
KEY_HEAD: Final = ("KEY", "MODEL", "STATE", "COUNTER", "UNTIL")
NOBODY: Final = (
    "Nobody is registered yet. Press 3: the first holder is enrolled with their key."
)
NOBODY_FITS: Final = "Nobody fits the filter; esc clears it."
NO_KEY: Final = "No key yet. Press 3 to enrol one."
KEY_CHARS: Final = 16

_CELL_CHARS: Final = {"HOLDER": 20, "NAME": 22, "GROUPS": 14}


def row(holder: Holder, zone: tzinfo | None) -> tuple[str, ...]:
    """Lay a holder out in the columns of HEAD."""
    return (
        short(holder.id, _CELL_CHARS["HOLDER"]),
        short(name(holder), _CELL_CHARS["NAME"]),
        short(" ".join(holder.groups) or "-", _CELL_CHARS["GROUPS"]),
        instant(holder.until_ms, zone, "%Y-%m-%d"),
        state(holder),
    )


def key_row(key: Credential, zone: tzinfo | None) -> tuple[str, ...]:
    """Lay a key out in the columns of KEY_HEAD."""
    return (
        short(key.id, KEY_CHARS),
        short(key.model, 22),
        key.state,
        str(key.counter),
        instant(key.until_ms, zone, "%Y-%m-%d"),
    )


def name(holder: Holder) -> str:
    """Name a holder, or say why there is no name."""
    if holder.name:
        return printable(holder.name)
    return "(erased)" if holder.erased else "(unreadable)"


def state(holder: Holder) -> str:
    """Say in one word whether their keys may work."""
    if holder.erased:
        return "erased"
    return "suspended" if holder.suspended else "active"


def details(holder: Holder, zone: tzinfo | None) -> str:
    """Write out what the table has no room for."""
    valid = "always"
    if holder.from_ms or holder.until_ms:
        begins, ends = instant(holder.from_ms, zone), instant(holder.until_ms, zone)
        valid = f"{begins} to {ends}"
    words = [f"{name(holder)}, {printable(holder.id)}", f"valid {valid}"]
    words.append(f"role {holder.role or 'none'}")
    if holder.uses_max:
        words.append(f"may pass {holder.uses_max} times")
    if holder.extended:
        words.append("gets more time")
    return " · ".join(words)


def count(shown: int, *, more: bool) -> str:
    """Say how much of the list is here."""
    return f"People: the first {shown}, more below" if more else f"People: {shown}"


def who(holder: Holder) -> str:
    """Name a holder in a question."""
    return f"{name(holder)} ({holder.id})"


def asks_suspension(holder: Holder, keys: Sequence[Credential]) -> str:
    """Ask before a holder is suspended."""
    return (
        f"{who(holder)} will open nothing any more ({_live(keys)}) until somebody "
        "resumes them."
    )


def asks_erasure(holder: Holder, keys: Sequence[Credential]) -> str:
    """Ask before a name is removed."""
    return (
        f"The name of {who(holder)} will be lost for good, and their {_live(keys)} "
        "revoked for good. The pseudonym is used up. The ledger keeps it, without "
        "the name."
    )


def asks_revocation(key: Credential) -> str:
    """Ask before a key is revoked."""
    return (
        f"The key {short(key.id, KEY_CHARS)} ({key.model}) of {key.holder_id} will be "
        "lost for good: it never opens again."
    )


def asks_loss(key: Credential) -> str:
    """Ask before a key is treated as lost."""
    return (
        f"The key {short(key.id, KEY_CHARS)} ({key.model}) of {key.holder_id} will be "
        "suspended at once. It is revoked as their new key is registered, on the "
        "screen that opens next."
    )


def short(text: str, chars: int) -> str:
    """Cut a text of others to its column."""
    clean = printable(text)
    return clean if len(clean) <= chars else f"{clean[: chars - 1]}…"


def _live(keys: Sequence[Credential]) -> str:
    living = sum(key.state != "revoked" for key in keys)
    return f"{living} key" if living == 1 else f"{living} keys"
