"""Two things at once: what is ordered last holds, at the door and in the ledger."""

import asyncio

from gateway.core.facts import Mode
from tests.virtual_site import ADMIN, VirtualSite


async def test_a_lockdown_is_not_lifted_by_an_order_from_before_it(
    site: VirtualSite,
) -> None:
    """The lift waits for the disk; the lockdown does not, and comes after it."""
    async with site.running() as now:
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)
        now.journal.open_gate.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(now.gateway.set_mode(Mode.LOCKED, ADMIN))
            await site.sleep(10)
            group.create_task(now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN))
            await site.sleep(10)
            now.journal.open_gate.set()
        assert now.gateway.status().door.mode is Mode.LOCKED_DOWN
        said = [entry.what["mode"] for entry in site.entries("door.mode")]
        assert said == ["LockedDown", "Locked", "LockedDown"]
    async with site.running() as now:
        assert now.gateway.status().door.mode is Mode.LOCKED_DOWN
