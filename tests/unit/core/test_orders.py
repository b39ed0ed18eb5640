"""Modes: one precedence, ends that hold, and what is left after a restart."""

from collections.abc import Mapping
from dataclasses import fields, replace
from itertools import combinations
from typing import Any

import pytest

from gateway.core.door_timing import NEVER
from gateway.core.facts import Mode
from gateway.core.ids import Now
from gateway.core.orders import (
    DENYING,
    HOLDING,
    ORDER_MS_MAX,
    PRECEDENCE,
    Order,
    Why,
    effective,
    ordered,
    ranking,
    resumed,
    scheduled,
    self_test,
)
from gateway.core.provenance import genuine
from gateway.errors import EvidenceError, OrderError, RegistryError
from tests.touches import HERE

NOW = Now(up_ms=1_000, wall_ms=1_700_000_000_000, err_ms=5, boot="b1")
BY = {"uid": 1000}
HOUR_MS = 3_600_000


def one(why: Why, mode: Mode) -> Order:
    if why is Why.SCHEDULE:
        return scheduled(HERE, BY, NOW)
    if why is Why.SELF_TEST:
        return self_test(HERE, BY, NOW, 5_000)
    return ordered(HERE, mode, BY, NOW, HOUR_MS)


def test_the_precedence_is_the_written_one() -> None:
    """Every set of what can stand together; the strongest of it counts."""
    above = PRECEDENCE[:-1]
    for count in range(len(above) + 1):
        for standing in combinations(above, count):
            orders = [one(*rank) for rank in reversed(standing) if rank[0] != Why.FIRE]
            found = effective(
                1_001,
                fire=any(why is Why.FIRE for why, _ in standing),
                orders=orders,
                schedule=True,
            )
            expected = standing[0] if standing else PRECEDENCE[-1]
            assert (found.why, found.mode) == expected
    words = [f"{why.value} {mode.value}" for why, mode in PRECEDENCE]
    assert words == [
        "fire LockedOpen",
        "order LockedDown",
        "order LockedOpen",
        "order Blocked",
        "order Unlocked",
        "self-test Unlocked",
        "schedule Unlocked",
        "normal Locked",
    ]


def test_the_whole_precedence_is_shown() -> None:
    orders = [one(Why.ORDER, Mode.UNLOCKED), one(Why.SCHEDULE, Mode.UNLOCKED)]
    ranks = ranking(1_001, fire=False, orders=orders, schedule=False)
    assert [rank.stands for rank in ranks] == [False] * 4 + [True, False, False, True]
    assert ranks[4].until_up_ms == 1_000 + HOUR_MS
    assert ranks[-1].until_up_ms is None
    forever = ordered(HERE, Mode.BLOCKED, BY, NOW)
    rank = effective(1_001, fire=False, orders=[forever], schedule=False)
    assert (rank.mode, rank.until_up_ms) == (Mode.BLOCKED, None)


def test_an_order_ends_at_its_end() -> None:
    order = ordered(HERE, Mode.UNLOCKED, BY, NOW, 500)
    for up_ms, mode in ((1_499, Mode.UNLOCKED), (1_500, Mode.LOCKED)):
        found = effective(up_ms, fire=False, orders=[order], schedule=False)
        assert found.mode is mode


@pytest.mark.parametrize(
    "mode", [Mode.UNKNOWN, Mode.LOCKED, Mode.ACCESSED, Mode.DOUBLE_LOCKED]
)
def test_what_cannot_be_ordered(mode: Mode) -> None:
    with pytest.raises(OrderError, match=f"{mode.value} is no mode"):
        ordered(HERE, mode, BY, NOW)


@pytest.mark.parametrize("for_ms", [-1, ORDER_MS_MAX + 1])
def test_an_order_is_bounded(for_ms: int) -> None:
    with pytest.raises(OrderError, match="at most 30 days"):
        ordered(HERE, Mode.BLOCKED, BY, NOW, for_ms)
    assert ordered(HERE, Mode.BLOCKED, BY, NOW, ORDER_MS_MAX).until_ms


@pytest.mark.parametrize("for_ms", [0, 10_001])
def test_a_self_test_is_a_moment(for_ms: int) -> None:
    with pytest.raises(OrderError, match="1 to 10000 ms"):
        self_test(HERE, BY, NOW, for_ms)


def test_orders_are_evidence() -> None:
    order = ordered(HERE, Mode.UNLOCKED, BY, NOW)
    assert genuine(order, Order) is order
    forged = object.__new__(Order)
    with pytest.raises(EvidenceError):
        genuine(forged, Order)
    object.__setattr__(order, "until_up_ms", NEVER - 1)
    with pytest.raises(EvidenceError):
        genuine(order, Order)


# After a restart.

