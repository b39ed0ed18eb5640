"""Pages of the ledger: what is found is what a plain look through all of it finds."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.ledger_books import index as index_module
from gateway.adapters.ledger_books import pages as pages_module
from gateway.adapters.ledger_books.entry_facets import Facets, facets_of
from gateway.adapters.ledger_books.index import Filter, Index
from gateway.adapters.ledger_books.pages import Pages
from ledger.entry import Draft
from ledger.errors import LedgerError, NoSuchEntryError
from ledger.reader import Reader
from ledger.receipt import check_receipt
from tests.ledger_world import ORIGIN, Key, Made, history, make

WORDS = ("", "front", "back", "h1", "h2", "' OR 1=1 --", "%", "nobody")
KINDS = ("", "door", "door.deny", "door.grant", "enrol", "door.", "'; DROP TABLE x")
RESULTS = ("", "granted", "denied", "refused", "schedule", "lost", "reason")

QUESTION = {
    "ask": "page",
    "newest": True,
    "cursor": None,
    "limit": 200,
    "door": "",
    "holder": "",
    "kind": "",
    "result": "",
    "from_ms": 0,
    "until_ms": 0,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A door's life, whose clock steps back once."""
    made = make(tmp_path_factory.mktemp("ledger"))
    history(made, 12)
    made.door.up_ms -= 20_000
    made.append(
        Draft("door.exit", {"door": "back"}),
        Draft("door.deny", {"door": "back", "holder": "h2", "reason": "schedule"}),
        made.door.grant(Key("anna"), "h1", what={"duress": "route"}),
        Draft("alarm", {"kind": "tamper", "detail": "begun"}),
    )
    return made


@pytest.fixture
def pages(made: Made) -> Iterator[Pages]:
    opened = Pages.open(made.path, time.monotonic)
    yield opened
    opened.close()


def all_of(made: Made) -> list[Facets]:
    with Reader.open(made.path) as reader:
        bodies = reader.entries(0, reader.size())
        return [facets_of(n, body) for n, body in enumerate(bodies)]


def walk(pages: Pages, question: dict[str, Any]) -> list[int]:
    """The numbers on all pages, from the first to the last."""
    found: list[int] = []
    for _ in range(1000):
        page = pages.answer(question)
        assert len(page["items"]) <= question["limit"]
        found += [item["n"] for item in page["items"]]
        if page["next"] is None:
            return found
        question = {**question, "cursor": page["next"]}
    raise AssertionError("the pages do not end")


filters = st.builds(
    Filter,
    door=st.sampled_from(WORDS),
    holder=st.sampled_from(WORDS),
    kind=st.sampled_from(KINDS),
    result=st.sampled_from(RESULTS),
    from_ms=st.sampled_from((0, 1_790_000_070_000, 1_790_000_100_000)),
    until_ms=st.sampled_from((0, 1_790_000_075_000, 1_790_000_099_000)),
)


@settings(max_examples=60, deadline=None)
@given(
    wanted=filters,
    newest=st.booleans(),
    limit=st.sampled_from((1, 3, 200)),
    indexed=st.sampled_from((0, 10, 1000)),
    rare_max=st.sampled_from((0, 4096)),
)
def test_every_filter_finds_what_a_plain_look_finds(
    made: Made,
    wanted: Filter,
    newest: bool,  # noqa: FBT001 - hypothesis
    limit: int,
    indexed: int,
    rare_max: int,
) -> None:
    with Reader.open(made.path) as reader, pytest.MonkeyPatch.context() as patched:
        patched.setattr(index_module, "RARE_MAX", rare_max)
        # An index of its own, so far and no further.
        index = Index(
            sqlite3.connect(":memory:", isolation_level=None),
            made.path.parent,
            lost=False,
        )
        index.begin(reader)
        index.catch_up(reader, indexed) if indexed else None
        pages = Pages(reader, index, lambda: 0.0)
        fields = {name: getattr(wanted, name) for name in Filter.__slots__}
        question = {**QUESTION, **fields, "newest": newest, "limit": limit}
        found = walk(pages, question)
        index.close()
    expected = [one.n for one in all_of(made) if wanted.takes(one)]
    assert found == (expected[::-1] if newest else expected)


