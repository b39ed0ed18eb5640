"""Chores: a snapshot of the registry by the hour, the door's schedule by the minute.

Nothing that opens, relocks, expires or denies depends on this: APScheduler counts by
the wall clock, and when that steps, a chore comes early or late, and that is all. It
arms scheduled unlocks and locks on the full minute, where they begin and end; the
gateway works out by itself, every second, whether the schedule is open.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any, Final, Self

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

HOUR_MS: Final = 3_600_000

_LOG: Final = logging.getLogger(__name__)

# Its failures are told below, in the gateway's words.
logging.getLogger("apscheduler").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done again and again; one that fails is logged and comes again.

    Attributes:
        name: a stable word, for the log.
        every_ms: from one beginning to the next; never two of one kind at once.
        on_the_minute: begin on full minutes of the wall clock.
    """

    name: str
    every_ms: int
    do: Callable[[], Awaitable[object]]
    on_the_minute: bool = False


class Housekeeping:
    """Does its chores while its `async with` block runs."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._chores: Final = tuple(chores)
        self._scheduler: Any = None

    async def __aenter__(self) -> Self:
        scheduler = AsyncIOScheduler(
            event_loop=asyncio.get_running_loop(),
            timezone=UTC,
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                "misfire_grace_time": None,
            },
        )
        for chore in self._chores:
            scheduler.add_job(
                partial(_do, chore),  # anything else than a coroutine gets a thread
                CronTrigger(second=0, timezone=UTC)
                if chore.on_the_minute
                else IntervalTrigger(seconds=chore.every_ms / 1000, timezone=UTC),
                id=chore.name,
            )
        scheduler.add_listener(_tell, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
        scheduler.start()
        self._scheduler = scheduler
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; what runs is cancelled, since each chore can be cut off anywhere."""
        self._scheduler.shutdown(wait=False)
        # AsyncIOScheduler shuts down in a callback of the loop.
        stopped = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(stopped.set_result, None)
        await stopped


async def _do(chore: Chore) -> None:
    await chore.do()


def _tell(event: JobExecutionEvent) -> None:
    error = getattr(event, "exception", None)
    if isinstance(error, asyncio.CancelledError):
        return
    _LOG.warning("The chore %s failed: %s", event.job_id, error or "it was missed")
