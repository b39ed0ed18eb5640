"""Virtual time, except where real sockets are asked for."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import async_solipsism
import pytest

from gateway.sim.attestation_ca import AttestationChain, attestation_chain
from gateway.sim.place import MADE_FROM, MADE_UNTIL, Place
from gateway.sim.world import World


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Sockets live in real time."""
    if "folder" in getattr(item, "fixturenames", ()):
        return {"real": asyncio.new_event_loop}
    return {"virtual": async_solipsism.EventLoop}


@pytest.fixture(scope="session")
def chain() -> AttestationChain:
    """A maker's attestation."""
    return attestation_chain(1, MADE_FROM, MADE_UNTIL)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="keyra-") as name:
        yield Path(name)


@pytest.fixture
async def served(folder: Path) -> AsyncIterator[Place]:
    """A place that is served on the folder's sockets by this process."""
    place = Place(3)
    ready = asyncio.Event()
    ended = asyncio.Event()

    async def live() -> None:
        async with place:
            await place.add_key("a")
            serving = asyncio.ensure_future(World(place, folder).serve(ready.set))
            await ended.wait()
            serving.cancel()
            await asyncio.wait({serving})

    living = asyncio.ensure_future(live())
    await ready.wait()
    yield place
    ended.set()
    await living
