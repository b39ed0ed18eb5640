"""The shell's parts, each alone, in virtual time."""

import asyncio
from collections.abc import Callable, Mapping

import async_solipsism
import pytest

from gateway.sim.clock import SimulatedClock


def pytest_asyncio_loop_factories(
    item: pytest.Item,  # noqa: ARG001 - the hook's signature
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """A deadlock fails, and an hour passes in no time."""
    return {"virtual": async_solipsism.EventLoop}


@pytest.fixture
async def clock() -> SimulatedClock:
    """Virtual time that the test owns."""
    return SimulatedClock(1_800_000_000_000)
