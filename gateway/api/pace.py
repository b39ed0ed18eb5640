"""How fast anybody may come: a bounded rate after a burst, so that the door has time.

API and door share one loop. What waits here costs nothing, and its sender waits too:
nothing more is read of a connection whose request, or whose bytes, have not had their
turn. While somebody is at the door, whoever is past the burst goes slower still.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

CONNECTIONS_PER_S_MAX: Final = 100
CONNECTIONS_BURST_MAX: Final = 64
UIDS_REMEMBERED_MAX: Final = 64
AT_ONCE_MAX: Final = 4
BURST_PER_S_MAX: Final = 300
"""A burst is served so fast; all in one turn of the loop, it would hold the door up."""

SLOWER_AT_DOOR: Final = 4
WAIT_S_MIN: Final = 0.001

AtDoor = Callable[[], bool]
"""Tells whether a touch is under way."""


@dataclass(frozen=True, slots=True)
class Rates:
    """So many in a second, of all users and of each, and so many at once before."""

    per_s_max: int
    per_uid_per_s_max: int
    burst_max: int


REQUESTS: Final = Rates(per_s_max=200, per_uid_per_s_max=100, burst_max=200)
READS: Final = Rates(per_s_max=400, per_uid_per_s_max=200, burst_max=200)
"""Of bytes from connections, whatever they are: most requests are one."""


def nobody() -> bool:
    """Tell that nobody is at the door."""
    return False


class Pace:
    """Gives out turns, `burst_max` at once and then `per_s_max` in a second.

    While somebody is at the door, each counts as SLOWER_AT_DOOR of them.
    """

    def __init__(
        self, per_s_max: int, burst_max: int, at_door: AtDoor = nobody
    ) -> None:
        self._step_s: Final = 1 / per_s_max
        self._ahead_s: Final = burst_max / per_s_max
        self._at_door: Final = at_door
        self._taken_s = float("-inf")

    def turn_s(self, now_s: float) -> float:
        """Take the next turn; return how long it is until it comes."""
        step_s = self._step_s
        if self._at_door():
            step_s *= SLOWER_AT_DOOR
        self._taken_s = max(self._taken_s, now_s - self._ahead_s) + step_s
        return max(0.0, self._taken_s - now_s)


class Turns:
    """The turns of everybody, and of each user."""

    def __init__(self, rates: Rates = REQUESTS, at_door: AtDoor = nobody) -> None:
        self._rates: Final = rates
        self._at_door: Final = at_door
        self._all: Final = Pace(rates.per_s_max, rates.burst_max, at_door)
        self._bursting: Final = Pace(BURST_PER_S_MAX, AT_ONCE_MAX, at_door)
        self._users: Final[OrderedDict[int, Pace]] = OrderedDict()

    async def wait(self, uid: int) -> None:
        """Return when it is this user's turn, and then anybody's."""
        for pace in (self._user(uid), self._all, self._bursting):
            await until_turn(pace)

    def turn_s(self, uid: int, now_s: float) -> float:
        """Take this user's next turn; return how long it is until it comes."""
        return max(pace.turn_s(now_s) for pace in (self._user(uid), self._all))

    def _user(self, uid: int) -> Pace:
        rates = self._rates
        user = self._users.get(uid)
        if user is None:
            user = Pace(rates.per_uid_per_s_max, rates.burst_max, self._at_door)
            self._users[uid] = user
        self._users.move_to_end(uid)
        if len(self._users) > UIDS_REMEMBERED_MAX:
            self._users.popitem(last=False)
        return user


async def until_turn(pace: Pace) -> None:
    """Return when the next turn has come."""
    loop = asyncio.get_running_loop()
    wait_s = pace.turn_s(loop.time())
    if wait_s >= WAIT_S_MIN:  # less is not worth a timer
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await loop.create_future()
