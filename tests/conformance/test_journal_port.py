"""ports.Journal over a real ledger: each write fails once as lost, once as persisted.

Lost: nothing is on disk and the journal goes on. Persisted: it is on disk and the
caller was told that nobody knows; then only a fresh open goes on, and finds the entry.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.ledger_journal import LedgerHistory, LedgerJournal
from gateway.core.entries import BY_GATEWAY, Record, mode_record, stop_record
from gateway.core.facts import Mode
from gateway.core.policy import Grant
from gateway.core.position import LedgerPosition
from gateway.errors import EvidenceError, JournalError, JournalStateUnknownError
from gateway.sim.clock import SimulatedClock
from ledger.batch import Appended
from ledger.entry import Draft, Stamp, parse_entry
from ledger.errors import AppendFailed, LedgerCorruptError, StateUnknown
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.writer import Writer, initialise
from tests.desk import FRONT, Desk

WALL_MS = 1_785_405_600_000
KEY = SigningKey.from_seed(bytes(32))
LOCKDOWN = mode_record(FRONT, Mode.LOCKED_DOWN, BY_GATEWAY)
STOP = stop_record("a test")

Fault = Callable[[Callable[[], Any], Callable[[], None]], Any]
"""Gets the true write and the true close, and does with them what a fault does."""


def lost(_write: Callable[[], Any], _close: Callable[[], None]) -> Any:
    raise AppendFailed("Nothing was appended: a fault.")


def lost_and_unsure(_write: Callable[[], Any], close: Callable[[], None]) -> Any:
    close()
    raise StateUnknown("It is unknown what the ledger holds: a fault.")


def persisted_and_unsure(write: Callable[[], Any], close: Callable[[], None]) -> Any:
    write()
    close()
    raise StateUnknown("It is unknown what the ledger holds: a fault.")


def persisted_and_broken(write: Callable[[], Any], close: Callable[[], None]) -> Any:
    write()
    close()
    raise LedgerCorruptError("Memory or disk is failing: a fault.")


def persisted_and_io_error(write: Callable[[], Any], close: Callable[[], None]) -> Any:
    write()
    close()
    raise OSError(5, "Input/output error")


def unsealed(write: Callable[[], Any], close: Callable[[], None]) -> Any:
    """The one fault that comes after the caller was told."""
    write()
    close()
    raise StateUnknown("The seal was not written: a fault.")


def nobody(_appended: list[Appended]) -> None:
    """Whoever waits hears nothing before the fault."""


class FaultyWriter:
    """A real writer with one fault planned."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.fault: Fault | None = None
        self.last_words: list[bool] = []

    def append(
        self,
        drafts: Sequence[Draft],
        stamp: Stamp,
        *,
        last_words: bool = False,
        durable: Callable[[list[Appended]], None],
    ) -> list[Appended]:
        self.last_words.append(last_words)
        tell = durable if self.fault in {None, unsealed} else nobody
        appended: list[Appended] = self._do(
            lambda: self.writer.append(
                drafts, stamp, last_words=last_words, durable=tell
            )
        )
        return appended

    def checkpoint(self) -> str:
        note: str = self._do(self.writer.checkpoint)
        return note

    def close(self) -> None:
        self.writer.close()

    def _do(self, write: Callable[[], Any]) -> Any:
        fault, self.fault = self.fault, None
        return write() if fault is None else fault(write, self.writer.close)


class HeldExecutor(Executor):
    """A thread that runs its jobs when the test says so."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []
        self.closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if self.closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[Any] = Future()

        def run() -> None:
            future.set_running_or_notify_cancel()
            try:
                future.set_result(fn(*args, **kwargs))
            except Exception as error:  # noqa: BLE001 - as an executor does
                future.set_exception(error)

        self.jobs.append(run)
        return future

    def work(self) -> None:
        while self.jobs:
            self.jobs.pop(0)()


class Bench:
    """A ledger in a folder, opened as often as the test likes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = SimulatedClock(WALL_MS)
        now = self.clock.now()
        stamp = Stamp(now.wall_ms, now.boot, now.err_ms, now.up_ms)
        initialise(path, "site.example/gw-1", KEY, stamp)
        self.writer = FaultyWriter(Writer.open(path, KEY))

    def journal(self, executor: Executor | None = None) -> LedgerJournal:
        return LedgerJournal(self.writer, self.clock, executor)

    def reopened(self) -> LedgerJournal:
        self.writer.close()
        self.writer = FaultyWriter(Writer.open(self.path, KEY))
        return self.journal()

    def events(self) -> list[str]:
        return [past.ev for past in LedgerHistory(self.path).entries(1)]


