"""How Bumble says that a link is gone, and how to hear it."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager


class RadioGoneError(Exception):
    """What was waited for belonged to a link or an adapter that is gone."""


def quieten() -> None:
    """Silence Bumble's log in this process.

    Refused pairings and lost links are the story here, and errors tell of them.
    """
    logging.getLogger("bumble").setLevel(logging.CRITICAL)


@contextmanager
def uncancelled() -> Iterator[None]:
    """Turn Bumble's cancellation of what waited for a lost link into an error.

    Raises:
        RadioGoneError: the link or the adapter is gone.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise  # somebody really cancelled us
        raise RadioGoneError("The link or the adapter is gone.") from error
