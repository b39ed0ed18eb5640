"""The sole owner of the door: turns its effects into strike commands and entries.

Everything that happens to the door comes through here, one thing after another. The
strike moves first and entries about inputs are queued, so that nobody waits for a disk
to get out; a grant's or an order's own entry was durable before it came here.
"""

import asyncio
from dataclasses import replace
from typing import Final

from gateway.core import entries
from gateway.core.door import Door, Leaf, step
from gateway.core.door_events import (
    AlarmCleared,
    AlarmForced,
    AlarmHeld,
    Closed,
    Deadline,
    Effect,
    Egress,
    Event,
    FireOver,
    Hold,
    InterlockSaid,
    Lease,
    Lifted,
    Opened,
    Ordered,
    OrderOver,
    PreAlarm,
    PreAlarmOver,
    Refused,
    Release,
    Renew,
    ScheduleSaid,
    Secure,
    StrikeLost,
    Unlock,
    Unused,
    WasClosed,
    WasOpened,
)
from gateway.core.door_timing import DoorTiming
from gateway.core.facts import InputName, Pattern
from gateway.core.orders import OnFire
from gateway.errors import StrikeError
from gateway.ports import Clock, Indicators, InputChanged, Strike
from gateway.service.events import EventStream
from gateway.service.liveness import Stint
from gateway.service.recorder import Recorder
from gateway.service.timekeeper import Timekeeper
from gateway.service.views import DoorView

DEADLINE_NAME: Final = "door"
KEEP_ALIVE_MS: Final = 500
_ALARMS: Final = frozenset({InputName.TAMPER, InputName.FIRE})