@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize("cursor", [0, 5, 47, 10**6, 2**53 - 1])
def test_a_cursor_is_where_a_page_begins(
    pages: Pages, made: Made, cursor: int, *, newest: bool
) -> None:
    size = len(all_of(made))
    page = pages.answer({**QUESTION, "cursor": cursor, "newest": newest, "limit": 2})
    numbers = [item["n"] for item in page["items"]]
    if newest:
        top = min(cursor, size - 1)
        assert numbers == [n for n in (top, top - 1) if n >= 0]
    else:
        assert numbers == [n for n in (cursor, cursor + 1) if n < size]


def test_out_of_time_a_page_says_how_far_it_came(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages_module, "UNINDEXED_WINDOW", 4)
    ticks = iter(range(10_000))
    with Reader.open(made.path) as reader:
        index = Index(
            sqlite3.connect(":memory:", isolation_level=None),
            made.path.parent,
            lost=True,
        )
        index.begin(reader)
        # Each look at this clock takes a tenth of a second.
        pages = Pages(reader, index, lambda: next(ticks) / 10)
        page = pages.answer({**QUESTION, "holder": "nobody"})
        size = page["size"]
        assert page["items"] == []
        assert 0 < page["next"] < size - 4
        assert walk(pages, {**QUESTION, "holder": "nobody"}) == []
        index.close()


def test_an_index_is_kept_and_goes_on(made: Made) -> None:
    path = made.path.with_name("ledger-index.db")
    first = Pages.open(made.path, time.monotonic)
    while first.catch_up():
        pass
    size = first.stats()["counted"]
    first.close()
    assert path.exists()
    made.append(Draft("door.exit", {"door": "front"}))
    second = Pages.open(made.path, time.monotonic)
    assert second.stats()["counted"] == size
    second.catch_up()
    assert second.stats()["counted"] == size + 1
    kinds = second.stats()["kinds"]
    second.close()
    expected = [one.kind for one in all_of(made)]
    assert kinds == {kind: expected.count(kind) for kind in expected}


@pytest.mark.parametrize("harm", ["rubbish", "another", "edited", "newer"])
def test_a_harmed_index_is_made_anew(made: Made, tmp_path: Path, harm: str) -> None:
    path = made.path.with_name("ledger-index.db")
    Pages.open(made.path, time.monotonic).close()
    if harm == "rubbish":
        path.write_bytes(b"rubbish" * 1000)
    elif harm == "another":
        other = make(tmp_path, seed="other")
        history(other, 2)
        opened = Pages.open(other.path, time.monotonic)
        opened.catch_up()
        opened.close()
        path.write_bytes(other.path.with_name("ledger-index.db").read_bytes())
    else:
        change = "PRAGMA user_version=99"
        if harm == "edited":
            change = "UPDATE mark SET next=next+100"
        connection = sqlite3.connect(path)
        connection.execute(change)
        connection.commit()
        connection.close()
    pages = Pages.open(made.path, time.monotonic)
    pages.catch_up()
    found = walk(pages, {**QUESTION, "result": "denied"})
    pages.close()
    assert found == [one.n for one in all_of(made) if one.kind == "door.deny"][::-1]


def test_where_no_index_can_be_kept_everything_is_still_found(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder in its place: neither opened nor removed.
    path = made.path.with_name("ledger-index.db")
    path.unlink(missing_ok=True)
    path.mkdir()
    pages = Pages.open(made.path, time.monotonic)
    assert not pages.catch_up()
    assert walk(pages, {**QUESTION, "kind": "alarm"})
    pages.close()
    path.rmdir()
    # And a full disk is left to the ledger.
    monkeypatch.setattr(index_module, "FREE_BYTES_MIN", 2**80)
    pages = Pages.open(made.path, time.monotonic)
    before = pages.stats()["counted"]
    assert not pages.catch_up()
    assert pages.stats()["counted"] == before
    pages.close()


def test_a_write_that_fails_ends_the_index_and_not_the_answers(made: Made) -> None:
    with Reader.open(made.path) as reader:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        index = Index(connection, made.path.parent, lost=False)
        index.begin(reader)
        connection.execute("PRAGMA query_only=ON")
        assert not index.catch_up(reader)
        assert not index.catch_up(reader)
        pages = Pages(reader, index, time.monotonic)
        assert walk(pages, {**QUESTION, "kind": "genesis"}) == [0]
        index.close()


def test_an_entry_in_full_has_its_proof_and_hides_duress(
    pages: Pages, made: Made
) -> None:
    size = len(all_of(made))
    for n in range(size):
        entry = pages.answer({"ask": "entry", "n": n})
        assert entry["proved"] is True
        assert entry["checkpoint"]["size"] == size
        assert "duress" not in entry["what"]
    with pytest.raises(NoSuchEntryError):
        pages.answer({"ask": "entry", "n": size})


def test_a_receipt_proves_an_opening_with_its_enrolment(
    pages: Pages, made: Made
) -> None:
    pages.catch_up()
    grants = [one.n for one in all_of(made) if one.kind == "door.grant"]
    for n in (grants[0], grants[1]):
        line = pages.answer({"ask": "receipt", "n": n})["receipt"].encode()
        proved = check_receipt(line, made.key.vkey("example.com/front"))
        assert (proved.entry.n, proved.opened) == (n, True)
    line = pages.answer({"ask": "receipt", "n": 0})["receipt"].encode()
    assert not check_receipt(line, made.key.vkey("example.com/front")).opened


def test_a_receipt_looks_through_the_holders_enrolments_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages_module, "KEYS_MAX", 2)
    made = make(tmp_path)
    door, keys = made.door, [Key(f"key {number}") for number in range(5)]
    made.append(door.boot(), door.config(), door.holder("h1"))
    made.append(*(door.enrol(key, "h1") for key in keys))
    known = made.append(door.grant(keys[0], "h1"))
    unknown = made.append(door.grant(Key("nobody's"), "h1"))
    pages = Pages.open(made.path, time.monotonic)
    pages.catch_up()
    for n, opened in ((known, True), (unknown, False)):
        line = pages.answer({"ask": "receipt", "n": n})["receipt"].encode()
        assert check_receipt(line, made.key.vkey(ORIGIN)).opened is opened
    pages.close()


