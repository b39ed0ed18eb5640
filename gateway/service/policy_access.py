"""Whose access a proposed policy changes, counted over the holders as they are."""

from collections import Counter
from typing import Final

from gateway.config.site_policy import Policy
from gateway.core.ids import GroupId, HolderId
from gateway.core.registry import Holder, Registry, is_erased
from gateway.core.schedule import Schedule

GAINS: Final = "gain access"
LOSES: Final = "lose it"
OTHER: Final = "have other hours"
_Line = tuple[Schedule, GroupId | None]


def access_words(before: Policy | None, after: Policy, registry: Registry) -> str:
    """Return one sentence: how many holders gain and lose access to the door.

    By their groups alone: who is suspended or expired today counts too, and erased
    holders do not.
    """
    counts = Counter(
        _kind(_lines(before, holder), _lines(after, holder))
        for holder in registry.holders()
        if not is_erased(holder)
    )
    said = [f"{counts[kind]} {kind}" for kind in (GAINS, LOSES, OTHER)]
    return f"Of the holders, {said[0]}, {said[1]}, {said[2]}."


def lets_in(policy: Policy | None, holder_id: HolderId, registry: Registry) -> bool:
    """Tell whether a policy lets a holder's groups in at any hour."""
    holder = registry.holder(holder_id)
    return holder is not None and bool(_lines(policy, holder))


def _lines(policy: Policy | None, holder: Holder) -> frozenset[_Line]:
    if policy is None:
        return frozenset()
    door = policy.door
    return frozenset(
        (door.schedules[line.schedule], line.first_person)
        for line in door.lines(holder)
    )


def _kind(was: frozenset[_Line], will: frozenset[_Line]) -> str:
    if was == will:
        return ""
    if not was:
        return GAINS
    return OTHER if will else LOSES
