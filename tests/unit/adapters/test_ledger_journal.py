"""The journal's thread, its lock and the way back, on a real loop."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.adapters.ledger_journal import LedgerHistory, LedgerJournal
from gateway.adapters.system_clock import SystemClock
from gateway.core.entries import stop_record
from gateway.errors import (
    AlreadyRunningError,
    JournalError,
    JournalStateUnknownError,
)
from ledger.batch import Appended
from ledger.clock import read_stamp
from ledger.entry import Draft, Stamp
from ledger.keys import SigningKey
from ledger.writer import Writer, initialise

KEY = SigningKey.from_seed(bytes(32))
STOP = stop_record("a test")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "ledger.db"
    path.parent.mkdir()
    initialise(path, "site.example/gw-1", KEY, read_stamp())
    return path


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1, "ledger") as executor:
        yield executor


async def test_entries_are_written_in_the_journals_own_thread(
    ledger: Path, thread: ThreadPoolExecutor
) -> None:
    journal = LedgerJournal.open(ledger, KEY, SystemClock(), thread)
    positions = [await journal.append(STOP) for _ in range(3)]
    assert [position.n for position in positions] == [1, 2, 3]
    await journal.close()
    history = LedgerHistory(ledger)
    assert history.size() == 4
    assert [(past.n, past.ev) for past in history.entries(2)] == [
        (2, "stop"),
        (3, "stop"),
    ]


class SlowWriter:
    """A writer that waits, in its thread, until the test lets it go on."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.may_write = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()
        self.threads: set[str] = set()

    def append(
        self,
        drafts: Sequence[Draft],
        stamp: Stamp,
        *,
        last_words: bool = False,
        durable: Callable[[list[Appended]], None],
    ) -> list[Appended]:
        self.may_write.wait(10)
        self.threads.add(threading.current_thread().name)
        appended = self.writer.append(
            drafts, stamp, last_words=last_words, durable=durable
        )
        self.may_end.wait(10)
        return appended

    def checkpoint(self) -> str:
        return self.writer.checkpoint()

    def close(self) -> None:
        self.writer.close()


async def test_the_loop_goes_on_while_the_disk_is_slow_and_a_cancelled_write_is_kept(
    ledger: Path, thread: ThreadPoolExecutor
) -> None:
    writer = SlowWriter(Writer.open(ledger, KEY))
    journal = LedgerJournal(writer, SystemClock(), thread)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await journal.append(STOP)
    writer.may_write.set()
    assert (await journal.append(STOP)).n == 2
    await journal.close()
    assert {name.partition("_")[0] for name in writer.threads} == {"ledger"}
    assert LedgerHistory(ledger).size() == 3


async def test_a_caller_does_not_wait_for_what_follows_the_commit(
    ledger: Path, thread: ThreadPoolExecutor
) -> None:
    writer = SlowWriter(Writer.open(ledger, KEY))
    writer.may_write.set()
    writer.may_end.clear()
    journal = LedgerJournal(writer, SystemClock(), thread)
    assert (await journal.append(STOP)).n == 1
    assert LedgerHistory(ledger).size() == 2
    writer.may_end.set()
    await journal.close()


async def test_closing_twice_and_writing_after_it_are_told(ledger: Path) -> None:
    journal = LedgerJournal.open(ledger, KEY, SystemClock(), None)
    await journal.close()
    await journal.close()
    with pytest.raises(JournalStateUnknownError):
        await journal.append(STOP)


async def test_a_second_gateway_is_refused_until_the_first_is_gone(
    ledger: Path,
) -> None:
    first = LedgerJournal.open(ledger, KEY, SystemClock(), None)
    with pytest.raises(AlreadyRunningError, match="state_dir"):
        LedgerJournal.open(ledger, KEY, SystemClock(), None)
    await first.close()
    second = LedgerJournal.open(ledger, KEY, SystemClock(), None)
    await second.close()


async def test_a_ledger_in_other_hands_is_refused(ledger: Path) -> None:
    writer = Writer.open(ledger, KEY)
    for _ in range(2):  # a refused open leaves nothing locked
        with pytest.raises(AlreadyRunningError, match="Another process writes"):
            LedgerJournal.open(ledger, KEY, SystemClock(), None)
    writer.close()
    await LedgerJournal.open(ledger, KEY, SystemClock(), None).close()


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    clock = SystemClock()
    with pytest.raises(JournalError, match="keyra init"):
        LedgerJournal.open(tmp_path / "no" / "ledger.db", KEY, clock, None)
    with pytest.raises(JournalError, match="There is no ledger"):
        LedgerJournal.open(tmp_path / "ledger.db", KEY, clock, None)
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_of_another_key_or_of_rubbish_ends_the_process(ledger: Path) -> None:
    clock = SystemClock()
    with pytest.raises(JournalStateUnknownError, match="not signed by the key"):
        LedgerJournal.open(ledger, SigningKey.from_seed(b"\1" * 32), clock, None)
    ledger.write_bytes(b"rubbish" * 100)
    with pytest.raises(JournalStateUnknownError):
        LedgerJournal.open(ledger, KEY, clock, None)
    with pytest.raises(JournalError):
        LedgerHistory(ledger).size()
    with pytest.raises(JournalError):
        next(LedgerHistory(ledger).entries(0))
