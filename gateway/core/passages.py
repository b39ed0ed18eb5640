"""Who passed when: what the rules remember of earlier touches, folded from the ledger.

Nothing here is an opinion: it is what entries said, and no policy has a part in it. A
grant is a passage, until `door.unused` says that nobody opened after it; a request to
exit is known by its number alone; touches that wait for a second one are remembered
until the door is granted, the newest few of each door. After `passback.forgiven` a
holder counts as outside; their uses stay counted.

How old something is follows from the clock of the boot where both belong to the same
one, else from the wall clock where it was believed both times, else it is unknown.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from gateway.core.encoding import Json, to_base64url
from gateway.core.facts import AWAITING
from gateway.core.ids import (
    CREDENTIAL_ID_BYTES_MAX,
    CREDENTIAL_ID_BYTES_MIN,
    CredentialId,
    DoorId,
    GroupId,
    HolderId,
    Now,
    is_identifier,
)
from gateway.core.row import binary, number, word
from gateway.errors import RegistryError

FORGIVEN: Final = "passback.forgiven"
WAITING_MAX: Final = 8
ENTRY_MAX: Final = 2**53 - 1
BOOT_CHARS_MAX: Final = 32

_AWAITING: Final = frozenset(reason.value for reason in AWAITING)


@dataclass(frozen=True, slots=True)
class Passage:
    """A grant that let somebody pass: its entry, and when it was decided."""

    entry: int
    at: Now


@dataclass(frozen=True, slots=True)
class Trail:
    """The passages of a holder, or of a group's members, through one door.

    Attributes:
        count: how many there were.
        last: the newest one, or None where it was taken back.
        before: the one before it, for when nobody opened after the newest.
    """

    count: int = 0
    last: Passage | None = None
    before: Passage | None = None

    def then(self, passage: Passage) -> "Trail":
        """Return the trail with one passage more."""
        return Trail(self.count + 1, passage, self.last)

    def without(self, entry: int) -> "Trail":
        """Return the trail with its newest passage taken back, if it is that one."""
        if self.last is None or self.last.entry != entry:
            return self
        return Trail(self.count - 1, self.before)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A touch that kept every rule but those that want another touch.

    Attributes:
        entry: the number of its `door.deny`.
        credential_id: whose, or None where only a holder is asked about.
    """

    entry: int
    at: Now
    holder_id: HolderId
    credential_id: CredentialId | None


Groups: TypeAlias = tuple[GroupId, ...]


