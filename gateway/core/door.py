"""The door, as a pure machine: nothing here reads a clock, moves a line or waits.

Theory. A door is three things that move side by side, so the table (core.door_table)
has three regions (Harel, *Statecharts*, 1987) that hear the same happenings:

    the lock    SECURED --RELEASE--> RELEASED --OPENED--> PASSED --RELOCK--> SECURED
                                     RELEASED --RELEASE_OVER, CUT--> SETTLING
                                     SETTLING --SETTLED, OPENED--> SECURED
    the hold    FREE --HOLD--> HELD --HOLD_OVER--> SETTLING
                               SETTLING --HOLD_SETTLED, OPENED--> FREE
    the leaf    SHUT --OPENED--> OPEN --NEARLY_TOO_LONG--> WARNED
                                 OPEN, WARNED --OPEN_TOO_LONG--> HELD
                                 OPEN, WARNED, HELD --CLOSED--> SHUT
                SHUT --OPENED_BY_FORCE--> FORCED --CLOSED--> SHUT

`step` is told what happened and when. It first lets pass what was due by then, so that
a late call changes no outcome; then it turns the event into happenings, and each region
takes its own row; last it follows the mode (core.orders), which may have changed.

What is decided here:

- Only `Unlock`, `Hold` and `Egress` release. An Unlock or a Hold that is not genuine
  raises EvidenceError and can hardly be built; one that is genuine and does not apply
  now (another door's, stale, used, out of bounds, denied by the mode) gives the effect
  Refused and changes nothing.
- A release lasts until its own evidence's time plus its own duration. A second release
  while one runs neither shortens it nor adds to it: the later of the two ends holds.
  The newer grant then answers for "never opened", since two people may pass together.
- Each release moves the lock in every state of the leaf. A contact that lies must lock
  nobody in or out. One given while the leaf stands open is not spent by that opening.
- A mode holds the strike by a lease of seconds, which the doorkeeper renews (`Renew`).
  The strike is released while either of the two regions wants it.
- LockedDown, Blocked and the interlock cut a grant's release at once, and never an
  exit's: who has asked to get out gets out, in every mode.
- Relock on opening secures once the leaf leaves the frame; on closing, once it is back
  (for locks that must not be driven against an open leaf). The duration ends both.
- SETTLING is the moment after a release in which an opening still counts as allowed:
  the leaf began to move before the contact's debounce said so.
- The alarms forced and held end when the leaf closes, and by nothing else. While a mode
  holds the door, an open leaf is no alarm; its time begins when the mode ends.
- A strike that was lost since the last release makes what was released doubtful: the
  leaf may still open rightly, and that is then said to be no ordinary opening.
- Without a contact only durations count, and nothing is said about openings.
"""

from dataclasses import replace

from gateway.core.door_events import (
    EXIT_SERIAL,
    Cause,
    Closed,
    Effect,
    Egress,
    Event,
    FireOver,
    Hold,
    InterlockSaid,
    Lifted,
    Opened,
    Ordered,
    OrderOver,
    Refusal,
    Refused,
    Renew,
    ScheduleSaid,
    StrikeLost,
    Unlock,
    check_egress,
    check_hold,
    check_ordered,
    check_unlock,
)
from gateway.core.door_regions import Outcome, happen
from gateway.core.door_state import Door, Happening, Holding, Leaf, Lock
from gateway.core.door_timing import (
    EXIT_AGE_MS_MAX,
    GRANT_AGE_MS_MAX,
    ORDER_AGE_MS_MAX,
    TOUCHES_REMEMBERED_MAX,
    DoorTiming,
    Relock,
)
from gateway.core.facts import InputName, Mode
from gateway.core.orders import DENYING, Order, Rank, Why

__all__ = ["Door", "Holding", "Leaf", "Lock", "step"]

_DENIES = {Mode.LOCKED_DOWN: Refusal.LOCKED_DOWN, Mode.BLOCKED: Refusal.BLOCKED}


