"""Who is at the door: adverts sorted into touches, strangers and pairing keys.

Anyone on the street can fill the air with adverts, so everything here is bounded: the
addresses remembered, the sessions an address may open in a minute, and the summary of
strangers, at most one a minute per door (DOOR.md, law 6).
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.core.ids import PeerAddress
from gateway.ports import Sighting

STRANGER_SUMMARY_MS: Final = 60_000
MINUTE_MS: Final = 60_000


class Verdict(Enum):
    """What to do with one advert."""

    IGNORE = auto()
    TOUCH = auto()
    STRANGER = auto()
    PAIRING = auto()


@dataclass(slots=True)
class _Budget:
    """What one bonded address has used up lately."""

    starts_ms: deque[int]
    quiet_until_ms: int = 0
    busy: bool = False


@dataclass(frozen=True, slots=True)
class StrangerSummary:
    """Adverts of keys that are not enrolled here, since the last summary."""

    adverts: int
    addresses: int
    seconds: int


class SightingBook:
    """Sorts adverts. Time is an argument; nothing here does I/O."""

    def __init__(self, *, addresses_max: int, sessions_per_minute_max: int) -> None:
        """Begin without having heard anything.

        Args:
            addresses_max: how many addresses are remembered of each kind.
            sessions_per_minute_max: touches that one key may begin in a minute.
        """
        self._addresses_max: Final = addresses_max
        self._sessions_per_minute_max: Final = sessions_per_minute_max
        self._budgets: Final[OrderedDict[PeerAddress, _Budget]] = OrderedDict()
        self._strangers: Final[set[PeerAddress]] = set()
        self._stranger_adverts = 0
        self._summarised_ms: int | None = None

    @property
    def busy(self) -> int:
        """How many sessions are under way."""
        return sum(budget.busy for budget in self._budgets.values())

    def sort(self, sighting: Sighting, *, bonded: bool) -> Verdict:
        """Decide what one advert means, without starting anything."""
        if sighting.advert.pairing:
            return Verdict.PAIRING
        if not bonded:
            return self._stranger(sighting)
        budget = self._budget(sighting.address)
        now_ms = sighting.up_ms
        if budget.busy or now_ms < budget.quiet_until_ms:
            return Verdict.IGNORE
        starts = budget.starts_ms
        if len(starts) == starts.maxlen and now_ms - starts[0] < MINUTE_MS:
            return Verdict.IGNORE
        return Verdict.TOUCH

    def started(self, address: PeerAddress, now_ms: int) -> None:
        """Remember that a session with this address began."""
        budget = self._budget(address)
        budget.busy = True
        budget.starts_ms.append(now_ms)

    def ended(
        self, address: PeerAddress, quiet_until_ms: int, *, unreached: bool = False
    ) -> None:
        """Remember that it ended, and how long its adverts mean nothing.

        One that reached nobody spends nothing: else whoever advertises under the
        address of a key would use its holder's touches up.
        """
        budget = self._budget(address)
        budget.busy = False
        if unreached and budget.starts_ms:
            budget.starts_ms.pop()
        budget.quiet_until_ms = quiet_until_ms

    def stranger_summary(self, now_ms: int) -> StrangerSummary | None:
        """Return and forget the strangers so far, when a summary is due."""
        since_ms = self._summarised_ms
        if not self._stranger_adverts:
            return None
        if since_ms is not None and now_ms - since_ms < STRANGER_SUMMARY_MS:
            return None
        elapsed_ms = 0 if since_ms is None else now_ms - since_ms
        summary = StrangerSummary(
            self._stranger_adverts, len(self._strangers), elapsed_ms // 1000
        )
        self._strangers.clear()
        self._stranger_adverts = 0
        self._summarised_ms = now_ms
        return summary

    def _stranger(self, sighting: Sighting) -> Verdict:
        self._stranger_adverts += 1
        first_seen = sighting.address not in self._strangers
        if first_seen and len(self._strangers) < self._addresses_max:
            self._strangers.add(sighting.address)
            return Verdict.STRANGER
        return Verdict.IGNORE

    def _budget(self, address: PeerAddress) -> _Budget:
        if address not in self._budgets:
            # A key whose session is under way is never forgotten: it has one session.
            idle = [known for known, one in self._budgets.items() if not one.busy]
            for known in idle[: len(self._budgets) - self._addresses_max + 1]:
                del self._budgets[known]
            self._budgets[address] = _Budget(
                deque(maxlen=self._sessions_per_minute_max)
            )
        self._budgets.move_to_end(address)
        return self._budgets[address]
