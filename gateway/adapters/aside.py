"""A thread beside the door's loop, for what blocks and nobody at the door waits for."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final, TypeVar

_Result = TypeVar("_Result")


class AsideThread:
    """ports.Aside on an executor of one thread."""

    def __init__(self, executor: Executor) -> None:
        self._executor: Final = executor

    async def run(self, job: Callable[[], _Result]) -> _Result:
        """Return what the job returns, or raise what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, job)
