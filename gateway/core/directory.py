"""What people look up beside who may be let in, folded from the same entries.

Purposes say why somebody is asked for a touch, and how; aliases are further names of a
holder, as salted commitments that mean nothing once what opens them is erased; and of
each key, where it was enrolled and where it last gave an authentic answer.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final
from unicodedata import normalize

from gateway.core.challenge import Purpose
from gateway.core.credential import credential_id_in
from gateway.core.encoding import Json, to_base64url
from gateway.core.holder import Holder
from gateway.core.ids import CredentialId, HolderId, is_identifier
from gateway.core.row import is_commitment, number, word
from gateway.errors import RegistryError

TTL_S_MIN: Final = 10
TTL_S_MAX: Final = 86_400
PURPOSES_MAX: Final = 64
ALIASES_PER_HOLDER_MAX: Final = 16
ALIAS_CHARS_MAX: Final = 120
_ENTRY_MAX: Final = 2**53 - 1


class Verification(Enum):
    """Whether the key checks its holder's finger (WebAuthn L3 §5.8.6)."""

    REQUIRED = "required"
    PREFERRED = "preferred"
    DISCOURAGED = "discouraged"


@dataclass(frozen=True, slots=True)
class PurposeRule:
    """How somebody is asked for a purpose.

    Attributes:
        ttl_s: how long the question stands.
    """

    name: str
    ttl_s: int
    verification: Verification = Verification.REQUIRED

    def row(self) -> dict[str, Json]:
        """Return it as its entry says it, without `by`."""
        return {
            "purpose": self.name,
            "ttl_s": self.ttl_s,
            "user_verification": self.verification.value,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "PurposeRule":
        """Return the purpose that a row or an entry describes.

        Raises:
            RegistryError: a member is missing or no such thing.
        """
        verification = word(row, "user_verification", _VERIFICATIONS.__contains__)
        return cls(
            word(row, "purpose", is_free_purpose),
            number(row, "ttl_s", TTL_S_MAX, least=TTL_S_MIN),
            _VERIFICATIONS[verification],
        )


_VERIFICATIONS: Final = {one.value: one for one in Verification}

BUILT_IN: Final = {
    "sign-in": PurposeRule("sign-in", 120),
    "step-up": PurposeRule("step-up", 600),
}
"""They are there from the start; they can be changed, and not deleted."""

RESERVED: Final = frozenset(one.value for one in Purpose)
"""What the door itself asks for, by its own config and rules."""


def is_free_purpose(name: str) -> bool:
    """Tell whether `name` may be a purpose that people set."""
    return is_identifier(name) and name not in RESERVED


def normal_alias(text: str) -> str:
    """Return an alias as it is compared: one form of each letter, no capitals.

    Raises:
        RegistryError: it is none.
    """
    alias = normalize("NFKC", text).casefold().strip()
    if not 0 < len(alias) <= ALIAS_CHARS_MAX or not alias.isprintable():
        raise RegistryError(
            f"An alias has 1 to {ALIAS_CHARS_MAX} printable characters."
        )
    return alias


@dataclass(frozen=True, slots=True)
class KeyUse:
    """Entries that speak of a key.

    Attributes:
        enrolled: its enrolment's.
        used: that of its last authentic answer since, or None.
    """

    enrolled: int
    used: int | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """What one entry says to this fold, already judged; of each kind, one at most."""

    purpose: tuple[str, PurposeRule | None] | None = None
    alias: tuple[str, HolderId | None] | None = None
    key: tuple[CredentialId, KeyUse] | None = None
    erased: HolderId | None = None


HolderOf = Callable[[HolderId], Holder | None]


class Directory:
    """Purposes, aliases and uses after a number of entries."""

    def __init__(self) -> None:
        self._purposes: Final[dict[str, PurposeRule]] = {}
        self._aliases: Final[dict[str, HolderId]] = {}
        self._alias_counts: Final[Counter[HolderId]] = Counter()
        self._keys: Final[dict[CredentialId, KeyUse]] = {}

    def purposes(self) -> list[PurposeRule]:
        """Return the purposes that people set and the built-in ones, by name."""
        return sorted(
            (BUILT_IN | self._purposes).values(), key=lambda purpose: purpose.name
        )

    def purpose(self, name: str) -> PurposeRule | None:
        """Return one of them."""
        return self._purposes.get(name, BUILT_IN.get(name))

    def is_set(self, name: str) -> bool:
        """Tell whether somebody set this purpose, or set a built-in one otherwise."""
        return name in self._purposes

    def alias_holder(self, commitment: str) -> HolderId | None:
        """Return whose alias a commitment is."""
        return self._aliases.get(commitment)

    def alias_count(self, holder_id: HolderId) -> int:
        """Return how many aliases a holder has."""
        return self._alias_counts[holder_id]

    def use(self, credential_id: CredentialId) -> KeyUse | None:
        """Return the entries that speak of a key."""
        return self._keys.get(credential_id)

    def read(
        self, n: int, ev: str, what: Mapping[str, Any], holder_of: HolderOf
    ) -> Noted | None:
        """Return what entry `n` says to this fold; nothing is changed yet.

        Args:
            n: the entry's number.
            ev: its kind.
            what: its content.
            holder_of: finds a holder.

        Raises:
            RegistryError: it says so in words that are none, or names nobody.
        """
        match ev:
            case "purpose":
                return self._read_purpose(what)
            case "purpose.removed":
                return Noted(purpose=(word(what, "purpose", is_free_purpose), None))
            case "alias":
                return self._read_alias(what, holder_of)
            case "alias.removed":
                return Noted(alias=(word(what, "alias", is_commitment), None))
            case "erase":
                return Noted(erased=HolderId(word(what, "holder", is_identifier)))
            case "enrol":
                return Noted(key=(credential_id_in(what), KeyUse(n)))
        return self._read_answer(n, what) if ev in _ANSWERS else None

    def _read_answer(self, n: int, what: Mapping[str, Any]) -> Noted | None:
        if "counter" not in what:
            return None
        key = credential_id_in(what)
        before = self._keys.get(key)
        return None if before is None else Noted(key=(key, replace(before, used=n)))

    def _read_purpose(self, what: Mapping[str, Any]) -> Noted:
        purpose = PurposeRule.from_row(what)
        if purpose.name not in self._purposes and len(self._purposes) >= PURPOSES_MAX:
            raise RegistryError(
                f"There are {PURPOSES_MAX} purposes already: delete one first."
            )
        return Noted(purpose=(purpose.name, purpose))

    def _read_alias(self, what: Mapping[str, Any], holder_of: HolderOf) -> Noted:
        alias = word(what, "alias", is_commitment)
        holder_id = HolderId(word(what, "holder", is_identifier))
        if holder_of(holder_id) is None:
            raise RegistryError(f"Holder {holder_id} is not registered.")
        if self.alias_count(holder_id) >= ALIASES_PER_HOLDER_MAX:
            raise RegistryError(
                f"{holder_id} has {ALIASES_PER_HOLDER_MAX} aliases already: remove one "
                "first."
            )
        return Noted(alias=(alias, holder_id))

    def tell(self, noted: Noted) -> None:
        """Install what `read` made of an entry."""
        if noted.purpose is not None:
            _put(self._purposes, *noted.purpose)
        if noted.alias is not None:
            self._name(*noted.alias)
        if noted.key is not None:
            _put(self._keys, *noted.key)
        if noted.erased is not None:
            gone = [one for one, who in self._aliases.items() if who == noted.erased]
            for commitment in gone:
                self._name(commitment, None)

    def _name(self, commitment: str, holder_id: HolderId | None) -> None:
        if (before := self._aliases.pop(commitment, None)) is not None:
            self._alias_counts[before] -= 1
        if holder_id is not None:
            self._aliases[commitment] = holder_id
            self._alias_counts[holder_id] += 1

    # To a snapshot and back.

    def rows(self) -> Iterator[dict[str, Json]]:
        """Yield all of it as rows for a snapshot, sorted."""
        for _, purpose in sorted(self._purposes.items()):
            yield {"kind": "purpose", **purpose.row()}
        for alias, holder_id in sorted(self._aliases.items()):
            yield {"alias": alias, "holder": holder_id, "kind": "alias"}
        for key, use in sorted(self._keys.items()):
            row: dict[str, Json] = {
                "credential": to_base64url(key),
                "enrolled": use.enrolled,
                "kind": "key",
            }
            yield row if use.used is None else {**row, "used": use.used}

    def restore(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take what `rows` gave.

        Raises:
            RegistryError: a row is none of ours.
        """
        for row in rows:
            kind = word(row, "kind", _ROW_KINDS.__contains__)
            if kind == "purpose":
                purpose = PurposeRule.from_row(row)
                self._purposes[purpose.name] = purpose
            elif kind == "alias":
                holder_id = HolderId(word(row, "holder", is_identifier))
                self._name(word(row, "alias", is_commitment), holder_id)
            else:
                used = number(row, "used", _ENTRY_MAX) if "used" in row else None
                enrolled = number(row, "enrolled", _ENTRY_MAX)
                self._keys[credential_id_in(row)] = KeyUse(enrolled, used)


def _put(table: dict[Any, Any], key: object, value: object | None) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


_ROW_KINDS: Final = frozenset({"purpose", "alias", "key"})
_ANSWERS: Final = frozenset(
    {"door.grant", "door.deny", "order.signed", "order.refused"}
)

DIRECTORY_ENTRIES: Final = _ANSWERS | {
    "purpose",
    "purpose.removed",
    "alias",
    "alias.removed",
    "erase",
    "enrol",
}
"""The kinds of entries that this fold reads."""
