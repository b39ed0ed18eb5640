"""Attacks on whole gateways: real time where processes are real, else virtual time."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import async_solipsism
import pytest

from gateway.sim.attestation_ca import AttestationChain, attestation_chain
from gateway.sim.place import MADE_FROM, MADE_UNTIL
from tests.virtual_site import VirtualSite, virtual_site


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Real time only where processes are real."""
    if item.get_closest_marker("processes") is not None:
        return {"real": asyncio.new_event_loop}
    return {"virtual": async_solipsism.EventLoop}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="keyra-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def chain() -> AttestationChain:
    """A maker's attestation."""
    return attestation_chain(1, MADE_FROM, MADE_UNTIL)


@pytest.fixture
async def site(tmp_path: Path, chain: AttestationChain) -> AsyncIterator[VirtualSite]:
    """A site in virtual time, whose gateway has not started yet."""
    async with virtual_site(tmp_path, chain) as site:
        yield site
