"""The console's ledger beside bare SQLite: how long and how large, by its length.

Through everything that a person waits for: client, socket, API, the reader's process.
KEYRA_BENCH_ENTRIES says how many entries the long ledger has.
"""

import asyncio
import os
import runpy
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.ledger_books.pages import Pages
from gateway.adapters.ledger_books.processes import LedgerBooks
from gateway.api import Rights, create_app, serve
from gateway.client import AsyncClient
from gateway.schemas import PAGE_ITEMS_MAX
from gateway.schemas.ledger import LedgerPage, LedgerQuery
from ledger.entry import Draft
from tests.ledger_world import Key, Made, make
from tui.app import KeyraConsole

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(1500)]

FAKES: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[1] / "api" / "fake_gateway.py")
)
SHORT = 4_000
LONG = int(os.environ.get("KEYRA_BENCH_ENTRIES", "100000"))
BATCH = 1000
ROUNDS = 25
OPENINGS = 5
WALK_PAGES = 100
TRIES = 20_000
HOLDER = "h-rare"
GROWTH_KIB_MAX = 16 * 1024
SLOWER_MAX = 8.0
"""A page of the long ledger beside one of the short one; noise included."""

say = sys.stdout.write


@dataclass(frozen=True)
class Figures:
    """Medians in seconds, memory in KiB."""

    indexing_s: float
    rows: dict[str, int]
    bare: dict[str, float]
    read: dict[str, float]
    asked: dict[str, float]
    console_s: float
    reader_kib: int
    own_growth_kib: int


def ledger_of(folder: Path, entries: int) -> Made:
    """Openings, denials, exits; one opening in each batch is a rare holder's."""
    made = make(folder, sealed=False)
    opening = made.door.grant(Key("anna"), "h1")
    drafts = [Draft("door.exit", {"door": "front"})] * (BATCH - 251)
    drafts += [Draft("door.deny", {"door": "front", "reason": "schedule"})] * 200
    drafts += [opening] * 50 + [made.door.holder(HOLDER)]
    with closing(made.open()) as writer:
        while writer.size < entries:
            writer.append(drafts, made.door.stamp())
    return made


def rss_kib(pid: int | str, field: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split(f"{field}:")[1].split()[0])


def reader_pid() -> int:
    """The child of this process that reads the ledger."""
    tasks = Path("/proc/self/task").glob("*/children")
    for pid in " ".join(one.read_text() for one in tasks).split():
        if b"ledger_books.reader" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    raise AssertionError("no process reads the ledger")


@asynccontextmanager
async def served(made: Made, folder: Path) -> AsyncIterator[AsyncClient]:
    """The API over a ledger that is read by its own process."""
    books, path = LedgerBooks(made.path), folder / "s"
    app = create_app(FAKES["FakeFacade"](), Rights(lambda _: frozenset()), ledger=books)
    opened = asyncio.Event()
    tasks = [
        asyncio.ensure_future(books.run()),
        asyncio.ensure_future(serve(app, path, opened=opened.set)),
    ]
    try:
        await opened.wait()
        async with AsyncClient(str(path)) as client:
            yield client
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def median_s(action: Callable[[], Awaitable[object]]) -> float:
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        await action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(TRIES):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came to that")


async def bare_s(path: Path, page: LedgerPage) -> float:
    """Seconds that SQLite alone takes for the bodies of the same rows."""
    numbers = [one.n for one in page.items]
    marks = ",".join("?" * len(numbers))
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:

        async def read() -> None:
            query = f"SELECT n, body FROM entry WHERE n IN ({marks})"  # noqa: S608
            assert len(connection.execute(query, numbers).fetchall()) == len(numbers)

        return await median_s(read)


async def read_s(path: Path, query: LedgerQuery) -> float:
    """Seconds that the reader takes, without a process and a socket between."""
    wanted = query.model_dump(exclude={"order"})
    pages = Pages.open(path, time.monotonic)

    async def read() -> None:
        pages.answer({"ask": "page", "newest": True, **wanted})

    try:
        return await median_s(read)
    finally:
        pages.close()


