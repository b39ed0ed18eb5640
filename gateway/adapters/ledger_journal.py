"""The ledger behind ports.Journal and ports.History.

Appends block on the disk, so they run in one thread of their own, in the order in which
they were asked for. An append that was begun is always carried through: cancelling the
caller leaves the entry and takes only the position away from it, and what became of it
then is logged. A caller is told as soon as its entries are durable; the seal follows,
and where it fails, `check` says so.

Who is trusted: the writer, and what it says about each failure. "Nothing was written"
lets the gateway go on; anything else means that nobody knows what is on disk, and then
the process stops and comes back through the normal open path.
"""

import asyncio
import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from gateway.core.entries import Record
from gateway.errors import (
    AlreadyRunningError,
    JournalError,
    JournalStateUnknownError,
)
from gateway.ports import Clock, Journal, PastEntry
from ledger.batch import Appended
from ledger.encoding import to_base64
from ledger.entry import Draft, Entry, Stamp, parse_entry
from ledger.errors import (
    AppendFailed,
    EntryError,
    LedgerBusyError,
    LedgerError,
    LedgerMissingError,
    StateUnknown,
)
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.restated import PRUNE, RESTATE, repeated, restated_root
from ledger.tree import leaf_hash
from ledger.writer import Writer

_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")

LAST_WORDS: Final = frozenset(
    {
        "alarm",
        "door.clear",
        "door.closed",
        "door.deny",
        "door.exit",
        "door.forced",
        "door.held",
        "door.missed",
        "door.opened",
        "stop",
    }
)
"""Entries that may use the space kept for them on a full disk; never an opening."""


class LedgerWriter(Protocol):
    """What is needed of ledger.writer.Writer."""

    def append(
        self,
        drafts: Sequence[Draft],
        stamp: Stamp,
        *,
        last_words: bool = False,
        durable: Callable[[list[Appended]], None],
    ) -> list[Appended]:
        """Write entries; tell `durable` once they are, then seal them."""

    def checkpoint(self) -> str:
        """Keep the newest head for good."""

    def close(self) -> None:
        """Let go of the files; never raises."""


