"""Chapters of a story: steps by title, and telling them one after another."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from gateway.sim.telling import Step, Telling

StepAction = Callable[[Step], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading, and steps by title."""

    title: str
    steps: Sequence[tuple[str, StepAction]]


async def tell(telling: Telling, chapters: Sequence[Chapter]) -> None:
    """Tell chapter after chapter.

    Raises:
        SimulationError: a step ended otherwise than it must.
    """
    for chapter in chapters:
        telling.heading(chapter.title)
        for title, action in chapter.steps:
            with telling.step(title) as step:
                await action(step)
