"""What a door hears and what it answers: events in, effects out.

Only two events release: Unlock, whose evidence is proved when it is built and once more
when the door hears it, and Egress. Effects are for the doorkeeper, to be carried out or
written down in the order given.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, final

from gateway.core.facts import InputName, Mode
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


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """An order that is already in the ledger."""

    mode: Mode


Event = Unlock | Egress | Opened | Closed | Deadline | ModeChanged


# Effects.


class Cause(Enum):
    """After what the leaf opened. START: found open by a gateway that just started."""

    GRANT = "grant"
    EXIT = "exit"
    START = "start"


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
class Secure:
    """Tell the strike to secure now."""


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
    """Nothing changed; `entry` is the grant's, or -1 for an exit."""

    entry: int
    why: Refusal


Effect = (
    Release
    | Secure
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


def check_egress(egress: Egress) -> None:
    """Prove that this input may let somebody out.

    Raises:
        EvidenceError: it may not; nothing moves.
    """
    if egress.input not in {InputName.EXIT_REQUEST, InputName.FIRE}:
        raise EvidenceError("Only an exit request or the fire input lets people out.")