class LedgerJournal(Journal):
    """An open ledger; make one with `LedgerJournal.open`.

    Args:
        writer: open, and used by nobody else.
        clock: stamps the entries, when they are asked for.
        executor: one thread; None to write in the caller's own, for virtual time.
        lock: descriptor that holds the state directory, closed last.
    """

    def __init__(
        self,
        writer: LedgerWriter,
        clock: Clock,
        executor: Executor | None,
        lock: int | None = None,
    ) -> None:
        self._writer: Final = writer
        self._clock: Final = clock
        self._executor: Final = executor
        self._lock = lock
        self._ended: JournalStateUnknownError | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        signing_key: SigningKey,
        clock: Clock,
        executor: Executor | None,
    ) -> "LedgerJournal":
        """Open an existing ledger; its folder is this process's from here on.

        Raises:
            AlreadyRunningError: another process has the folder or the ledger.
            JournalError: there is no ledger.
            JournalStateUnknownError: it is damaged, or not this gateway's.
        """
        lock = _lock(path.parent)
        try:
            writer = Writer.open(path, signing_key)
        except LedgerError as error:
            os.close(lock)
            raise _unopened(error) from error
        except BaseException:
            os.close(lock)
            raise
        return cls(writer, clock, executor, lock)

    async def checkpoint(self) -> str:
        """Keep the newest head for good and return it, a signed note.

        Raises:
            JournalError, JournalStateUnknownError: as for `append`.
        """
        return await self._run(lambda tell: tell(self._writer.checkpoint()))

    async def close(self) -> None:
        """Write the closing checkpoint and let go of the file; never raises."""
        await self._run(self._close)

    def check(self) -> None:
        """Say what ended the journal when nobody was waiting for it any more.

        Raises:
            JournalStateUnknownError: stop the process and reopen.
        """
        if self._ended is not None:
            raise self._ended

    async def _write(self, records: Sequence[Record]) -> tuple[int, bytes]:
        now = self._clock.now()
        last_words = all(record.ev in LAST_WORDS for record in records)

        def append(tell: Callable[[tuple[int, bytes]], None]) -> None:
            stamp = Stamp(now.wall_ms, now.boot, now.err_ms, now.up_ms)
            drafts = [Draft(record.ev, record.what) for record in records]
            self._writer.append(
                drafts,
                stamp,
                last_words=last_words,
                # The caller is told before the seal is synced: a door waits for it.
                durable=lambda appended: tell((appended[-1].n, appended[-1].leaf)),
            )

        return await self._run(append)

    async def _run(self, job: Callable[[Callable[[_T], None]], None]) -> _T:
        """Run a job of the writer to its end, whoever goes on waiting for it.

        The job tells its outcome when it is sure of it, and may fail after that; such a
        failure is kept for `check`.
        """
        # Told straight from the writer's thread: each turn of the loop that chained and
        # shielded futures would take is waited for at the door.
        loop = asyncio.get_running_loop()
        told: asyncio.Future[_T] = loop.create_future()

        def later(function: Callable[..., None], *arguments: object) -> None:
            if self._executor is None:
                function(*arguments)
            else:
                loop.call_soon_threadsafe(function, *arguments)

        def carry_through() -> None:
            try:
                _translated(lambda: job(lambda outcome: later(_tell, told, outcome)))
            except BaseException as error:  # noqa: BLE001 - raised where one waits
                later(self._tell_failure, told, error)

        if self._executor is None:
            carry_through()
            return await told
        try:
            self._executor.submit(carry_through)
        except RuntimeError as error:  # the executor was shut down
            raise JournalError("The ledger is closed; nothing was written.") from error
        return await told

    def _tell_failure(self, told: asyncio.Future[Any], error: BaseException) -> None:
        """Raise what a job raised where one waits; keep it where nobody does."""
        if not told.done():
            told.set_exception(error)
            return
        _LOG.error("A write failed whose caller did not wait: %s", error)
        if isinstance(error, JournalStateUnknownError):
            self._ended = error

    def _close(self, tell: Callable[[bool], None]) -> None:
        try:
            self._writer.checkpoint()
        except (LedgerError, sqlite3.Error, OSError) as error:
            _LOG.warning("No closing checkpoint was kept: %s", error)
        self._writer.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        tell(True)


