"""Tables of entries for people: CSV, in UTC, safe to open in a spreadsheet."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ledger.entry import Entry

COLUMNS: Final = (
    "entry", "time_utc", "synchronised", "event", "door", "holder", "credential",
    "reason", "what",
)  # fmt: skip
_MS_PER_S: Final = 1000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_LAST_MS: Final = 253_402_300_799_999  # 9999-12-31


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries to show; an empty field lets everything through.

    Attributes:
        kinds: event names; `door` also takes `door.grant` and all others of its kind.
    """

    door: str = ""
    holder: str = ""
    kinds: tuple[str, ...] = ()

    def takes(self, entry: Entry) -> bool:
        """Tell whether to show this entry."""
        kinds = self.kinds
        return (
            (not self.door or entry.what.get("door") == self.door)
            and (not self.holder or entry.what.get("holder") == self.holder)
            and (
                not kinds
                or any(
                    entry.ev == kind or entry.ev.startswith(kind + ".")
                    for kind in kinds
                )
            )
        )


def when(at_ms: int) -> str:
    """Return a moment as ISO 8601 in UTC, with milliseconds."""
    seconds, rest_ms = divmod(min(at_ms, _LAST_MS), _MS_PER_S)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest_ms:03}Z"


def harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula (CWE-1236)."""
    return "'" + text if text.startswith(_FORMULA) else text


def csv_lines(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield a header and one line for each entry (RFC 4180)."""
    yield _row(COLUMNS)
    for entry in entries:
        what = entry.what
        yield _row(
            (
                str(entry.n),
                when(entry.stamp.at_ms),
                "no" if entry.stamp.err_ms < 0 else "yes",
                entry.ev,
                _text(what.get("door")),
                _text(what.get("holder")),
                _text(what.get("credential")),
                _text(what.get("reason")),
                json.dumps(what),
            )
        )


def _text(value: Any) -> str:
    """Return a field's value; what is no plain text is shown escaped."""
    if value is None:
        return ""
    return (
        value if isinstance(value, str) and value.isprintable() else json.dumps(value)
    )


def _row(fields: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow([harmless(field) for field in fields])
    return line.getvalue().encode()
