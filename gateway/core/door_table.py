"""TRANSITIONS of a door: (state, happening) → (next state, what to say).

The only place where a lock, a hold or a leaf changes. A pair without a row changes
nothing: sensors bounce. core.door has the theory, and docs/door.md the picture.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from gateway.core.door_events import (
    EXIT_SERIAL,
    Alarm,
    AlarmCleared,
    AlarmForced,
    AlarmHeld,
    Cause,
    Effect,
    Lease,
    PreAlarm,
    PreAlarmOver,
    Release,
    Secure,
    Unused,
    WasClosed,
    WasOpened,
)
from gateway.core.door_state import Door, Happening, Holding, Leaf, Lock
from gateway.core.door_timing import LEASE_MS

Say = Effect | Callable[[Door], Effect | None]
"""An effect, or what makes one of the door as it is before the transition."""

State = TypeVar("State", Lock, Holding, Leaf)
Region = Mapping[tuple[State, Happening], tuple[State, tuple[Say, ...]]]


def _release(door: Door) -> Effect:
    serial = door.last_n if door.after is Cause.GRANT else EXIT_SERIAL
    return Release(serial, door.lock_due_up_ms - door.heard_up_ms)


def _lease(door: Door) -> Effect:
    until_up_ms = door.rank.until_up_ms
    left_ms = LEASE_MS if until_up_ms is None else until_up_ms - door.heard_up_ms
    return Lease(min(LEASE_MS, left_ms))


def _secure(door: Door) -> Effect | None:
    """What ended was momentary: secure, unless a mode holds the door."""
    return None if door.held else Secure()


def _hold_over(door: Door) -> Effect | None:
    """What ended was a mode's: secure, unless somebody is just let through."""
    return None if door.passable else Secure()


def _unused(door: Door) -> Effect | None:
    return Unused(door.unused_n) if door.unused_n >= 0 else None


def _was_opened(door: Door) -> Effect:
    by_mode = door.lock is Lock.SECURED and door.holding is not Holding.FREE
    if door.strike_lost and (by_mode or door.lock is not Lock.SECURED):
        return WasOpened(Cause.STRIKE_LOST)
    return WasOpened(Cause.MODE if by_mode else door.after)


def _pre_alarm(door: Door) -> Effect:
    return PreAlarm(door.alarm_due_up_ms - door.heard_up_ms)


def _held(door: Door) -> Effect:
    return AlarmHeld(door.alarm_due_up_ms - door.opened_up_ms)


_HELD_ENDED: Final = (WasClosed(), AlarmCleared(Alarm.HELD))
_FORCED_ENDED: Final = (WasClosed(), AlarmCleared(Alarm.FORCED))

LOCK_TRANSITIONS: Final[Region[Lock]] = {
    (Lock.SECURED, Happening.RELEASE): (Lock.RELEASED, (_release,)),
    (Lock.RELEASED, Happening.RELEASE): (Lock.RELEASED, (_release,)),
    (Lock.PASSED, Happening.RELEASE): (Lock.RELEASED, (_release,)),
    (Lock.RELEASED, Happening.OPENED): (Lock.PASSED, ()),
    (Lock.RELEASED, Happening.RELEASE_OVER): (Lock.SETTLING, (_secure,)),
    (Lock.RELEASED, Happening.CUT): (Lock.SETTLING, (_secure,)),
    (Lock.PASSED, Happening.RELEASE_OVER): (Lock.SECURED, (_secure,)),
    (Lock.PASSED, Happening.CUT): (Lock.SECURED, (_secure,)),
    (Lock.PASSED, Happening.RELOCK): (Lock.SECURED, (_secure,)),
    (Lock.SETTLING, Happening.OPENED): (Lock.SECURED, ()),
    (Lock.SETTLING, Happening.SETTLED): (Lock.SECURED, (_unused,)),
}

HOLD_TRANSITIONS: Final[Region[Holding]] = {
    (Holding.FREE, Happening.HOLD): (Holding.HELD, (_lease,)),
    (Holding.HELD, Happening.HOLD): (Holding.HELD, (_lease,)),
    (Holding.SETTLING, Happening.HOLD): (Holding.HELD, (_lease,)),
    (Holding.HELD, Happening.HOLD_OVER): (Holding.SETTLING, (_hold_over,)),
    (Holding.SETTLING, Happening.OPENED): (Holding.FREE, ()),
    (Holding.SETTLING, Happening.HOLD_SETTLED): (Holding.FREE, ()),
}

LEAF_TRANSITIONS: Final[Region[Leaf]] = {
    (Leaf.UNKNOWN, Happening.CLOSED): (Leaf.SHUT, ()),
    (Leaf.UNKNOWN, Happening.OPENED): (Leaf.OPEN, (_was_opened,)),
    (Leaf.UNKNOWN, Happening.OPENED_BY_FORCE): (Leaf.OPEN, (_was_opened,)),
    (Leaf.SHUT, Happening.OPENED): (Leaf.OPEN, (_was_opened,)),
    (Leaf.SHUT, Happening.OPENED_BY_FORCE): (Leaf.FORCED, (AlarmForced(),)),
    # Its time starts again with each release, and stands still while a mode holds.
    (Leaf.OPEN, Happening.RELEASE): (Leaf.OPEN, ()),
    (Leaf.OPEN, Happening.HOLD): (Leaf.OPEN, ()),
    (Leaf.OPEN, Happening.HOLD_OVER): (Leaf.OPEN, ()),
    (Leaf.OPEN, Happening.NEARLY_TOO_LONG): (Leaf.WARNED, (_pre_alarm,)),
    (Leaf.OPEN, Happening.OPEN_TOO_LONG): (Leaf.HELD, (_held,)),
    (Leaf.OPEN, Happening.CLOSED): (Leaf.SHUT, (WasClosed(),)),
    (Leaf.WARNED, Happening.RELEASE): (Leaf.OPEN, (PreAlarmOver(),)),
    (Leaf.WARNED, Happening.HOLD): (Leaf.OPEN, (PreAlarmOver(),)),
    (Leaf.WARNED, Happening.OPEN_TOO_LONG): (Leaf.HELD, (_held,)),
    (Leaf.WARNED, Happening.CLOSED): (Leaf.SHUT, (WasClosed(), PreAlarmOver())),
    (Leaf.HELD, Happening.CLOSED): (Leaf.SHUT, _HELD_ENDED),
    (Leaf.FORCED, Happening.CLOSED): (Leaf.SHUT, _FORCED_ENDED),
}
