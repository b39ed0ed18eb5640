"""Waiting: the timekeeper and `before`, by the gateway's own clock."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.errors import LinkLostError
from gateway.service import timekeeper as module
from gateway.service.timekeeper import Timekeeper
from gateway.service.waiting import before
from gateway.sim.clock import SimulatedClock


class Diary:
    """Remembers which action ran when."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.lines: list[tuple[int, str]] = []

    def action(self, name: str) -> Callable[[], Awaitable[None]]:
        async def write() -> None:
            self.lines.append((self._clock.now().up_ms, name))

        return write


async def keep(clock: SimulatedClock, keeper: Timekeeper, until_ms: int) -> None:
    task = asyncio.ensure_future(keeper.run())
    await clock.sleep_until(until_ms)
    task.cancel()
    await asyncio.wait({task})


async def test_actions_run_at_their_time_and_in_order(clock: SimulatedClock) -> None:
    keeper, diary = Timekeeper(clock), Diary(clock)
    keeper.set("b", 2_000, diary.action("b"))
    keeper.set("a", 1_000, diary.action("a"))
    keeper.set("past", -5, diary.action("past"))
    await keep(clock, keeper, 10_000)
    assert diary.lines == [(0, "past"), (1_000, "a"), (2_000, "b")]


async def test_a_wish_is_moved_and_forgotten_by_name(clock: SimulatedClock) -> None:
    keeper, diary = Timekeeper(clock), Diary(clock)
    keeper.set("a", 1_000, diary.action("early"))
    keeper.set("a", 3_000, diary.action("late"))
    keeper.set("b", 1_000, diary.action("never"))
    keeper.clear("b")
    keeper.clear("nothing")
    await keep(clock, keeper, 10_000)
    assert diary.lines == [(3_000, "late")]


async def test_an_earlier_wish_wakes_it(clock: SimulatedClock) -> None:
    keeper, diary = Timekeeper(clock), Diary(clock)
    keeper.set("far", 3_600_000, diary.action("far"))

    async def interfere() -> None:
        await clock.sleep_until(100)
        keeper.set("near", 200, diary.action("near"))

    await asyncio.gather(interfere(), keep(clock, keeper, 5_000))
    assert diary.lines == [(200, "near")]


async def test_an_action_may_ask_again(clock: SimulatedClock) -> None:
    keeper, ran = Timekeeper(clock), list[int]()

    async def again() -> None:
        ran.append(clock.now().up_ms)
        keeper.set("again", clock.now().up_ms + 1_000, again)

    keeper.set("again", 1_000, again)
    await keep(clock, keeper, 3_500)
    assert ran == [1_000, 2_000, 3_000]


async def test_a_leak_of_names_is_found(clock: SimulatedClock) -> None:
    keeper, diary = Timekeeper(clock), Diary(clock)
    for number in range(module.DEADLINES_MAX):
        keeper.set(str(number), 1_000, diary.action("x"))
    with pytest.raises(ValueError, match="deadlines"):
        keeper.set("one more", 1_000, diary.action("x"))
    keeper.set("0", 2_000, diary.action("x"))


async def test_before_returns_what_came_in_time(clock: SimulatedClock) -> None:
    async def work(until_ms: int) -> str:
        await clock.sleep_until(until_ms)
        return "done"

    assert await before(clock, 1_000, work(500)) == "done"
    assert clock.now().up_ms == 500
    assert await before(clock, 1_000, work(5_000)) is None
    assert clock.now().up_ms == 1_000


async def test_before_lets_late_work_clean_up(clock: SimulatedClock) -> None:
    cleaned = list[int]()

    async def work() -> None:
        try:
            await clock.sleep_until(60_000)
        finally:
            await clock.sleep_until(clock.now().up_ms + 50)
            cleaned.append(clock.now().up_ms)

    await before(clock, 1_000, work())
    assert cleaned == [1_050]


async def test_before_raises_what_the_work_raised(clock: SimulatedClock) -> None:
    async def work() -> None:
        raise LinkLostError("gone")

    with pytest.raises(LinkLostError):
        await before(clock, 1_000, work())


async def test_cancelling_before_cancels_the_work(clock: SimulatedClock) -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await clock.sleep_until(60_000)
        finally:
            ended.set()

    waiting = asyncio.ensure_future(before(clock, 1_000, work()))
    await clock.sleep_until(10)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    assert ended.is_set()
