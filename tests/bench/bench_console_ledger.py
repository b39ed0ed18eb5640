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
import timeit
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from datetime import UTC
from functools import partial
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
SHORT = 2_000
LONG = int(os.environ.get("KEYRA_BENCH_ENTRIES", "100000"))
BATCH = 1000
ROUNDS = 25
OPENINGS = 5
WALK_PAGES = 100
TRIES = 20_000
HOLDER = "h-rare"
GROWTH_KIB_MAX = 16 * 1024
SLOWER_MAX = 4.0
"""What the long ledger takes beside the short one, asked by turns; noise included."""

say = sys.stdout.write


@dataclass(frozen=True)
class Question:
    """What is asked of a ledger; `rows` are its answer's, for SQLite alone."""

    rows: tuple[int, ...]
    ask: Callable[[], Awaitable[object]]
    read: Callable[[Pages], object]


@dataclass(frozen=True)
class Shelf:
    """A ledger that is served; the socket is its gateway's."""

    made: Made
    client: AsyncClient
    socket: str
    reader_pid: int
    indexing_s: float
    questions: dict[str, Question]


def ledger_of(folder: Path, entries: int) -> Made:
    """Openings, denials, exits; one opening in each batch is a rare holder's."""
    made = make(folder, sealed=False)
    key = Key("anna")
    made.append(made.door.boot(), made.door.config(), made.door.enrol(key, "h1"))
    opening = made.door.grant(key, "h1")
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


def reader_pid(ledger: Path) -> int:
    """The child of this process that reads this ledger."""
    tasks = Path("/proc/self/task").glob("*/children")
    for pid in " ".join(one.read_text() for one in tasks).split():
        said = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"ledger_books.reader" in said and str(ledger).encode() in said:
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


