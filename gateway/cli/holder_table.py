"""The table of holders: CSV (RFC 4180, UTF-8) that a spreadsheet opens and saves.

    holder,name,groups,from,until,role,uses,state
    h-0042,Ada Byron,staff night,,2031-12-31T18:00:00Z,,0,active

Groups stand apart by spaces; an empty time is no bound, and every other one says its
zone. `state` may be left out, and is never changed by a table. A name that is empty
stays as it is. A cell that a spreadsheet would take for a formula is written behind an
apostrophe, which reading takes off again. Only text in, values out: no input or output.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import ValidationError

from gateway.errors import HolderTableError
from gateway.schemas import Holder, HolderWish

TABLE_BYTES_MAX: Final = 4 * 1024 * 1024
TABLE_ROWS_MAX: Final = 20_000
FAULTS_SHOWN_MAX: Final = 20

COLUMNS: Final = ("holder", "name", "groups", "from", "until", "role", "uses")
STATE: Final = "state"
_MEMBERS: Final = {
    "holder_id": "holder",
    "from_ms": "from",
    "until_ms": "until",
    "uses_max": "uses",
}
_STATES: Final = ("", "active", "suspended")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_PLAIN_MS: Final = re.compile(r"[0-9]{1,16} ms", re.ASCII)  # beyond the year 9999
_COUNT: Final = re.compile(r"[0-9]{0,7}", re.ASCII)

# What begins a formula in a spreadsheet, in full width too, and the apostrophe itself.
_FORMULA: Final = tuple("=+-@\t\r\n'＝＋－＠")


@dataclass(frozen=True, slots=True)
class Row:
    """A holder as a line of a table has them.

    Attributes:
        line: where its record begins, from 1.
        wish: the holder; an empty name is as it was.
        state: "active", "suspended", or empty where the table does not say.
    """

    line: int
    wish: HolderWish
    state: str


class _Faults:
    """Gathers one sentence for each bad line."""

    def __init__(self) -> None:
        self._sentences: Final[list[str]] = []
        self._count = 0

    def add(self, line: int, sentence: str) -> None:
        self._count += 1
        if self._count <= FAULTS_SHOWN_MAX:
            self._sentences.append(f"Line {line}: {sentence}")

    def check(self) -> None:
        """Raise what was gathered."""
        if not self._count:
            return
        if (more := self._count - len(self._sentences)) > 0:
            self._sentences.append(f"{more} more lines are bad.")
        last = "Nothing was imported; mend the table and import it again."
        raise HolderTableError("\n".join([*self._sentences, last]))


def read_table(table: bytes) -> tuple[Row, ...]:
    """Return the rows of a table, of which every one is sound by itself.

    Raises:
        HolderTableError: one sentence for each bad line, with its number.
    """
    faults = _Faults()
    rows: list[Row] = []
    seen: dict[str, int] = {}
    records = _records(_text(table), faults)
    head = next(records, None)
    columns = _columns(head, faults)
    for line, record in records:
        if len(rows) >= TABLE_ROWS_MAX:
            faults.add(line, f"A table holds {TABLE_ROWS_MAX} holders at most.")
            break
        if len(record) != len(columns):
            faults.add(line, f"Here are {len(record)} cells, not {len(columns)}.")
            continue
        try:
            row = _row(line, dict(zip(columns, map(_unescaped, record), strict=True)))
        except ValueError as fault:
            faults.add(line, str(fault))
            continue
        before = seen.setdefault(row.wish.holder_id, line)
        if before != line:
            faults.add(line, f"{row.wish.holder_id} stands in line {before} already.")
        rows.append(row)
    faults.check()
    return tuple(rows)


def changed(rows: Sequence[Row], known: Mapping[str, Holder]) -> tuple[HolderWish, ...]:
    """Return what a table changes, in its order; who stands there already is left out.

    Raises:
        HolderTableError: one sentence for each line that cannot be, with its number.
    """
    faults, wishes = _Faults(), []
    for row in rows:
        now = known.get(row.wish.holder_id)
        if (fault := _impossible(row, now)) is not None:
            faults.add(row.line, fault)
        elif now is None or _differs(row.wish, now):
            wishes.append(row.wish)
    faults.check()
    return tuple(wishes)


def write_table(holders: Iterable[Holder]) -> str:
    """Return the table of all holders but those who were erased."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow((*COLUMNS, STATE))
    for one in holders:
        if not one.erased:
            cells = (
                one.id,
                one.name or "",
                " ".join(one.groups),
                _written(one.from_ms),
                _written(one.until_ms),
                one.role,
                str(one.uses_max),
                _state(one),
            )
            writer.writerow(map(_escaped, cells))
    return out.getvalue()


