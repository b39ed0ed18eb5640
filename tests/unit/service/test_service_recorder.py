"""The gateway's pen: in order, one at a time, and nothing dropped silently."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

import pytest

from gateway.core import entries
from gateway.core.entries import Record
from gateway.core.facts import CredentialState, DenialReason
from gateway.core.policy import DoorRules
from gateway.core.position import LedgerPosition
from gateway.core.registry import Registry
from gateway.errors import JournalError, JournalStateUnknownError, RegistryError
from gateway.ports import Journal
from gateway.service.events import Event, EventStream
from gateway.service.recorder import (
    NOTES_PER_ENTRY_BATCH_MAX,
    NOTES_QUEUED_MAX,
    RETRY_MS,
    Recorder,
)
from gateway.sim.clock import SimulatedClock
from tests.desk import FRONT
from tests.desk import Desk as CoreDesk
from tests.touches import CREDENTIAL_ID, HERE, HOLDER, Touches


class Paper(Journal):
    """Keeps entries in memory, and fails as told.

    Attributes:
        ways: what the next writes do: "refuse", "lose" or "keep"; else they succeed.
        gate: writes wait while it is not set.
    """

    def __init__(self) -> None:
        self.kept: list[Record] = []
        self.ways: list[str] = []
        self.batches: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.inside = 0

    async def _write(self, records: Sequence[Record]) -> tuple[int, bytes]:
        self.inside += 1
        assert self.inside == 1, "two writes at once"
        try:
            await self.gate.wait()
            way = self.ways.pop(0) if self.ways else "write"
            if way == "refuse":
                raise JournalError("full")
            if way != "lose":
                self.kept += records
                self.batches.append(len(records))
            if way != "write":
                raise JournalStateUnknownError("silent")
        finally:
            self.inside -= 1
        return len(self.kept) - 1, sha256(str(len(self.kept)).encode()).digest()

    def check(self) -> None:
        """Nothing happens after an append."""

    async def close(self) -> None:
        """Nothing to close."""


class Desk:
    """A recorder with all that it needs, and one credential in its registry."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.paper = Paper()
        self.touches = Touches()
        self.registry = Registry()
        self.events = EventStream()
        self.recorder = Recorder(self.paper, self.registry, clock, HERE, self.events)

    async def begin(self) -> None:
        """Write holder and credential."""
        credential = self.touches._credential().row()
        del credential["state"]
        holder = entries.holder_record(HOLDER, entries.BY_GATEWAY)
        await self.recorder.append(holder)
        await self.recorder.append(Record("enrol", credential))

    @property
    def kinds(self) -> list[str]:
        """What stands on the paper."""
        return [record.ev for record in self.paper.kept]

    def state(self) -> CredentialState:
        """The credential's, in memory."""
        credential = self.registry.credential(CREDENTIAL_ID)
        assert credential is not None
        return credential.state

    async def write(self, span_ms: int = 10_000) -> None:
        """Let the recorder run for so long."""
        task = asyncio.ensure_future(self.recorder.run())
        await self.clock.sleep_until(self.clock.now().up_ms + span_ms)
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture
async def desk(clock: SimulatedClock) -> Desk:
    desk = Desk(clock)
    await desk.begin()
    return desk


def becomes(state: CredentialState) -> Record:
    return entries.credential_state_record(
        CREDENTIAL_ID, state, "administration", entries.BY_GATEWAY
    )


def denial(reason: DenialReason = DenialReason.DECLINED) -> Record:
    return Record("door.deny", {"door": HERE, "reason": reason.value})


async def test_what_is_written_is_folded_in_and_told(desk: Desk) -> None:
    position = await desk.recorder.append(becomes(CredentialState.SUSPENDED), denial())
    assert position.n == 3
    assert desk.registry.entries == 4
    assert desk.state() is CredentialState.SUSPENDED
    told = list[tuple[str, object]]()
    async for event in desk.events.subscribe(0):
        told.append((event.kind, event.data["entry"]))
        if event.id == desk.events.last_id:
            break
    assert told == [
        ("holder", 0),
        ("enrol", 1),
        ("credential.state", 2),
        ("door.deny", 3),
    ]


async def test_an_illegal_change_is_not_written(desk: Desk) -> None:
    await desk.recorder.append(becomes(CredentialState.REVOKED))
    with pytest.raises(RegistryError):
        await desk.recorder.append(denial(), becomes(CredentialState.ACTIVE))
    assert desk.kinds == ["holder", "enrol", "credential.state"]
    assert desk.recorder.writable


async def test_failed_and_lost(desk: Desk) -> None:
    desk.paper.ways = ["refuse"]
    with pytest.raises(JournalError):
        await desk.recorder.append(becomes(CredentialState.SUSPENDED))
    assert desk.state() is CredentialState.ACTIVE
    assert not desk.recorder.writable
    await desk.recorder.append(denial())
    assert desk.recorder.writable


