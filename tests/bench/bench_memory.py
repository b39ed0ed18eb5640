"""How much memory the gateway's process takes while 200 strangers' keys advertise."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.sim.site import SimulatedSite, SitePlan

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(180)]

KEYS = 200
LISTEN_S = 15
GROWTH_KIB_MAX = 8 * 1024
PEAK_KIB_MAX = 160 * 1024
"""A board of 512 MiB keeps two thirds for everything else."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="keyra-") as name:
        yield Path(name)


async def test_peak_memory_beside_200_keys(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with SimulatedSite(SitePlan(folder, keys=KEYS)) as site:
        alone_kib = site.gateway_peak_rss_kib()
        for number in range(1, KEYS + 1):
            await site.world.key(f"k{number:04}").present(awake_ms=600_000)
        before = await site.world.stats()
        await asyncio.sleep(LISTEN_S)
        first_kib = site.gateway_peak_rss_kib()
        await asyncio.sleep(LISTEN_S)
        peak_kib = site.gateway_peak_rss_kib()
        after = await site.world.stats()
    heard = after.adverts_heard - before.adverts_heard
    with capsys.disabled():
        sys.stdout.write(
            f"\n{KEYS} keys, {heard / (2 * LISTEN_S):.0f} adverts heard a second: the"
            f" gateway's peak is {peak_kib / 1024:.1f} MiB, {alone_kib / 1024:.1f} MiB"
            f" before any key, {(peak_kib - first_kib) / 1024:.1f} MiB more in the last"
            f" {LISTEN_S} s\n"
        )
    assert heard > KEYS * LISTEN_S
    assert peak_kib - first_kib <= GROWTH_KIB_MAX
    assert peak_kib <= PEAK_KIB_MAX
