"""A gateway without a time server, on a board with a battery, in virtual time."""

from dataclasses import replace

import pytest

from gateway.core.door_policy import DoorRules
from gateway.core.rtc_trust import AGREES_MS, RtcReading, RtcTrust
from gateway.service.composition import Adapters
from gateway.sim.clock import SimulatedClock
from gateway.sim.key import KeyraDevice
from tests.virtual_site import Running, VirtualSite

BOOTS = ("1111111111111111", "2222222222222222", "3333333333333333")
DAY_MS = 86_400_000
HOURS = "Mon-Sun 00:00-24:00"


class FakeRtc:
    """A board's clock with a battery: what it shows is told in the test."""

    def __init__(self, limit_ms: int) -> None:
        self.limit_ms = limit_ms
        self.clock: SimulatedClock | None = None
        self.reading: RtcReading | None = None
        self.off_ms = 0

    def fitted(self, on: Adapters) -> Adapters:
        """A board that has it."""
        return replace(on, rtc=self)

    def read(self) -> RtcReading | None:
        if self.clock is not None and self.reading is None:
            shown_ms = self.clock.now().wall_ms // 1_000 * 1_000 + self.off_ms
            return RtcReading(set_the_clock=True, wall_ms=shown_ms)
        return self.reading

    def vouch(self, trust: RtcTrust | None) -> None:
        if self.clock is not None:
            self.clock.believe(trust)


@pytest.fixture
def rtc(site: VirtualSite) -> FakeRtc:
    site.windows = {"days": HOURS}
    site.groups = {"staff": "days"}
    site.rules = DoorRules()
    rtc = FakeRtc(60_000)
    rtc.clock = site.clock
    return rtc


def reboot(site: VirtualSite, rtc: FakeRtc, boot: str, off_ms: int) -> None:
    """A new boot after so long: no time server, and the clock is set by the RTC."""
    wall_ms = site.clock.now().wall_ms + off_ms
    site.clock = SimulatedClock(
        wall_ms, err_ms=-1, boot=boot, up_ms=-site.clock.now().up_ms
    )
    rtc.clock = site.clock


async def touched(site: VirtualSite, now: Running, key: KeyraDevice) -> object:
    await key.touch()
    return (await site.touch(now, key)).data["result"]


def clock_words(site: VirtualSite) -> list[object]:
    return [entry.what["why"] for entry in site.entries("clock")]


async def test_it_agrees_and_is_believed_after_the_power_was_gone(
    site: VirtualSite, rtc: FakeRtc
) -> None:
    async with site.running(rtc.fitted) as now:
        key = await site.enrol(now)
        await site.sleep(61_000)
        assert await touched(site, now, key) == "granted"
        await now.gateway.save_registry()
        await now.gateway.stop("told to")
    assert clock_words(site)[0] == "rtc-agrees"
    reboot(site, rtc, BOOTS[0], DAY_MS)
    async with site.running(rtc.fitted) as now:
        assert await touched(site, now, key) == "granted"
        await site.sleep(2_000)
        decided = site.entries("door.grant")[-1].what["decided"]
        assert 8_660 <= decided["err"] - AGREES_MS <= 8_660 + 1_100  # whole seconds
        assert clock_words(site)[-1] == "rtc"
        site.clock.set_sync(20)
        await site.sleep(61_000)
        assert clock_words(site)[-1] == "sync-gained"
        site.clock.set_sync(-1)  # hours later: nobody to ask any more
        await site.sleep(2_000)
        assert clock_words(site)[-1] == "rtc"
        assert await touched(site, now, key) == "granted"


async def test_it_is_not_believed_before_it_agreed(
    site: VirtualSite, rtc: FakeRtc
) -> None:
    rtc.off_ms = 3_600_000  # it keeps local time
    async with site.running(rtc.fitted) as now:
        key = await site.enrol(now)
        await site.sleep(61_000)
    assert "rtc-agrees" not in clock_words(site)
    reboot(site, rtc, BOOTS[0], DAY_MS)
    rtc.off_ms = 0
    async with site.running(rtc.fitted) as now:
        assert await touched(site, now, key) == "time-untrusted"


@pytest.mark.parametrize("limit_ms", [0, 5_000])
async def test_it_is_believed_no_further_than_the_site_says(
    site: VirtualSite, rtc: FakeRtc, limit_ms: int
) -> None:
    rtc.limit_ms = limit_ms
    async with site.running(rtc.fitted) as now:
        key = await site.enrol(now)
        await site.sleep(61_000)
    reboot(site, rtc, BOOTS[0], DAY_MS)
    async with site.running(rtc.fitted) as now:
        assert await touched(site, now, key) == "time-untrusted"
    assert ("rtc-agrees" in clock_words(site)) is bool(limit_ms)


async def test_a_dead_battery_is_never_believed(
    site: VirtualSite, rtc: FakeRtc
) -> None:
    async with site.running(rtc.fitted) as now:
        key = await site.enrol(now)
        await site.sleep(61_000)
    wall_ms = site.clock.now().wall_ms
    for boot, shown_ms in zip(BOOTS, (0, 946_684_800_000, 2**31 * 1_000), strict=True):
        reboot(site, rtc, boot, shown_ms - site.clock.now().wall_ms)
        async with site.running(rtc.fitted) as now:
            assert await touched(site, now, key) == "time-untrusted"
    # A new battery, and nothing lost: what was seen to agree still stands.
    reboot(site, rtc, "4" * 16, wall_ms + DAY_MS - site.clock.now().wall_ms)
    async with site.running(rtc.fitted) as now:
        assert await touched(site, now, key) == "granted"


async def test_whoever_sets_the_clock_by_hand_is_not_the_battery(
    site: VirtualSite, rtc: FakeRtc
) -> None:
    async with site.running(rtc.fitted) as now:
        key = await site.enrol(now)
        await site.sleep(61_000)
    reboot(site, rtc, BOOTS[0], DAY_MS)
    async with site.running(rtc.fitted) as now:
        site.clock.set_wall(site.clock.now().wall_ms + 3_600_000)
        assert await touched(site, now, key) == "time-untrusted"
        await site.sleep(2_000)
        assert clock_words(site)[-2:] == ["step", "sync-lost"]


async def test_one_that_stops_agreeing_is_said_to_differ(
    site: VirtualSite, rtc: FakeRtc
) -> None:
    async with site.running(rtc.fitted) as now:
        key = await site.enrol(now)
        await site.sleep(61_000)
        rtc.off_ms = 10_000
        await site.sleep(61_000)
        assert clock_words(site) == ["rtc-agrees", "rtc-differs"]
        site.clock.set_sync(-1)
        assert await touched(site, now, key) == "time-untrusted"
