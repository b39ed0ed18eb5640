"""Switches of the config, in words."""

from typing import Final

from gateway.client import printable
from gateway.schemas.policy import Setting
from tui.view_models.people import short

HEAD: Final = ("SETTING", "STANDS AT", "")
INTRODUCTION: Final = (
    "What the config switches, and what each risks. Change a line of "
    "/etc/keyra/gateway.toml, and restart keyra-gateway."
)
NONE: Final = "No setting fits the filter; esc clears it."
RISKY: Final = "RISK"
SAFE: Final = "safe"


def row(one: Setting) -> tuple[str, ...]:
    """Lay a setting out in the columns of HEAD."""
    return short(one.name, 36), short(one.value, 24), SAFE if one.safe else RISKY


def details(one: Setting) -> str:
    """Say where it is set, and what it risks."""
    where = f"{printable(one.name)} is set by {printable(one.key)} in the config."
    risk = printable(one.risk)
    if one.safe:
        return f"{where}\nIt stands where it risks nothing. Otherwise: {risk}"
    return f"{where}\nWhat it risks as it stands: {risk}"


def matches(one: Setting, text: str) -> bool:
    """Tell whether a text, in lower case, is anywhere in it."""
    words = (one.name, one.value, one.key, one.risk, row(one)[-1])
    return any(text in word.lower() for word in words)