def test_a_word_that_no_entry_has_is_not_looked_for(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.catch_up()
    monkeypatch.setattr(Reader, "entries", lambda *_: pytest.fail("it was"))
    for field in ("door", "holder", "kind", "result"):
        assert walk(pages, {**QUESTION, field: "never"}) == []


def test_a_receipt_waits_for_the_index(made: Made) -> None:
    with Reader.open(made.path) as reader:
        index = Index(
            sqlite3.connect(":memory:", isolation_level=None),
            made.path.parent,
            lost=True,
        )
        index.begin(reader)
        pages = Pages(reader, index, time.monotonic)
        n = next(one.n for one in all_of(made) if one.kind == "door.grant")
        with pytest.raises(LedgerError, match="ask again"):
            pages.answer({"ask": "receipt", "n": n})
        index.close()


@pytest.mark.parametrize("indexed", [True, False])
def test_a_moment_is_found(made: Made, *, indexed: bool) -> None:
    known = all_of(made)
    with Reader.open(made.path) as reader:
        index = Index(
            sqlite3.connect(":memory:", isolation_level=None),
            made.path.parent,
            lost=False,
        )
        index.begin(reader)
        if indexed:
            index.catch_up(reader)
        pages = Pages(reader, index, time.monotonic)
        # Before the step, where halving is right as well.
        for at_ms in (0, known[3].at_ms, known[7].at_ms - 1):
            expected = next(one.n for one in known if one.at_ms >= at_ms)
            assert pages.position(at_ms=at_ms) == expected
        assert pages.position(at_ms=2**52) is None
        index.close()


def test_the_first_entry_of_a_moment_is_exact_where_the_clock_stepped(
    made: Made, pages: Pages
) -> None:
    pages.catch_up()
    for at_ms in range(known_from(made), known_to(made) + 2000, 500):
        expected = next((one.n for one in all_of(made) if one.at_ms >= at_ms), None)
        assert pages.position(at_ms=at_ms) == expected


def known_from(made: Made) -> int:
    return min(one.at_ms for one in all_of(made))


def known_to(made: Made) -> int:
    return max(one.at_ms for one in all_of(made))


@pytest.mark.parametrize(
    "body",
    [b"", b"rubbish", b"\xff" * 100, b'{"at":1}', b"[]", b'{"what":' + b"[" * 5000],
)
def test_damaged_bytes_are_shown_as_nothing(body: bytes) -> None:
    assert facets_of(7, body) == Facets(7)


def test_a_damaged_content_keeps_its_envelope() -> None:
    body = (
        b'{"at":5,"boot":"%s","err":-1,"ev":"door.deny","n":7,"prev":"%s","up":1,'
        b'"what":{%s}}'
    )
    for what in (b"rubbish", b'"door":7,"reason":["x"],"holder":""', b"[" * 9000):
        found = facets_of(7, body % (b"0" * 16, b"0" * 64, what))
        assert found == Facets(7, 5, -1, "door.deny")