async def first_screen_s(socket: str) -> float:
    """Seconds from the key that opens the ledger's screen to its newest entry."""
    app = KeyraConsole(AsyncClient(socket), zone=UTC)
    app.animation_level = "none"
    async with app.run_test(size=(80, 24)) as pilot:

        def shown() -> bool:
            place = app.screen.query("#position")
            return bool(place) and "live" in str(place.first().render())

        await until(lambda: app.model.status is not None)
        start = time.perf_counter()
        await pilot.press("5")
        await until(shown)
        return time.perf_counter() - start


async def measured(entries: int, folder: Path) -> Figures:
    made = ledger_of(folder, entries)
    async with served(made, folder) as client:
        start = time.perf_counter()
        for _ in range(TRIES):
            page = await client.ledger.page(LedgerQuery())
            if page.indexed == page.size:
                break
            await asyncio.sleep(0.05)
        indexing_s = time.perf_counter() - start
        limit = PAGE_ITEMS_MAX
        queries = {
            "first screen": LedgerQuery(limit=limit),
            "filter, rare holder": LedgerQuery(limit=limit, holder=HOLDER),
            "filter, denials": LedgerQuery(limit=limit, result="denied"),
            "jump": LedgerQuery(limit=limit, cursor=page.size // 2),
        }
        rows, bare, read, asked = {}, {}, {}, {}
        for name, query in queries.items():
            found = await client.ledger.page(query)
            assert found.items
            rows[name] = len(found.items)
            bare[name] = await bare_s(made.path, found)
            read[name] = await read_s(made.path, query)
            asked[name] = await median_s(lambda q=query: client.ledger.page(q))  # type: ignore[misc] # bound now
        opened = [await first_screen_s(str(folder / "s")) for _ in range(OPENINGS)]
        before_kib = rss_kib("self", "VmRSS")
        cursor: int | None = None
        for _ in range(min(WALK_PAGES, entries // limit)):
            walked = await client.ledger.page(LedgerQuery(limit=limit, cursor=cursor))
            cursor = walked.next
        growth_kib = rss_kib("self", "VmRSS") - before_kib
        peak_kib = rss_kib(reader_pid(), "VmHWM")
    console_s = statistics.median(opened)
    return Figures(indexing_s, rows, bare, read, asked, console_s, peak_kib, growth_kib)


@pytest.fixture
def folders() -> Iterator[tuple[Path, Path]]:
    """Folders whose names are short enough for sockets."""
    with (
        tempfile.TemporaryDirectory(prefix="keyra-") as one,
        tempfile.TemporaryDirectory(prefix="keyra-") as two,
    ):
        yield Path(one), Path(two)


async def test_a_long_ledger_is_read_as_fast_as_a_short_one(
    folders: tuple[Path, Path],
) -> None:
    short = await measured(SHORT, folders[0])
    long = await measured(LONG, folders[1])
    for name, entries, found in (("short", SHORT, short), ("long", LONG, long)):
        say(f"\n{name}: {entries:,} entries, indexed in {found.indexing_s:.1f} s\n")
        for what, asked_s in found.asked.items():
            bare, read = found.bare[what], found.read[what]
            say(
                f"  {what:<20} {found.rows[what]:3} rows: {asked_s * 1000:6.1f} ms, "
                f"{asked_s / bare:5.1f} x SQLite alone ({bare * 1000:.2f} ms), of "
                f"which the reader {read / bare:5.1f} x\n"
            )
        say(f"  console, key to entries {found.console_s * 1000:7.1f} ms\n")
        say(f"  reader's peak {found.reader_kib / 1024:.1f} MiB, this process grew by")
        say(f" {found.own_growth_kib / 1024:.1f} MiB while walking\n")
    for what, asked_s in long.asked.items():
        if long.rows[what] == short.rows[what]:
            assert asked_s <= SLOWER_MAX * short.asked[what]
    assert long.reader_kib - short.reader_kib <= GROWTH_KIB_MAX
    assert long.own_growth_kib <= GROWTH_KIB_MAX
