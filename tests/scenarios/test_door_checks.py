"""The door tries itself, and an installer confirms the rest."""

import pytest

from gateway.core.commissioning import Point
from gateway.core.facts import Mode
from gateway.errors import OrderError
from gateway.service.views import Actor
from tests.virtual_site import ADMIN, VirtualSite

ROOT = Actor(uid=0)


async def test_a_door_is_commissioned_by_all_of_it(site: VirtualSite) -> None:
    async with site.running() as now:
        assert not now.gateway.status().door.commissioned
        some = frozenset(Point) - {Point.EXIT_WITHOUT_PI}
        with pytest.raises(OrderError, match="Pi switched off, the exit button"):
            await now.gateway.checks.commission(some, ROOT)
        with pytest.raises(OrderError, match="as root"):
            await now.gateway.checks.commission(frozenset(Point), ADMIN)
        await now.gateway.checks.commission(frozenset(Point), ROOT)
        assert now.gateway.status().door.commissioned
        await now.gateway.save_registry()
    async with site.running() as now:
        assert now.gateway.status().door.commissioned
        (first, again) = site.entries("commissioned")
        assert first.what == again.what
        assert first.what["by"] == {"uid": 0}


async def test_a_self_test_releases_for_a_moment_and_leaves_an_entry(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        found = await now.gateway.checks.self_test(ROOT)
        assert found.passed, found
        assert await site.releases() == 1
        assert not (await site.place.door.state()).released
        (hold,) = site.entries("door.hold")
        (test,) = site.entries("self-test")
        assert hold.what["why"] == "self-test"
        assert test.n == found.entry
        assert test.what["passed"] is True
        await now.gateway.checks.self_test_seen(found.entry, ROOT, moved=False)
        with pytest.raises(OrderError, match="Only the last"):
            await now.gateway.checks.self_test_seen(found.entry, ROOT, moved=True)
        (seen,) = site.entries("self-test.seen")
        assert seen.what["moved"] is False


async def test_a_strike_that_does_not_answer_fails_it(site: VirtualSite) -> None:
    async with site.running() as now:
        now.strike.fails = "It is out of reach."
        found = await now.gateway.checks.self_test(ROOT)
        assert not found.passed
        assert found.checks["released"] is False


async def test_no_self_test_of_a_door_that_is_denied_or_open(site: VirtualSite) -> None:
    async with site.running() as now:
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)
        with pytest.raises(OrderError, match="LockedDown"):
            await now.gateway.checks.self_test(ROOT)
        await now.gateway.set_mode(Mode.LOCKED, ADMIN)
        await site.place.door.force()
        await site.sleep(100)
        with pytest.raises(OrderError, match="forced"):
            await now.gateway.checks.self_test(ROOT)
        with pytest.raises(OrderError, match="as root"):
            await now.gateway.checks.self_test(ADMIN)
        assert await site.releases() == 0
