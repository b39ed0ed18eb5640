"""A person who may pass, by pseudonym: as entries and rows write it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.encoding import Json
from gateway.core.ids import GroupId, HolderId, is_identifier
from gateway.core.rights import Role
from gateway.core.row import TIME_MS_MAX, flag, is_commitment, number, word
from gateway.errors import RegistryError

GROUPS_MAX: Final = 32
USES_MAX: Final = 1_000_000

_ROLES: Final = {role.value: role for role in Role}


@dataclass(frozen=True, slots=True)
class Holder:
    """A person, by pseudonym.

    Attributes:
        name_commitment: salted commitment of the name, 64 hex digits.
        groups: in the order in which their rules are tried.
        from_ms, until_ms: validity, Unix milliseconds, until exclusive; 0 = no bound.
        uses_max: how often they may ever pass each door; 0 = no bound.
        role: what they may order.
        extended: needs more time at a door; stands in the row of those alone.
    """

    id: HolderId
    name_commitment: str
    groups: tuple[GroupId, ...]
    from_ms: int
    until_ms: int
    suspended: bool
    uses_max: int = 0
    role: Role = Role.NONE
    extended: bool = False

    def row(self) -> dict[str, Json]:
        """Return the holder as the `holder` entry says it, without `by`."""
        row: dict[str, Json] = {
            "from_ms": self.from_ms,
            "groups": self.groups,
            "holder": self.id,
            "name": self.name_commitment,
            "state": "suspended" if self.suspended else "active",
            "until_ms": self.until_ms,
        }
        if self.uses_max:
            row["uses_max"] = self.uses_max
        if self.role is not Role.NONE:
            row["role"] = self.role.value
        if self.extended:
            row["extended"] = True
        return row

    def valid_at(self, wall_ms: int) -> bool:
        """Tell whether the holder counts at a moment: not suspended, and within time.

        An unsynchronised clock lags: what it has seen end has ended.
        """
        ended = 0 < self.until_ms <= wall_ms
        return not self.suspended and not ended and wall_ms >= self.from_ms

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Holder":
        """Return the holder that a row or entry describes.

        Raises:
            RegistryError: a member is missing or no such thing.
        """
        groups = row.get("groups")
        if not isinstance(groups, list | tuple) or len(groups) > GROUPS_MAX:
            raise RegistryError(
                f"{groups!r:.40} is no list of up to {GROUPS_MAX} groups."
            )
        state = word(row, "state", lambda text: text in {"active", "suspended"})
        from_ms = number(row, "from_ms", TIME_MS_MAX)
        until_ms = number(row, "until_ms", TIME_MS_MAX)
        if 0 < until_ms <= from_ms:
            raise RegistryError("A holder's validity ends before it starts.")
        return cls(
            id=HolderId(word(row, "holder", is_identifier)),
            name_commitment=word(row, "name", is_commitment),
            groups=tuple(
                GroupId(word({"group": group}, "group", is_identifier))
                for group in groups
            ),
            from_ms=from_ms,
            until_ms=until_ms,
            suspended=state == "suspended",
            uses_max=number({"uses_max": 0, **row}, "uses_max", USES_MAX),
            role=_ROLES[word({"role": "", **row}, "role", _ROLES.__contains__)],
            extended=flag({"extended": False, **row}, "extended"),
        )
