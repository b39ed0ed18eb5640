"""Batteries: read seldom, said once a day, and never in anybody's way."""

import asyncio
from typing import Any, cast

import pytest

from gateway.core.entries import Record
from gateway.core.histogram import Histogram
from gateway.core.ids import CredentialId
from gateway.core.measurement import Kind
from gateway.errors import LinkLostError
from gateway.ports import PeerInfo
from gateway.service import batteries
from gateway.service.batteries import (
    KEYS_MAX,
    LOW_PERCENT,
    NOTICE_EVERY_MS,
    READ_EVERY_MS,
    Batteries,
)
from gateway.service.telemetry import MemoryTelemetry
from gateway.sim.clock import SimulatedClock

KEY = CredentialId(b"key")


class FakeLink:
    """A link whose companion services say so, are gone, or never answer."""

    def __init__(self) -> None:
        self.percent: int | None = 100
        self.reads = 0
        self.how = "answers"

    async def info(self) -> PeerInfo:
        self.reads += 1
        if self.how == "lost":
            raise LinkLostError("It went away.")
        if self.how == "silent":
            await asyncio.Event().wait()
        return PeerInfo(battery_percent=self.percent)


class Desk:
    """One pair of batteries and link, with what was noted."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.noted: list[Record] = []
        self.telemetry = MemoryTelemetry()
        self.link = FakeLink()
        self.batteries = Batteries(clock, self.telemetry, cast("Any", self))

    def note(self, record: Record) -> None:
        self.noted.append(record)

    async def look(self, key: CredentialId = KEY) -> None:
        await self.batteries.look(cast("Any", self.link), key)

    @property
    def measured(self) -> Histogram:
        figures = self.telemetry.waiting(0).figures
        return figures.get((Kind.GAUGE, "battery_percent"), Histogram())


@pytest.fixture
async def desk(clock: SimulatedClock) -> Desk:
    return Desk(clock)


async def wait(desk: Desk, for_ms: int) -> None:
    await desk.clock.sleep_until(desk.clock.now().up_ms + for_ms)


async def test_a_battery_is_read_once_an_hour(desk: Desk) -> None:
    for _ in range(3):
        await desk.look()
    await wait(desk, READ_EVERY_MS)
    desk.link.percent = 40
    await desk.look()
    assert desk.link.reads == 2
    assert (desk.measured.count, desk.measured.percentile(0)) == (2, 40)
    assert desk.noted == []


async def test_a_low_one_is_said_once_a_day(desk: Desk) -> None:
    desk.link.percent = LOW_PERCENT
    for _ in range(NOTICE_EVERY_MS // READ_EVERY_MS):
        await desk.look()
        await wait(desk, READ_EVERY_MS)
    (low,) = desk.noted
    assert low.ev == "alarm"
    assert low.what == {"kind": "battery-low", "detail": "a2V5: 20 percent"}
    await desk.look()
    assert len(desk.noted) == 2
    await desk.look(CredentialId(b"another"))
    assert len(desk.noted) == 3
    assert desk.telemetry.counts() == {"battery.low": 3}


@pytest.mark.parametrize("how", ["lost", "silent", "answers"])
async def test_a_key_that_does_not_say_it_is_left_alone(desk: Desk, how: str) -> None:
    desk.link.how, desk.link.percent = how, None
    await desk.look()
    await desk.look()
    assert (desk.link.reads, desk.measured.count, desk.noted) == (1, 0, [])


async def test_it_remembers_so_many_and_no_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KEYS_MAX > 2
    monkeypatch.setattr(batteries, "KEYS_MAX", 2)
    for name in (b"a", b"b", b"c", b"a"):
        await desk.look(CredentialId(name))
    assert desk.link.reads == 4
