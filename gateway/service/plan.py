"""A change that was asked for, ready to be ordered: its entries, words and effect."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.core.administration import Change
from gateway.core.entries import By, Record
from gateway.core.ids import HolderId
from gateway.core.policy_standing import PolicyStanding
from gateway.core.registry import Holder, Registry
from gateway.core.rights import Action

CarryOut = Callable[[By, Sequence[Record]], Awaitable[None]]
"""Does it, in somebody's name; the records are written with it, before its own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        text: for people, line by line, names included.
        basis: the holders as they stood; another state is another order.
        policy: likewise the policy that was in force, where this changes it.
    """

    action: Action
    changes: tuple[Change, ...]
    text: tuple[str, ...]
    basis: Mapping[HolderId, Holder | None]
    carry_out: CarryOut
    policy: PolicyStanding | None = None

    def is_current(self, registry: Registry) -> bool:
        """Tell whether nobody changed what this was made from."""
        if self.policy is not None and registry.policy != self.policy:
            return False
        return all(registry.holder(key) == was for key, was in self.basis.items())
