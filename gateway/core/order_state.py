"""The life of an administrator's order, from its proposal to its end.

    PENDING --CHOSEN--> TOUCHING --SIGNED--> PENDING, while signatures are missing
                        TOUCHING --MISSED--> PENDING, where the key did not sign
                        TOUCHING --COMPLETED--> DONE
                        TOUCHING --OVERTAKEN--> FAILED
    PENDING, TOUCHING --WITHDRAWN--> CANCELLED
    PENDING, TOUCHING --RAN_OUT--> EXPIRED

Nothing goes on air before it is CHOSEN: a person names the order by its code and the
administrator whose key is to sign. A pair that is not in the table changes nothing;
nothing leads out of the last four.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, Self

ORDER_MS: Final = 600_000
"""From the proposal to the last signature."""
CHOSEN_MS: Final = 30_000
"""From the choice to the touch; for this long an order may go on air."""


class OrderState(Enum):
    """Where an order stands, with what to do next."""

    hint: str

    def __new__(cls, word: str, hint: str) -> Self:
        """Build a member from its stable word and its hint."""
        member = object.__new__(cls)
        member._value_ = word
        member.hint = hint
        return member

    PENDING = "pending", "Read it, and choose it by its code to sign it."
    TOUCHING = "touching", "Wake the key and touch it: it signs exactly this."
    DONE = "done", "It is signed and done."
    FAILED = "failed", "It was signed, and could not be done any more."
    CANCELLED = "cancelled", "It was withdrawn."
    EXPIRED = "expired", "Nobody signed it in time."


class OrderStep(Enum):
    """What happens to an order."""

    CHOSEN = "chosen"
    SIGNED = "signed"
    MISSED = "missed"
    COMPLETED = "completed"
    OVERTAKEN = "overtaken"
    WITHDRAWN = "withdrawn"
    RAN_OUT = "ran-out"


_S, _T = OrderState, OrderStep

TRANSITIONS: Final[Mapping[tuple[OrderState, OrderStep], OrderState]] = {
    (_S.PENDING, _T.CHOSEN): _S.TOUCHING,
    (_S.TOUCHING, _T.SIGNED): _S.PENDING,
    (_S.TOUCHING, _T.MISSED): _S.PENDING,
    (_S.TOUCHING, _T.COMPLETED): _S.DONE,
    (_S.TOUCHING, _T.OVERTAKEN): _S.FAILED,
    (_S.PENDING, _T.WITHDRAWN): _S.CANCELLED,
    (_S.TOUCHING, _T.WITHDRAWN): _S.CANCELLED,
    (_S.PENDING, _T.RAN_OUT): _S.EXPIRED,
    (_S.TOUCHING, _T.RAN_OUT): _S.EXPIRED,
}
"""The only ways."""


def advance(state: OrderState, step: OrderStep) -> OrderState:
    """Return the state after a step; one that cannot happen there is ignored."""
    return TRANSITIONS.get((state, step), state)
