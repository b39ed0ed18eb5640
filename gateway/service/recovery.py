"""Brings the registry back at start: what the ledger says, and nothing else.

A stored snapshot saves time only where the ledger vouches for it by digest; what came
after it is folded in from the entries. A snapshot that the ledger does not vouch for
was edited, or is damaged: it is thrown away, the whole ledger is read, and an alarm
says so (docs/adr: the registry is a fold of the ledger).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.facts import Mode
from gateway.core.orders import ORDERABLE, Why
from gateway.core.registry import FOLDED, Registry, RegistrySnapshot
from gateway.errors import JournalError, RegistryError
from gateway.ports import History, PastEntry, RegistryStore

SNAPSHOT_SEARCH_ENTRIES_MAX: Final = 4_096
"""How far after a snapshot its `registry` entry may stand."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """The registry after the newest entry.

    Attributes:
        edited: a snapshot was there, and the ledger does not vouch for it.
        folded: how many entries were read to get there.
        orders: the entry of each mode of the door that stands ordered.
        commissioned: the last `commissioned` entry, or None.
        glass_broken: somebody broke the glass, and nobody has signed for it since.
    """

    registry: Registry
    edited: bool
    folded: int
    orders: Mapping[Mode, Mapping[str, Any]]
    commissioned: Mapping[str, Any] | None = None
    glass_broken: bool = False


def recover(history: History, store: RegistryStore) -> Recovered:
    """Return the registry as the ledger has it.

    Raises:
        JournalError: an entry in the ledger is no legal change; only a ledger that this
            gateway did not write alone has such an entry.
    """
    snapshot = store.load()
    registry = None if snapshot is None else _vouched(history, snapshot)
    edited = snapshot is not None and registry is None
    registry = registry or Registry()
    folded = 0
    orders: dict[Mode, Mapping[str, Any]] = {}
    commissioned: Mapping[str, Any] | None = None
    glass_broken = False
    for past in history.entries(registry.entries):
        try:
            registry.apply(past.n, past.ev, past.what if past.ev in FOLDED else {})
            if past.ev in {"door.mode", "door.over"}:
                _order(orders, past.ev, past.what)
            elif past.ev == "commissioned":
                commissioned = past.what
            glass_broken = _glass_broken(past, before=glass_broken)
        except (RegistryError, ValueError) as error:
            raise JournalError(
                f"Entry {past.n} of the ledger is no legal change ({error}): "
                "verify the ledger before this door is used again."
            ) from error
        folded += 1
    return Recovered(registry, edited, folded, orders, commissioned, glass_broken)


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
