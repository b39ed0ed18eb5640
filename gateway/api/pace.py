"""How fast anybody may come: a bounded rate after a burst, so that the door has time.

API and door share one loop. What waits here costs nothing, and its sender waits too:
nothing more is read of a connection whose request has not had its turn.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import Final

REQUESTS_PER_S_MAX: Final = 200
REQUESTS_PER_UID_PER_S_MAX: Final = 100
REQUESTS_BURST_MAX: Final = 200
CONNECTIONS_PER_S_MAX: Final = 100
CONNECTIONS_BURST_MAX: Final = 64
UIDS_REMEMBERED_MAX: Final = 64
WAIT_S_MIN: Final = 0.001


class Pace:
    """Gives out turns, `burst_max` at once and then `per_s_max` in a second."""

    def __init__(self, per_s_max: int, burst_max: int) -> None:
        self._step_s: Final = 1 / per_s_max
        self._ahead_s: Final = burst_max / per_s_max
        self._taken_s = float("-inf")

    def turn_s(self, now_s: float) -> float:
        """Take the next turn; return how long it is until it comes."""
        self._taken_s = max(self._taken_s, now_s - self._ahead_s) + self._step_s
        return max(0.0, self._taken_s - now_s)


class Turns:
    """The turns of all requests, and of each user's."""

    def __init__(self) -> None:
        self._all: Final = Pace(REQUESTS_PER_S_MAX, REQUESTS_BURST_MAX)
        self._users: Final[OrderedDict[int, Pace]] = OrderedDict()

    async def wait(self, uid: int) -> None:
        """Return when it is this user's turn, and then anybody's."""
        user = self._users.setdefault(
            uid, Pace(REQUESTS_PER_UID_PER_S_MAX, REQUESTS_BURST_MAX)
        )
        self._users.move_to_end(uid)
        if len(self._users) > UIDS_REMEMBERED_MAX:
            self._users.popitem(last=False)
        for pace in (user, self._all):
            await until_turn(pace)


async def until_turn(pace: Pace) -> None:
    """Return when the next turn has come."""
    loop = asyncio.get_running_loop()
    wait_s = pace.turn_s(loop.time())
    if wait_s >= WAIT_S_MIN:  # less is not worth a timer
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await loop.create_future()
