"""Brings the registry back at start: what the ledger says, and nothing else.

A stored snapshot saves time only where the ledger vouches for it by digest; what came
after it is folded in from the entries. A snapshot that the ledger does not vouch for
was edited, or is damaged: it is thrown away, the whole ledger is read, and an alarm
says so (docs/adr: the registry is a fold of the ledger).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.core.facts import CredentialState, Mode
from gateway.core.orders import ORDERABLE, Why
from gateway.core.registry import FOLDED, Registry, RegistrySnapshot
from gateway.core.rtc_trust import RTC_COMPARED, LastTrusted
from gateway.errors import JournalError, RegistryError
from gateway.ports import History, PastEntry, RegistryStore

SNAPSHOT_SEARCH_ENTRIES_MAX: Final = 4_096
"""How far after a snapshot its `registry` entry may stand."""


_NAMELESS: Final = {
    "from_ms": 0,
    "groups": [],
    "name": "0" * 64,
    "state": "suspended",
    "until_ms": 0,
}
"""A holder of whom nothing is known any more but that there was one."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """The registry after the newest entry.

    Attributes:
        edited: a snapshot was there, and the ledger does not vouch for it.
        folded: how many entries were read to get there.
        orders: the entry of each mode of the door that stands ordered.
        commissioned: the last `commissioned` entry, or None.
        glass_broken: somebody broke the glass, and nobody has signed for it since.
        last_trusted: what the entries read know of the time; None if nothing.
    """

    registry: Registry
    edited: bool
    folded: int
    orders: Mapping[Mode, Mapping[str, Any]]
    commissioned: Mapping[str, Any] | None = None
    glass_broken: bool = False
    last_trusted: LastTrusted | None = None


def recover(history: History, store: RegistryStore) -> Recovered:
    """Return the registry as the ledger has it.

    Raises:
        JournalError: an entry in the ledger is no legal change; only a ledger that this
            gateway did not write alone has such an entry.
    """
    base = history.base()
    snapshot = store.load()
    if snapshot is not None and snapshot.entries < base:
        snapshot = None  # what vouched for it is pruned; what stood is restated
    registry = None if snapshot is None else _vouched(history, snapshot)
    edited = snapshot is not None and registry is None
    fold = _Fold(registry or Registry())
    if registry is None and base:
        for n, past in enumerate(_standing(list(history.restated()))):
            fold.take(replace(past, n=n))
    folded = 0
    for past in history.entries(0 if registry is None else registry.entries):
        fold.take(past)
        folded += 1
    return Recovered(
        fold.registry,
        edited,
        folded,
        fold.orders,
        fold.commissioned,
        fold.glass_broken,
        fold.last_trusted,
    )


class _Fold:
    """What the entries that were read so far come to."""

    def __init__(self, registry: Registry) -> None:
        self.registry: Final = registry
        self.orders: Final[dict[Mode, Mapping[str, Any]]] = {}
        self.commissioned: Mapping[str, Any] | None = None
        self.glass_broken = False
        self._newest: tuple[int, int] | None = None
        self._rtc_agreed = False

    @property
    def last_trusted(self) -> LastTrusted | None:
        """What is known of the time."""
        return self._newest and LastTrusted(*self._newest, self._rtc_agreed)

    def take(self, past: PastEntry) -> None:
        """Fold in the next entry.

        Raises:
            JournalError: it is no legal change.
        """
        what = past.what if past.ev in FOLDED else {}
        try:
            self.registry.apply(past.n, past.ev, what)
            if past.ev in {"door.mode", "door.over"}:
                _order(self.orders, past.ev, past.what)
        except (RegistryError, ValueError) as error:
            raise JournalError(
                f"Entry {past.n} of the ledger is no legal change ({error}): "
                "verify the ledger before this door is used again."
            ) from error
        if past.ev == "commissioned":
            self.commissioned = past.what
        self.glass_broken = _glass_broken(past, before=self.glass_broken)
        if past.at_ms >= 0:
            self._newest = past.at_ms, past.err_ms
        if past.ev == "clock" and past.what.get("why") in RTC_COMPARED.values():
            self._rtc_agreed = past.what.get("why") == RTC_COMPARED[True]


def _standing(restated: list[PastEntry]) -> list[PastEntry]:
    """Return what is restated in an order that is a history.

    A prune keeps the newest entry of each thing, and a holder's may be younger than the
    key. A key that was resumed is active, as its enrolment says. Of who was erased only
    that is kept, and the keys; what stood before has no name.
    """
    nameless = [
        replace(past, ev="holder", what=_NAMELESS | {"holder": past.what.get("holder")})
        for past in restated
        if past.ev == "erase"
    ]
    active = CredentialState.ACTIVE.value
    kept = [
        past
        for past in nameless + restated
        if past.ev != "credential.state" or past.what.get("state") != active
    ]
    ranks = {"holder": 0, "enrol": 1, "erase": 3}
    return sorted(kept, key=lambda past: (ranks.get(past.ev, 2), past.n))


def _glass_broken(past: PastEntry, *, before: bool) -> bool:
    if past.ev == "alarm" and past.what.get("kind") == "break-glass":
        return True
    return before and past.ev != "break-glass.acknowledged"


def _order(
    orders: dict[Mode, Mapping[str, Any]], ev: str, what: Mapping[str, Any]
) -> None:
    """Fold one entry about the door's modes.

    Raises:
        ValueError: it names a mode that nobody can order.
    """
    mode = Mode(what.get("mode"))
    if mode not in ORDERABLE:
        raise ValueError(f"{mode.value} cannot be ordered")
    if mode is Mode.LOCKED:
        orders.clear()
    elif ev == "door.mode":
        orders[mode] = what
    elif what.get("why") == Why.ORDER.value:
        orders.pop(mode, None)


def _vouched(history: History, snapshot: RegistrySnapshot) -> Registry | None:
    """Return the snapshot's registry if an entry after it holds its digest."""
    if not 0 < snapshot.entries <= history.size():
        return None
    last = snapshot.entries + SNAPSHOT_SEARCH_ENTRIES_MAX
    for past in history.entries(snapshot.entries):
        if past.n >= last:
            return None
        if past.ev == "registry" and snapshot.vouched_by(past.what):
            return Registry.restored(snapshot, past.what)
    return None
