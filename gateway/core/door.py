"""The door, as a pure machine: nothing here reads a clock, moves a line or waits.

Theory. A door is two things that move side by side, so the table below has two regions
(Harel, *Statecharts*, 1987) that hear the same happenings:

    the lock    SECURED --RELEASE--> RELEASED --OPENED--> PASSED --RELOCK--> SECURED
                                     RELEASED --RELEASE_OVER, CUT--> SETTLING
                                     SETTLING --SETTLED, OPENED--> SECURED
    the leaf    SHUT --OPENED--> OPEN --OPEN_TOO_LONG--> HELD --CLOSED--> SHUT
                SHUT --OPENED_BY_FORCE--> FORCED --CLOSED--> SHUT

`step` is told what happened and when. It first lets pass what was due by then, so that
a late call changes no outcome; then it turns the event into happenings, and each region
takes its own row. A pair without a row changes nothing: sensors bounce.

What is decided here:

- Only `Unlock` and `Egress` release. An Unlock that is not genuine raises EvidenceError
  and can hardly be built; one that is genuine and does not apply now (another door's,
  stale, used, out of bounds, in lockdown) gives the effect Refused and changes nothing.
- A release lasts until its own evidence's time plus its own duration. A second release
  while one runs neither shortens it nor adds to it: the later of the two ends holds.
  The newer grant then answers for "never opened", since two people may pass together.
- Each release moves the lock in every state of the leaf. A contact that lies must lock
  nobody in or out. One given while the leaf stands open is not spent by that opening.
- Lockdown cuts a grant's release at once, and never an exit's: who has asked to get out
  gets out, in every mode.
- Relock on opening secures once the leaf leaves the frame; on closing, once it is back
  (for locks that must not be driven against an open leaf). The duration ends both.
- SETTLING is the moment after a release in which an opening still counts as allowed:
  the leaf began to move before the contact's debounce said so.
- The alarms forced and held end when the leaf closes, and by nothing else.
- Without a contact only durations count, and nothing is said about openings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, TypeVar

from gateway.core.door_events import (
    EXIT_SERIAL,
    Alarm,
    AlarmCleared,
    AlarmForced,
    AlarmHeld,
    Cause,
    Closed,
    Effect,
    Egress,
    Event,
    ModeChanged,
    Opened,
    Phase,
    Refusal,
    Refused,
    Release,
    Secure,
    Unlock,
    Unused,
    WasClosed,
    WasOpened,
    check_egress,
    check_unlock,
)
from gateway.core.door_timing import (
    EXIT_AGE_MS_MAX,
    GRANT_AGE_MS_MAX,
    TOUCHES_REMEMBERED_MAX,
    DoorTiming,
    Relock,
)
from gateway.core.facts import Mode
from gateway.core.ids import DoorId

NEVER: Final = 2**63 - 1


class Lock(Enum):
    """The lock's region; the strike is released in RELEASED and PASSED."""

    SECURED = auto()
    RELEASED = auto()
    PASSED = auto()
    SETTLING = auto()


class Leaf(Enum):
    """The leaf's region; UNKNOWN until the contact speaks for the first time."""

    UNKNOWN = auto()
    SHUT = auto()
    OPEN = auto()
    HELD = auto()
    FORCED = auto()