@pytest.mark.parametrize("way", ["lose", "keep"])
async def test_unknown_is_never_taken_for_written(desk: Desk, way: str) -> None:
    desk.paper.ways = [way]
    with pytest.raises(JournalStateUnknownError):
        await desk.recorder.append(becomes(CredentialState.SUSPENDED))
    assert desk.state() is CredentialState.ACTIVE
    assert desk.registry.entries == 2
    assert not desk.recorder.writable


async def test_a_grant_is_written_only_while_its_credential_is_active(
    desk: Desk,
) -> None:
    grant = desk.touches.grant(0)
    position = await desk.recorder.append_grant(grant)
    assert (position.n, position.covers) == (2, grant)
    await desk.recorder.append(becomes(CredentialState.SUSPENDED))
    with pytest.raises(RegistryError, match="takes it back"):
        await desk.recorder.append_grant(desk.touches.grant(10))
    desk.paper.ways = ["refuse"]
    await desk.recorder.deny(DenialReason.DECLINED, denial())
    assert desk.kinds[2:] == ["door.grant", "credential.state"]


async def test_orders_that_meet_are_judged_one_after_the_other(desk: Desk) -> None:
    desk.paper.gate.clear()
    both = asyncio.gather(
        desk.recorder.append(becomes(CredentialState.REVOKED)),
        desk.recorder.append(becomes(CredentialState.SUSPENDED)),
        return_exceptions=True,
    )
    await desk.clock.sleep_until(100)
    desk.paper.gate.set()
    first, second = await both
    assert not isinstance(first, BaseException)
    assert isinstance(second, RegistryError)
    assert desk.kinds[2:] == ["credential.state"]


async def test_a_caller_who_is_cancelled_leaves_the_books_in_order(desk: Desk) -> None:
    desk.paper.gate.clear()
    asked = asyncio.ensure_future(
        desk.recorder.append(becomes(CredentialState.REVOKED))
    )
    await desk.clock.sleep_until(100)
    asked.cancel()
    await asyncio.wait({asked})
    desk.paper.gate.set()
    await desk.recorder.append(denial())
    assert desk.kinds[2:] == ["credential.state", "door.deny"]
    assert desk.state() is CredentialState.REVOKED
    assert desk.registry.entries == 4


# Denials and notes.


async def test_denials_that_could_not_be_written_are_summed_up(desk: Desk) -> None:
    desk.paper.ways = ["refuse"] * 3 + ["refuse"] * 2  # and two tries of the summary
    for reason in (DenialReason.DECLINED, DenialReason.DECLINED, DenialReason.NO_TOUCH):
        await desk.recorder.deny(reason, denial(reason))
    await desk.write(RETRY_MS * 4)
    assert desk.kinds[2:] == ["door.missed"]
    assert desk.paper.kept[-1].what == {
        "count": 3,
        "door": HERE,
        "reasons": {"declined": 2, "no-touch": 1},
    }
    await desk.write()
    assert desk.kinds[2:] == ["door.missed"]  # once


async def test_a_denial_counted_while_the_summary_is_written_is_not_lost(
    desk: Desk,
) -> None:
    desk.paper.ways = ["refuse"]
    await desk.recorder.deny(DenialReason.DECLINED, denial())
    desk.paper.gate.clear()
    running = asyncio.ensure_future(desk.recorder.run())
    await desk.clock.sleep_until(100)
    desk.paper.ways = ["write", "refuse"]
    late = asyncio.ensure_future(desk.recorder.deny(DenialReason.NO_TOUCH, denial()))
    await desk.clock.sleep_until(200)
    desk.paper.gate.set()
    await late
    await desk.clock.sleep_until(5_000)
    running.cancel()
    await asyncio.wait({running})
    reasons = [r.what["reasons"] for r in desk.paper.kept if r.ev == "door.missed"]
    assert reasons == [{"declined": 1}, {"no-touch": 1}]


async def test_an_unknown_ledger_ends_a_denial_too(desk: Desk) -> None:
    desk.paper.ways = ["lose"]
    with pytest.raises(JournalStateUnknownError):
        await desk.recorder.deny(DenialReason.DECLINED, denial())


async def test_a_denial_stands_even_if_what_follows_is_too_late(desk: Desk) -> None:
    await desk.recorder.append(becomes(CredentialState.REVOKED))
    await desk.recorder.deny(
        DenialReason.COUNTER_NOT_RISING, denial(), becomes(CredentialState.SUSPENDED)
    )
    assert desk.kinds[2:] == ["credential.state", "door.deny"]
    with pytest.raises(RegistryError):
        await desk.recorder.deny(
            DenialReason.DECLINED, becomes(CredentialState.SUSPENDED)
        )


