"""Which mode a door is in, and why: orders, their ends, and one written precedence.

    fire > LockedDown > LockedOpen > Blocked > Unlocked by order > self-test
         > schedule > Locked

The exit stands outside: no mode keeps anybody in. `effective` is pure: the same fire,
orders, schedule and time give the same answer, whenever and however often it is asked.

An Order is evidence, made only here. One that releases moves nothing before its entry
is durable (door_events.Hold); one that protects waits for nothing.

Orders end by monotonic time: no step of the wall clock prolongs or revives one. After
a restart of the machine its clock has begun anew, and `resumed` says what is left.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from gateway.core.door_timing import NEVER
from gateway.core.encoding import Json
from gateway.core.facts import Mode
from gateway.core.ids import DoorId, Now
from gateway.core.provenance import Evidence, Maker
from gateway.core.row import number, word
from gateway.errors import OrderError, RegistryError

ORDER_MS_MAX: Final = 30 * 24 * 3_600_000
SELF_TEST_MS_MAX: Final = 10_000
_TIME_MS_MAX: Final = 2**53 - 1
_BOOT_CHARS_MAX: Final = 64

HOLDING: Final = frozenset({Mode.UNLOCKED, Mode.LOCKED_OPEN})
"""Modes that hold the door released."""

DENYING: Final = frozenset({Mode.LOCKED_DOWN, Mode.BLOCKED})
"""Modes in which no key releases; the exit does."""

ORDERABLE: Final = HOLDING | DENYING | {Mode.LOCKED}
"""What may be ordered; Locked lifts the orders there are."""


class OnFire(Enum):
    """What the fire input does to the strike; an alarm and an entry it is always."""

    OBSERVE = "observe"
    RELEASE = "release"


class Why(Enum):
    """Where a mode comes from."""

    FIRE = "fire"
    ORDER = "order"
    SELF_TEST = "self-test"
    SCHEDULE = "schedule"
    NORMAL = "normal"


PRECEDENCE: Final = (
    (Why.FIRE, Mode.LOCKED_OPEN),
    (Why.ORDER, Mode.LOCKED_DOWN),
    (Why.ORDER, Mode.LOCKED_OPEN),
    (Why.ORDER, Mode.BLOCKED),
    (Why.ORDER, Mode.UNLOCKED),
    (Why.SELF_TEST, Mode.UNLOCKED),
    (Why.SCHEDULE, Mode.UNLOCKED),
    (Why.NORMAL, Mode.LOCKED),
)
"""The first that stands is the door's mode."""


@dataclass(frozen=True, slots=True, eq=False)
class Order(Evidence):
    """A mode that somebody or something wants for a while.

    Attributes:
        by: who ordered it, as entries write it.
        ordered_up_ms: when, in milliseconds since boot.
        until_up_ms: its end, exclusive; NEVER if it has none.
        until_ms: the end by the wall clock as it stood; 0 for none. For people.
        boot: the boot to which `until_up_ms` belongs.
    """

    door: DoorId
    mode: Mode
    why: Why
    by: Mapping[str, Json]
    ordered_up_ms: int
    until_up_ms: int
    until_ms: int
    boot: str

    def row(self) -> dict[str, Json]:
        """Return it as its entry says it."""
        row: dict[str, Json] = {
            "by": self.by,
            "door": self.door,
            "mode": self.mode.value,
        }
        if self.why is not Why.ORDER:
            row["why"] = self.why.value
        if self.until_up_ms != NEVER:
            row["ends"] = {
                "at": self.until_ms,
                "boot": self.boot,
                "for_ms": self.until_up_ms - self.ordered_up_ms,
                "up": self.until_up_ms,
            }
        return row


_ORDERS: Final = Maker(Order)


def ordered(
    door: DoorId, mode: Mode, by: Mapping[str, Json], now: Now, for_ms: int = 0
) -> Order:
    """Return a person's order.

    Args:
        door: whose mode it is.
        mode: Unlocked, LockedOpen, Blocked or LockedDown.
        by: who ordered it.
        now: when.
        for_ms: how long it lasts; 0 until it is lifted.

    Raises:
        OrderError: no such mode can be ordered, or not for so long.
    """
    if mode not in HOLDING | DENYING:
        raise OrderError(
            f"{mode.value} is no mode that can be ordered; order Unlocked, LockedOpen, "
            "Blocked or LockedDown, or Locked to lift them."
        )
    if not 0 <= for_ms <= ORDER_MS_MAX:
        raise OrderError(
            f"An order lasts at most {ORDER_MS_MAX // 86_400_000} days, not "
            f"{for_ms} ms; give a shorter time, or none."
        )
    return _order(door, mode, Why.ORDER, by, now, for_ms)