@dataclass(frozen=True, slots=True)
class _Granted:
    """Whose passage the newest grant of a door was; several where two had to touch."""

    entry: int
    people: tuple[tuple[HolderId, Groups], ...]

    @property
    def groups(self) -> list[GroupId]:
        """Every group of theirs, once."""
        return list(
            dict.fromkeys(group for _, groups in self.people for group in groups)
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What one entry says to this fold, already judged.

    Attributes:
        door: where.
        granted: a passage, with when it was decided.
        waiting: a touch that waits.
        unused: the entry of a grant after which nobody opened.
        forgiven: whoever counts as outside from now on.
    """

    door: DoorId
    granted: tuple[_Granted, Now] | None = None
    waiting: Waiting | None = None
    unused: int | None = None
    forgiven: HolderId | None = None


def age_ms(then: Now, now: Now) -> int | None:
    """Return how long ago `then` was, or None where the clocks cannot say."""
    if then.boot == now.boot:
        age = now.up_ms - then.up_ms
    elif then.wall_is_trusted and now.wall_is_trusted:
        age = now.wall_ms - then.wall_ms
    else:
        return None
    return age if age >= 0 else None


def moment_row(now: Now) -> dict[str, Json]:
    """Say when something was decided, in the words of an entry's envelope."""
    return {"at": now.wall_ms, "boot": now.boot, "err": now.err_ms, "up": now.up_ms}


def moment(what: Mapping[str, Any], name: str) -> Now:
    """Return the moment that a member of an entry or a row describes.

    Raises:
        RegistryError: it describes none.
    """
    row = what.get(name)
    if not isinstance(row, Mapping):
        raise RegistryError(f"{row!r:.40} is no moment for {name}.")
    return Now(
        up_ms=number(row, "up", ENTRY_MAX),
        wall_ms=number(row, "at", ENTRY_MAX),
        err_ms=number(row, "err", ENTRY_MAX, least=-1),
        boot=word(row, "boot", lambda text: len(text) <= BOOT_CHARS_MAX),
    )


class Passages:
    """Every look-up is one in a dictionary, whatever the number of holders."""

    def __init__(self) -> None:
        self._holders: Final[dict[tuple[DoorId, HolderId], Trail]] = {}
        self._groups: Final[dict[tuple[DoorId, GroupId], Trail]] = {}
        self._exits: Final[dict[DoorId, int]] = {}
        self._granted: Final[dict[DoorId, _Granted]] = {}
        self._waiting: Final[dict[DoorId, tuple[Waiting, ...]]] = {}

    def of_holder(self, door: DoorId, holder_id: HolderId) -> Trail:
        """Return a holder's passages through a door."""
        return self._holders.get((door, holder_id), Trail())

    def of_group(self, door: DoorId, group: GroupId) -> Trail:
        """Return the passages of a group's members, as they were members then."""
        return self._groups.get((door, group), Trail())

    def exit_entry(self, door: DoorId) -> int:
        """Return the entry of the newest request to exit; -1 before the first."""
        return self._exits.get(door, -1)

    def waiting(self, door: DoorId) -> tuple[Waiting, ...]:
        """Return the touches that wait at a door for another one, oldest first."""
        return self._waiting.get(door, ())

    def read(
        self,
        n: int,
        ev: str,
        what: Mapping[str, Any],
        groups_of: Callable[[HolderId], Groups],
    ) -> Told | None:
        """Return what entry `n` says to this fold; nothing is changed yet.

        Args:
            n: the entry's number.
            ev: its kind.
            what: its content.
            groups_of: says which groups a holder is in now.

        Raises:
            RegistryError: it says so in words that are none.
        """
        if ev not in _READERS:
            return None
        if ev not in {"door.grant", "door.deny"}:
            door = DoorId(word(what, "door", is_identifier))
            if ev == FORGIVEN:
                return Told(door, forgiven=_holder_id(what))
            unused = number(what, "entry", ENTRY_MAX) if ev == "door.unused" else None
            return Told(door, unused=unused)
        if "decided" not in what or "holder" not in what:
            return None
        at = moment(what, "decided")
        door = DoorId(word(what, "door", is_identifier))
        holder_id = HolderId(word(what, "holder", is_identifier))
        if ev == "door.grant":
            people = (holder_id, *self._companions(door, holder_id, what))
            granted = _Granted(n, tuple((one, groups_of(one)) for one in people))
            return Told(door, granted=(granted, at))
        if str(what.get("reason")) not in _AWAITING:
            return None
        return Told(door, waiting=Waiting(n, at, holder_id, _credential_id(what)))

    def _companions(
        self, door: DoorId, holder_id: HolderId, what: Mapping[str, Any]
    ) -> list[HolderId]:
        """Return who else passes: the holders of the earlier touches it rests on."""
        touches = _list(what.get("touches", ()))
        others = [one.holder_id for one in self.waiting(door) if one.entry in touches]
        return [one for one in dict.fromkeys(others) if one != holder_id]

    def tell(self, n: int, told: Told) -> None:
        """Install what `read` made of entry `n`."""
        door = told.door
        if told.granted is not None:
            self._pass(door, *told.granted)
        elif told.waiting is not None:
            kept = (*self.waiting(door), told.waiting)
            self._waiting[door] = kept[-WAITING_MAX:]
        elif told.unused is not None:
            self._take_back(door, told.unused)
        elif told.forgiven is not None:
            trail = self.of_holder(door, told.forgiven)
            self._holders[door, told.forgiven] = Trail(trail.count)
        else:
            self._exits[door] = n

    def _pass(self, door: DoorId, granted: _Granted, at: Now) -> None:
        passage = Passage(granted.entry, at)
        for holder_id, _ in granted.people:
            trail = self.of_holder(door, holder_id)
            self._holders[door, holder_id] = trail.then(passage)
        for group in granted.groups:
            self._groups[door, group] = self.of_group(door, group).then(passage)
        self._granted[door] = granted
        self._waiting.pop(door, None)

    def _take_back(self, door: DoorId, entry: int) -> None:
        granted = self._granted.get(door)
        if granted is None or granted.entry != entry:
            return
        for holder_id, _ in granted.people:
            trail = self.of_holder(door, holder_id)
            self._holders[door, holder_id] = trail.without(entry)
        for group in granted.groups:
            self._groups[door, group] = self.of_group(door, group).without(entry)
        del self._granted[door]

    # To a snapshot and back.

    def rows(self) -> Iterator[dict[str, Json]]:
        """Yield all of it as rows for a snapshot, sorted."""
        for (door, holder_id), trail in sorted(self._holders.items(), key=_first):
            yield {"door": door, "holder": holder_id, "kind": "holder", **_row(trail)}
        for (door, group), trail in sorted(self._groups.items(), key=_first):
            yield {"door": door, "group": group, "kind": "group", **_row(trail)}
        for door, entry in sorted(self._exits.items()):
            yield {"door": door, "entry": entry, "kind": "exit"}
        for door, granted in sorted(self._granted.items(), key=_first):
            people: list[Json] = [[one, *groups] for one, groups in granted.people]
            entry = granted.entry
            yield {"door": door, "entry": entry, "kind": "granted", "people": people}
        for door, waiting in sorted(self._waiting.items(), key=_first):
            yield from (_waiting_row(door, one) for one in waiting)

    def restore(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take what `rows` gave.

        Raises:
            RegistryError: a row is none of ours.
        """
        for row in rows:
            door = DoorId(word(row, "door", is_identifier))
            kind = word(row, "kind", _ROW_KINDS.__contains__)
            if kind == "holder":
                self._holders[door, _holder_id(row)] = _trail(row)
            elif kind == "group":
                group = GroupId(word(row, "group", is_identifier))
                self._groups[door, group] = _trail(row)
            elif kind == "exit":
                self._exits[door] = number(row, "entry", ENTRY_MAX)
            elif kind == "granted":
                self._granted[door] = _granted(row)
            else:
                self._waiting[door] = (*self.waiting(door), _waiting(row))


_ROW_KINDS: Final = frozenset({"holder", "group", "exit", "granted", "waiting"})
_READERS: Final = frozenset(
    {"door.grant", "door.deny", "door.exit", "door.unused", FORGIVEN}
)

PASSAGE_ENTRIES: Final = _READERS
"""The kinds of entries that this fold reads."""


def _first(item: tuple[Any, object]) -> Any:
    return item[0]


def _holder_id(row: Mapping[str, Any]) -> HolderId:
    return HolderId(word(row, "holder", is_identifier))


def _row(trail: Trail) -> dict[str, Json]:
    row: dict[str, Json] = {"count": trail.count}
    for name, passage in (("last", trail.last), ("before", trail.before)):
        if passage is not None:
            row[name] = {"entry": passage.entry, **moment_row(passage.at)}
    return row


def _trail(row: Mapping[str, Any]) -> Trail:
    trail = Trail(number(row, "count", ENTRY_MAX))
    if "last" in row:
        trail = replace(trail, last=_passage(row, "last"))
    if "before" in row:
        trail = replace(trail, before=_passage(row, "before"))
    return trail


def _passage(row: Mapping[str, Any], name: str) -> Passage:
    at = moment(row, name)
    return Passage(number(row[name], "entry", ENTRY_MAX), at)


def _granted(row: Mapping[str, Any]) -> _Granted:
    people = [_person(person) for person in _list(row.get("people"))]
    return _Granted(number(row, "entry", ENTRY_MAX), tuple(people))


def _person(row: object) -> tuple[HolderId, Groups]:
    words = [word({"name": name}, "name", is_identifier) for name in _list(row)]
    if not words:
        raise RegistryError("A passage names nobody.")
    return HolderId(words[0]), tuple(map(GroupId, words[1:]))


def _list(value: object) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise RegistryError(f"{value!r:.40} is no list.")
    return list(value)


def _waiting_row(door: DoorId, waiting: Waiting) -> dict[str, Json]:
    row: dict[str, Json] = {
        "at": moment_row(waiting.at),
        "door": door,
        "entry": waiting.entry,
        "holder": waiting.holder_id,
        "kind": "waiting",
    }
    if waiting.credential_id is not None:
        row["credential"] = to_base64url(waiting.credential_id)
    return row


def _waiting(row: Mapping[str, Any]) -> Waiting:
    entry = number(row, "entry", ENTRY_MAX)
    return Waiting(entry, moment(row, "at"), _holder_id(row), _credential_id(row))


def _credential_id(what: Mapping[str, Any]) -> CredentialId | None:
    if "credential" not in what:
        return None
    return CredentialId(
        binary(what, "credential", CREDENTIAL_ID_BYTES_MIN, CREDENTIAL_ID_BYTES_MAX)
    )