class Happening(Enum):
    """What both regions hear."""

    RELEASE = auto()
    RELEASE_OVER = auto()
    CUT = auto()
    SETTLED = auto()
    OPENED = auto()
    OPENED_BY_FORCE = auto()
    OPEN_TOO_LONG = auto()
    RELOCK = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class Door:
    """One door's state. A new one is secured, and knows nothing of its leaf.

    Attributes:
        last_n: the highest entry that ever released; a lower or equal one is used.
        spent: challenges of the last touches that released: one touch, one opening,
            even if its grant is decided or written down twice.
        after: what released last.
        lock_due_up_ms: when the lock's state ends by itself, else NEVER.
        exit_until_up_ms: until when an exit request wants the door released.
        unused_n: the grant that runs and that nobody used yet, or -1.
        leaf_due_up_ms: when an open leaf becomes a held one, else NEVER.
        heard_up_ms: the time of the last step.
    """

    id: DoorId
    mode: Mode = Mode.LOCKED
    lock: Lock = Lock.SECURED
    leaf: Leaf = Leaf.UNKNOWN
    last_n: int = -1
    spent: tuple[bytes, ...] = ()
    after: Cause = Cause.START
    lock_due_up_ms: int = NEVER
    exit_until_up_ms: int = 0
    unused_n: int = -1
    leaf_due_up_ms: int = NEVER
    opened_up_ms: int = 0
    heard_up_ms: int = 0

    @property
    def released(self) -> bool:
        """Whether the strike is to be released."""
        return self.lock in {Lock.RELEASED, Lock.PASSED}

    @property
    def ajar(self) -> bool:
        """Whether the leaf is known to be out of its frame."""
        return self.leaf in {Leaf.OPEN, Leaf.HELD, Leaf.FORCED}

    @property
    def phase(self) -> Phase:
        """The door in one word: an open leaf outweighs a released lock."""
        if self.ajar:
            return Phase[self.leaf.name]
        return Phase.RELEASED if self.released else Phase.SECURED

    @property
    def deadline_up_ms(self) -> int | None:
        """When to send Deadline, or None."""
        due_up_ms = min(self.lock_due_up_ms, self.leaf_due_up_ms)
        return None if due_up_ms == NEVER else due_up_ms


Say = Effect | Callable[[Door], Effect | None]
"""An effect, or what makes one of the door as it is before the transition."""


def _release(door: Door) -> Effect:
    serial = door.last_n if door.after is Cause.GRANT else EXIT_SERIAL
    return Release(serial, door.lock_due_up_ms - door.heard_up_ms)


def _unused(door: Door) -> Effect | None:
    return Unused(door.unused_n) if door.unused_n >= 0 else None


def _was_opened(door: Door) -> Effect:
    return WasOpened(door.after)


def _held(door: Door) -> Effect:
    return AlarmHeld(door.leaf_due_up_ms - door.opened_up_ms)


_HELD_ENDED: Final = (WasClosed(), AlarmCleared(Alarm.HELD))
_FORCED_ENDED: Final = (WasClosed(), AlarmCleared(Alarm.FORCED))

Outcome = tuple[Door, tuple[Effect, ...]]
State = TypeVar("State", Lock, Leaf)
Region = Mapping[tuple[State, Happening], tuple[State, tuple[Say, ...]]]

# TRANSITIONS: (state, happening) → (next state, what to say), one region after the
# other. The only place where a lock or a leaf changes.

LOCK_TRANSITIONS: Final[Region[Lock]] = {
    (Lock.SECURED, Happening.RELEASE): (Lock.RELEASED, (_release,)),
    (Lock.RELEASED, Happening.RELEASE): (Lock.RELEASED, (_release,)),
    (Lock.PASSED, Happening.RELEASE): (Lock.RELEASED, (_release,)),
    (Lock.RELEASED, Happening.OPENED): (Lock.PASSED, ()),
    (Lock.RELEASED, Happening.RELEASE_OVER): (Lock.SETTLING, (Secure(),)),
    (Lock.RELEASED, Happening.CUT): (Lock.SETTLING, (Secure(),)),
    (Lock.PASSED, Happening.RELEASE_OVER): (Lock.SECURED, (Secure(),)),
    (Lock.PASSED, Happening.CUT): (Lock.SECURED, (Secure(),)),
    (Lock.PASSED, Happening.RELOCK): (Lock.SECURED, (Secure(),)),
    (Lock.SETTLING, Happening.OPENED): (Lock.SECURED, ()),
    (Lock.SETTLING, Happening.SETTLED): (Lock.SECURED, (_unused,)),
}

