"""What a door hears and what it answers: events in, effects out.

Only three events release: Unlock and Hold, whose evidence is proved when they are
built and once more when the door hears them, and Egress. Effects are for the
doorkeeper, to be carried out or written down in the order given.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, final

from gateway.core.facts import DenialReason, InputName, Mode
from gateway.core.orders import DENYING, HOLDING, Order, Why
from gateway.core.policy import Grant
from gateway.core.position import LedgerPosition
from gateway.core.provenance import genuine
from gateway.errors import EvidenceError

EXIT_SERIAL: Final = -1
"""Stands where a grant has the number of its entry; ports.Strike.release."""

# Events.


@final
@dataclass(frozen=True, slots=True, eq=False)
class Unlock:
    """Release because of a grant whose entry is durable.

    Raises:
        EvidenceError: grant or position is not genuine, or they do not belong together.
    """

    grant: Grant
    position: LedgerPosition

    def __post_init__(self) -> None:
        check_unlock(self)


@final
@dataclass(frozen=True, slots=True)
class Egress:
    """Release because an input asked to be let out, seen at `up_ms`.

    Raises:
        EvidenceError: this input lets nobody out.
    """

    input: InputName
    up_ms: int

    def __post_init__(self) -> None:
        check_egress(self)


@dataclass(frozen=True, slots=True)
class Opened:
    """The contact says that the leaf left its frame."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The contact says that the leaf is in its frame."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """`Door.deadline_up_ms` has come, or may have."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Hold:
    """Hold released, by an order whose entry is durable, until the order's end.

    Raises:
        EvidenceError: order or position is not genuine, they do not belong together,
            or such an order holds no door.
    """

    order: Order
    position: LedgerPosition

    def __post_init__(self) -> None:
        check_hold(self)

    @property
    def until_up_ms(self) -> int:
        """When it ends by itself; NEVER while it is for something else to end it."""
        return self.order.until_up_ms


@dataclass(frozen=True, slots=True)
class Renew:
    """Ask keyra-strike for the next few seconds, where a mode holds the door."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """A mode that protects; it needs no entry to hold.

    Raises:
        EvidenceError: the order is not genuine, or it releases and must be a Hold.
    """

    order: Order

    def __post_init__(self) -> None:
        check_ordered(self)


@dataclass(frozen=True, slots=True)
class Lifted:
    """All that people ordered is over: the entry `n` says so.

    Holds of earlier entries that are still on their way come too late.
    """

    n: int


@dataclass(frozen=True, slots=True)
class FireOver:
    """The fire input has let go."""


@dataclass(frozen=True, slots=True)
class ScheduleSaid:
    """Whether the schedule's window is open, by a clock that is believed."""

    is_open: bool


@dataclass(frozen=True, slots=True)
class InterlockSaid:
    """Whether the other door of the interlock is not shut."""

    active: bool


@dataclass(frozen=True, slots=True)
class StrikeLost:
    """A command did not reach keyra-strike: it may have secured, and may not."""


Event = (
    Unlock
    | Egress
    | Hold
    | Renew
    | Opened
    | Closed
    | Deadline
    | Ordered
    | Lifted
    | FireOver
    | ScheduleSaid
    | InterlockSaid
    | StrikeLost
)


# Effects.


class Cause(Enum):
    """After what the leaf opened.

    START: found open by a gateway that just started. STRIKE_LOST: something released,
    and since then keyra-strike was out of reach, so nobody knows what held the door.
    """

    GRANT = "grant"
    EXIT = "exit"
    MODE = "mode"
    START = "start"
    STRIKE_LOST = "strike-lost"


class Alarm(Enum):
    """What is wrong with the leaf."""

    FORCED = "forced"
    HELD = "held"


class Refusal(Enum):
    """Why genuine evidence did not release the door."""

    OTHER_DOOR = "other-door"
    REUSED = "reused"
    STALE = "stale"
    OUT_OF_BOUNDS = "out-of-bounds"
    LOCKED_DOWN = "locked-down"
    BLOCKED = "blocked"
    INTERLOCKED = "interlocked"


