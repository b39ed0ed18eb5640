"""The ledger's screen, on a real API over a ledger that is there."""

import dataclasses
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.widgets import Input

from gateway.schemas import Event
from gateway.schemas.ledger import LedgerEntry, LedgerPage, LedgerQuery
from gateway.service.ledger_facade import VerificationView
from ledger.entry import Draft
from tui.view_models import ledger
from tui.view_models.ledger import ROWS_MAX, Book

Drawn = Callable[[Any], list[str]]


def text_of(drawn: Drawn, app: Any) -> str:
    return "\n".join(drawn(app))


def entry(n: int) -> LedgerEntry:
    return LedgerEntry(n=n, at_ms=1_700_000_000_000 + n, err_ms=5, kind="door.exit")


def page(numbers: range, following: int | None, size: int = 10_000) -> LedgerPage:
    items = tuple(entry(n) for n in numbers)
    return LedgerPage(items=items, next=following, first=0, size=size, indexed=size)


def test_only_a_few_pages_are_held_however_far_one_walks() -> None:
    book = ledger.opened(page(range(9999, 9799, -1), 9799), at_head=True)
    for _ in range(3400):
        book = ledger.moved(book, 3, 20)
        if ledger.wants_older(book, 20):
            assert book.older is not None
            stop = max(-1, book.older - 200)
            numbers = range(book.older, stop, -1)
            book = ledger.with_older(book, page(numbers, stop if stop >= 0 else None))
        assert len(book.rows) <= ROWS_MAX
        assert book.top <= book.chosen < book.top + 20
    assert book.entry == entry(0)
    for _ in range(3400):
        book = ledger.moved(book, -3, 20)
        if ledger.wants_newer(book, 20):
            stop = min(10_000, book.newer + 200)
            found = page(range(book.newer, stop), stop if stop < 10_000 else None)
            book = ledger.with_newer(book, found, follow=True)
        assert len(book.rows) <= ROWS_MAX
        held = [one.n for one in book.rows]
        assert held == list(range(held[0], held[0] - len(held), -1))
    assert book.entry == entry(9999)
    assert book.at_head


def test_a_search_that_found_nothing_yet_says_where_it_is() -> None:
    book = ledger.opened(page(range(0), 7000), at_head=True)
    wanted = LedgerQuery(holder="h9")
    said = ledger.position(book, wanted, paused=False, behind=0, outdated=False)
    assert "looking at entry 7000 of 10000" in said
    assert "holder:h9" in said
    assert ledger.nothing(book) == ledger.SEARCHING
    assert ledger.wants_older(book, 20)
    book = ledger.with_older(book, page(range(0), None))
    assert ledger.nothing(book) == ledger.EMPTY
    assert not ledger.wants_older(book, 20)


def test_what_is_new_does_not_move_what_one_reads() -> None:
    book = ledger.opened(page(range(9, -1, -1), None, 10), at_head=True)
    reading = ledger.moved(book, 4, 5)
    added = ledger.with_newer(reading, page(range(10, 13), None, 13), follow=True)
    assert added.entry == reading.entry
    followed = ledger.with_newer(book, page(range(10, 13), None, 13), follow=True)
    assert followed.entry == entry(12)
    assert followed.size == 13


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}),
        ("denied h1", {"result": "denied", "holder": "h1"}),
        ("door:main kind:door.deny", {"door": "main", "kind": "door.deny"}),
        ("alarm", {"kind": "alarm"}),
        ("result:schedule from:2026-01-01", {"result": "schedule",
                                             "from_ms": 1_767_225_600_000}),
        ("until:2026-01-01t00:00z", {"until_ms": 1_767_225_600_000}),
    ],
)  # fmt: skip
def test_a_filter_is_words(text: str, wanted: dict[str, Any]) -> None:
    expected = LedgerQuery(limit=200, **wanted)
    assert ledger.read_filter(text, UTC) == expected


@pytest.mark.parametrize(
    "text", ["from:", "from:yesterday", "until:0001-01-01", "size:3", "':1"]
)
def test_a_wrong_filter_is_a_sentence(text: str) -> None:
    assert isinstance(ledger.read_filter(text, UTC), str)


def test_a_jump_is_a_number_or_a_time() -> None:
    assert ledger.read_jump(" 4711 ", UTC) == ("n", 4711)
    assert ledger.read_jump("2026-01-01", UTC) == ("at", 1_767_225_600_000)
    for text in ("", "x", "-1", "9" * 16, "\u0663", "2026-13-01"):
        assert ledger.read_jump(text, UTC) is None


def test_text_of_others_cannot_steer_the_terminal() -> None:
    one = entry(3).model_copy(update={"holder": "\x1b[2J", "reason": "\u202eab"})
    line = ledger.row(one, UTC)
    assert line.isprintable()
    assert ledger.lines(Book(rows=(one,)), 5, UTC) == [f"› {line}"]


async def test_the_newest_entries_are_there_and_follow(
    gateway: Any, drawn: Drawn, opened: Any, until: Any
) -> None:
    async with opened(keys=("5",)) as (app, pilot):
        screen = drawn(app)
        assert "entry 16 of 17  live" in text_of(drawn, app)
        assert any(line.startswith("›       16  ") for line in screen)
        gateway.books.made.append(Draft("door.exit", {"door": "front"}))
        gateway.publish("door.exit", door="front")
        await until(pilot, lambda: "entry 17 of 18" in text_of(drawn, app))
        await pilot.press("p")
        gateway.books.made.append(Draft("door.exit", {"door": "front"}))
        gateway.publish("door.exit", door="front")
        await until(pilot, lambda: "PAUSED, 1 new" in text_of(drawn, app))
        assert "entry 17 of 18" in text_of(drawn, app)
        await pilot.press("p")
        await until(pilot, lambda: "entry 18 of 19  live" in text_of(drawn, app))


