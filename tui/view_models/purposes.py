"""Purposes in words, and what is typed to change one."""

from typing import Final

from pydantic import ValidationError

from gateway.client import printable
from gateway.order_schemas import PurposeOrder
from gateway.schemas.policy import Purpose, PurposeChange

HEAD: Final = ("PURPOSE", "WAITS", "VERIFICATION", "")
INTRODUCTION: Final = (
    "Applications ask for a touch for a purpose: how long they wait, and whether the "
    "key checks the finger. n adds one, c changes the one under the cursor."
)
NONE: Final = "No purpose fits the filter; esc clears it."
ASK: Final = (
    "Name, seconds to wait, and whether the finger is verified (required, preferred, "
    "discouraged). Such as: payment 120 required"
)
WRONG: Final = (
    "Type a name of small letters, 10 to 86400 seconds, and required, preferred or "
    "discouraged; such as: payment 120 required."
)


def row(one: Purpose) -> tuple[str, ...]:
    """Lay a purpose out in the columns of HEAD."""
    return printable(one.name), f"{one.ttl_s} s", one.user_verification, note(one)


def note(one: Purpose) -> str:
    """Say what cannot be done to it."""
    if not one.changeable:
        return "by the config alone"
    return "built in: cannot be deleted" if one.built_in else ""


def typed(one: Purpose) -> str:
    """Write a purpose as it may be typed."""
    return f"{one.name} {one.ttl_s} {one.user_verification}"


def wish(line: str) -> PurposeOrder | None:
    """Return what a typed line orders, or None where it is no purpose."""
    name, ttl_s, verification = (*line.split(), "", "", "")[:3]
    try:
        return PurposeOrder(
            kind="purpose",
            name=name,
            ttl_s=int(ttl_s),
            user_verification=verification or "required",
        )
    except (ValidationError, ValueError):
        return None


def change(order: PurposeOrder) -> PurposeChange:
    """Return the same, for a gateway where it takes no finger."""
    return PurposeChange(
        ttl_s=order.ttl_s or 0, user_verification=order.user_verification
    )


def asks_deletion(one: Purpose) -> str:
    """Ask before a purpose is deleted."""
    return (
        f"The purpose {one.name} will be lost: applications that ask for it are "
        "refused from then on."
    )
