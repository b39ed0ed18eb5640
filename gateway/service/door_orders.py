"""Modes of the door: ordered by people, by the schedule, or left from before a restart.

What protects does not wait for the ledger; what releases does, and comes to the door as
a Hold. The ledger's order of entries is the door's: whatever is read back after a
restart is what stood before it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.core import entries
from gateway.core.clock_watch import ClockWatch
from gateway.core.door_events import Hold, Ordered
from gateway.core.door_timing import NEVER
from gateway.core.facts import Mode
from gateway.core.ids import DoorId, Now
from gateway.core.orders import DENYING, Order, Why, ordered, resumed, scheduled
from gateway.core.schedule import Schedule
from gateway.errors import (
    JournalError,
    JournalStateUnknownError,
    RegistryError,
)
from gateway.ports import Clock
from gateway.service.doorkeeper import Doorkeeper
from gateway.service.recorder import Recorder
from gateway.service.rtc_watch import RtcWatch

LOOK_MS: Final = 1_000


def left_over(
    rows: Mapping[Mode, Mapping[str, Any]], door: DoorId, now: Now
) -> tuple[list[Order], list[Mode]]:
    """Return the orders that still stand after a restart, and the modes that do not.

    Raises:
        JournalError: an order in the ledger is none that a gateway wrote.
    """
    standing: list[Order] = []
    over: list[Mode] = []
    for mode, row in rows.items():
        try:
            order = resumed(row, door, now)
        except RegistryError as error:
            raise JournalError(
                f"The ledger's last order for {mode.value} is none ({error}): verify "
                "the ledger before this door is used again."
            ) from error
        if order is None:
            over.append(mode)
        else:
            standing.append(order)
    return standing, over


class DoorOrders:
    """Takes orders for one door."""

    def __init__(
        self,
        door: DoorId,
        doorkeeper: Doorkeeper,
        recorder: Recorder,
        clock: Clock,
        unlocked: Callable[[], Schedule | None],
        zone: ZoneInfo,
        rtc: RtcWatch,
    ) -> None:
        """Serve one door.

        Args:
            door: whose orders these are.
            doorkeeper: its owner.
            recorder: where they are written.
            clock: what they end by.
            unlocked: tells during which schedule the door is held, by a clock that is
                believed; the policy in force says so.
            zone: where its windows are meant.
            rtc: compared whenever the clocks are looked at.
        """
        self._door: Final = door
        self._doorkeeper: Final = doorkeeper
        self._recorder: Final = recorder
        self._clock: Final = clock
        self._unlocked: Final = unlocked
        self._zone: Final = zone
        self._rtc: Final = rtc
        self._ordering: Final = asyncio.Lock()
        self._protections = 0
        self._watch = ClockWatch()

    async def set_mode(
        self,
        mode: Mode,
        for_ms: int,
        by: entries.By,
        first: Sequence[entries.Record] = (),
    ) -> None:
        """Order a mode, or lift what is ordered (Locked).

        What protects does not wait for the ledger, nor for a lift that does; and a
        lift that a protection overtook lifts nothing. Whoever protects again for a
        shorter time shortens nothing.

        Args:
            mode: which.
            for_ms: how long; 0 until it is lifted.
            by: who ordered it.
            first: entries to be written before its own.

        Raises:
            OrderError: this cannot be ordered.
            JournalError: a mode that releases, or a lift, was not written: no change.
        """
        if mode is Mode.LOCKED and not for_ms:
            await self._lift(by, first)
            return
        now = self._clock.now()
        if mode in DENYING and for_ms:
            for_ms = self._not_shorter(mode, now, for_ms)
        order = ordered(self._door, mode, by, now, for_ms)
        if mode in DENYING:
            self._protections += 1
            await self._doorkeeper.protect(Ordered(order))
            async with self._ordering:
                await self._recorder.append_or_note(*first, entries.order_record(order))
        else:
            async with self._ordering:
                await self.hold(order, first)

    async def hold(self, order: Order, first: Sequence[entries.Record] = ()) -> None:
        """Have an order written, then held."""
        position = await self._recorder.append_order(order, *first)
        await self._doorkeeper.hold(Hold(order, position))

    def _not_shorter(self, mode: Mode, now: Now, for_ms: int) -> int:
        """Return how long a mode that protects must last at least; 0 without end."""
        for one in self._doorkeeper.door.orders:
            if (one.mode, one.why) == (mode, Why.ORDER):
                if one.until_up_ms == NEVER:
                    return 0
                return max(for_ms, one.until_up_ms - now.up_ms)
        return for_ms

    async def _lift(self, by: entries.By, first: Sequence[entries.Record]) -> None:
        protections = self._protections
        async with self._ordering:
            await self._recorder.flush()  # a lockdown may wait there, came first
            position = await self._recorder.append(
                *first, entries.mode_record(self._door, Mode.LOCKED, by)
            )
            if protections == self._protections:
                await self._doorkeeper.lift(position.n)

    async def resume(self, standing: list[Order], over: list[Mode]) -> None:
        """After a restart: hold again what is left, and say what is over.

        Protecting orders stand already, in the door as it was made.
        """
        for mode in over:
            self._recorder.note(entries.over_record(self._door, mode, Why.ORDER))
        for order in standing:
            if order.mode not in DENYING:
                await self.hold(order)
            elif order.until_up_ms != NEVER:  # its end, by this boot's clock
                self._recorder.note(entries.order_record(order))

    def said_again(self) -> list[entries.Record]:
        """Return the entries that a recovery needs after a snapshot."""
        lifted = entries.mode_record(self._door, Mode.LOCKED, entries.BY_GATEWAY)
        orders = [
            entries.order_record(order)
            for order in self._doorkeeper.door.orders
            if order.why is Why.ORDER
        ]
        return [lifted, *orders, *self._rtc.said_again()]

    async def say_again(self, make: Callable[[], Sequence[entries.Record]]) -> None:
        """Write a snapshot's voucher and what stands, with no order in between."""
        async with self._ordering:
            await self._recorder.append_made(lambda: [*make(), *self.said_again()])

    # The wall clock.

    async def watch(self) -> None:
        """Look at the clocks every second, for ever."""
        while True:
            await self.look()
            await self._clock.sleep_until(self._clock.now().up_ms + LOOK_MS)

    async def look(self) -> None:
        """Record what the wall clock did, and follow the schedule by it.

        The schedule is worked out anew from the time each time: whoever calls this
        late, twice or not at all opens nothing that is to be locked.
        """
        now = self._clock.now()
        self._watch, changes = self._watch.look(now)
        for change in changes:
            self._recorder.note(entries.clock_record(change.why, change.step_ms))
        for record in self._rtc.look(now):
            self._recorder.note(record)
        unlocked = self._unlocked()
        is_open = (
            unlocked is not None
            and self._watch.settled
            and unlocked.is_open(now.wall_ms, self._zone)
        )
        await self._doorkeeper.schedule_said(is_open=is_open)
        if not self._doorkeeper.wants_schedule:
            return
        async with self._ordering:
            try:
                await self.hold(scheduled(self._door, entries.BY_GATEWAY, now))
            except JournalStateUnknownError:
                raise
            except JournalError:
                return  # it stays locked; the next look tries again
