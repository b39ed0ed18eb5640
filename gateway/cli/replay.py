"""History against a proposed policy: whose access would have been another.

The past is told a second time, as if the proposed policy had judged every touch that
the rules were asked about: what it grants is a passage, what it denies is none, and a
touch that it wants another one for waits for it. Everything else is as it really was.

A touch that waits is judged by what it came to: granted, once a grant rests on it, and
else denied. So two holders who both touched in time are both let in, in either world.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Final

from gateway.bootstrap.past import Past
from gateway.core.encoding import from_base64url
from gateway.core.ids import CredentialId, HolderId
from gateway.core.passages import Passages, moment
from gateway.core.policy import DoorPolicy, Judgement, judge
from gateway.core.registry import Registry
from gateway.ports import PastEntry

GRANTED = "granted"


@dataclass(slots=True)
class Change:
    """A holder's touches that come out otherwise, from one outcome to another.

    Attributes:
        count: how many; between the first and the last, Unix milliseconds.
    """

    holder: str
    was: str
    becomes: str
    count: int
    first_ms: int
    last_ms: int

    def row(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "becomes": self.becomes,
            "count": self.count,
            "first_ms": self.first_ms,
            "holder": self.holder,
            "last_ms": self.last_ms,
            "was": self.was,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All changes, by holder, and how many touches were replayed."""

    touches: int
    changes: list[Change]


@dataclass(slots=True)
class _Touch:
    """A touch in both worlds; each outcome stands once nothing can follow from it."""

    holder: str
    wall_ms: int
    was: str
    becomes: str


def replay_past(entries: Iterator[PastEntry], policy: DoorPolicy) -> Report:
    """Replay a history.

    Raises:
        JournalError: it cannot be read.
    """
    replay = _Replay(policy)
    for past in entries:
        replay.tell(past)
    return replay.report()


class _Replay:
    """Two worlds side by side: what was, as far as touches wait, and what would be."""

    def __init__(self, policy: DoorPolicy) -> None:
        self._policy: Final = policy
        self._told: Final = Past(Registry())
        self._was: Final = Passages()
        self._touches = 0
        self._open: Final[dict[int, _Touch]] = {}
        self._changes: Final[dict[tuple[str, str, str], Change]] = {}

    def tell(self, past: PastEntry) -> None:
        """Hear one entry more."""
        decided = past.ev in {"door.grant", "door.deny"} and "decided" in past.what
        self._told.tell(self._judged(past) if decided else past)
        if decided:
            self._remember(past)
            self._settle()

    def report(self) -> Report:
        """Return what came of it; whoever still waits has waited in vain."""
        for touch in self._open.values():
            self._count(touch)
        self._open.clear()
        changes = [self._changes[key] for key in sorted(self._changes)]
        return Report(self._touches, changes)

    def _judged(self, past: PastEntry) -> PastEntry:
        """Return the entry that the proposed policy would have made of a touch."""
        what, now = past.what, moment(past.what, "decided")
        holder = str(what.get("holder"))
        raw = from_base64url(str(what.get("credential")))
        key = None if raw is None else CredentialId(raw)
        policy = replace(self._policy, mode=self._told.mode)
        judged = judge(HolderId(holder), self._told.registry, policy, now, key)
        was = GRANTED if past.ev == "door.grant" else str(what.get("reason"))
        touch = _Touch(holder, now.wall_ms, was, _outcome(judged))
        self._touches += 1
        self._open[past.n] = touch
        changed = {name: what[name] for name in what if name not in _JUDGED}
        if judged.denial is None:
            self._rest_on(judged.touches, becomes=True)
            changed["touches"] = judged.touches
            return replace(past, ev="door.grant", what=changed)
        changed["reason"] = judged.denial.value
        return replace(past, ev="door.deny", what=changed)

    def _remember(self, past: PastEntry) -> None:
        """Follow which touches really waited, and for what."""
        if past.ev == "door.grant":
            self._rest_on(past.what.get("touches", ()), becomes=False)
        told = self._was.read(past.n, past.ev, past.what, lambda _: ())
        if told is not None:
            self._was.tell(past.n, told)

    def _rest_on(self, touches: Collection[int], *, becomes: bool) -> None:
        for n in touches:
            if (touch := self._open.get(n)) is None:
                continue
            if becomes:
                touch.becomes = GRANTED
            else:
                touch.was = GRANTED

    def _settle(self) -> None:
        """Count the touches that no longer wait in either world."""
        door = self._policy.door
        worlds = (self._was, self._told.registry.passages)
        waiting = {one.entry for world in worlds for one in world.waiting(door)}
        for n in [n for n in self._open if n not in waiting]:
            self._count(self._open.pop(n))

    def _count(self, touch: _Touch) -> None:
        was, becomes = touch.was, touch.becomes
        if (was == GRANTED) is (becomes == GRANTED):
            return
        change = self._changes.setdefault(
            (touch.holder, was, becomes),
            Change(touch.holder, was, becomes, 0, touch.wall_ms, touch.wall_ms),
        )
        change.count += 1
        change.first_ms = min(change.first_ms, touch.wall_ms)
        change.last_ms = max(change.last_ms, touch.wall_ms)


_JUDGED: Final = frozenset({"reason", "touches"})


def _outcome(judged: Judgement) -> str:
    return GRANTED if judged.denial is None else judged.denial.value