class LedgerHistory:
    """ports.History: the ledger, read back without holding up its writer."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    def size(self) -> int:
        """Return how many entries there are.

        Raises:
            JournalError: the ledger cannot be read.
        """
        try:
            with Reader.open(self._path) as reader:
                return reader.size()
        except LedgerError as error:
            raise JournalError(str(error)) from error

    def base(self) -> int:
        """Return the number of the first entry: 0, unless older ones were pruned.

        Raises:
            JournalError: the ledger cannot be read.
        """
        try:
            with Reader.open(self._path) as reader:
                return reader.base()[0]
        except LedgerError as error:
            raise JournalError(str(error)) from error

    def restated(self) -> Iterator[PastEntry]:
        """Yield what a pruned ledger repeats of the entries before its base, in order.

        Raises:
            JournalError: it cannot be read, or was not pruned by its own writer.
        """
        try:
            with Reader.open(self._path) as reader:
                old = _restated(reader)
        except LedgerError as error:
            raise JournalError(str(error)) from error
        for n in sorted(old):
            yield PastEntry(n, old[n].ev, old[n].what)

    def entries(self, first: int) -> Iterator[PastEntry]:
        """Yield the entries from number `first` on, in order, each the next one's base.

        Only the end of the file was checked against its signed head, when the writer
        opened it. What follows from older entries is believed since the chain leads
        from them to that end: an entry that was edited or taken out breaks it.

        Raises:
            JournalError: the ledger cannot be read, or is not the one that was written.
        """
        try:
            with Reader.open(self._path) as reader:
                for entry in _chained(reader, first, reader.size()):
                    err_ms = entry.stamp.err_ms
                    at_ms = entry.stamp.at_ms if err_ms >= 0 else -1
                    yield PastEntry(entry.n, entry.ev, entry.what, at_ms, err_ms)
        except LedgerError as error:
            raise JournalError(str(error)) from error


def _restated(reader: Reader) -> dict[int, Entry]:
    """Return the entries before the base that the ones after it repeat, by number.

    They stand in the chain that the signed head ends, so only whoever held the key
    wrote them; and the base is the one that their `prune` entry speaks of.

    Raises:
        JournalError: no entry says that this file was pruned here.
        LedgerError: one cannot be read, or did not stand before the base.
    """
    base, size = reader.base()[0], reader.size()
    root, old, said = reader.edge(base).root(), {}, base == 0
    for entry in _chained(reader, 0, size):
        if entry.what.get("base") != base:
            continue
        if entry.ev == PRUNE:
            said = said or entry.what.get("root") == to_base64(root)
        elif entry.ev == RESTATE:
            repeats, leaf = repeated(entry)
            if restated_root(entry.what, repeats, leaf) != root:
                raise JournalError(
                    f"Entry {entry.n} of the ledger {reader.path} repeats what never "
                    "stood there; keep the file as it is and verify a copy of it."
                )
            while repeats.ev == RESTATE:  # by an earlier prune, too
                repeats, _ = repeated(repeats)
            old[repeats.n] = repeats
    if not said:
        raise JournalError(
            f"The ledger {reader.path} begins at entry {base}, and no entry says that "
            "it was pruned there; keep it as it is and verify a copy of it."
        )
    return old


def _chained(reader: Reader, first: int, size: int) -> Iterator[Entry]:
    """Yield entries `first` to `size` - 1 while each holds the hash of the one before.

    Raises:
        JournalError: one does not, or is missing.
        LedgerError: one is none, or cannot be read.
    """
    # Only a fold from the start may begin where a pruned ledger does.
    n, prev = reader.base() if first == 0 else (first, None)
    for body in reader.entries(first, size):
        entry = parse_entry(body)
        if entry.n != n or prev not in {None, entry.prev}:
            raise JournalError(
                f"Entry {n} of the ledger {reader.path} does not follow from the one "
                "before: one of them was changed or taken out after it was written. "
                "Keep the file as it is and verify a copy of it."
            )
        yield entry
        n, prev = n + 1, leaf_hash(body)
    if n < size:
        raise JournalError(f"The ledger {reader.path} lacks entries from {n} on.")


def _lock(folder: Path) -> int:
    """Take a folder for this process until the descriptor is closed."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise JournalError(
            f"There is no state directory at {folder} ({error.strerror}); "
            "`keyra init` makes it."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise AlreadyRunningError(
            f"Another gateway holds {folder}; stop it, or give this one a state_dir "
            "of its own."
        ) from error
    return descriptor


def _unopened(error: LedgerError) -> AlreadyRunningError | JournalError:
    if isinstance(error, LedgerBusyError):
        return AlreadyRunningError(str(error))
    if isinstance(error, LedgerMissingError):
        return JournalError(str(error))
    return JournalStateUnknownError(str(error))


def _translated(job: Callable[[], _T]) -> _T:
    """Run a job of the writer and speak of its failures as the gateway does."""
    try:
        return job()
    except (AppendFailed, EntryError) as error:
        raise JournalError(str(error)) from error
    except StateUnknown as error:
        raise JournalStateUnknownError(str(error)) from error
    except (LedgerError, sqlite3.Error, OSError) as error:
        raise JournalStateUnknownError(
            f"It is unknown what the ledger holds: {error}"
        ) from error


def _tell(told: asyncio.Future[_T], outcome: _T) -> None:
    """Hand over what a job returned; note it where nobody waits any more."""
    if told.done():
        _LOG.info("Entries were written whose caller did not wait: %s", outcome)
    else:
        told.set_result(outcome)
