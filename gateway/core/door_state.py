"""One door's state: its regions, what it remembers, and what follows from that."""

from dataclasses import dataclass
from enum import Enum, auto

from gateway.core.door_events import Cause, Phase
from gateway.core.door_timing import NEVER, DoorTiming
from gateway.core.facts import Mode
from gateway.core.ids import DoorId
from gateway.core.orders import HOLDING, Order, Rank, Why, effective, ranking


class Lock(Enum):
    """Momentary releases; the strike is released in RELEASED and PASSED."""

    SECURED = auto()
    RELEASED = auto()
    PASSED = auto()
    SETTLING = auto()


class Holding(Enum):
    """Releases by a mode; the strike is released in HELD, whatever the lock says."""

    FREE = auto()
    HELD = auto()
    SETTLING = auto()


class Leaf(Enum):
    """The leaf's region; UNKNOWN until the contact speaks for the first time."""

    UNKNOWN = auto()
    SHUT = auto()
    OPEN = auto()
    WARNED = auto()
    HELD = auto()
    FORCED = auto()


class Happening(Enum):
    """What all regions hear."""

    RELEASE = auto()
    RELEASE_OVER = auto()
    CUT = auto()
    SETTLED = auto()
    HOLD = auto()
    HOLD_OVER = auto()
    HOLD_SETTLED = auto()
    OPENED = auto()
    OPENED_BY_FORCE = auto()
    NEARLY_TOO_LONG = auto()
    OPEN_TOO_LONG = auto()
    RELOCK = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class Door:
    """One door's state. A new one is secured, and knows nothing of its leaf.

    Attributes:
        orders: what is ordered; those that release came as a Hold.
        fire: fire holds the door (only where the site wants that).
        schedule_open: the window of the scheduled unlock is open.
        person_came: somebody was let in during this window.
        interlocked: the other door is not shut.
        strike_lost: a command failed since the last release or lease that was sent.
        last_n: the highest entry that ever released; a lower or equal one is used.
        last_order_n: likewise of orders that hold, and of the last lift.
        spent: challenges of the last touches that released: one touch, one opening,
            even if its grant is decided or written down twice.
        after: what released last.
        extended: the holder whose grant runs needs more time.
        lock_due_up_ms: when the lock's state ends by itself, else NEVER.
        hold_due_up_ms: when the hold's settling ends, else NEVER.
        exit_until_up_ms: until when an exit request wants the door released.
        unused_n: the grant that runs and that nobody used yet, or -1.
        leaf_due_up_ms: when an open leaf becomes a warned or held one, else NEVER.
        alarm_due_up_ms: when it becomes a held one, warned or not.
        heard_up_ms: the time of the last step.
    """

    id: DoorId
    lock: Lock = Lock.SECURED
    holding: Holding = Holding.FREE
    leaf: Leaf = Leaf.UNKNOWN
    orders: tuple[Order, ...] = ()
    fire: bool = False
    schedule_open: bool = False
    person_came: bool = False
    interlocked: bool = False
    strike_lost: bool = False
    last_n: int = -1
    last_order_n: int = -1
    spent: tuple[bytes, ...] = ()
    after: Cause = Cause.START
    extended: bool = False
    lock_due_up_ms: int = NEVER
    hold_due_up_ms: int = NEVER
    exit_until_up_ms: int = 0
    unused_n: int = -1
    leaf_due_up_ms: int = NEVER
    alarm_due_up_ms: int = NEVER
    opened_up_ms: int = 0
    heard_up_ms: int = 0

    @property
    def rank(self) -> Rank:
        """The mode with its reason."""
        return effective(
            self.heard_up_ms,
            fire=self.fire,
            orders=self.orders,
            schedule=self.schedule_open,
        )

    @property
    def ranks(self) -> tuple[Rank, ...]:
        """The whole precedence, and what of it stands."""
        return ranking(
            self.heard_up_ms,
            fire=self.fire,
            orders=self.orders,
            schedule=self.schedule_open,
        )

    @property
    def mode(self) -> Mode:
        """The mode that counts."""
        return self.rank.mode

    @property
    def shown_mode(self) -> Mode:
        """The mode as ONVIF shows it: Accessed while a grant releases a locked door."""
        mode = self.mode
        by_grant = self.passable and self.after is Cause.GRANT
        return Mode.ACCESSED if by_grant and mode is Mode.LOCKED else mode

    @property
    def passable(self) -> bool:
        """Whether a momentary release runs."""
        return self.lock in {Lock.RELEASED, Lock.PASSED}

    @property
    def held(self) -> bool:
        """Whether a mode holds the strike released."""
        return self.holding is Holding.HELD

    @property
    def released(self) -> bool:
        """Whether the strike is to be released."""
        return self.passable or self.held

    @property
    def to_be_held(self) -> bool:
        """Whether the mode wants the strike released; fire asks no other door."""
        rank = self.rank
        return rank.mode in HOLDING and (rank.why is Why.FIRE or not self.interlocked)

    @property
    def ajar(self) -> bool:
        """Whether the leaf is known to be out of its frame."""
        return self.leaf not in {Leaf.UNKNOWN, Leaf.SHUT}

    @property
    def phase(self) -> Phase:
        """The door in one word: an open leaf outweighs a released lock."""
        if self.leaf is Leaf.WARNED:
            return Phase.OPEN
        if self.ajar:
            return Phase[self.leaf.name]
        return Phase.RELEASED if self.released else Phase.SECURED

    @property
    def deadline_up_ms(self) -> int | None:
        """When to send Deadline, or None."""
        due_up_ms = min(
            self.lock_due_up_ms,
            self.hold_due_up_ms,
            self.leaf_due_up_ms,
            *(order.until_up_ms for order in self.orders),
        )
        return None if due_up_ms == NEVER else due_up_ms

    def wants_schedule(self, timing: DoorTiming) -> bool:
        """Whether the schedule is due to hold the door, and has no evidence yet."""
        return (
            self.schedule_open
            and (self.person_came or not timing.first_person)
            and all(order.why is not Why.SCHEDULE for order in self.orders)
        )