def scheduled(door: DoorId, by: Mapping[str, Json], now: Now) -> Order:
    """Return the schedule's order; it ends when the schedule says so."""
    return _order(door, Mode.UNLOCKED, Why.SCHEDULE, by, now, 0)


def self_test(door: DoorId, by: Mapping[str, Json], now: Now, for_ms: int) -> Order:
    """Return the order of a self-test, which releases for a moment.

    Raises:
        OrderError: not for so long.
    """
    if not 1 <= for_ms <= SELF_TEST_MS_MAX:
        raise OrderError(f"A self-test releases for 1 to {SELF_TEST_MS_MAX} ms.")
    return _order(door, Mode.UNLOCKED, Why.SELF_TEST, by, now, for_ms)


def resumed(row: Mapping[str, Any], door: DoorId, now: Now) -> Order | None:
    """Return what is left of a person's order that an entry holds, or None.

    In the same boot its end stands. In another one the wall clock says what is left,
    never more than the order's own length. If nobody vouches for that clock, an order
    that releases is over, and one that protects begins anew.

    Raises:
        RegistryError: the entry is none of this gateway's.
    """
    mode = Mode(word(row, "mode", _is_ordered))
    by = row.get("by")
    ends = row.get("ends")
    if not isinstance(by, Mapping):
        raise RegistryError(f"{by!r:.40} has ordered no mode.")
    if ends is None:
        return _order(door, mode, Why.ORDER, by, now, 0)
    if not isinstance(ends, Mapping):
        raise RegistryError(f"{ends!r:.40} is no end of an order.")
    for_ms = number(ends, "for_ms", ORDER_MS_MAX)
    at_ms = number(ends, "at", _TIME_MS_MAX)
    up_ms = number(ends, "up", _TIME_MS_MAX)
    boot = word(ends, "boot", lambda text: len(text) <= _BOOT_CHARS_MAX)
    if boot == now.boot:
        left_ms = min(for_ms, up_ms - now.up_ms)
    elif now.wall_is_trusted:
        left_ms = min(for_ms, at_ms - now.wall_ms)
    else:
        left_ms = for_ms if mode in DENYING else 0
    return _order(door, mode, Why.ORDER, by, now, left_ms) if left_ms > 0 else None


@dataclass(frozen=True, slots=True)
class Rank:
    """One line of the precedence.

    Attributes:
        stands: whether something wants this mode now.
        order: what wants it; None for fire and for the normal state.
    """

    why: Why
    mode: Mode
    stands: bool
    order: Order | None = None

    @property
    def until_up_ms(self) -> int | None:
        """When it ends by itself, or None."""
        if self.order is None or self.order.until_up_ms == NEVER:
            return None
        return self.order.until_up_ms


def ranking(
    now_up_ms: int, *, fire: bool, orders: Iterable[Order], schedule: bool
) -> tuple[Rank, ...]:
    """Return the whole precedence, and what of it stands.

    Args:
        now_up_ms: orders that end by then do not stand.
        fire: the fire input is active, at a door that is to release then.
        orders: in any sequence; of the same kind the last one counts.
        schedule: whether the schedule's window is open.
    """
    standing = {
        (order.why, order.mode): order
        for order in orders
        if now_up_ms < order.until_up_ms and (schedule or order.why is not Why.SCHEDULE)
    }
    return tuple(
        Rank(
            why,
            mode,
            why is Why.NORMAL or (fire if why is Why.FIRE else (why, mode) in standing),
            standing.get((why, mode)),
        )
        for why, mode in PRECEDENCE
    )


def effective(
    now_up_ms: int, *, fire: bool, orders: Iterable[Order], schedule: bool
) -> Rank:
    """Return the door's mode with its reason; see `ranking`."""
    ranks = ranking(now_up_ms, fire=fire, orders=orders, schedule=schedule)
    return next(rank for rank in ranks if rank.stands)


def _order(
    door: DoorId,
    mode: Mode,
    why: Why,
    by: Mapping[str, Json],
    now: Now,
    for_ms: int,
) -> Order:
    return Order(
        _ORDERS,
        door=door,
        mode=mode,
        why=why,
        by=by,
        ordered_up_ms=now.up_ms,
        until_up_ms=now.up_ms + for_ms if for_ms else NEVER,
        until_ms=now.wall_ms + for_ms if for_ms else 0,
        boot=now.boot,
    )


def _is_ordered(text: str) -> bool:
    return text in {mode.value for mode in HOLDING | DENYING}
