"""Waiting with an end, by the gateway's own clock, so that tests own time."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from gateway.ports import Clock

T = TypeVar("T")


async def before(clock: Clock, up_ms: int, work: Coroutine[None, None, T]) -> T | None:
    """Return the result of `work`, or None if it is not there by `up_ms`.

    Late work is cancelled and awaited.

    Raises:
        Exception: what `work` raised, as it was.
    """
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(_settled(work))
        sleeper = group.create_task(clock.sleep_until(up_ms))
        await asyncio.wait({worker, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        sleeper.cancel()
        if not worker.done():
            worker.cancel()
    if worker.cancelled():
        return None
    outcome = worker.result()
    if isinstance(outcome, _Raised):
        raise outcome.error
    return outcome


class _Raised:
    """An error on its way out of a task group, which would wrap it otherwise."""

    def __init__(self, error: Exception) -> None:
        self.error = error


async def _settled(work: Coroutine[None, None, T]) -> T | _Raised:
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - it is raised again, out of the group
        return _Raised(error)
