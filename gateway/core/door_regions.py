"""One happening, given to all regions of a door: each takes its own row."""

from dataclasses import replace
from typing import Final

from gateway.core.door_events import Effect
from gateway.core.door_state import Door, Happening, Holding, Leaf, Lock
from gateway.core.door_table import (
    HOLD_TRANSITIONS,
    LEAF_TRANSITIONS,
    LOCK_TRANSITIONS,
)
from gateway.core.door_timing import NEVER, DoorTiming

Outcome = tuple[Door, tuple[Effect, ...]]


def happen(
    door: Door, happenings: tuple[Happening, ...], timing: DoorTiming
) -> Outcome:
    """Give each happening to all regions; what moves the lock is said first."""
    first: list[Effect | None] = []
    then: list[Effect | None] = []
    for happening in happenings:
        before = door
        lock, says = LOCK_TRANSITIONS.get((door.lock, happening), (None, ()))
        first += [say(before) if callable(say) else say for say in says]
        if lock is not None:
            door = _enter_lock(door, lock, timing)
        holding, says = HOLD_TRANSITIONS.get((door.holding, happening), (None, ()))
        first += [say(before) if callable(say) else say for say in says]
        if holding is not None:
            door = _enter_hold(door, holding, timing)
        leaf, says = LEAF_TRANSITIONS.get((door.leaf, happening), (None, ()))
        then += [say(before) if callable(say) else say for say in says]
        if leaf is not None:
            door = _enter_leaf(door, leaf, happening, timing)
    return door, tuple(effect for effect in first + then if effect is not None)


def _enter_lock(door: Door, lock: Lock, timing: DoorTiming) -> Door:
    """Keep what the new state needs to know, and forget the rest."""
    match lock:
        case Lock.RELEASED:  # the strike is told anew
            door = replace(door, strike_lost=False)
        case Lock.PASSED:
            door = replace(door, unused_n=-1)
        case Lock.SETTLING:
            until_up_ms = door.heard_up_ms + timing.settling_ms
            door = replace(door, lock_due_up_ms=until_up_ms, exit_until_up_ms=0)
        case _:  # secured
            door = replace(door, lock_due_up_ms=NEVER, exit_until_up_ms=0, unused_n=-1)
    return replace(door, lock=lock)


def _enter_hold(door: Door, holding: Holding, timing: DoorTiming) -> Door:
    settles = holding is Holding.SETTLING
    due_up_ms = door.heard_up_ms + timing.settling_ms if settles else NEVER
    lost = door.strike_lost and holding is not Holding.HELD  # told anew
    return replace(door, holding=holding, hold_due_up_ms=due_up_ms, strike_lost=lost)


_SAME_OPENING: Final = {Happening.RELEASE, Happening.HOLD, Happening.HOLD_OVER}


def _enter_leaf(
    door: Door, leaf: Leaf, happening: Happening, timing: DoorTiming
) -> Door:
    if leaf is Leaf.WARNED:
        return replace(door, leaf=leaf, leaf_due_up_ms=door.alarm_due_up_ms)
    if leaf is not Leaf.OPEN:
        extended = door.extended and leaf is not Leaf.SHUT
        return replace(
            door,
            leaf=leaf,
            extended=extended,
            leaf_due_up_ms=NEVER,
            alarm_due_up_ms=NEVER,
        )
    opened = door.opened_up_ms if happening in _SAME_OPENING else door.heard_up_ms
    patience_ms = timing.held_open_ms + timing.extended_open_ms * door.extended
    alarm_up_ms = NEVER if door.held else door.heard_up_ms + patience_ms
    return replace(
        door,
        leaf=leaf,
        leaf_due_up_ms=NEVER if door.held else alarm_up_ms - timing.pre_alarm_ms,
        alarm_due_up_ms=alarm_up_ms,
        opened_up_ms=opened,
    )
