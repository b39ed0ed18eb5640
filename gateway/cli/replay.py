"""History against a proposed policy: whose access would have been another.

The past is told as it happened, entry by entry; before each touch that the rules were
asked about, the proposed policy is asked too, about the same moment. Who was inside,
what was used and who had come in are taken as they really were.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gateway.bootstrap.past import Past
from gateway.core.encoding import from_base64url
from gateway.core.ids import CredentialId, HolderId
from gateway.core.passages import moment
from gateway.core.policy import DoorPolicy, judge
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


def replay_past(entries: Iterator[PastEntry], policy: DoorPolicy) -> Report:
    """Replay a history.

    Raises:
        JournalError: it cannot be read.
    """
    told, touches = Past(Registry()), 0
    changes: dict[tuple[str, str, str], Change] = {}
    for past in entries:
        if past.ev in {"door.grant", "door.deny"} and "decided" in past.what:
            touches += 1
            _compare(past, told, policy, changes)
        told.tell(past)
    return Report(touches, [changes[key] for key in sorted(changes)])


def _compare(
    past: PastEntry,
    told: Past,
    policy: DoorPolicy,
    changes: dict[tuple[str, str, str], Change],
) -> None:
    what = past.what
    was = GRANTED if past.ev == "door.grant" else str(what.get("reason"))
    holder, now = str(what.get("holder")), moment(what, "decided")
    raw = from_base64url(str(what.get("credential")))
    key = None if raw is None else CredentialId(raw)
    asked = replace(policy, mode=told.mode)
    judged = judge(HolderId(holder), told.registry, asked, now, key)
    becomes = GRANTED if judged.denial is None else judged.denial.value
    if (was == GRANTED) is (becomes == GRANTED):
        return
    change = changes.setdefault(
        (holder, was, becomes), Change(holder, was, becomes, 0, now.wall_ms, 0)
    )
    change.count += 1
    change.last_ms = now.wall_ms