LEAF_TRANSITIONS: Final[Region[Leaf]] = {
    (Leaf.UNKNOWN, Happening.CLOSED): (Leaf.SHUT, ()),
    (Leaf.UNKNOWN, Happening.OPENED): (Leaf.OPEN, (_was_opened,)),
    (Leaf.UNKNOWN, Happening.OPENED_BY_FORCE): (Leaf.OPEN, (_was_opened,)),
    (Leaf.SHUT, Happening.OPENED): (Leaf.OPEN, (_was_opened,)),
    (Leaf.SHUT, Happening.OPENED_BY_FORCE): (Leaf.FORCED, (AlarmForced(),)),
    (Leaf.OPEN, Happening.RELEASE): (Leaf.OPEN, ()),  # its time starts again
    (Leaf.OPEN, Happening.OPEN_TOO_LONG): (Leaf.HELD, (_held,)),
    (Leaf.OPEN, Happening.CLOSED): (Leaf.SHUT, (WasClosed(),)),
    (Leaf.HELD, Happening.CLOSED): (Leaf.SHUT, _HELD_ENDED),
    (Leaf.FORCED, Happening.CLOSED): (Leaf.SHUT, _FORCED_ENDED),
}


def step(door: Door, event: Event, now_up_ms: int, timing: DoorTiming) -> Outcome:
    """Let pass what is due, then hear one event.

    Raises:
        EvidenceError: a release without genuine evidence; keep the door as it was.
    """
    if isinstance(event, Unlock):
        check_unlock(event)
    elif isinstance(event, Egress):
        check_egress(event)
    now_up_ms = max(now_up_ms, door.heard_up_ms)  # time does not run backwards
    door, overdue = _let_pass(door, now_up_ms, timing)
    door, effects = _hear(replace(door, heard_up_ms=now_up_ms), event, timing)
    return door, overdue + effects


def _hear(door: Door, event: Event, timing: DoorTiming) -> Outcome:
    match event:
        case Unlock():
            return _unlock(door, event, timing)
        case Egress():
            return _egress(door, event, timing)
        case Opened():
            return _happen(door, _opening(door, timing), timing)
        case Closed():
            return _happen(door, _closing(timing), timing)
        case ModeChanged(mode):
            return _change_mode(door, mode, timing)
    return door, ()  # a Deadline: what was due has passed already


def _let_pass(door: Door, now_up_ms: int, timing: DoorTiming) -> Outcome:
    """Let each deadline up to now happen, at its own moment and in order."""
    effects: tuple[Effect, ...] = ()
    while (due_up_ms := door.deadline_up_ms) is not None and due_up_ms <= now_up_ms:
        if due_up_ms == door.leaf_due_up_ms:
            happening = Happening.OPEN_TOO_LONG
        elif door.lock is Lock.SETTLING:
            happening = Happening.SETTLED
        else:
            happening = Happening.RELEASE_OVER
        door = replace(door, heard_up_ms=due_up_ms)
        door, more = _happen(door, (happening,), timing)
        effects += more
    return door, effects


def _unlock(door: Door, unlock: Unlock, timing: DoorTiming) -> Outcome:
    grant, n = unlock.grant, unlock.position.n
    refusal = _refusal(door, unlock, timing)
    if refusal is not None:
        return door, (Refused(n, refusal),)
    door, settled = _happen(door, (Happening.SETTLED,), timing)
    unused_n = n if timing.contact else -1
    door = replace(
        door,
        last_n=n,
        after=Cause.GRANT,
        unused_n=unused_n,
        spent=(*door.spent, grant.verified.challenge)[-TOUCHES_REMEMBERED_MAX:],
    )
    door, effects = _release_for(door, grant.release_ms, timing)
    return door, settled + effects


def _refusal(door: Door, unlock: Unlock, timing: DoorTiming) -> Refusal | None:
    """Return why this genuine grant does not release this door now, or None."""
    grant = unlock.grant
    if grant.door != door.id:
        return Refusal.OTHER_DOOR
    if unlock.position.n <= door.last_n or grant.verified.challenge in door.spent:
        return Refusal.REUSED
    if not 0 <= door.heard_up_ms - grant.decided_up_ms <= GRANT_AGE_MS_MAX:
        return Refusal.STALE
    if not 1 <= grant.release_ms <= timing.release_ms_max:
        return Refusal.OUT_OF_BOUNDS
    if door.mode is Mode.LOCKED_DOWN:
        return Refusal.LOCKED_DOWN
    return None