async def test_notes_never_wait_and_keep_their_order(desk: Desk) -> None:
    desk.paper.gate.clear()
    running = asyncio.ensure_future(desk.recorder.run())
    for number in range(200):
        desk.recorder.note(entries.unused_record(HERE, number))
        await asyncio.sleep(0)
    assert desk.kinds == ["holder", "enrol"]
    desk.paper.gate.set()
    await desk.clock.sleep_until(10)
    running.cancel()
    await asyncio.wait({running})
    assert [r.what["entry"] for r in desk.paper.kept[2:]] == list(range(200))
    assert max(desk.paper.batches) <= NOTES_PER_ENTRY_BATCH_MAX


async def test_notes_wait_for_the_ledger_to_come_back(desk: Desk) -> None:
    desk.paper.ways = ["refuse"] * 5
    desk.recorder.note(entries.exit_record(HERE))
    await desk.write(RETRY_MS * 7)
    assert desk.kinds[2:] == ["door.exit"]


async def test_a_note_is_written_once_even_if_its_writer_is_cancelled(
    desk: Desk,
) -> None:
    desk.paper.gate.clear()
    desk.recorder.note(entries.exit_record(HERE))
    running = asyncio.ensure_future(desk.recorder.run())
    await desk.clock.sleep_until(100)
    running.cancel()
    await asyncio.wait({running})
    desk.paper.gate.set()
    await desk.recorder.flush()
    assert desk.kinds[2:] == ["door.exit"]


async def test_notes_beyond_the_queue_are_counted(desk: Desk) -> None:
    for _ in range(NOTES_QUEUED_MAX + 3):
        desk.recorder.note(entries.exit_record(HERE))
    await desk.recorder.flush()
    assert desk.kinds.count("door.exit") == NOTES_QUEUED_MAX
    assert desk.paper.kept[-1].what["reasons"] == {"door.exit": 3}


@pytest.mark.parametrize("way", ["lose", "keep"])
async def test_an_unknown_ledger_ends_the_run(desk: Desk, way: str) -> None:
    desk.paper.ways = [way]
    desk.recorder.note(entries.exit_record(HERE))
    with pytest.raises(JournalStateUnknownError):
        await desk.recorder.run()


class Alarm:
    """A silent alarm that keeps its calls."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, object]] = []
        self.retries = 0

    def call(self, what: Mapping[str, object]) -> None:
        self.calls.append(what)

    def retry(self) -> None:
        self.retries += 1


async def grant_told(clock: SimulatedClock, *, duress: bool) -> tuple[Alarm, Event]:
    """Write one grant; return what was called and what the events say."""
    core, alarm, events, paper = CoreDesk(), Alarm(), EventStream(), Paper()
    core.registry = Registry()
    recorder = Recorder(paper, core.registry, clock, FRONT, events, alarm)
    by = entries.BY_GATEWAY
    await recorder.append(entries.holder_record(core.holder(), by))
    row = core.enrolled(duress=duress).row()
    await recorder.append(Record("enrol", row))
    core.policy = replace(core.policy, rules=DoorRules(duress_route="guard-desk"))
    await recorder.append_grant(core.granted())
    recorder.sum_up(0)
    assert paper.kept[-1].what.get("duress") == ("guard-desk" if duress else None)
    return alarm, events._kept[-1]


async def test_duress_calls_silently_and_no_event_differs(
    clock: SimulatedClock,
) -> None:
    silent, event = await grant_told(clock, duress=True)
    none, usual = await grant_told(clock, duress=False)
    assert silent.calls == [
        {
            "door": FRONT,
            "entry": 2,
            "holder": "h-1",
            "kind": "duress",
            "route": "guard-desk",
        }
    ]
    assert silent.retries == 1
    assert none.calls == []
    assert event == usual
    assert "duress" not in str(event)


async def test_two_touches_do_not_share_a_pass_with_one_use_left(
    clock: SimulatedClock,
) -> None:
    core, paper = CoreDesk(), Paper()
    core.registry = Registry()
    recorder = Recorder(paper, core.registry, clock, FRONT, EventStream())
    by = entries.BY_GATEWAY
    await recorder.append(entries.holder_record(core.holder(uses_max=1), by))
    await recorder.append(Record("enrol", core.enrolled().row()))
    first, second = core.granted(), core.granted()
    outcomes = await asyncio.gather(
        recorder.append_grant(first),
        recorder.append_grant(second),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes] == [LedgerPosition, RegistryError]
    assert [record.ev for record in paper.kept] == ["holder", "enrol", "door.grant"]