DENIALS: Final = {
    Refusal.LOCKED_DOWN: DenialReason.LOCKDOWN,
    Refusal.BLOCKED: DenialReason.DOOR_BLOCKED,
    Refusal.INTERLOCKED: DenialReason.INTERLOCKED,
}
"""What people are told of a refusal; of all others, that the door refused."""


class Phase(Enum):
    """The door in one word, for people."""

    SECURED = "secured"
    RELEASED = "released"
    OPEN = "open"
    HELD = "held"
    FORCED = "forced"


@dataclass(frozen=True, slots=True)
class Release:
    """Tell the strike to release for so long from now; serial -1 is an exit."""

    serial: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Lease:
    """Tell the strike to hold released for so long from now; more will be asked."""

    duration_ms: int


@dataclass(frozen=True, slots=True)
class Secure:
    """Tell the strike to secure now."""


@dataclass(frozen=True, slots=True)
class OrderOver:
    """An order ended by itself, or the schedule's window did."""

    mode: Mode
    why: Why


@dataclass(frozen=True, slots=True)
class PreAlarm:
    """The door has stood open; in `in_ms` that is an alarm."""

    in_ms: int


@dataclass(frozen=True, slots=True)
class PreAlarmOver:
    """Closed, or rightly open, in time."""


@dataclass(frozen=True, slots=True)
class WasOpened:
    """The leaf was opened, and rightly so."""

    after: Cause


@dataclass(frozen=True, slots=True)
class WasClosed:
    """The leaf is shut again."""


@dataclass(frozen=True, slots=True)
class Unused:
    """The grant of entry `entry` ended, and nobody opened."""

    entry: int


@dataclass(frozen=True, slots=True)
class AlarmForced:
    """Opened without a release."""


@dataclass(frozen=True, slots=True)
class AlarmHeld:
    """Open for `open_ms`: too long."""

    open_ms: int


@dataclass(frozen=True, slots=True)
class AlarmCleared:
    """The alarm ended."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing changed; `entry` is the grant's or order's, or -1 for an exit."""

    entry: int
    why: Refusal


Effect = (
    Release
    | Lease
    | Secure
    | OrderOver
    | PreAlarm
    | PreAlarmOver
    | WasOpened
    | WasClosed
    | Unused
    | AlarmForced
    | AlarmHeld
    | AlarmCleared
    | Refused
)


def check_unlock(unlock: Unlock) -> None:
    """Prove that both pieces of evidence are genuine and belong together.

    Raises:
        EvidenceError: they are not; nothing moves.
    """
    grant = genuine(unlock.grant, Grant)
    position = genuine(unlock.position, LedgerPosition)
    if position.covers is not grant:
        raise EvidenceError(
            "The ledger's entry records another grant than the one that wants to open."
        )


def check_hold(hold: Hold) -> None:
    """Prove that both pieces of evidence are genuine and belong together.

    Raises:
        EvidenceError: they are not; nothing moves.
    """
    order = genuine(hold.order, Order)
    position = genuine(hold.position, LedgerPosition)
    if position.covers is not order:
        raise EvidenceError(
            "The ledger's entry records another order than the one that wants to hold."
        )
    if order.mode not in HOLDING:
        raise EvidenceError(f"{order.mode.value} holds no door released.")


def check_ordered(event: Ordered) -> None:
    """Prove that the order is genuine and releases nothing.

    Raises:
        EvidenceError: it is not; nothing changes.
    """
    if genuine(event.order, Order).mode not in DENYING:
        raise EvidenceError("A mode that releases needs its entry first.")


def check_egress(egress: Egress) -> None:
    """Prove that this input may let somebody out.

    Raises:
        EvidenceError: it may not; nothing moves.
    """
    if egress.input not in {InputName.EXIT_REQUEST, InputName.FIRE}:
        raise EvidenceError("Only an exit request or the fire input lets people out.")
