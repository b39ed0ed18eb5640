"""What of an entry can be asked for, and what of it may be shown."""

import json
from typing import Any, Final, NamedTuple

from ledger.entry import ENVELOPE

WORD_CHARS_MAX: Final = 128
HIDDEN: Final = frozenset({"duress"})
"""Members of `what` that no screen and no answer shows, only exports and receipts."""

RESULTS: Final = {
    "granted": "door.grant",
    "denied": "door.deny",
    "refused": "order.refused",
}
"""Results that are kinds of entries; any other word is a reason."""

RESULTS_OF: Final = {kind: result for result, kind in RESULTS.items()}


class Facets(NamedTuple):
    """One entry on one line.

    Attributes:
        at_ms: its wall clock; `err_ms` is -1 where that was not synchronised.
        kind: its `ev`; empty for bytes that are no entry.
    """

    n: int
    at_ms: int = 0
    err_ms: int = -1
    kind: str = ""
    door: str | None = None
    holder: str | None = None
    reason: str | None = None
    detail: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return what the API says of it."""
        return {
            "n": self.n,
            "at_ms": self.at_ms,
            "err_ms": self.err_ms,
            "kind": self.kind,
            "door": self.door,
            "holder": self.holder,
            "result": RESULTS_OF.get(self.kind),
            "reason": self.reason,
            "detail": self.detail,
        }


def facets_of(n: int, body: bytes) -> Facets:
    """Return what stands in an entry's bytes; a damaged one has next to nothing."""
    envelope = ENVELOPE.fullmatch(body)
    if envelope is None:
        return Facets(n)
    what = content_of(envelope[8])
    return Facets(
        n,
        int(envelope[1]),
        int(envelope[3]),
        envelope[4].decode(),
        _word(what.get("door")),
        _word(what.get("holder")),
        _word(what.get("reason")),
        next((word for name in _DETAILS if (word := _word(what.get(name)))), None),
    )


_DETAILS: Final = ("mode", "state", "kind", "action", "why", "model", "version")


def content_of(what: bytes) -> dict[str, Any]:
    """Return an entry's content; nothing where it is damaged."""
    try:
        content = json.loads(what.decode())  # from bytes it would guess the encoding
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def shown_content(what: dict[str, Any]) -> dict[str, Any]:
    """Return content without what is only for whoever may read an export."""
    return {name: value for name, value in what.items() if name not in HIDDEN}


def _word(value: object) -> str | None:
    if isinstance(value, str) and 0 < len(value) <= WORD_CHARS_MAX:
        return value
    return None
