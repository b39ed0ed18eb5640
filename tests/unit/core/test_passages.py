"""Who passed when: what each entry leaves behind, and what a snapshot brings back."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.encoding import to_base64url
from gateway.core.ids import DoorId, GroupId, HolderId, Now
from gateway.core.passages import (
    PASSAGE_ENTRIES,
    WAITING_MAX,
    Passages,
    Trail,
    age_ms,
    moment,
    moment_row,
)
from gateway.core.registry import Registry
from gateway.errors import RegistryError
from tests.desk import FRONT, HOLDER, STAFF, Desk, at

BERT = HolderId("h-2")
IT = GroupId("it")
OUT = DoorId("front-out")
KEY = to_base64url(bytes(range(32)))


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.tell("holder", desk.holder(id=BERT, groups=(STAFF, IT)).row())
    return desk


def said(holder: str = HOLDER, door: str = FRONT, up_ms: int = 1_000) -> dict[str, Any]:
    return {"decided": moment_row(at(up_ms)), "door": door, "holder": holder}


def waits(holder: str = HOLDER, up_ms: int = 1_000) -> dict[str, Any]:
    return {**said(holder, up_ms=up_ms), "reason": "second-person-needed"}


def trail(desk: Desk, holder: HolderId = HOLDER) -> Trail:
    return desk.registry.passages.of_holder(FRONT, holder)


def test_a_grant_is_a_passage_of_the_holder_and_of_their_groups(desk: Desk) -> None:
    desk.tell("door.grant", said(BERT))
    n = desk.registry.entries - 1
    passages = desk.registry.passages
    assert trail(desk, BERT).count == 1
    assert trail(desk) == Trail()
    for group in (STAFF, IT):
        last = passages.of_group(FRONT, group).last
        assert last is not None
        assert (last.entry, last.at) == (n, at(1_000))
    assert passages.of_group(OUT, IT) == Trail()


def test_an_entry_from_before_there_were_passages_is_none(desk: Desk) -> None:
    for what in ({"door": FRONT, "holder": HOLDER}, {"decided": moment_row(at())}):
        desk.tell("door.grant", what)
    assert trail(desk) == Trail()


def test_nobody_opened_takes_the_newest_passage_back_once(desk: Desk) -> None:
    desk.tell("door.grant", said(up_ms=1))
    first = desk.registry.entries - 1
    desk.tell("door.grant", said(up_ms=2))
    second = desk.registry.entries - 1
    for entry, count in ((first, 2), (second, 1), (second, 1), (first, 1)):
        desk.tell("door.unused", {"door": FRONT, "entry": entry})
        assert trail(desk).count == count
    last = trail(desk).last
    assert last is not None
    assert last.entry == first
    group = desk.registry.passages.of_group(FRONT, STAFF)
    assert group.last == last


def test_a_trail_gives_back_only_its_newest() -> None:
    assert Trail().without(3) == Trail()


def test_who_is_forgiven_is_outside_and_has_used_what_they_used(desk: Desk) -> None:
    for up_ms in (1, 2):
        desk.tell("door.grant", said(up_ms=up_ms))
    entry = desk.registry.entries - 1
    desk.tell("passback.forgiven", {"door": FRONT, "holder": BERT})
    assert trail(desk).last is not None
    desk.tell("passback.forgiven", {"door": FRONT, "holder": HOLDER})
    assert trail(desk) == Trail(2)
    desk.tell("door.unused", {"door": FRONT, "entry": entry})
    assert trail(desk) == Trail(2)
    assert desk.registry.passages.of_group(FRONT, STAFF).count == 1


def test_a_request_to_exit_is_known_by_its_number(desk: Desk) -> None:
    assert desk.registry.passages.exit_entry(FRONT) == -1
    desk.tell("door.exit", {"door": FRONT})
    assert desk.registry.passages.exit_entry(FRONT) == desk.registry.entries - 1
    assert desk.registry.passages.exit_entry(OUT) == -1


def test_touches_wait_the_newest_few_until_a_grant(desk: Desk) -> None:
    for number in range(WAITING_MAX + 2):
        desk.tell("door.deny", waits(up_ms=number))
    waiting = desk.registry.passages.waiting(FRONT)
    assert [one.at.up_ms for one in waiting] == list(range(2, WAITING_MAX + 2))
    desk.tell("door.deny", {**said(), "reason": "lockdown"})
    assert desk.registry.passages.waiting(FRONT) == waiting
    desk.tell("door.grant", said(BERT))
    assert desk.registry.passages.waiting(FRONT) == ()


def test_who_touched_first_passes_too(desk: Desk) -> None:
    desk.tell("door.deny", waits(up_ms=1))
    first = desk.registry.entries - 1
    desk.tell("door.deny", waits(BERT, up_ms=2))
    desk.tell("door.deny", waits(BERT, up_ms=3))
    touches = [first, first + 1, first + 2, 999]
    desk.tell("door.grant", {**said(BERT, up_ms=4), "touches": touches})
    assert (trail(desk).count, trail(desk, BERT).count) == (1, 1)
    assert desk.registry.passages.of_group(FRONT, STAFF).count == 1
    unused = {"door": FRONT, "entry": desk.registry.entries - 1}
    desk.tell("door.unused", unused)
    assert (trail(desk).count, trail(desk, BERT).count) == (0, 0)


def test_a_snapshot_brings_all_of_it_back(desk: Desk) -> None:
    desk.tell("door.grant", said(up_ms=1))
    desk.tell("door.grant", said(BERT, up_ms=2))
    desk.tell("door.grant", said(BERT, up_ms=3))
    desk.tell("door.grant", said(BERT, OUT))
    desk.tell("door.exit", {"door": FRONT})
    desk.tell("door.deny", waits())
    desk.tell("door.deny", {**waits(BERT), "credential": KEY})
    snapshot = desk.registry.snapshot()
    what = {
        "digest": snapshot.digest(),
        "entries": snapshot.entries,
        "rows": snapshot.rows,
    }
    back = Registry.restored(snapshot, what)
    assert back.snapshot() == snapshot
    unused = {"door": FRONT, "entry": desk.registry.entries - 5}
    for registry in (back, desk.registry):
        registry.apply(registry.entries, "door.unused", unused)
    assert back.snapshot() == desk.registry.snapshot()
    assert trail(desk, BERT).count == 1
    bare = replace(snapshot, passages=())
    assert not bare.vouched_by(what)


def test_a_passage_that_was_taken_back_leaves_an_empty_trail(desk: Desk) -> None:
    desk.tell("door.grant", said())
    desk.tell("door.unused", {"door": FRONT, "entry": desk.registry.entries - 1})
    passages = Passages()
    passages.restore(desk.registry.passages.rows())
    assert passages.of_holder(FRONT, HOLDER) == Trail()


def test_ages_follow_the_boots_clock_else_a_wall_clock_that_is_believed() -> None:
    then = at(1_000, wall_ms=10_000)
    assert age_ms(then, at(5_000, wall_ms=1)) == 4_000
    assert age_ms(then, at(500)) is None
    other = replace(at(5, wall_ms=12_000), boot="f" * 16)
    assert age_ms(then, other) == 2_000
    assert age_ms(then, replace(other, wall_ms=9_999)) is None
    assert age_ms(then, replace(other, err_ms=-1)) is None
    assert age_ms(replace(then, err_ms=-1), other) is None


def test_moments_come_back() -> None:
    for now in (at(), at(err_ms=-1), Now(0, 0, 0, "")):
        assert moment({"decided": moment_row(now)}, "decided") == now


@pytest.mark.parametrize(
    ("ev", "what"),
    [
        ("door.grant", {**said(), "decided": 7}),
        ("door.grant", {**said(), "decided": {**moment_row(at()), "err": -2}}),
        ("door.grant", {**said(), "decided": {**moment_row(at()), "boot": "b" * 33}}),
        ("door.grant", {**said(), "door": "No Door"}),
        ("door.grant", {**said(), "holder": "No One"}),
        ("door.grant", {**said(), "touches": 3}),
        ("door.deny", {**waits(), "credential": "short"}),
        ("door.exit", {}),
        ("door.unused", {"door": FRONT}),
        ("passback.forgiven", {"door": FRONT}),
        ("passback.forgiven", {"holder": HOLDER}),
    ],
)
def test_an_entry_that_says_it_in_no_words_changes_nothing(
    desk: Desk, ev: str, what: dict[str, Any]
) -> None:
    before = desk.registry.snapshot()
    with pytest.raises(RegistryError):
        desk.tell(ev, what)
    with pytest.raises(RegistryError):
        desk.registry.check(ev, what)
    assert desk.registry.snapshot() == before


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"door": FRONT, "kind": "other"},
        {"door": FRONT, "kind": "holder"},
        {"door": FRONT, "kind": "group", "group": "IT", "count": 0},
        {"door": FRONT, "kind": "exit", "entry": -1},
        {"door": FRONT, "kind": "granted", "entry": 1, "people": "h-1"},
        {"door": FRONT, "kind": "granted", "entry": 1, "people": [[]]},
        {"door": FRONT, "kind": "granted", "entry": 1, "people": [["h-1", 4]]},
        {"door": FRONT, "kind": "waiting", "entry": 1, "holder": "h-1"},
        {"door": FRONT, "kind": "holder", "holder": "h-1", "count": 1, "last": None},
    ],
)
def test_a_row_that_is_none_of_ours(row: dict[str, Any]) -> None:
    with pytest.raises(RegistryError):
        Passages().restore([row])


words = st.none() | st.integers() | st.text(max_size=8) | st.just({"at": 1})


@given(
    st.sampled_from(sorted(PASSAGE_ENTRIES)),
    st.dictionaries(
        st.sampled_from(["decided", "door", "holder", "touches", "entry", "reason"]),
        words | st.lists(words, max_size=3),
    ),
)
def test_rubbish_is_a_registry_error(ev: str, what: dict[str, Any]) -> None:
    registry = Registry()
    try:
        registry.apply(0, ev, {**waits(), **what})
    except RegistryError:
        return


def test_a_boot_has_a_name_of_bounded_length() -> None:
    row = {"at": 1, "boot": "b" * 32, "err": 0, "up": 2}
    assert moment({"decided": row}, "decided").boot == "b" * 32
    with pytest.raises(RegistryError):
        moment({"decided": {**row, "boot": "b" * 33}}, "decided")
