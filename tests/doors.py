"""The door's step, after which its state must be whole, whatever the test asks for."""

from dataclasses import MISSING, fields
from typing import Final

from gateway.core import door as core
from gateway.core.door_events import Effect, Event
from gateway.core.door_state import Door, Leaf, Lock
from gateway.core.door_timing import NEVER, DoorTiming

KINDS: Final = {
    one.name: type(one.default) for one in fields(Door) if one.default is not MISSING
}


def step(
    door: Door, event: Event, up_ms: int, timing: DoorTiming
) -> tuple[Door, tuple[Effect, ...]]:
    """Take one step, and see that nothing is left of what a state does not need."""
    door, effects = core.step(door, event, up_ms, timing)
    assert {name: type(getattr(door, name)) for name in KINDS} == KINDS
    if door.lock is Lock.SECURED:
        assert (door.lock_due_up_ms, door.exit_until_up_ms) == (NEVER, 0)
    if door.lock is Lock.SETTLING:
        assert door.exit_until_up_ms == 0
    if door.lock in {Lock.SECURED, Lock.PASSED}:
        assert door.unused_n == -1
    if door.held or door.leaf not in {Leaf.OPEN, Leaf.WARNED}:
        assert (door.leaf_due_up_ms, door.alarm_due_up_ms) == (NEVER, NEVER)
    return door, effects