def step(door: Door, event: Event, now_up_ms: int, timing: DoorTiming) -> Outcome:
    """Let pass what is due, then hear one event.

    Raises:
        EvidenceError: a release without genuine evidence; keep the door as it was.
    """
    _check(event)
    now_up_ms = max(now_up_ms, door.heard_up_ms)  # time does not run backwards
    door, overdue = _let_pass(door, now_up_ms, timing)
    door = replace(door, heard_up_ms=now_up_ms)
    rank = door.rank
    door, effects = _hear(door, event, timing)
    door, more = _follow_mode(door, rank, timing)
    return door, overdue + effects + more


def _check(event: Event) -> None:
    match event:
        case Unlock():
            check_unlock(event)
        case Hold():
            check_hold(event)
        case Ordered():
            check_ordered(event)
        case Egress():
            check_egress(event)


def _hear(door: Door, event: Event, timing: DoorTiming) -> Outcome:
    match event:
        case Unlock():
            return _unlock(door, event, timing)
        case Egress():
            return _egress(door, event, timing)
        case Opened():
            return happen(door, _opening(door, timing), timing)
        case Closed():
            return happen(door, _closing(timing), timing)
        case Hold():
            return _hold(door, event)
        case Renew() if door.held:
            return happen(door, (Happening.HOLD,), timing)
    return _hear_of_mode(door, event)


def _hear_of_mode(door: Door, event: Event) -> Outcome:
    match event:
        case Ordered(order):
            return _with_order(door, order), ()
        case Lifted(n):
            kept = tuple(one for one in door.orders if one.why is Why.SCHEDULE)
            last_n = max(door.last_order_n, n)
            return replace(door, orders=kept, last_order_n=last_n), ()
        case FireOver():
            return replace(door, fire=False), ()
        case InterlockSaid(active):
            return replace(door, interlocked=active), ()
        case ScheduleSaid(is_open):
            return _schedule(door, is_open=is_open)
        case StrikeLost():
            return replace(door, strike_lost=True), ()
    return door, ()  # a Deadline: what was due has passed already


def _let_pass(door: Door, now_up_ms: int, timing: DoorTiming) -> Outcome:
    """Let each deadline up to now happen, at its own moment and in order."""
    effects: tuple[Effect, ...] = ()
    while (due_up_ms := door.deadline_up_ms) is not None and due_up_ms <= now_up_ms:
        rank = door.rank
        door = replace(door, heard_up_ms=max(due_up_ms, door.heard_up_ms))
        over = [one for one in door.orders if one.until_up_ms <= due_up_ms]
        if over:
            kept = tuple(one for one in door.orders if one not in over)
            door = replace(door, orders=kept)
            effects += tuple(OrderOver(one.mode, one.why) for one in over)
        else:
            door, more = happen(door, (_due(door, timing),), timing)
            effects += more
        door, more = _follow_mode(door, rank, timing)
        effects += more
    return door, effects


def _due(door: Door, timing: DoorTiming) -> Happening:
    """Return what the next deadline of the regions is."""
    if door.leaf_due_up_ms == min(
        door.leaf_due_up_ms, door.lock_due_up_ms, door.hold_due_up_ms
    ):
        warns = door.leaf is Leaf.OPEN and timing.pre_alarm_ms > 0
        return Happening.NEARLY_TOO_LONG if warns else Happening.OPEN_TOO_LONG
    if door.hold_due_up_ms < door.lock_due_up_ms:
        return Happening.HOLD_SETTLED
    if door.lock is Lock.SETTLING:
        return Happening.SETTLED
    return Happening.RELEASE_OVER


# What releases.


