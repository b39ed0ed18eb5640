"""Writes what happened to the ledger, in order, without making the door wait.

Every entry is checked against the registry before it is written and folded into it
right after, so that the registry in memory is always what the ledger says.

Two ways in. `append` and `append_grant` wait for durability and may fail: a grant and a
denial go this way. `note` never waits: door inputs and alarms are queued and written
as soon as the ledger can. While it cannot, denials are counted and, afterwards, summed
up in one entry, so that nothing is dropped silently (DOOR.md, law 6).
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final

from gateway.core.entries import (
    Record,
    grant_record,
    missed_record,
    order_record,
    shown,
)
from gateway.core.facts import DenialReason
from gateway.core.ids import DoorId
from gateway.core.orders import Order
from gateway.core.policy import Grant, still_stands
from gateway.core.position import LedgerPosition
from gateway.core.registry import Registry
from gateway.errors import JournalError, JournalStateUnknownError, RegistryError
from gateway.ports import NO_ALARM, Clock, Journal, SilentAlarm
from gateway.service.events import EventStream
from gateway.service.liveness import Stint

NOTES_QUEUED_MAX: Final = 1024
NOTES_PER_ENTRY_BATCH_MAX: Final = 64
RETRY_MS: Final = 1_000
SUMMARY_MS: Final = 60_000


class Recorder:
    """The gateway's pen."""

    def __init__(
        self,
        journal: Journal,
        registry: Registry,
        clock: Clock,
        door: DoorId,
        events: EventStream,
        alarm: SilentAlarm = NO_ALARM,
    ) -> None:
        self._registry: Final = registry
        self._journal: Final = journal
        self._clock: Final = clock
        self._door: Final = door
        self._events: Final = events
        self._alarm: Final = alarm
        self._notes: Final[deque[Record]] = deque()
        self._noted: Final = asyncio.Event()
        self._missed: Final[Counter[str]] = Counter()
        self._summed_up_ms = 0
        self._writable = True
        self.credentials_changed: Final = asyncio.Event()
        self.writing: Final = Stint(clock)
        self._turn: Final = asyncio.Lock()

    @property
    def writable(self) -> bool:
        """Whether the last attempt to append succeeded."""
        return self._writable

    async def append(self, *records: Record) -> LedgerPosition:
        """Write entries durably; see Journal.append.

        Raises:
            RegistryError: one of them would be an illegal change; none was written.
        """
        return await asyncio.shield(self._append(records))

    async def append_made(self, make: Callable[[], Sequence[Record]]) -> LedgerPosition:
        """Write entries that are made of the registry as it is when they are written.

        Raises:
            RegistryError: one of them would be an illegal change; none was written.
        """
        return await asyncio.shield(self._append_made(make))

    async def append_or_note(self, *records: Record) -> None:
        """Write entries durably; queue them while the ledger cannot.

        For what has happened already, and protects: a lockdown.
        """
        try:
            await self.append(*records)
        except JournalStateUnknownError:
            raise
        except JournalError:
            for record in records:
                self.note(record)

    async def append_grant(self, grant: Grant) -> LedgerPosition:
        """Write the entry of a grant durably; see Journal.append_grant.

        Raises:
            RegistryError: a rule denies it meanwhile: its credential was suspended,
                say, or the last use of a pass was spent.
        """
        return await asyncio.shield(self._append_grant(grant))

    async def append_order(self, order: Order, *first: Record) -> LedgerPosition:
        """Write the entry of a door's order durably; see Journal.append_order."""
        return await asyncio.shield(self._append_order(order, first))

    async def deny(self, reason: DenialReason, *records: Record) -> None:
        """Write a denial and what follows from it.

        If the ledger cannot, count it for the summary. What must not follow any more,
        since an administrator was quicker, is left out.
        """
        try:
            await self.append(*records)
        except JournalStateUnknownError:
            self._missed[reason.value] += 1
            raise
        except JournalError:
            self._missed[reason.value] += 1
            self._noted.set()
        except RegistryError:
            if len(records) == 1:
                raise
            await self.deny(reason, records[0])

    def count(self, reason: DenialReason) -> None:
        """Count a denial that gets no entry of its own; `sum_up` tells of it."""
        self._missed[reason.value] += 1

    def sum_up(self, now_ms: int) -> None:
        """Have what was counted written down, at most once a minute.

        Called once a second, which is how often a silent call is tried again.
        """
        self._alarm.retry()
        if self._missed and now_ms - self._summed_up_ms >= SUMMARY_MS:
            self._summed_up_ms = now_ms
            self._noted.set()

    def note(self, record: Record) -> None:
        """Queue an entry; the newest are dropped, counted, when the queue is full."""
        if len(self._notes) >= NOTES_QUEUED_MAX:
            self._missed[record.ev] += 1
        else:
            self._notes.append(record)
        self._noted.set()

    async def run(self) -> None:
        """Write queued notes until cancelled.

        Raises:
            JournalStateUnknownError: the process must stop and reopen the ledger.
        """
        while True:
            await self._noted.wait()
            self._noted.clear()
            try:
                await self.flush()
            except JournalStateUnknownError:
                raise
            except JournalError:
                await self._clock.sleep_until(self._clock.now().up_ms + RETRY_MS)
                self._noted.set()

    async def flush(self) -> None:
        """Write all that is queued, and the summary of what was missed.

        Raises:
            JournalError: what could not be written stays queued.
        """
        while self._notes:
            await asyncio.shield(self._write_notes())
        if self._missed:
            await asyncio.shield(self._write_missed())

    # One at a time, each to its end even if its caller is cancelled (the callers shield
    # them): an entry that was checked against the registry is written before the next
    # one is checked, and one that was written is folded in.

    async def _append(self, records: Sequence[Record]) -> LedgerPosition:
        async with self._turn:
            return await self._write(records)

    async def _append_made(
        self, make: Callable[[], Sequence[Record]]
    ) -> LedgerPosition:
        async with self._turn:
            return await self._write(make())

    async def _append_grant(self, grant: Grant) -> LedgerPosition:
        async with self._turn:
            if not still_stands(grant, self._registry):
                raise RegistryError(
                    "What was recorded while the grant waited takes it back."
                )
            return await self._write((grant_record(grant),), grant)

    async def _append_order(
        self, order: Order, first: Sequence[Record]
    ) -> LedgerPosition:
        async with self._turn:
            return await self._write((*first, order_record(order)), order)

    async def _write_notes(self) -> None:
        async with self._turn:
            batch = list(self._notes)[:NOTES_PER_ENTRY_BATCH_MAX]
            if not batch:
                return
            await self._write(batch)
            for _ in batch:
                self._notes.popleft()

    async def _write_missed(self) -> None:
        async with self._turn:
            missed = dict(self._missed)
            if not missed:
                return
            await self._write((missed_record(self._door, missed),))
            self._missed.subtract(missed)
            for word in [w for w, count in self._missed.items() if count <= 0]:
                del self._missed[word]

    async def _write(
        self, records: Sequence[Record], covers: Grant | Order | None = None
    ) -> LedgerPosition:
        self._registry.check_all([(one.ev, one.what) for one in records])
        try:
            with self.writing:
                position = await self._commit(records, covers)
        except JournalError:
            self._writable = False
            raise
        self._written(*records, n=position.n)
        return position

    async def _commit(
        self, records: Sequence[Record], covers: Grant | Order | None
    ) -> LedgerPosition:
        match covers:
            case Grant():
                return await self._journal.append_grant(covers)
            case Order():
                return await self._journal.append_order(covers, *records[:-1])
            case None:
                return await self._journal.append(*records)

    def _written(self, *records: Record, n: int) -> None:
        self._writable = True
        now = self._clock.now()
        first = n - len(records) + 1
        for offset, record in enumerate(records):
            self._registry.apply(first + offset, record.ev, record.what)
            told = {"entry": first + offset, **shown(record)}
            self._events.publish(record.ev, now, told)
            if record.ev == "credential.state":
                self.credentials_changed.set()
            if record.ev == "door.grant" and "duress" in record.what:
                self._alarm.call({"entry": first + offset, **_call(record)})


def _call(record: Record) -> dict[str, object]:
    what = record.what
    route, door, holder = what["duress"], what["door"], what["holder"]
    return {"door": door, "holder": holder, "kind": "duress", "route": route}
