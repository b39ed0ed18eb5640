"""A site's own table of expectations: who, when, and what has to come of it.

    [people.anna]                     # each with one key
    groups = ["staff"]
    from = 2026-03-02T09:30:00        # until, key_until too; local unless it says
    uses = 3                          # a visitor's pass
    suspended = true
    key = "active"                    # or suspended, revoked, duress

    [[case]]
    name = "office hours"
    steps = '''
    2026-03-02 07:59:59 anna outside-hours
    08:00 anna granted
    09:00 * lockdown
    '''

A step is a day (that of the step before if left out), a time (the site's own unless it
ends in Z or an offset), and a holder with what has to come of their touch, or `*` with
an event: exit · unused · lockdown · normal · reboot · leap · clock trusted · clock
untrusted · suspend WHO · resume WHO · revoke WHO · leaves WHO DOOR. Each case begins
with an empty history. A holder whom [people] does not name is a stranger.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.cli.rehearsal import FLAGS, OUTCOMES, Person, Rehearsal, outcome
from gateway.core.facts import Mode
from gateway.core.holder import GROUPS_MAX, USES_MAX, Holder
from gateway.core.ids import DoorId, GroupId, HolderId, is_identifier
from gateway.core.policy import DoorPolicy
from gateway.errors import ConfigError

FILE_BYTES_MAX: Final = 4 * 1024 * 1024
COMMITMENT: Final = "0" * 64

_STEP: Final = re.compile(
    r"(?:(?P<day>\d{4}-\d{2}-\d{2}) +)?"
    r"(?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{3})?)?)(?P<zone>Z|[+-]\d{2}:\d{2})? +"
    r"(?P<who>\S+) +(?P<what>\S.*)",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KEYS: Final = frozenset({"active", "suspended", "revoked", "duress"})


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a case.

    Attributes:
        who: a holder, or "*" for an event.
        what: the outcome expected, or the event's words.
    """

    text: str
    wall_ms: int
    who: str
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Steps that belong together."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A file of expectations."""

    people: Mapping[str, Person]
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """One touch, as expected and as it came out."""

    case: str
    step: str
    expected: str
    found: str

    @property
    def holds(self) -> bool:
        """Whether it came out as expected."""
        return self.expected == self.found


