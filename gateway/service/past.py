"""The door's past: what the ledger says up to a moment."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.core.facts import Mode
from gateway.core.registry import FOLDED, Registry
from gateway.errors import JournalError, RegistryError
from gateway.ports import History, PastEntry


@dataclass(slots=True)
class Past:
    """What the ledger says up to some entry, and what follows it.

    Attributes:
        ordered: the door's modes that stand ordered.
    """

    registry: Registry
    ordered: set[Mode] = field(default_factory=set)

    @property
    def mode(self) -> Mode:
        """What of the ordered modes the rules ask about (core.orders, precedence)."""
        if Mode.LOCKED_DOWN in self.ordered:
            return Mode.LOCKED_DOWN
        blocked = Mode.BLOCKED in self.ordered and Mode.LOCKED_OPEN not in self.ordered
        return Mode.BLOCKED if blocked else Mode.LOCKED

    def tell(self, past: PastEntry) -> None:
        """Fold one entry more.

        Raises:
            JournalError: it is no legal change.
        """
        try:
            self.registry.apply(past.n, past.ev, past.what if past.ev in FOLDED else {})
            if past.ev in {"door.mode", "door.over"}:
                self._order(past.ev, Mode(past.what.get("mode")))
        except (RegistryError, ValueError) as error:
            raise JournalError(
                f"Entry {past.n} of the ledger is no legal change ({error}): verify it."
            ) from error

    def _order(self, ev: str, mode: Mode) -> None:
        if mode is Mode.LOCKED:
            self.ordered.clear()
        elif ev == "door.mode":
            self.ordered.add(mode)
        else:
            self.ordered.discard(mode)


def past_at(history: History, wall_ms: int) -> Past:
    """Return what was so at a moment: the past up to it, or all of it for the future.

    Entries count up to the first one, by a clock that was believed, that is later and
    is followed by none that is not.

    Raises:
        JournalError: the ledger cannot be read.
    """
    end = _end(history.entries(0), wall_ms)
    told = Past(Registry())
    for past in history.entries(0):
        if end is not None and past.n >= end:
            break
        told.tell(past)
    return told


def _end(entries: Iterator[PastEntry], wall_ms: int) -> int | None:
    end: int | None = None
    for past in entries:
        if past.at_ms > wall_ms:
            end = past.n if end is None else end
        elif past.at_ms >= 0:
            end = None
    return end
