"""The world as a process outlives every gateway, and names its seed when it fails."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from gateway.adapters.bluez_radio import BleakRadio
from gateway.sim.adapter import SimulatedAdapter
from gateway.sim.clock import SimulatedClock
from gateway.sim.remote import RemoteWorld

pytestmark = pytest.mark.processes

# A gateway that pairs if it must, connects, says so, and waits to be killed.
GATEWAY = """
import asyncio, sys
from pathlib import Path
from gateway.adapters.bluez_radio import BleakRadio
from gateway.sim.adapter import SimulatedAdapter
from gateway.sim.clock import SimulatedClock
from gateway.sim.remote import RemoteWorld

async def main(folder):
    async with await RemoteWorld.connect(folder) as world:
        key = world.key("k0001")
        address = (await key.state()).address
        adapter = await SimulatedAdapter.over_socket(
            folder / "hci.sock", bond_file=folder / "bonds.json"
        )
        async def compare(number):
            return number == (await key.state()).shown_number
        if not await adapter.bonds():
            await key.pairing_mode()
            await adapter.pair(address, compare)
        radio = BleakRadio(
            SimulatedClock(0), adapter.bonded,
            scanner_backend=adapter.scanner_backend,
            client_backend=adapter.client_backend,
        )
        await key.present()
        link = await radio.connect(address)
        print("connected", flush=True)
        await link.read()

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="keyra-") as name:
        yield Path(name)


@asynccontextmanager
async def world_in(folder: Path, *options: str) -> AsyncIterator[Process]:
    arguments = ["-m", "gateway.sim.world", "--dir", str(folder), "--seed", "5"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, *options, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        assert ready == {"ready": True, "seed": 5}
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def disconnected(world: RemoteWorld) -> None:
    for _ in range(500):
        state, stats = await world.key("k0001").state(), await world.stats()
        if not state.connected and stats.gateways == 0:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the key still believes in the dead gateway")


async def test_the_world_outlives_gateways_that_are_killed(folder: Path) -> None:
    async with world_in(folder, "--keys", "1"), await RemoteWorld.connect(folder) as w:
        for _ in range(3):
            gateway = await asyncio.create_subprocess_exec(
                sys.executable, "-c", GATEWAY, str(folder), stdout=PIPE
            )
            assert gateway.stdout is not None
            said = await asyncio.wait_for(gateway.stdout.readline(), 60)
            assert said == b"connected\n"
            assert (await w.key("k0001").state()).connected
            gateway.kill()
            await gateway.wait()
            await disconnected(w)
        assert (await w.key("k0001").state()).bonds == 1  # paired once, for all three


async def test_sigterm_ends_it_and_rubbish_does_not(folder: Path) -> None:
    async with world_in(folder) as process:
        _, writer = await asyncio.open_unix_connection(str(folder / "hci.sock"))
        writer.write(os.urandom(4_096))
        await writer.drain()
        async with await RemoteWorld.connect(folder) as world:
            assert await world.keys() == []
        writer.close()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_it_ends_with_its_parent(folder: Path) -> None:
    async with world_in(folder, "--with-parent") as process:
        assert process.stdin is not None
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_it_names_its_seed_when_it_fails(folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway.sim.world", "--dir", str(folder), "--seed", "77"),
        *("--keys", "999999"),
        stdout=DEVNULL,
        stderr=PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"seed 77" in said


async def test_200_keys_leave_the_machine_to_others(folder: Path) -> None:
    """Twice what an idle machine of two cores needed, and 200 keys' memory."""
    async with (
        world_in(folder, "--keys", "200"),
        await RemoteWorld.connect(folder) as world,
        await SimulatedAdapter.over_socket(folder / "hci.sock") as adapter,
    ):
        for name in await world.keys():
            await world.key(name).present(awake_ms=60_000)
        radio = BleakRadio(
            SimulatedClock(0),
            adapter.bonded,
            scanner_backend=adapter.scanner_backend,
            client_backend=adapter.client_backend,
        )
        heard = set[str]()
        async with aclosing(radio.sightings()) as scan:
            before, adverts = await world.stats(), 0
            async for sighting in scan:
                heard.add(sighting.address)
                adverts += 1
                if adverts >= 2_000:
                    break
        after = await world.stats()
        assert len(heard) == 200
        assert (after.cpu_ms - before.cpu_ms) / adverts < 0.5  # of a processor's ms
        assert after.rss_bytes < 150_000_000
