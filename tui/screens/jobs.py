"""Jobs that ask the gateway for a screen; what comes of them is posted there."""

import inspect
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from textual.message import Message
from textual.screen import Screen

from gateway.client import ApiError, UnreachableError
from tui.messages import Failed

if TYPE_CHECKING:
    from textual.worker import Worker

Job = Coroutine[Any, Any, Message | None]


class Jobs:
    """The jobs of one screen; of each group only the latest counts."""

    def __init__(self, screen: Screen[Any]) -> None:
        self._screen: Final = screen
        self._latest: Final[dict[str, Job]] = {}

    def start(self, job: Job, group: str) -> None:
        """Run a job; an earlier one of its group is given up."""
        self._give_up(group)
        self._latest[group] = job

        async def work() -> None:
            await self._carry_out(job)

        _: Worker[None] = self._screen.run_worker(work, group=group, exclusive=True)

    def busy(self, group: str) -> bool:
        """Tell whether a job of a group is not over yet."""
        job = self._latest.get(group)
        return job is not None and inspect.getcoroutinestate(job) != inspect.CORO_CLOSED

    def give_up(self) -> None:
        """Drop what has not begun yet; the rest ends with its screen."""
        for group in tuple(self._latest):
            self._give_up(group)

    def _give_up(self, group: str) -> None:
        job = self._latest.pop(group, None)
        if job is not None and inspect.getcoroutinestate(job) == inspect.CORO_CREATED:
            job.close()

    async def _carry_out(self, job: Job) -> None:
        if inspect.getcoroutinestate(job) != inspect.CORO_CREATED:
            return
        message: Message | None
        try:
            message = await job
        except ApiError as error:
            message = Failed(error.code, str(error))
        except UnreachableError as error:
            message = Failed("unreachable", str(error))
        if message is not None:
            self._screen.post_message(message)
