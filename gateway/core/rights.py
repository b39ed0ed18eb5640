"""Who may change what: roles, actions, and the one table that holds the two together.

A role belongs to a holder and stands in their `holder` entry. What an action needs is
so many signatures by different holders of certain roles, each a touch of their own key
over the exact change (core.administration). None means that a member of the group
keyra-admin may do it at once: only what makes the door safer and can be undone, or ends
a key that bears no role (docs/adr/0011).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.core.worded import Worded


class Role(Enum):
    """What a holder may do beside opening doors."""

    NONE = ""
    AUDITOR = "auditor"
    OPERATOR = "operator"
    ADMIN = "admin"


class Action(Worded):
    """A change that somebody orders; the value stands in entries and in the API."""

    LOCKDOWN = "door.lockdown", "Deny every key from now on."
    DOOR_MODE = "door.mode", "Set the door's mode, or end a lockdown."
    DOOR_HOLD = "door.hold", "Leave the door open to everybody."
    KEY_SUSPEND = "key.suspend", "Suspend a key."
    KEY_REVOKE = "key.revoke", "Revoke a key whose holder bears no role."
    KEY_RESUME = "key.resume", "Let a suspended key work again."
    STAFF_KEY_REVOKE = "staff.revoke", "Revoke the key of somebody who bears a role."
    STAFF_RESUME = "staff.resume", "Resume somebody who bears a role, or their key."
    HOLDER_SUSPEND = "holder.suspend", "Suspend a holder, with all of their keys."
    HOLDER_RESUME = "holder.resume", "Let a suspended holder's keys work again."
    HOLDER_CHANGE = "holder.change", "Change a holder's groups, validity or name."
    FORGIVE = "passback.forgive", "Let a holder in again who did not come out."
    ENROL = "enrol", "Enrol a key of a holder who bears no role."
    ROLE = "role", "Give or take a role, or enrol a key of somebody who bears one."
    IMPORT = "holders.import", "Register or change many holders at once."
    ERASE = "holder.erase", "Remove a holder's name for good, and revoke their keys."
    POLICY = "policy", "Put another policy in force: who may pass, and when."
    PURPOSE = "purpose", "Set or delete a purpose: how long it waits, how it verifies."
    ACKNOWLEDGE = "break-glass.acknowledge", "Acknowledge that the glass was broken."


@dataclass(frozen=True, slots=True)
class Need:
    """Whose fingers an action takes.

    Attributes:
        roles: a signature counts if its holder bears one of them.
        signers: how many different holders must sign; 0 for a user's word alone. Two
            are one while a single administrator has a key.
    """

    roles: frozenset[Role]
    signers: int


_ANYBODY: Final = Need(frozenset(), 0)
_STAFF: Final = Need(frozenset({Role.ADMIN, Role.OPERATOR}), 1)
_ADMIN: Final = Need(frozenset({Role.ADMIN}), 1)
_TWO_ADMINS: Final = Need(frozenset({Role.ADMIN}), 2)
_WATCHERS: Final = Need(frozenset({Role.ADMIN, Role.AUDITOR}), 1)

NEEDS: Final[Mapping[Action, Need]] = {
    Action.LOCKDOWN: _ANYBODY,
    Action.KEY_SUSPEND: _ANYBODY,
    Action.KEY_REVOKE: _ANYBODY,
    Action.HOLDER_SUSPEND: _ANYBODY,
    Action.DOOR_MODE: _STAFF,
    Action.DOOR_HOLD: _TWO_ADMINS,
    Action.KEY_RESUME: _STAFF,
    Action.HOLDER_RESUME: _STAFF,
    Action.HOLDER_CHANGE: _STAFF,
    Action.FORGIVE: _STAFF,
    Action.ENROL: _STAFF,
    Action.IMPORT: _ADMIN,
    Action.ERASE: _ADMIN,
    Action.PURPOSE: _ADMIN,
    Action.STAFF_KEY_REVOKE: _ADMIN,
    Action.STAFF_RESUME: _ADMIN,
    Action.ROLE: _TWO_ADMINS,
    Action.POLICY: _TWO_ADMINS,
    Action.ACKNOWLEDGE: _WATCHERS,
}
"""The rights, all of them."""
