"""The sole owner of the door: turns its effects into strike commands and entries.

Everything that happens to the door comes through here, one thing after another. The
strike moves first and entries about inputs are queued, so that nobody waits for a disk
to get out; a grant's own entry was durable before it came here.
"""

import asyncio
from dataclasses import replace
from typing import Final

from gateway.core import entries
from gateway.core.door import Door, step
from gateway.core.door_events import (
    AlarmCleared,
    AlarmForced,
    AlarmHeld,
    Closed,
    Deadline,
    Effect,
    Egress,
    Event,
    ModeChanged,
    Opened,
    Refused,
    Release,
    Secure,
    Unlock,
    Unused,
    WasClosed,
    WasOpened,
)
from gateway.core.door_timing import DoorTiming
from gateway.core.facts import InputName, Mode, Pattern
from gateway.errors import StrikeError
from gateway.ports import Clock, Indicators, InputChanged, Strike
from gateway.service.events import EventStream
from gateway.service.recorder import Recorder
from gateway.service.timekeeper import Timekeeper

DEADLINE_NAME: Final = "door"
KEEP_ALIVE_MS: Final = 500


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
    ) -> None:
        self._door = door
        self._timing: Final = timing
        self._clock: Final = clock
        self._strike: Final = strike
        self._indicators: Final = indicators
        self._recorder: Final = recorder
        self._timekeeper: Final = timekeeper
        self._events: Final = events
        self._turn: Final = asyncio.Lock()
        self._strike_reachable = True
        self._alarms: set[InputName] = set()

    @property
    def door(self) -> Door:
        """The door's state now."""
        return self._door

    @property
    def strike_reachable(self) -> bool:
        """Whether the last command reached keyra-strike."""
        return self._strike_reachable

    async def unlock(self, unlock: Unlock) -> Refused | StrikeError | None:
        """Release for a grant; return why it did not come to that, or None."""
        for effect, error in await self._hear(unlock):
            if isinstance(effect, Refused):
                return effect
            if isinstance(effect, Release):
                return error
        return None

    async def input_changed(self, change: InputChanged) -> None:
        """Act on a contact or an exit request; the others raise alarms."""
        if change.name is InputName.CONTACT_OPEN:
            await self._hear(Opened() if change.active else Closed())
        elif change.name is InputName.EXIT_REQUEST and change.active:
            await self._hear(Egress(change.name, change.up_ms))
            self._recorder.note(entries.exit_record(self._door.id))
        elif change.name in {InputName.TAMPER, InputName.FIRE}:
            self._alarm(change)

    def _alarm(self, change: InputChanged) -> None:
        """Tell of tampering or fire once it begins, and once it ends."""
        if change.active is (change.name in self._alarms):
            return
        self._alarms ^= {change.name}
        if change.active:
            self._indicators.show(Pattern.ALARM)
        self._recorder.note(
            entries.alarm_record(
                change.name.value, "begun" if change.active else "ended"
            )
        )

    async def set_mode(self, mode: Mode) -> None:
        """Follow a mode whose entry is already durable."""
        await self._hear(ModeChanged(mode))

    async def keep_strike_alive(self) -> None:
        """Tell keyra-strike that its peer lives, until cancelled."""
        while True:
            try:
                await self._strike.keep_alive()
            except StrikeError as error:
                self._strike_lost(error)
            else:
                self._strike_reachable = True
            await self._clock.sleep_until(self._clock.now().up_ms + KEEP_ALIVE_MS)

    async def close(self) -> None:
        """Secure, at an orderly stop."""
        async with self._turn:
            await self._obey(Secure())

    async def _hear(self, event: Event) -> list[tuple[Effect, StrikeError | None]]:
        """Carry out what follows from an event; say of each effect if it failed."""
        async with self._turn:
            before = self._door.phase
            now_ms = self._clock.now().up_ms
            settled, overdue = step(self._door, Deadline(), now_ms, self._timing)
            self._door, effects = step(settled, event, now_ms, self._timing)
            outcome = [(one, await self._obey(one)) for one in (*overdue, *effects)]
            if any(error and isinstance(one, Release) for one, error in outcome):
                # The door was not released; the evidence is spent all the same.
                last_n, spent = self._door.last_n, self._door.spent
                self._door = replace(settled, last_n=last_n, spent=spent)
            self._set_deadline()
            if self._door.phase is not before:
                self._publish_phase()
            return outcome

    async def _obey(self, effect: Effect) -> StrikeError | None:
        try:
            match effect:
                case Release(serial, duration_ms):
                    await self._strike.release(serial, duration_ms)
                    self._indicators.show(Pattern.GRANTED)
                case Secure():
                    await self._strike.secure()
                    self._indicators.show(Pattern.READY)
                case _:
                    self._record(effect)
                    return None
        except StrikeError as error:
            self._strike_lost(error)
            return error
        self._strike_reachable = True
        return None

    def _record(self, effect: Effect) -> None:
        door_id = self._door.id
        match effect:
            case WasOpened(after):
                self._recorder.note(entries.opened_record(door_id, after.value))
            case WasClosed():
                self._recorder.note(entries.closed_record(door_id))
            case Unused(entry):
                self._recorder.note(entries.unused_record(door_id, entry))
            case AlarmForced():
                self._indicators.show(Pattern.ALARM)
                self._recorder.note(entries.forced_record(door_id))
            case AlarmHeld(open_ms):
                self._indicators.show(Pattern.ALARM)
                self._recorder.note(entries.held_record(door_id, open_ms))
            case AlarmCleared(alarm):
                self._indicators.show(Pattern.READY)
                self._recorder.note(entries.clear_record(door_id, alarm.value))
            case _:
                return

    def _strike_lost(self, error: StrikeError) -> None:
        self._indicators.show(Pattern.FAULT)
        if self._strike_reachable:
            self._strike_reachable = False
            self._recorder.note(entries.alarm_record("strike-lost", str(error)))

    def _set_deadline(self) -> None:
        due_ms = self._door.deadline_up_ms
        if due_ms is None:
            self._timekeeper.clear(DEADLINE_NAME)
        else:
            self._timekeeper.set(DEADLINE_NAME, due_ms, self._on_deadline)

    async def _on_deadline(self) -> None:
        await self._hear(Deadline())

    def _publish_phase(self) -> None:
        self._events.publish(
            "door.phase",
            self._clock.now(),
            {"phase": self._door.phase.value, "mode": self._door.mode.value},
        )