async def taken_s(action: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    await action()
    return time.perf_counter() - start


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(TRIES):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came to that")


def bare_s(path: Path, rows: tuple[int, ...]) -> float:
    """Seconds that SQLite alone takes for the bodies of the same rows."""
    marks = ",".join("?" * len(rows))
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        query = f"SELECT n, body FROM entry WHERE n IN ({marks})"  # noqa: S608

        def read() -> None:
            assert len(connection.execute(query, rows).fetchall()) == len(rows)

        return statistics.median(timeit.repeat(read, repeat=ROUNDS, number=1))


def read_s(path: Path, question: Question) -> float:
    """Seconds that the reader takes, without a process and a socket between."""
    pages = Pages.open(path, time.monotonic)
    with closing(pages):
        return statistics.median(
            timeit.repeat(lambda: question.read(pages), repeat=ROUNDS, number=1)
        )


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


async def indexed(client: AsyncClient) -> LedgerPage:
    for _ in range(TRIES):
        page = await client.ledger.page(LedgerQuery())
        if page.indexed == page.size:
            return page
        await asyncio.sleep(0.05)
    raise AssertionError("The index never came to the end.")


async def questions_of(client: AsyncClient, size: int) -> dict[str, Question]:
    """What a person asks; the answers' rows are known from here on."""

    async def page(**wanted: Any) -> Question:
        query = LedgerQuery(limit=PAGE_ITEMS_MAX, **wanted)
        found = await client.ledger.page(query)
        asked = {"newest": True, **query.model_dump(exclude={"order"})}
        return Question(
            tuple(one.n for one in found.items),
            lambda: client.ledger.page(query),
            lambda pages: pages.page(**asked),
        )

    middle = size // 2
    found = await client.ledger.entry(middle)
    return {
        "first screen": await page(),
        "jump to a number": await page(cursor=middle),
        "filter, denials": await page(result="denied"),
        "filter, rare holder": await page(holder=HOLDER),
        "filter, no entry fits": await page(holder=HOLDER, result="denied"),
        "filter, unknown holder": await page(holder="nobody"),
        "find a time": Question(
            (middle,),
            lambda: client.ledger.position(found.at_ms),
            lambda pages: pages.position(at_ms=found.at_ms),
        ),
        "entry with its proof": Question(
            (middle,),
            lambda: client.ledger.entry(middle),
            lambda pages: pages.entry(n=middle),
        ),
        "receipt of an opening": await receipt(client),
    }


async def receipt(client: AsyncClient) -> Question:
    query = LedgerQuery(limit=1, result="granted")
    (opening,) = (await client.ledger.page(query)).items
    return Question(
        (opening.n,),
        lambda: client.ledger.receipt(opening.n),
        lambda pages: pages.receipt(n=opening.n),
    )


@asynccontextmanager
async def shelved(entries: int, folder: Path) -> AsyncIterator[Shelf]:
    made = ledger_of(folder, entries)
    async with served(made, folder) as client:
        start = time.perf_counter()
        page = await indexed(client)
        indexing_s = time.perf_counter() - start
        questions = await questions_of(client, page.size)
        pid, socket = reader_pid(made.path), str(folder / "s")
        yield Shelf(made, client, socket, pid, indexing_s, questions)


async def by_turns(
    short: Callable[[], Awaitable[float]],
    long: Callable[[], Awaitable[float]],
    rounds: int = ROUNDS,
) -> tuple[float, float, float]:
    """Return the medians of both times, in seconds, and of each round's ratio.

    Whatever else the machine does then falls on both.
    """
    pairs = [(await short(), await long()) for _ in range(rounds)]
    shorts, longs = zip(*pairs, strict=True)
    ratio = statistics.median(b / a for a, b in pairs)
    return statistics.median(shorts), statistics.median(longs), ratio


async def walk_kib(shelf: Shelf) -> int:
    """How much this process grows while it walks a hundred pages."""
    before_kib, cursor = rss_kib("self", "VmRSS"), None
    for _ in range(WALK_PAGES):
        query = LedgerQuery(limit=PAGE_ITEMS_MAX, cursor=cursor)
        cursor = (await shelf.client.ledger.page(query)).next
    return rss_kib("self", "VmRSS") - before_kib


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
    async with shelved(SHORT, folders[0]) as short, shelved(LONG, folders[1]) as long:
        say(f"\n{LONG:,} entries, indexed in {long.indexing_s:.1f} s, beside {SHORT:,}")
        say("\n  answer in ms, short and long; ratios: long / short, API / SQLite")
        say(" alone, of which the reader\n")
        slower = {}
        for what, asked in long.questions.items():
            other = short.questions[what]
            short_s, long_s, ratio = await by_turns(
                partial(taken_s, other.ask), partial(taken_s, asked.ask)
            )
            line = f"  {what:<24}{len(asked.rows):3} rows {short_s * 1000:7.1f}"
            line += f" {long_s * 1000:7.1f} {ratio:6.2f}"
            if asked.rows:
                bare = bare_s(long.made.path, asked.rows)
                read = read_s(long.made.path, asked)
                line += f" {long_s / bare:6.1f} {read / bare:6.1f}"
            say(line + "\n")
            if asked.rows and len(asked.rows) == len(other.rows):
                slower[what] = ratio
        short_s, long_s, ratio = await by_turns(
            partial(first_screen_s, short.socket),
            partial(first_screen_s, long.socket),
            OPENINGS,
        )
        say(f"  {'console, key to entries':<33}{short_s * 1000:7.1f}")
        say(f" {long_s * 1000:7.1f} {ratio:6.2f}\n")
        growth_kib = await walk_kib(long)
        peaks_kib = [rss_kib(one.reader_pid, "VmHWM") for one in (short, long)]
        say(f"  reader's peak {peaks_kib[0] / 1024:.1f} and {peaks_kib[1] / 1024:.1f}")
        say(f" MiB, this process grew by {growth_kib / 1024:.1f} MiB while walking\n")
    assert max(slower.values()) <= SLOWER_MAX, slower
    assert peaks_kib[1] - peaks_kib[0] <= GROWTH_KIB_MAX
    assert growth_kib <= GROWTH_KIB_MAX