def _text(table: bytes) -> str:
    """Return the table as text; a spreadsheet's byte order mark is no part of it."""
    if len(table) > TABLE_BYTES_MAX:
        raise HolderTableError(
            f"A table has {TABLE_BYTES_MAX} bytes at most; import it in parts."
        )
    try:
        return table.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = table.count(b"\n", 0, error.start) + 1
        raise HolderTableError(
            f"Line {line}: This is not UTF-8; save the table as CSV in UTF-8. Nothing "
            "was imported."
        ) from None


def _records(text: str, faults: _Faults) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not empty, with the line that it begins in."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error:
            # Where a quotation mark is wrong, nobody knows where the next line begins.
            faults.add(
                line, "This is no CSV; quotation marks or line ends are not in order."
            )
            return
        if record is None:
            return
        if any(record):
            yield line, record


def _columns(head: tuple[int, list[str]] | None, faults: _Faults) -> tuple[str, ...]:
    line, cells = head or (1, [])
    names = tuple(cell.strip().lower() for cell in cells)
    allowed = {*COLUMNS, STATE}
    if len(set(names)) == len(names) and set(COLUMNS) <= set(names) <= allowed:
        return names
    faults.add(
        line,
        f"The columns must be {','.join(COLUMNS)}, with commas between them, "
        f"and {STATE} if you like.",
    )
    faults.check()
    raise AssertionError  # pragma: no cover - check() has raised


def _row(line: int, cells: Mapping[str, str]) -> Row:
    """Read one record.

    Raises:
        ValueError: what is wrong with it, one sentence.
    """
    state = cells.get(STATE, "")
    if state not in _STATES:
        raise ValueError("state: It is active or suspended.")
    if _COUNT.fullmatch(cells["uses"]) is None:
        raise ValueError("uses: It is a number, and 0 where there is no bound.")
    members: dict[str, object] = {
        "holder_id": cells["holder"],
        "groups": tuple(cells["groups"].split()),
        "from_ms": _read(cells["from"], "from"),
        "until_ms": _read(cells["until"], "until"),
        "role": cells["role"],
        "uses_max": int(cells["uses"] or 0),
    }
    if cells["name"]:
        members["name"] = cells["name"]
    try:
        return Row(line, HolderWish.model_validate(members), state)
    except ValidationError as error:
        first = error.errors()[0]
        member = str(first["loc"][0]) if first["loc"] else ""
        where = f"{_MEMBERS.get(member, member)}: " if member else ""
        # From pydantic: never with the value in it, which may be a name.
        raise ValueError(f"{where}{first['msg']}.") from None


def _impossible(row: Row, now: Holder | None) -> str | None:
    """Say why a row cannot be imported, or None."""
    who = row.wish.holder_id
    if now is None:
        if not row.wish.name:
            return f"{who} is new here: give their name."
        if row.state == "suspended":
            return f"{who} is new here and cannot begin suspended."
        return None
    if now.erased:
        return f"{who} was erased; a pseudonym is never used again."
    if row.state not in {"", _state(now)}:
        verb = "suspend" if row.state == "suspended" else "resume"
        return f"No table changes the state; use `keyra holders {verb} {who}`."
    return None


def _differs(wish: HolderWish, now: Holder) -> bool:
    same = (now.groups, now.from_ms, now.until_ms, now.role, now.uses_max)
    wished = (wish.groups, wish.from_ms, wish.until_ms, wish.role, wish.uses_max)
    return wished != same or wish.name not in {"", now.name}


def _state(holder: Holder) -> str:
    return "suspended" if holder.suspended else "active"


def _escaped(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _unescaped(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell


def _written(wall_ms: int) -> str:
    """Write a time in UTC, to the second where it is a whole one."""
    if not wall_ms:
        return ""
    try:
        when = _EPOCH + wall_ms * _MS
    except OverflowError:
        return f"{wall_ms} ms"
    spec = "milliseconds" if wall_ms % 1000 else "seconds"
    return when.isoformat(timespec=spec).removesuffix("+00:00") + "Z"


def _read(cell: str, column: str) -> int:
    """Return Unix milliseconds, 0 for an empty cell.

    Raises:
        ValueError: it is no time, or nobody knows in which zone.
    """
    if not cell:
        return 0
    if _PLAIN_MS.fullmatch(cell):
        return int(cell.removesuffix(" ms"))
    try:
        when = datetime.fromisoformat(cell)
        wall_ms = (when - _EPOCH) // _MS if when.tzinfo else 0
    except (ValueError, OverflowError):
        wall_ms = 0
    if wall_ms <= 0:
        raise ValueError(
            f"{column}: Write it with its zone, such as 2031-12-31T18:00:00Z."
        )
    return wall_ms
