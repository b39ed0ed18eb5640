"""A library's call within its time, whatever it does when it is called off."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

_RUNNING: Final[set[asyncio.Task[Any]]] = set()
"""What may outlive its caller: kept, so that nothing collects it while it runs."""


async def bounded(work: Coroutine[None, None, _T], limit_ms: int, cancel_ms: int) -> _T:
    """Return what `work` returns; call it off after `limit_ms`.

    Calling off is bounded too: bleak asks BlueZ to disconnect before it lets go, and a
    bluetoothd that hangs never answers. What has not ended `cancel_ms` later is left.

    Raises:
        TimeoutError: it did not end in time.
    """
    task = asyncio.ensure_future(work)  # noqa: TID251 - it may have to be left running
    _RUNNING.add(task)
    task.add_done_callback(_ended)
    try:
        await asyncio.wait({task}, timeout=limit_ms / 1000)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=cancel_ms / 1000)
    if task.done() and not task.cancelled():
        return task.result()
    raise TimeoutError


def _ended(task: asyncio.Task[Any]) -> None:
    _RUNNING.discard(task)
    if not task.cancelled():
        task.exception()  # whoever asked may be gone