LATER = replace(NOW, up_ms=3_000, wall_ms=NOW.wall_ms + 2_000)
REBOOTED = replace(NOW, up_ms=50, wall_ms=NOW.wall_ms + 60_000, boot="b2")


@pytest.mark.parametrize("mode", sorted(HOLDING | DENYING, key=str))
def test_an_order_without_an_end_stands(mode: Mode) -> None:
    row = ordered(HERE, mode, BY, NOW).row()
    assert row == {"by": BY, "door": HERE, "mode": mode.value}
    again = resumed(row, HERE, REBOOTED)
    assert again is not None
    assert (again.mode, again.until_up_ms, again.by) == (mode, NEVER, BY)


def left(row: Mapping[str, Any], now: Now) -> int | None:
    order = resumed(row, HERE, now)
    return None if order is None else order.until_up_ms - now.up_ms


def test_in_the_same_boot_the_end_stands() -> None:
    row = ordered(HERE, Mode.UNLOCKED, BY, NOW, 10_000).row()
    assert left(row, LATER) == 8_000
    # The wall clock is not asked, wherever it has gone meanwhile.
    assert left(row, replace(LATER, wall_ms=0, err_ms=-1)) == 8_000
    assert left(row, replace(LATER, up_ms=11_000)) is None


def test_in_another_boot_the_wall_clock_says_what_is_left() -> None:
    row = ordered(HERE, Mode.UNLOCKED, BY, NOW, HOUR_MS).row()
    assert left(row, REBOOTED) == HOUR_MS - 60_000
    assert left(row, replace(REBOOTED, wall_ms=NOW.wall_ms + HOUR_MS)) is None
    # A clock that went back prolongs nothing.
    assert left(row, replace(REBOOTED, wall_ms=NOW.wall_ms - HOUR_MS)) == HOUR_MS


@pytest.mark.parametrize("mode", sorted(HOLDING | DENYING, key=str))
def test_a_clock_nobody_vouches_for_releases_nothing(mode: Mode) -> None:
    row = ordered(HERE, mode, BY, NOW, HOUR_MS).row()
    expected = HOUR_MS if mode in DENYING else None
    assert left(row, replace(REBOOTED, err_ms=-1)) == expected


def test_the_entry_says_who_and_until_when() -> None:
    assert ordered(HERE, Mode.UNLOCKED, BY, NOW, 500).row()["ends"] == {
        "at": NOW.wall_ms + 500,
        "boot": "b1",
        "for_ms": 500,
        "up": 1_500,
    }
    assert scheduled(HERE, BY, NOW).row()["why"] == "schedule"


ENDS = {"at": 1, "boot": "b1", "for_ms": 1, "up": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "Locked"},
        {"mode": 7},
        {"by": None},
        {"ends": 7},
        {"ends": {}},
        {"ends": {**ENDS, "boot": "b" * 65}},
        {"ends": {**ENDS, "for_ms": ORDER_MS_MAX + 1}},
        {"ends": {**ENDS, "up": -1}},
        {"ends": {**ENDS, "at": True}},
    ],
    ids=str,
)
def test_what_is_no_order_is_not_resumed(change: dict[str, Any]) -> None:
    row = {"by": BY, "door": HERE, "mode": "Blocked", **change}
    with pytest.raises(RegistryError):
        resumed(row, HERE, NOW)


@pytest.mark.parametrize("for_ms", [1, 10_000])
def test_a_self_test_may_last_to_its_bounds(for_ms: int) -> None:
    order = self_test(HERE, BY, NOW, for_ms)
    assert everything(order) == {
        "door": HERE,
        "mode": Mode.UNLOCKED,
        "why": Why.SELF_TEST,
        "by": BY,
        "ordered_up_ms": 1_000,
        "until_up_ms": 1_000 + for_ms,
        "until_ms": 1_700_000_000_000 + for_ms,
        "boot": "b1",
    }


@pytest.mark.parametrize("for_ms", [0, 1, 5_000])
def test_what_is_resumed_is_the_whole_order(for_ms: int) -> None:
    now = replace(NOW, boot="b" * 64)
    order = ordered(HERE, Mode.BLOCKED, BY, now, for_ms)
    again = resumed(order.row(), HERE, now)
    assert again is not None
    assert everything(again) == everything(order)


def test_a_schedules_order_names_who_wrote_the_schedule() -> None:
    assert scheduled(HERE, BY, NOW).by == BY


def everything(order: Order) -> dict[str, Any]:
    """All members, by name."""
    return {one.name: getattr(order, one.name) for one in fields(order)}


def test_an_order_without_an_end_has_none_by_the_wall_clock_either() -> None:
    assert ordered(HERE, Mode.BLOCKED, BY, NOW).until_ms == 0
    assert scheduled(HERE, BY, NOW).until_ms == 0
