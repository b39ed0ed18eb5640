"""Carries one CTAP exchange over a link: the shell around ctap.exchange.

The exchange decides what to write and until when to wait; this only moves bytes.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final, TypeVar

from gateway.core.ids import Now
from gateway.ctap.exchange import Exchange
from gateway.ports import Clock, Link

T = TypeVar("T")


async def before(clock: Clock, up_ms: int, work: Coroutine[None, None, T]) -> T | None:
    """Return the result of `work`, or None if it is not there by `up_ms`.

    Work that is late is cancelled and awaited; an error of it is raised.
    """
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(work)
        sleeper = group.create_task(clock.sleep_until(up_ms))
        await asyncio.wait({worker, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        sleeper.cancel()
        late = not worker.done()
        if late:
            worker.cancel()
        elif (error := worker.exception()) is not None:
            group_error = error
            raise group_error
    return None if late else worker.result()