@pytest.fixture
async def bench(tmp_path: Path) -> Any:
    bench = Bench(tmp_path / "ledger.db")
    yield bench
    bench.writer.close()


async def append(journal: LedgerJournal) -> LedgerPosition:
    return await journal.append(LOCKDOWN)


async def append_two(journal: LedgerJournal) -> LedgerPosition:
    return await journal.append(LOCKDOWN, STOP)


async def append_grant(journal: LedgerJournal) -> LedgerPosition:
    return await journal.append_grant(Desk().granted())


WRITES = [
    (append, ["door.mode"]),
    (append_two, ["door.mode", "stop"]),
    (append_grant, ["door.grant"]),
]
each_write = pytest.mark.parametrize(
    ("write", "events"), WRITES, ids=[w[0].__name__ for w in WRITES]
)


@each_write
async def test_a_position_is_given_for_what_is_durable(
    bench: Bench, write: Any, events: list[str]
) -> None:
    position = await write(bench.journal())
    assert position.n == len(events)
    assert len(position.leaf) == 32
    assert bench.events() == events


@each_write
async def test_failed_and_lost_leaves_nothing_and_the_journal_goes_on(
    bench: Bench, write: Any, events: list[str]
) -> None:
    journal = bench.journal()
    bench.writer.fault = lost
    with pytest.raises(JournalError) as caught:
        await write(journal)
    assert not isinstance(caught.value, JournalStateUnknownError)
    assert bench.events() == []
    assert (await write(journal)).n == len(events)
    assert bench.events() == events


@pytest.mark.parametrize(
    "fault",
    [persisted_and_unsure, persisted_and_broken, persisted_and_io_error],
    ids=lambda fault: fault.__name__,
)
@each_write
async def test_failed_but_persisted_is_found_by_the_next_open_only(
    bench: Bench, write: Any, events: list[str], fault: Fault
) -> None:
    journal = bench.journal()
    bench.writer.fault = fault
    with pytest.raises(JournalStateUnknownError):
        await write(journal)
    with pytest.raises(JournalStateUnknownError):
        await journal.append(STOP)
    assert bench.events() == events
    assert (await bench.reopened().append(STOP)).n == len(events) + 1


@each_write
async def test_lost_without_knowing_stops_the_journal_too(
    bench: Bench, write: Any, events: list[str]
) -> None:
    journal = bench.journal()
    bench.writer.fault = lost_and_unsure
    with pytest.raises(JournalStateUnknownError):
        await write(journal)
    with pytest.raises(JournalStateUnknownError):
        await write(journal)
    assert bench.events() == []
    assert (await write(bench.reopened())).n == len(events)


@each_write
async def test_what_was_told_before_the_seal_failed_holds_and_then_the_journal_ends(
    bench: Bench, write: Any, events: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    journal = bench.journal()
    journal.check()
    bench.writer.fault = unsealed
    assert (await write(journal)).n == len(events)
    with pytest.raises(JournalStateUnknownError, match="seal"):
        journal.check()
    with pytest.raises(JournalStateUnknownError):
        await journal.append(STOP)
    assert "whose caller did not wait" in caplog.text
    assert bench.events() == events
    reopened = bench.reopened()
    reopened.check()
    assert (await reopened.append(STOP)).n == len(events) + 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (lost, JournalError),
        (lost_and_unsure, JournalStateUnknownError),
        (persisted_and_unsure, JournalStateUnknownError),
    ],
)
async def test_a_checkpoint_fails_like_an_entry(
    bench: Bench, fault: Fault, error: type[JournalError]
) -> None:
    journal = bench.journal()
    await journal.append(STOP)
    bench.writer.fault = fault
    with pytest.raises(error) as caught:
        await journal.checkpoint()
    assert type(caught.value) is error
    assert (await bench.reopened().checkpoint()).startswith("site.example/gw-1\n2\n")


