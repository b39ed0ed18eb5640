"""The stream of events: bounded, and slow readers are given up."""

import asyncio
from contextlib import aclosing

import pytest

from gateway.core.ids import Now
from gateway.service.events import (
    EVENTS_KEPT_MAX,
    QUEUE_EVENTS_MAX,
    SUBSCRIBERS_MAX,
    Event,
    EventStream,
)
from gateway.service.telemetry import (
    NAMES_MAX,
    SAMPLES_PER_STAGE_MAX,
    MemoryTelemetry,
)

NOW = Now(5, 1_800_000_000_000, 0, "0" * 16)


async def take(stream: EventStream, count: int, after_id: int | None) -> list[Event]:
    taken = list[Event]()
    async with aclosing(stream.subscribe(after_id)) as events:  # type: ignore[type-var]  # an async generator
        async for event in events:
            taken.append(event)
            if len(taken) == count:
                break
    return taken


async def test_events_are_numbered_and_kept() -> None:
    stream = EventStream()
    assert stream.last_id == 0
    for number in range(EVENTS_KEPT_MAX + 10):
        stream.publish("a", NOW, {"number": number, "pair": ((1, 2), {"x": (3,)})})
    assert stream.last_id == EVENTS_KEPT_MAX + 10
    (first, second) = await take(stream, 2, after_id=0)
    assert (first.id, second.id) == (11, 12)  # older ones are forgotten
    assert first.data["pair"] == [[1, 2], {"x": [3]}]  # as JSON has it
    assert (first.up_ms, first.wall_ms) == (NOW.up_ms, NOW.wall_ms)
    assert [e.id for e in await take(stream, 1, after_id=stream.last_id - 1)] == [
        stream.last_id
    ]


async def test_a_subscriber_hears_what_comes_after_it() -> None:
    stream = EventStream()
    stream.publish("old", NOW, {})
    listening = asyncio.ensure_future(take(stream, 2, None))
    await asyncio.sleep(0)
    stream.publish("new", NOW, {})
    stream.publish("newer", NOW, {})
    assert [event.kind for event in await listening] == ["new", "newer"]


async def test_nothing_is_told_twice_or_left_out_between_past_and_present() -> None:
    stream = EventStream()
    stream.publish("1", NOW, {})
    async with aclosing(stream.subscribe(0)) as events:  # type: ignore[type-var]  # an async generator
        assert (await anext(events)).kind == "1"
        stream.publish("2", NOW, {})
        assert (await anext(events)).kind == "2"


@pytest.mark.parametrize("after_id", [None, 0])
async def test_a_reader_that_falls_behind_is_given_up(after_id: int | None) -> None:
    stream = EventStream()
    stream.publish("first", NOW, {})
    ids = list[int]()
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async for event in stream.subscribe(after_id):
            ids.append(event.id)
            started.set()
            await go_on.wait()

    reading = asyncio.ensure_future(slow())
    await asyncio.sleep(0)
    stream.publish("second", NOW, {})
    await started.wait()
    for _ in range(2 * QUEUE_EVENTS_MAX):
        stream.publish("more", NOW, {})
    go_on.set()
    await reading
    assert len(ids) <= QUEUE_EVENTS_MAX + 2
    assert ids == list(range(ids[0], ids[0] + len(ids)))  # no gap in what was told


async def test_so_many_may_listen() -> None:
    stream = EventStream()
    listening = [
        asyncio.ensure_future(take(stream, 1, None)) for _ in range(SUBSCRIBERS_MAX)
    ]
    await asyncio.sleep(0)
    assert await take(stream, 1, None) == []
    stream.publish("a", NOW, {})
    assert len(await asyncio.gather(*listening)) == SUBSCRIBERS_MAX
    again = asyncio.ensure_future(take(stream, 1, None))
    await asyncio.sleep(0)
    stream.publish("b", NOW, {})
    assert [event.kind for event in await again] == ["b"]


def test_telemetry_keeps_figures_and_nothing_for_ever() -> None:
    kept = MemoryTelemetry()
    assert (kept.stages(), kept.counts()) == ({}, {})
    for value in range(1, 101):
        kept.stage("verify", value)
    figures = kept.stages()["verify"]
    assert (figures.count, figures.p50_us, figures.p99_us) == (100, 51, 100)
    for value in range(SAMPLES_PER_STAGE_MAX + 5):
        kept.stage("append", value)
    assert kept.stages()["append"].count == SAMPLES_PER_STAGE_MAX
    for number in range(NAMES_MAX + 5):
        kept.stage(f"stage {number}", 1)
        kept.count(f"count {number}")
        kept.count("count 0")
    assert len(kept.stages()) == len(kept.counts()) == NAMES_MAX
    assert kept.counts()["count 0"] == NAMES_MAX + 6