async def test_a_filter_shows_what_fits_and_says_when_nothing_does(
    drawn: Drawn, opened: Any, until: Any
) -> None:
    async with opened(keys=("5", "slash", *"denied")) as (app, pilot):
        await until(pilot, lambda: "result:denied" in text_of(drawn, app))
        rows = [line for line in drawn(app) if "door." in line]
        assert len(rows) == 3
        assert all("door.deny" in line for line in rows)
        await pilot.press(*" nobody")
        await until(pilot, lambda: ledger.EMPTY[:20] in text_of(drawn, app))
        await pilot.press(*" size:1")
        await until(pilot, lambda: "size is no field" in text_of(drawn, app))
        await pilot.press("escape")
        await until(pilot, lambda: "entry 16 of 17" in text_of(drawn, app))


async def test_what_happens_while_a_filter_is_read_does_not_undo_it(
    drawn: Drawn, opened: Any, until: Any
) -> None:
    happened = Event(id=1, kind="door.exit", wall_ms=1, up_ms=1, data={})
    async with opened(keys=("5",)) as (app, pilot):
        for text, shown in (("denied", "result:denied"), ("", "entry 16 of 17  live")):
            app.screen.filtered(text)
            app.screen.happened(happened)
            await until(pilot, lambda shown=shown: shown in text_of(drawn, app))


async def test_one_goes_to_a_number_and_to_a_time(
    drawn: Drawn, opened: Any, until: Any
) -> None:
    async with opened(keys=("5",)) as (app, pilot):
        await pilot.press("g", *"4", "enter")
        await until(pilot, lambda: "entry 4 of 17  past" in text_of(drawn, app))
        await pilot.press("g", *"2050-01-01", "enter")
        await until(pilot, lambda: "as late as that" in text_of(drawn, app))
        await pilot.press("g", *"2020-01-01", "enter")
        await until(pilot, lambda: "entry 0 of 17" in text_of(drawn, app))
        await pilot.press("g", *"soon", "enter")
        await until(pilot, lambda: "neither a number" in text_of(drawn, app))
        await pilot.press("home")
        await until(pilot, lambda: "entry 16 of 17  live" in text_of(drawn, app))


async def test_an_entry_is_shown_with_its_proof_and_copied(
    drawn: Drawn, opened: Any, until: Any
) -> None:
    async with opened(size=(120, 40), keys=("5",)) as (app, pilot):
        await pilot.press("down", "enter")
        await until(pilot, lambda: "Entry 15" in text_of(drawn, app))
        shown = text_of(drawn, app)
        assert '"reason": "schedule"' in shown
        assert "lead from the entry to the root" in shown
        await pilot.press("y")
        assert app.clipboard.startswith("kind   door.deny")
        await pilot.press("escape", "y")
        assert app.clipboard.startswith("15  ")


async def test_a_verification_is_followed_to_its_verdict(
    gateway: Any, drawn: Drawn, opened: Any, until: Any
) -> None:
    books = gateway.books
    async with opened(size=(120, 40), keys=("5",)) as (app, pilot):
        await pilot.press("v", *"no key", "enter")
        await until(pilot, lambda: "no verifier key" in text_of(drawn, app))
        await pilot.press("v", "enter")
        await until(pilot, lambda: "% of 100" in text_of(drawn, app))
        books.view = dataclasses.replace(books.view, done=50)
        bar = "[##########..........] 50 % of 100"
        await until(pilot, lambda: bar in text_of(drawn, app))
        books.view = VerificationView(
            "tampered", verdict={"problem": "Entry 3 was changed.", "entries": 17}
        )
        await until(pilot, lambda: "TAMPERED." in text_of(drawn, app))
        assert "Entry 3 was changed." in text_of(drawn, app)
        await pilot.press("escape", "v", "enter")
        await until(pilot, lambda: "x cancels" in text_of(drawn, app))
        await pilot.press("x")
        await until(pilot, lambda: "there is no verdict" in text_of(drawn, app))


async def test_an_export_is_written_and_never_over_a_file(
    gateway: Any, drawn: Drawn, opened: Any, until: Any, tmp_path: Path
) -> None:
    path = tmp_path / "e"
    async with opened(size=(160, 40), keys=("5",)) as (app, pilot):
        for said in ("`keyra-ledger verify` checks it", "File exists"):
            await pilot.press("e", *["backspace"] * 30, *str(path), "enter")
            await until(pilot, lambda said=said: said in text_of(drawn, app))
    assert path.read_bytes() == b"".join(gateway.books.made.lines())


async def test_keys_that_came_early_take_the_place_of_what_was_proposed(
    opened: Any, until: Any
) -> None:
    async with opened(keys=("5", "e")) as (app, pilot):
        line = app.screen.query_one("#line", Input)
        assert line.value == "ledger-export.jsonl"
        for key in "ab":
            app.screen.post_message(Key(key, key))  # before the line had the focus
        await until(pilot, lambda: line.value == "ab")
        await pilot.press("c")
        assert line.value == "abc"


@pytest.mark.parametrize("size", [(80, 24), (120, 50)])
async def test_the_checkpoint_is_drawn_and_copied(
    gateway: Any, drawn: Drawn, opened: Any, until: Any, size: tuple[int, int]
) -> None:
    async with opened(size=size, keys=("5", "c")) as (app, pilot):
        await until(pilot, lambda: "Checkpoint" in text_of(drawn, app))
        assert text_of(drawn, app).count("█") > 100
        await pilot.press("y")
        assert app.clipboard.startswith("example.com/front\n17\n")
    assert gateway.books.view.state == "none"


async def test_pictures(snap: Any) -> None:
    await snap("ledger", keys=("5",))
