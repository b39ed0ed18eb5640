"""Modes on a whole gateway: ordered, ended, resumed, scheduled, burnt through."""

from dataclasses import replace

import pytest

from gateway.core.door_timing import LEASE_MS
from gateway.core.facts import InputName, Mode, Pattern
from gateway.core.orders import OnFire
from gateway.core.schedule import Schedule
from gateway.errors import JournalError
from tests.virtual_site import ADMIN, Running, VirtualSite

MINUTE_MS = 60_000


def light(now: Running) -> Pattern:
    """What light and buzzer say; asked anew each time."""
    return now.indicators.shown[-1][1]


async def released(site: VirtualSite) -> bool:
    return (await site.place.door.state()).released


def shown(now: Running) -> tuple[Mode, str]:
    door = now.gateway.status().door
    return door.mode, door.why


async def test_an_order_holds_by_leases_until_its_end(site: VirtualSite) -> None:
    async with site.running() as now:
        status = await now.gateway.set_mode(Mode.UNLOCKED, ADMIN, 10_000)
        assert await released(site)
        assert (status.door.mode, status.door.why) == (Mode.UNLOCKED, "order")
        assert status.door.until_ms == site.clock.now().wall_ms + 10_000
        assert [one.mode for one in status.door.precedence if one.stands] == [
            Mode.UNLOCKED,
            Mode.LOCKED,
        ]
        assert light(now) is Pattern.UNLOCKED
        await site.sleep(9_900)
        assert await released(site)
        assert now.strike.leases > 9_900 // LEASE_MS
        await site.sleep(200)
        assert not await released(site)
        assert shown(now) == (Mode.LOCKED, "normal")
        await site.sleep(1_000)
        assert [one.what["mode"] for one in site.entries("door.over")] == ["Unlocked"]
        edges = await site.place.pins.trace("strike")
        assert len(edges) == 3  # no flicker at any renewal


async def test_nothing_is_held_that_is_not_written(site: VirtualSite) -> None:
    async with site.running() as now:
        now.journal.always = "refuse"
        with pytest.raises(JournalError):
            await now.gateway.set_mode(Mode.LOCKED_OPEN, ADMIN)
        assert not await released(site)
        now.journal.always = "write"
        await now.gateway.set_mode(Mode.LOCKED_OPEN, ADMIN)
        assert await released(site)


async def test_blocked_denies_keys_and_lockdown_outranks_unlocked(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await now.gateway.set_mode(Mode.BLOCKED, ADMIN)
        await key.touch()
        assert (await site.touch(now, key)).data["result"] == "door-blocked"
        await now.gateway.set_mode(Mode.LOCKED, ADMIN)
        await now.gateway.set_mode(Mode.UNLOCKED, ADMIN)
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN, 5_000)
        assert not await released(site)
        await site.place.door.press_exit()
        assert await released(site)
        await site.sleep(6_000)
        assert shown(now) == (Mode.UNLOCKED, "order")
        assert await released(site)
        await now.gateway.set_mode(Mode.LOCKED, ADMIN)
        assert not await released(site)


async def test_who_protects_again_for_less_shortens_nothing(site: VirtualSite) -> None:
    async with site.running() as now:
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN, 1_000)
        await site.sleep(5_000)
        assert shown(now) == (Mode.LOCKED_DOWN, "order")
        await now.gateway.set_mode(Mode.LOCKED, ADMIN)
        await now.gateway.set_mode(Mode.BLOCKED, ADMIN, 9_000)
        await now.gateway.set_mode(Mode.BLOCKED, ADMIN, 1_000)
        await site.sleep(5_000)
        assert shown(now) == (Mode.BLOCKED, "order")


async def test_an_order_is_resumed_for_what_is_left_of_it(site: VirtualSite) -> None:
    async with site.running() as now:
        await now.gateway.set_mode(Mode.UNLOCKED, ADMIN, 20_000)
        await now.gateway.save_registry()
        await site.sleep(5_000)
    assert not await released(site)  # nobody is there
    async with site.running() as now:
        assert await released(site)
        assert shown(now) == (Mode.UNLOCKED, "order")
        await site.sleep(15_500)
        assert shown(now) == (Mode.LOCKED, "normal")
        await site.sleep(1_000)
    async with site.running() as now:
        assert shown(now) == (Mode.LOCKED, "normal")


