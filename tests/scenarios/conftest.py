"""Whole gateways: real time where processes are real, virtual time everywhere else."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import async_solipsism
import pytest


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