def _unlock(door: Door, unlock: Unlock, timing: DoorTiming) -> Outcome:
    grant, n = unlock.grant, unlock.position.n
    refusal = _refusal(door, unlock, timing)
    if refusal is not None:
        return door, (Refused(n, refusal),)
    door, settled = happen(door, (Happening.SETTLED,), timing)
    unused_n = n if timing.contact else -1
    door = replace(
        door,
        last_n=n,
        after=Cause.GRANT,
        unused_n=unused_n,
        person_came=door.schedule_open,
        extended=grant.extended or (door.passable and door.extended),
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
    if door.interlocked and not door.fire:
        return Refusal.INTERLOCKED
    return _DENIES.get(door.mode)


def _egress(door: Door, egress: Egress, timing: DoorTiming) -> Outcome:
    if egress.input is InputName.FIRE:  # for as long as it burns: no age, no end
        return replace(door, fire=True), ()
    if abs(door.heard_up_ms - egress.up_ms) > EXIT_AGE_MS_MAX:
        return door, (Refused(EXIT_SERIAL, Refusal.STALE),)
    door, settled = happen(door, (Happening.SETTLED,), timing)
    exit_until_up_ms = door.heard_up_ms + timing.release_ms
    door = replace(door, after=Cause.EXIT, exit_until_up_ms=exit_until_up_ms)
    door, effects = _release_for(door, timing.release_ms, timing)
    return door, settled + effects


def _release_for(door: Door, duration_ms: int, timing: DoorTiming) -> Outcome:
    end_up_ms = door.heard_up_ms + duration_ms
    if door.passable:
        end_up_ms = max(end_up_ms, door.lock_due_up_ms)
    door = replace(door, lock_due_up_ms=end_up_ms)
    return happen(door, (Happening.RELEASE,), timing)


# Modes.


def _hold(door: Door, hold: Hold) -> Outcome:
    order, n = hold.order, hold.position.n
    age_ms = door.heard_up_ms - order.ordered_up_ms
    refusal = None
    if order.door != door.id:
        refusal = Refusal.OTHER_DOOR
    elif n <= door.last_order_n:
        refusal = Refusal.REUSED
    elif (
        not 0 <= age_ms <= ORDER_AGE_MS_MAX
        or hold.until_up_ms <= door.heard_up_ms
        or (order.why is Why.SCHEDULE and not door.schedule_open)
    ):
        refusal = Refusal.STALE
    if refusal is not None:
        return door, (Refused(n, refusal),)
    return replace(_with_order(door, order), last_order_n=n), ()


def _with_order(door: Door, order: Order) -> Door:
    """Add an order; it replaces the one of its kind."""
    others = tuple(
        one for one in door.orders if (one.why, one.mode) != (order.why, order.mode)
    )
    return replace(door, orders=(*others, order))


def _schedule(door: Door, *, is_open: bool) -> Outcome:
    if is_open:
        return replace(door, schedule_open=True), ()
    over = [one for one in door.orders if one.why is Why.SCHEDULE]
    kept = tuple(one for one in door.orders if one not in over)
    door = replace(door, orders=kept, schedule_open=False, person_came=False)
    return door, tuple(OrderOver(one.mode, one.why) for one in over)


def _follow_mode(door: Door, before: Rank, timing: DoorTiming) -> Outcome:
    """Cut what the mode or the interlock denies; begin, go on or end to hold."""
    effects: tuple[Effect, ...] = ()
    if _is_denied(door) and door.passable:
        if door.exit_until_up_ms > door.heard_up_ms:
            until_up_ms = door.exit_until_up_ms
            door = replace(door, after=Cause.EXIT, lock_due_up_ms=until_up_ms)
        else:
            door, effects = happen(door, (Happening.CUT,), timing)
    if door.to_be_held is door.held and (not door.held or door.rank == before):
        return door, effects
    change = Happening.HOLD if door.to_be_held else Happening.HOLD_OVER
    door, more = happen(door, (change,), timing)
    return door, effects + more


def _is_denied(door: Door) -> bool:
    return door.mode in DENYING or (door.interlocked and not door.fire)


# The leaf.


def _opening(door: Door, timing: DoorTiming) -> tuple[Happening, ...]:
    if door.ajar or not timing.contact:
        return ()
    if door.lock is Lock.SECURED and door.holding is Holding.FREE:
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