def load_table(path: Path, zone: ZoneInfo) -> Table:
    """Read a table.

    Raises:
        ConfigError: it cannot be read, or something in it is wrong.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from error
    if len(data) > FILE_BYTES_MAX:
        raise ConfigError(f"{path}: is larger than {FILE_BYTES_MAX} bytes.")
    try:
        return parse_table(data.decode(), zone)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: this is not TOML ({error}).") from error


def parse_table(text: str, zone: ZoneInfo) -> Table:
    """Return the table that a text holds.

    Raises:
        ConfigError: something in it is wrong; says in which case or for whom.
        ValueError, RecursionError: it is no TOML.
    """
    tree = tomllib.loads(text)
    _refuse_unknown("the file", tree, {"people", "case"})
    people, cases = tree.get("people", {}), tree.get("case", [])
    if not isinstance(people, dict) or not isinstance(cases, list) or not cases:
        raise ConfigError("There must be [people.NAME] sections and [[case]] ones.")
    return Table(
        {name: _person(name, row, zone) for name, row in people.items()},
        tuple(_case(row, zone, set(people)) for row in cases),
    )


def check_table(table: Table, policy: DoorPolicy) -> Iterator[Checked]:
    """Rehearse each case from the beginning, and yield each touch."""
    for case in table.cases:
        rehearsal = Rehearsal(policy, table.people, case.steps[0].wall_ms)
        for step in case.steps:
            if step.who != "*":
                rehearsal.at(step.wall_ms)
                found = outcome(rehearsal.touch(step.who))
                yield Checked(case.name, step.text, " ".join(step.what), found)
                continue
            if step.what[0] == "leap":
                rehearsal.leap(step.wall_ms)
                continue
            rehearsal.at(step.wall_ms)
            _EVENTS[step.what[: -_NAMES.get(step.what[0], 0) or None]](
                rehearsal, *step.what[1:]
            )


_Event = Callable[..., None]
_EVENTS: Final[Mapping[tuple[str, ...], _Event]] = {
    ("exit",): lambda door: door.exit_request(),
    ("unused",): lambda door: door.unused(),
    ("lockdown",): lambda door: door.mode(Mode.LOCKED_DOWN),
    ("normal",): lambda door: door.mode(Mode.LOCKED),
    ("reboot",): lambda door: door.reboot(),
    ("clock", "trusted"): lambda door, _: door.trust(trusted=True),
    ("clock", "untrusted"): lambda door, _: door.trust(trusted=False),
    ("suspend",): lambda door, who: door.suspend(who, suspended=True),
    ("resume",): lambda door, who: door.suspend(who, suspended=False),
    ("revoke",): lambda door, who: door.revoke(who),
    ("leaves",): lambda door, who, other: door.leaves_by(who, DoorId(other)),
}
_NAMES: Final = {"suspend": 1, "resume": 1, "revoke": 1, "leaves": 2}
"""How many names follow an event's own words; the first is a holder's."""


def _person(name: str, row: object, zone: ZoneInfo) -> Person:
    if not is_identifier(name) or not isinstance(row, dict):
        raise ConfigError(f"[people.{name:.64}] is no section of a holder.")
    known = {"groups", "from", "until", "uses", "suspended", "key", "key_until"}
    _refuse_unknown(f"[people.{name}]", row, known)
    groups, uses = row.get("groups", []), row.get("uses", 0)
    key, suspended = row.get("key", "active"), row.get("suspended", False)
    if not isinstance(groups, list) or len(groups) > GROUPS_MAX:
        raise ConfigError(f"[people.{name}] groups is no list of up to {GROUPS_MAX}.")
    if type(uses) is not int or not 0 <= uses <= USES_MAX:
        raise ConfigError(f"[people.{name}] uses is not 0 to {USES_MAX}.")
    if key not in _KEYS or not isinstance(suspended, bool):
        raise ConfigError(f"[people.{name}] key or suspended is no word for it.")
    holder = Holder(
        id=HolderId(name),
        name_commitment=COMMITMENT,
        groups=tuple(GroupId(_identifier(name, group)) for group in groups),
        from_ms=_bound(name, row.get("from"), zone),
        until_ms=_bound(name, row.get("until"), zone),
        suspended=suspended,
        uses_max=uses,
    )
    return Person(holder, key, _bound(name, row.get("key_until"), zone))


def _identifier(name: str, value: object) -> str:
    if not isinstance(value, str) or not is_identifier(value):
        raise ConfigError(f"[people.{name}] names a group that is none.")
    return value


def _bound(name: str, value: object, zone: ZoneInfo) -> int:
    if value is None:
        return 0
    if not isinstance(value, datetime):
        raise ConfigError(
            f"[people.{name}] has a bound that is no time; write 2026-03-02T09:30:00."
        )
    return _wall_ms(value, zone)


def _case(row: object, zone: ZoneInfo, people: set[str]) -> Case:
    if not isinstance(row, dict):
        raise ConfigError("[[case]] is a section with a name and steps.")
    name, steps = row.get("name"), row.get("steps")
    if not isinstance(name, str) or not isinstance(steps, str):
        raise ConfigError("A [[case]] has a name and steps, both texts.")
    _refuse_unknown(f'case "{name:.60}"', row, {"name", "steps"})
    made: list[Step] = []
    day: str | None = None
    for line in filter(None, map(str.strip, steps.splitlines())):
        try:
            step, day = _step(line, day, zone, people)
        except ValueError as error:
            raise ConfigError(f'case "{name:.60}": "{line:.80}": {error}.') from None
        made.append(step)
    if not made:
        raise ConfigError(f'case "{name:.60}" has no steps.')
    return Case(name, tuple(made))


def _step(
    line: str, day: str | None, zone: ZoneInfo, people: set[str]
) -> tuple[Step, str]:
    match = _STEP.fullmatch(line)
    if match is None:
        raise ValueError("write DAY TIME WHO OUTCOME, or DAY TIME * EVENT")
    day = match["day"] or day
    if day is None:
        raise ValueError("the first step needs its day")
    date.fromisoformat(day)
    moment = datetime.fromisoformat(f"{day}T{match['time']}{match['zone'] or ''}")
    words = tuple(match["what"].split())
    if match["who"] == "*":
        _check_event(words, people)
    else:
        _check_outcome(words)
    return Step(line, _wall_ms(moment, zone), match["who"], words), day


def _check_event(words: tuple[str, ...], people: set[str]) -> None:
    names = _NAMES.get(words[0], 0)
    if words == ("leap",):
        return
    if words[: -names or None] not in _EVENTS or len(words) <= names:
        raise ValueError("this event is none that can be rehearsed")
    if names and words[1] not in people:
        raise ValueError(f"{words[1]:.40} is nobody of [people]")


def _check_outcome(words: tuple[str, ...]) -> None:
    if words[0] not in OUTCOMES or not FLAGS.issuperset(words[1:]):
        raise ValueError("this is neither granted nor a reason for a denial")


def _wall_ms(moment: datetime, zone: ZoneInfo) -> int:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    difference = aware.astimezone(UTC) - _EPOCH
    wall_ms = difference.days * 86_400_000 + difference.seconds * 1000
    if wall_ms < 0:
        raise ConfigError("No clock here shows a time before 1970.")
    return wall_ms + difference.microseconds // 1000


def _refuse_unknown(where: str, row: Mapping[str, Any], known: set[str]) -> None:
    for key in row:
        if key not in known:
            raise ConfigError(f"{where} holds {key:.40}, which is not known here.")