def _egress(door: Door, egress: Egress, timing: DoorTiming) -> Outcome:
    if abs(door.heard_up_ms - egress.up_ms) > EXIT_AGE_MS_MAX:
        return door, (Refused(EXIT_SERIAL, Refusal.STALE),)
    door, settled = _happen(door, (Happening.SETTLED,), timing)
    exit_until_up_ms = door.heard_up_ms + timing.release_ms
    door = replace(door, after=Cause.EXIT, exit_until_up_ms=exit_until_up_ms)
    door, effects = _release_for(door, timing.release_ms, timing)
    return door, settled + effects


def _release_for(door: Door, duration_ms: int, timing: DoorTiming) -> Outcome:
    end_up_ms = door.heard_up_ms + duration_ms
    if door.released:
        end_up_ms = max(end_up_ms, door.lock_due_up_ms)
    door = replace(door, lock_due_up_ms=end_up_ms)
    return _happen(door, (Happening.RELEASE,), timing)


def _change_mode(door: Door, mode: Mode, timing: DoorTiming) -> Outcome:
    door = replace(door, mode=mode)
    if mode is not Mode.LOCKED_DOWN or not door.released:
        return door, ()
    if door.exit_until_up_ms > door.heard_up_ms:
        return replace(door, after=Cause.EXIT, lock_due_up_ms=door.exit_until_up_ms), ()
    return _happen(door, (Happening.CUT,), timing)


def _opening(door: Door, timing: DoorTiming) -> tuple[Happening, ...]:
    if door.ajar or not timing.contact:
        return ()
    if door.lock is Lock.SECURED:
        return (Happening.OPENED_BY_FORCE,)
    if timing.relock_on is Relock.OPENING:
        return (Happening.OPENED, Happening.RELOCK)
    return (Happening.OPENED,)


def _closing(timing: DoorTiming) -> tuple[Happening, ...]:
    if not timing.contact:
        return ()
    if timing.relock_on is Relock.CLOSING:
        return (Happening.RELOCK, Happening.CLOSED)
    return (Happening.CLOSED,)


def _happen(
    door: Door, happenings: tuple[Happening, ...], timing: DoorTiming
) -> Outcome:
    """Give each happening to both regions; what moves the lock is said first."""
    first: list[Effect | None] = []
    then: list[Effect | None] = []
    for happening in happenings:
        before = door
        lock, says = LOCK_TRANSITIONS.get((door.lock, happening), (None, ()))
        first += [say(before) if callable(say) else say for say in says]
        if lock is not None:
            door = _enter_lock(door, lock, timing)
        leaf, says = LEAF_TRANSITIONS.get((door.leaf, happening), (None, ()))
        then += [say(before) if callable(say) else say for say in says]
        if leaf is not None:
            door = _enter_leaf(door, leaf, happening, timing)
    return door, tuple(effect for effect in first + then if effect is not None)


def _enter_lock(door: Door, lock: Lock, timing: DoorTiming) -> Door:
    """Keep what the new state needs to know, and forget the rest."""
    match lock:
        case Lock.PASSED:
            door = replace(door, unused_n=-1)
        case Lock.SETTLING:
            until_up_ms = door.heard_up_ms + timing.settling_ms
            door = replace(door, lock_due_up_ms=until_up_ms, exit_until_up_ms=0)
        case Lock.SECURED:
            door = replace(door, lock_due_up_ms=NEVER, exit_until_up_ms=0, unused_n=-1)
    return replace(door, lock=lock)


def _enter_leaf(
    door: Door, leaf: Leaf, happening: Happening, timing: DoorTiming
) -> Door:
    if leaf is not Leaf.OPEN:
        return replace(door, leaf=leaf, leaf_due_up_ms=NEVER)
    opened = door.opened_up_ms if happening is Happening.RELEASE else door.heard_up_ms
    return replace(
        door,
        leaf=leaf,
        leaf_due_up_ms=door.heard_up_ms + timing.held_open_ms,
        opened_up_ms=opened,
    )
