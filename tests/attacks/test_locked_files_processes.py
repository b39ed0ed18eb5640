"""Another process holds the gateway's files: people get out, and nobody gets in."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing
from pathlib import Path
from time import perf_counter

import pytest

from gateway.sim.site import SimulatedSite, SitePlan
from ledger.entry import Entry, parse_entry
from ledger.reader import Reader
from tests.killing import Killing

pytestmark = [pytest.mark.processes, pytest.mark.slow]

EXIT_S_MAX = 1.0
LOCKED_S = 4.0
FILES = {"ledger.db": "IMMEDIATE", "people.db": "EXCLUSIVE", "registry.db": "EXCLUSIVE"}


async def until(is_so: Callable[[], Awaitable[bool]], within_s: float) -> float:
    """Return after how many seconds it was so."""
    since_s = perf_counter()
    async with asyncio.timeout(within_s):
        while not await is_so():  # noqa: ASYNC110 - other processes have no events here
            await asyncio.sleep(0.01)
    return perf_counter() - since_s


async def released(site: SimulatedSite) -> bool:
    return (await site.world.door.state()).released


def site_entries(site: SimulatedSite) -> list[Entry]:
    with Reader.open(site.ledger_path) as reader:
        return [parse_entry(body) for body in reader.entries(0, reader.size())]


async def test_exit_and_entry_while_every_file_is_locked(folder: Path) -> None:
    killing = Killing(SitePlan(folder, door={"release_s": 1}))
    async with killing.site as site:
        await killing.begin()
        with ExitStack() as locks:
            for name, how in FILES.items():
                connection = sqlite3.connect(
                    site.state_dir / name, isolation_level=None
                )
                locks.enter_context(closing(connection)).execute(f"BEGIN {how}")
            async with site.client() as client, asyncio.TaskGroup() as group:

                async def look() -> None:
                    assert [one.name async for one in client.holders()] == [None]

                for _ in range(3):
                    group.create_task(look())
                group.create_task(site.world.door.press_exit())
                assert await until(lambda: released(site), 10) < EXIT_S_MAX
            await asyncio.sleep(1.5)
            assert not await released(site)
            await killing.key.touch()
            await killing.key.present()
            with pytest.raises(TimeoutError):
                await until(lambda: released(site), LOCKED_S)
        await killing.key.sleep()

        async def told() -> bool:
            kinds = {entry.ev for entry in site_entries(site)}
            return "door.exit" in kinds and bool({"door.deny", "door.grant"} & kinds)

        await until(told, 20)