@pytest.mark.parametrize("fault", [lost, lost_and_unsure, persisted_and_unsure])
async def test_closing_lets_go_whatever_the_closing_checkpoint_does(
    bench: Bench, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    journal = bench.journal()
    bench.writer.fault = fault
    await journal.close()
    assert "No closing checkpoint" in caplog.text
    assert (await bench.reopened().append(STOP)).n == 1


async def test_a_grant_that_policy_did_not_make_is_not_written(bench: Bench) -> None:
    forged = object.__new__(Grant)
    with pytest.raises(EvidenceError):
        await bench.journal().append_grant(forged)
    assert bench.events() == []


async def test_an_entry_that_cannot_be_written_is_known_not_to_be(bench: Bench) -> None:
    journal = bench.journal()
    with pytest.raises(JournalError) as caught:
        await journal.append(Record("alarm", {"detail": "x" * 100_000}))
    assert not isinstance(caught.value, JournalStateUnknownError)
    assert (await journal.append(STOP)).n == 1


async def test_a_wall_clock_that_no_entry_can_carry_is_known_not_to_be_written(
    bench: Bench,
) -> None:
    bench.clock.set_wall(-1)
    with pytest.raises(JournalError) as caught:
        await bench.journal().append(STOP)
    assert not isinstance(caught.value, JournalStateUnknownError)


async def test_the_stamp_is_of_the_moment_of_asking(bench: Bench) -> None:
    executor = HeldExecutor()
    journal = bench.journal(executor)
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(journal.append(STOP))
        await bench.clock.sleep_until(5_000)
        executor.work()
        await asked
    with Reader.open(bench.path) as reader:
        assert parse_entry(reader.entry(1)).stamp.up_ms < 5_000


async def test_appends_are_written_in_the_order_of_asking(bench: Bench) -> None:
    executor = HeldExecutor()
    journal = bench.journal(executor)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(journal.append(LOCKDOWN))
        second = group.create_task(journal.append(STOP))
        await bench.clock.sleep_until(10)
        executor.work()
    assert (first.result().n, second.result().n) == (1, 2)


@pytest.mark.parametrize(
    ("fault", "events", "words"),
    [
        (None, ["door.mode", "stop"], "whose caller did not wait"),
        (lost, ["stop"], "A write failed"),
    ],
)
async def test_a_cancelled_append_is_carried_through_and_told(
    bench: Bench,
    fault: Fault | None,
    events: list[str],
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    executor = HeldExecutor()
    journal = bench.journal(executor)
    bench.writer.fault = fault
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await journal.append(LOCKDOWN)
    assert executor.jobs
    assert (await append_at_once(journal, executor)).n == len(events)
    assert bench.events() == events
    assert words in caplog.text


async def append_at_once(
    journal: LedgerJournal, executor: HeldExecutor
) -> LedgerPosition:
    loop = asyncio.get_running_loop()
    loop.call_later(1, executor.work)
    return await journal.append(STOP)


async def test_a_cancelled_append_that_left_doubt_stops_the_next_one(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    executor = HeldExecutor()
    journal = bench.journal(executor)
    bench.writer.fault = persisted_and_unsure
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await journal.append(LOCKDOWN)
    executor.work()
    with pytest.raises(JournalStateUnknownError):
        await append_at_once(journal, executor)
    assert "A write failed" in caplog.text
    assert bench.events() == ["door.mode"]


async def test_a_thread_that_is_gone_is_known_not_to_have_written(
    bench: Bench,
) -> None:
    executor = HeldExecutor()
    executor.closed = True
    with pytest.raises(JournalError) as caught:
        await bench.journal(executor).append(STOP)
    assert not isinstance(caught.value, JournalStateUnknownError)
    assert bench.events() == []


async def test_only_last_words_may_use_the_space_kept_for_them(bench: Bench) -> None:
    journal = bench.journal()
    await journal.append_grant(Desk().granted())
    await journal.append(STOP)
    await journal.append(STOP, LOCKDOWN)
    assert bench.writer.last_words == [False, True, False]