async def test_an_order_that_ended_meanwhile_is_said_to_be_over(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        await now.gateway.set_mode(Mode.LOCKED_OPEN, ADMIN, 2_000)
    await site.sleep(3_000)
    async with site.running() as now:
        assert shown(now) == (Mode.LOCKED, "normal")
        await site.sleep(1_000)
        assert [one.what["mode"] for one in site.entries("door.over")] == ["LockedOpen"]


# The schedule, by a clock that is believed. It is Friday, 08:00.


async def test_the_schedule_unlocks_and_locks(site: VirtualSite) -> None:
    site.unlocked = Schedule.parse("Fri 08:03-08:10")
    async with site.running() as now:
        await site.sleep(2 * MINUTE_MS)
        assert not await released(site)
        await site.sleep(MINUTE_MS + 2_000)
        assert await released(site)
        assert shown(now) == (Mode.UNLOCKED, "schedule")
        assert [one.what["why"] for one in site.entries("door.hold")] == ["schedule"]
        await site.sleep(7 * MINUTE_MS)
        assert not await released(site)


async def test_an_alarm_clock_that_comes_twice_changes_nothing(
    site: VirtualSite,
) -> None:
    site.unlocked = Schedule.parse("Fri 08:02-08:10")
    async with site.running() as now:
        for _ in range(5):
            await now.gateway.look_at_clock()
        assert not await released(site)
        await site.sleep(3 * MINUTE_MS)
        for _ in range(5):
            await now.gateway.look_at_clock()
        assert await released(site)
        assert len(site.entries("door.hold")) == 1


async def test_a_leap_to_the_future_and_back_opens_nothing(site: VirtualSite) -> None:
    site.unlocked = Schedule.parse("Fri 12:00-13:00")
    async with site.running():
        await site.sleep(2 * MINUTE_MS)
        wall_ms = site.clock.now().wall_ms
        site.clock.set_wall(wall_ms + 4 * 60 * MINUTE_MS)
        await site.sleep(50_000)
        assert not await released(site)
        site.clock.set_wall(wall_ms + 50_000)
        await site.sleep(5 * MINUTE_MS)
        assert not await released(site)
        steps = [one.what["step_ms"] for one in site.entries("clock")]
        assert steps == [4 * 60 * MINUTE_MS, -4 * 60 * MINUTE_MS]


async def test_without_a_believed_clock_the_schedule_is_shut(site: VirtualSite) -> None:
    site.unlocked = Schedule.parse("Fri 07:00-09:00")
    site.clock.set_sync(-1)
    async with site.running() as now:
        await site.sleep(2 * MINUTE_MS)
        assert not await released(site)
        site.clock.set_sync(20)
        await site.sleep(30_000)
        assert not await released(site)
        await site.sleep(40_000)
        assert await released(site)
        site.clock.set_sync(-1)
        await site.sleep(2_000)
        assert not await released(site)
        assert shown(now) == (Mode.LOCKED, "normal")
        words = [one.what["why"] for one in site.entries("clock")]
        assert words == ["sync-gained", "sync-lost"]


async def test_the_schedule_may_wait_for_the_first_person(site: VirtualSite) -> None:
    site.unlocked = Schedule.parse("Fri 07:00-09:00")
    site.timing = replace(site.timing, first_person=True)
    async with site.running() as now:
        key = await site.enrol(now)
        await site.sleep(3 * MINUTE_MS)
        assert not await released(site)
        await site.granted(now, key)
        assert await released(site)
        assert shown(now) == (Mode.UNLOCKED, "schedule")


async def test_the_schedule_waits_while_the_ledger_cannot(site: VirtualSite) -> None:
    site.unlocked = Schedule.parse("Fri 07:00-09:00")
    async with site.running() as now:
        now.journal.always = "refuse"
        await site.sleep(2 * MINUTE_MS)
        assert not await released(site)
        now.journal.always = "write"
        await site.sleep(3_000)
        assert await released(site)


# Fire, and the other door.


async def test_fire_releases_where_the_site_says_so(site: VirtualSite) -> None:
    site.on_fire = OnFire.RELEASE
    async with site.running() as now:
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)
        now.journal.always = "refuse"  # a fire waits for no disk
        await site.place.pins.set_input(InputName.FIRE, active=True)
        await site.sleep(100)
        assert await released(site)
        assert shown(now) == (Mode.LOCKED_OPEN, "fire")
        assert light(now) is Pattern.ALARM
        await site.sleep(30_000)
        assert await released(site)
        now.journal.always = "write"
        await site.place.pins.set_input(InputName.FIRE, active=False)
        await site.sleep(3_000)
        assert not await released(site)
        assert shown(now) == (Mode.LOCKED_DOWN, "order")
        told = [(one.what["kind"], one.what["detail"]) for one in site.entries("alarm")]
        assert told == [("fire", "begun"), ("fire", "ended")]


async def test_fire_is_only_told_of_elsewhere(site: VirtualSite) -> None:
    async with site.running() as now:
        await site.place.pins.set_input(InputName.FIRE, active=True)
        await site.sleep(2_000)
        assert not await released(site)
        assert shown(now) == (Mode.LOCKED, "normal")
        assert site.entries("alarm")
        await site.place.door.press_exit()
        assert await released(site)


async def test_the_other_door_of_an_interlock(site: VirtualSite) -> None:
    async with site.running() as now:
        key = await site.enrol(now)
        await site.place.pins.set_input(InputName.INTERLOCK, active=True)
        await key.touch()
        assert (await site.touch(now, key)).data["result"] == "interlocked"
        await site.place.door.press_exit()
        assert await released(site)
        await site.sleep(5_000)
        await site.place.pins.set_input(InputName.INTERLOCK, active=False)
        await site.granted(now, key)
        told = [one.what["active"] for one in site.entries("door.input")]
        assert told == [True, False]


async def test_the_buzzer_asks_before_the_alarm(site: VirtualSite) -> None:
    site.timing = replace(site.timing, pre_alarm_ms=2_000)
    async with site.running() as now:
        await site.place.door.press_exit()
        assert await site.place.door.open()
        await site.sleep(3_500)
        assert light(now) is Pattern.PRE_ALARM
        await site.place.door.close()
        await site.sleep(100)
        assert light(now) is Pattern.READY
        await site.sleep(5_000)
        assert site.entries("door.held") == []