class Doorkeeper:
    """Feeds one door machine and carries out what it says."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        door: Door,
        timing: DoorTiming,
        *,
        clock: Clock,
        strike: Strike,
        indicators: Indicators,
        recorder: Recorder,
        timekeeper: Timekeeper,
        events: EventStream,
        on_fire: OnFire = OnFire.OBSERVE,
    ) -> None:
        self._door = door
        self._timing: Final = timing
        self._clock: Final = clock
        self._strike: Final = strike
        self._indicators: Final = indicators
        self._recorder: Final = recorder
        self._timekeeper: Final = timekeeper
        self._events: Final = events
        self._on_fire: Final = on_fire
        self.keeping: Final = Stint(clock)
        self._turn: Final = asyncio.Lock()
        self.without_strike: Final = Stint(clock)
        self._inputs: Final[dict[InputName, bool]] = {}

    @property
    def door(self) -> Door:
        """The door's state now."""
        return self._door

    @property
    def wants_schedule(self) -> bool:
        """Whether the schedule is to hold the door and its order is not written yet."""
        return self._door.wants_schedule(self._timing)

    @property
    def inputs(self) -> dict[InputName, bool]:
        """What each input said last."""
        return dict(self._inputs)

    @property
    def strike_reachable(self) -> bool:
        """Whether the last command reached keyra-strike."""
        return not self.without_strike.is_under_way

    async def unlock(self, unlock: Unlock) -> Refused | StrikeError | None:
        """Release for a grant; return why it did not come to that, or None."""
        return _hindrance(await self._hear(unlock))

    async def hold(self, hold: Hold) -> Refused | StrikeError | None:
        """Hold by an order; return why it did not come to that, or None."""
        return _hindrance(await self._hear(hold))

    async def protect(self, ordered: Ordered) -> None:
        """Follow an order that releases nothing; its entry may come after."""
        await self._hear(ordered)

    async def lift(self, n: int) -> None:
        """End all that people ordered; the entry `n` says so."""
        await self._hear(Lifted(n))

    async def schedule_said(self, *, is_open: bool) -> None:
        """Follow the schedule; nothing happens where that is known."""
        if is_open is not self._door.schedule_open:
            await self._hear(ScheduleSaid(is_open))

    async def input_changed(self, change: InputChanged) -> None:
        """Act on an input, then have it recorded."""
        known, self._inputs[change.name] = (
            self._inputs.get(change.name, False),
            change.active,
        )
        match change.name:
            case InputName.CONTACT_OPEN:
                await self._hear(Opened() if change.active else Closed())
            case InputName.EXIT_REQUEST if change.active:
                await self._hear(Egress(change.name, change.up_ms))
                self._recorder.note(entries.exit_record(self._door.id))
            case InputName.INTERLOCK if known is not change.active:
                await self._hear(InterlockSaid(change.active))
                self._recorder.note(
                    entries.input_record(
                        self._door.id, change.name.value, active=change.active
                    )
                )
            case InputName.TAMPER | InputName.FIRE if known is not change.active:
                await self._alarm(change)

    async def _alarm(self, change: InputChanged) -> None:
        """Tell of tampering or fire once it begins, and once it ends."""
        if change.name is InputName.FIRE and self._on_fire is OnFire.RELEASE:
            begun = Egress(change.name, change.up_ms)
            await self._hear(begun if change.active else FireOver())
        self._indicators.show(self._at_rest())
        self._recorder.note(
            entries.alarm_record(
                change.name.value, "begun" if change.active else "ended"
            )
        )

    async def keep_strike_alive(self) -> None:
        """Tell keyra-strike that its peer lives and what a mode holds, for ever."""
        while True:
            with self.keeping:
                if self._door.held:
                    await self._hear(Renew())
                else:
                    await self._live()
            await self._clock.sleep_until(self._clock.now().up_ms + KEEP_ALIVE_MS)

    async def _live(self) -> None:
        try:
            await self._strike.keep_alive()
        except StrikeError as error:
            self._strike_lost(error)
            if not self._door.strike_lost:
                await self._hear(StrikeLost())
        else:
            self._strike_back()

    async def close(self) -> None:
        """Secure, at an orderly stop."""
        async with self._turn:
            await self._obey(Secure())

    async def _hear(self, event: Event) -> list[tuple[Effect, StrikeError | None]]:
        """Carry out what follows from an event; say of each effect if it failed."""
        async with self._turn:
            before = self._door
            now_ms = self._clock.now().up_ms
            settled, overdue = step(before, Deadline(), now_ms, self._timing)
            self._door, effects = step(settled, event, now_ms, self._timing)
            outcome = [(one, await self._obey(one)) for one in (*overdue, *effects)]
            if any(error and isinstance(one, Release) for one, error in outcome):
                # The door was not released; the evidence is spent all the same.
                last_n, spent = self._door.last_n, self._door.spent
                self._door = replace(settled, last_n=last_n, spent=spent)
            if any(error for _, error in outcome):
                self._door, more = step(self._door, StrikeLost(), now_ms, self._timing)
                outcome += [(one, await self._obey(one)) for one in more]
            self._set_deadline()
            self._tell(before)
            return outcome

    async def _obey(self, effect: Effect) -> StrikeError | None:
        try:
            match effect:
                case Release(serial, duration_ms):
                    await self._strike.release(serial, duration_ms)
                    self._indicators.show(Pattern.GRANTED)
                case Lease(duration_ms):
                    await self._strike.lease(duration_ms)
                case Secure():
                    await self._strike.secure()
                    self._indicators.show(self._at_rest())
                case _:
                    self._record(effect)
                    return None
        except StrikeError as error:
            self._strike_lost(error)
            return error
        self._strike_back()
        return None

    def _record(self, effect: Effect) -> None:
        door_id, note = self._door.id, self._recorder.note
        match effect:
            case WasOpened(after):
                note(entries.opened_record(door_id, after.value))
            case WasClosed():
                note(entries.closed_record(door_id))
            case Unused(entry):
                note(entries.unused_record(door_id, entry))
            case OrderOver(mode, why):
                note(entries.over_record(door_id, mode, why))
            case AlarmForced():
                self._indicators.show(self._at_rest())
                note(entries.forced_record(door_id))
            case AlarmHeld(open_ms):
                self._indicators.show(self._at_rest())
                note(entries.held_record(door_id, open_ms))
            case AlarmCleared(alarm):
                self._indicators.show(self._at_rest())
                note(entries.clear_record(door_id, alarm.value))
            case PreAlarm() | PreAlarmOver():
                self._indicators.show(self._at_rest())

    def _at_rest(self) -> Pattern:
        """Return what lights and buzzer say while nobody is at a key."""
        door = self._door
        if door.leaf in {Leaf.FORCED, Leaf.HELD} or any(
            self._inputs.get(name) for name in _ALARMS
        ):
            return Pattern.ALARM
        if door.leaf is Leaf.WARNED:
            return Pattern.PRE_ALARM
        return Pattern.UNLOCKED if door.held else Pattern.READY

    def _strike_back(self) -> None:
        if not self.strike_reachable:
            self.without_strike.end()
            self._recorder.note(entries.alarm_record("strike-lost", "ended"))

    def _strike_lost(self, error: StrikeError) -> None:
        self._indicators.show(Pattern.FAULT)
        if self.strike_reachable:
            self.without_strike.begin()
            self._recorder.note(entries.alarm_record("strike-lost", str(error)))

    def _set_deadline(self) -> None:
        due_ms = self._door.deadline_up_ms
        if due_ms is None:
            self._timekeeper.clear(DEADLINE_NAME)
        else:
            self._timekeeper.set(DEADLINE_NAME, due_ms, self._on_deadline)

    async def _on_deadline(self) -> None:
        await self._hear(Deadline())

    def _tell(self, before: Door) -> None:
        """Publish what people see of the door, if that changed."""
        door = self._door
        if door.held and not before.held:
            self._indicators.show(self._at_rest())
        if (door.phase, door.shown_mode, door.rank) != (
            before.phase,
            before.shown_mode,
            before.rank,
        ):
            now = self._clock.now()
            view = DoorView.of(door, now)
            self._events.publish(
                "door.phase",
                now,
                {
                    "phase": view.phase,
                    "mode": view.mode.value,
                    "why": view.why,
                    "until_ms": view.until_ms,
                    "deadline_up_ms": view.deadline_up_ms or 0,
                },
            )


def _hindrance(
    outcome: list[tuple[Effect, StrikeError | None]],
) -> Refused | StrikeError | None:
    """Return what kept evidence from releasing the door, or None."""
    for effect, error in outcome:
        if isinstance(effect, Refused):
            return effect
        if isinstance(effect, Release | Lease) and error is not None:
            return error
    return None
