"""Orders in words: what waits for whose finger."""

from collections.abc import Iterable
from typing import Final

from gateway.client import printable
from gateway.order_schemas import Order
from gateway.schemas import Holder

NONE_WAITS: Final = (
    "Nothing waits for a finger. What takes one is ordered on its own screen, or with "
    "`keyra`, and is read and signed here."
)
HEAD: Final = ("CODE", "STATE", "SIGNED", "ORDER")

FORGOTTEN: Final = "forgotten"
"""An order of which the gateway knows nothing any more."""

_FORGOTTEN_HINT: Final = (
    "The gateway was restarted and knows this order no more. Look whether it was "
    "carried out; if not, order it again."
)
_STATES: Final = {
    "pending": "waits for a finger",
    "touching": "TOUCH NOW",
    "done": "done",
    "failed": "failed",
    "cancelled": "withdrawn",
    "expired": "ran out",
    "preview": "preview",
}
_MS_PER_S: Final = 1000


def code(order: Order) -> str:
    """Write the six digits as they are read aloud."""
    return f"{order.code[:3]} {order.code[3:]}"


def state(order: Order) -> str:
    """Say where it stands."""
    return _STATES.get(order.state, printable(order.state))


def row(order: Order) -> tuple[str, str, str, str]:
    """Lay one order out in the columns of HEAD."""
    text = printable(" ".join(order.text))
    return code(order), state(order), f"{len(order.signed)}/{order.signers}", text


def newest_first(orders: Iterable[Order]) -> list[Order]:
    """Put those that wait before those that are over, each the newest first."""
    known = list(orders)[::-1]
    return [one for one in known if not one.is_over] + [
        one for one in known if one.is_over
    ]


def details(order: Order, up_ms: int | None) -> str:
    """Write an order out, with what to do next.

    Args:
        order: as the gateway last told it.
        up_ms: the gateway's milliseconds since boot, where they are known.
    """
    roles = " or ".join(order.roles) or "nobody"
    lines = [printable(line) for line in order.text]
    lines += ["", f"Code    {code(order)}", f"State   {state(order)}"]
    lines.append(f"Signed  {len(order.signed)} of {order.signers} ({roles})")
    if order.signed:
        lines.append(f"        {printable(', '.join(order.signed))}")
    if order.reason:
        lines.append(f"Reason  {printable(order.reason)}")
    if up_ms is not None and not order.is_over:
        left_s = max(0, order.expires_up_ms - up_ms) // _MS_PER_S
        lines.append(f"Time    {left_s // 60}:{left_s % 60:02} until it runs out")
    return "\n".join([*lines, "", next_step(order)])


def next_step(order: Order) -> str:
    """Say what to do next, one sentence."""
    if order.state == "touching" and order.signer:
        return f"{printable(order.signer)}: touch your key; it signs exactly this."
    if order.state == "pending" and order.signed:
        missing = order.signers - len(order.signed)
        return (
            f"{missing} more must sign: press s, and let another administrator touch."
        )
    if order.state == "pending":
        return "Read it; then press s, and touch your key to sign exactly this."
    return printable(order.hint)


def forgotten(order: Order) -> Order:
    """Return an order as it stands when the gateway knows it no more."""
    if order.is_over:
        return order
    return order.model_copy(update={"state": FORGOTTEN, "hint": _FORGOTTEN_HINT})


def able(order: Order, holders: Iterable[Holder]) -> list[Holder]:
    """Return who may still sign it."""
    return [
        one
        for one in holders
        if one.role in order.roles and not one.suspended and one.id not in order.signed
    ]


def signer_line(holder: Holder) -> str:
    """Name somebody who may sign."""
    name = f"  {printable(holder.name)}" if holder.name else ""
    return f"{printable(holder.id)}{name}  ({holder.role})"
