"""Questions about the ledger and their answers: each bounded in rows and in time."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.adapters.ledger_books.entry_facets import (
    Facets,
    content_of,
    facets_of,
    shown_content,
)
from gateway.adapters.ledger_books.index import Filter, Index
from ledger.checkpoint import parse_note
from ledger.entry import ENVELOPE, parse_entry
from ledger.errors import (
    LedgerCorruptError,
    LedgerError,
    NoSuchEntryError,
    ProofError,
)
from ledger.proof import check_inclusion, inclusion_ranges
from ledger.reader import Reader
from ledger.receipt import GRANT, make_receipt
from ledger.tree import leaf_hash

BUDGET_S: Final = 0.25
"""After that long, a page says how far it came."""

WINDOW_MIN: Final = 8_192
WINDOW_MAX: Final = 131_072
UNINDEXED_WINDOW: Final = 512
KEYS_MAX: Final = 64
"""How many enrolments of one holder are looked at in one go, the newest first."""

Clock = Callable[[], float]
Answer = dict[str, Any]


class Pages:
    """Answers questions about one ledger."""

    def __init__(self, reader: Reader, index: Index, clock: Clock) -> None:
        self._reader: Final = reader
        self._index: Final = index
        self._clock: Final = clock

    @classmethod
    def open(cls, path: Path, clock: Clock) -> "Pages":
        """Open a ledger and its index.

        Raises:
            LedgerMissingError, LedgerForeignError, LedgerCorruptError.
        """
        reader = Reader.open(path)
        return cls(reader, Index.open(reader), clock)

    def close(self) -> None:
        """Let go of both files."""
        self._index.close()
        self._reader.close()

    def catch_up(self) -> bool:
        """Take some more entries into the index; tell whether there may be more.

        Raises:
            LedgerCorruptError: the ledger cannot be read.
        """
        return self._index.catch_up(self._reader)

    def answer(self, question: Mapping[str, Any]) -> Answer:
        """Answer one question: its `ask` names it, its other members are for it.

        Raises:
            NoSuchEntryError, LedgerError, sqlite3.Error: there is no answer.
        """
        values = {name: value for name, value in question.items() if name != "ask"}
        match question["ask"]:
            case "page":
                return self.page(**values)
            case "entry":
                return self.entry(**values)
            case "receipt":
                return self.receipt(**values)
            case "position":
                return {"n": self.position(**values), **self._bounds()}
            case "checkpoint":
                return self.checkpoint()
            case _:
                return self.stats()

    def _bounds(self) -> Answer:
        return {"first": self._reader.base()[0], "size": self._reader.size()}

    def page(
        self, *, newest: bool, cursor: int | None, limit: int, **wanted: Any
    ) -> Answer:
        """Return one page of entries from the cursor on.

        `next` is where to go on, or None at the end; a page with fewer entries than
        asked for and a `next` is as far as its time went.
        """
        bounds = self._bounds()
        low, high = bounds["first"], bounds["size"]
        if cursor is not None and newest:
            high = max(low, min(high, cursor + 1))
        elif cursor is not None:
            low = min(high, max(low, cursor))
        filter_ = Filter(**wanted)
        search = _Search(self._reader, self._index, filter_, newest=newest)
        items, following = search.run(low, high, limit, self._clock)
        return {
            "items": [one.shown() for one in items],
            "next": following,
            "indexed": self._index.next,
            **bounds,
        }

    def entry(self, *, n: int) -> Answer:
        """Return one entry with the proof of its place under the newest head."""
        size, note = self._reader.sized_head()
        if not n < size:
            raise NoSuchEntryError(f"The ledger holds no entry {n}, only {size}.")
        body = self._reader.entry(n)
        envelope = ENVELOPE.fullmatch(body)
        if envelope is None:
            raise LedgerCorruptError(f"Entry {n} of the ledger is damaged: verify it.")
        leaf = leaf_hash(body)
        proof = self._reader.roots(inclusion_ranges(n, size))
        root = parse_note(note).checkpoint.root
        try:
            check_inclusion(n, size, leaf, proof, root)
            is_proved = True
        except ProofError:
            is_proved = False
        return {
            **facets_of(n, body).shown(),
            "boot": envelope[2].decode(),
            "up_ms": int(envelope[7]),
            "prev": envelope[6].decode(),
            "leaf": leaf.hex(),
            "what": shown_content(content_of(envelope[8])),
            "proof": [base64.b64encode(one).decode() for one in proof],
            "proved": is_proved,
            "checkpoint": self.checkpoint(),
        }

    def receipt(self, *, n: int) -> Answer:
        """Return one line that proves an entry, with the entry's own bytes."""
        one = facets_of(n, self._reader.entry(n))
        enrolment = None
        if one.kind == GRANT:
            enrolment = self._enrolment_of(n, one)
        receipt = make_receipt(self._reader, n, enrolment, search=False)
        return {"n": n, "receipt": receipt.decode()}

    def _enrolment_of(self, n: int, opening: Facets) -> int | None:
        """Return the newest enrolment before an opening, of its key, if there is one.

        The ledger is not looked through for it: that would take as long as it is.
        """
        if n >= self._index.next:
            raise LedgerError(
                f"The index has reached entry {self._index.next}, and this is entry "
                f"{n}: ask again in a moment."
            )
        wanted = Filter(kind="enrol", holder=opening.holder or "")
        name = parse_entry(self._reader.entry(n)).what.get("credential")
        before = n
        while some := self._index.numbers(wanted, (0, before), KEYS_MAX, newest=True):
            bodies = self._reader.bodies(some)
            for found in some:
                if parse_entry(bodies[found]).what.get("credential") == name:
                    return found
            before = some[-1]
        return None

    def position(self, *, at_ms: int) -> int | None:
        """Return the first entry whose wall clock is not before a moment, or None."""
        if (found := self._index.first_at(at_ms)) is not None:
            return found
        # Behind the index a clock that only rises is taken for granted: by halving.
        low, size = max(self._reader.base()[0], self._index.next), self._reader.size()
        high = size
        while low < high:
            middle = (low + high) // 2
            if facets_of(middle, self._reader.entry(middle)).at_ms >= at_ms:
                high = middle
            else:
                low = middle + 1
        return low if low < size else None

    def checkpoint(self) -> Answer:
        """Return the newest signed head, and the key that the ledger names first."""
        size, text = self._reader.sized_head()
        head = parse_note(text).checkpoint
        root = base64.b64encode(head.root).decode()
        return {
            "origin": head.origin,
            "size": size,
            "root": root,
            "note": text,
            "expect": f"{size}:{root}",
        }

    def stats(self) -> Answer:
        """Count what the ledger holds, as far as the index knows it."""
        bounds = self._bounds()
        first, size = bounds["first"], bounds["size"]
        ends = [facets_of(n, self._reader.entry(n)) for n in (first, size - 1)]
        return {
            **bounds,
            "counted": self._index.next,
            "notes": len(self._reader.notes()),
            "entry_bytes": self._index.entry_bytes,
            "file_bytes": self._reader.path.stat().st_size,
            "first_ms": ends[0].at_ms,
            "last_ms": ends[1].at_ms,
            "kinds": dict(self._index.tally()),
        }


class _Search:
    """One walk through the ledger, window by window, until enough or out of time."""

    def __init__(
        self, reader: Reader, index: Index, wanted: Filter, *, newest: bool
    ) -> None:
        self._reader: Final = reader
        self._index: Final = index
        self._wanted: Final = wanted
        self._newest: Final = newest

    def run(
        self, low: int, high: int, limit: int, clock: Clock
    ) -> tuple[list[Facets], int | None]:
        """Return entries of [low, high), and the number to go on with."""
        until, width = clock() + BUDGET_S, WINDOW_MIN
        found: list[Facets] = []
        while low < high and len(found) < limit:
            if clock() >= until:
                break
            start, stop = self._window(low, high, width)
            width = min(2 * width, WINDOW_MAX)
            some = self._look(start, stop, limit - len(found))
            found += some
            if len(found) == limit:
                start, stop = found[-1].n, found[-1].n + 1
            if self._newest:
                high = start
            else:
                low = stop
        if low >= high:
            return found, None
        return found, high - 1 if self._newest else low

    def _window(self, low: int, high: int, width: int) -> tuple[int, int]:
        """Return the next stretch to look at, on one side of the index's end."""
        known = self._index.next
        if self._wanted.is_open:
            return (max(low, high - width), high) if self._newest else (low, high)
        if self._newest:
            if high > known:
                return max(low, known, high - UNINDEXED_WINDOW), high
            return max(low, high - width), high
        if low >= known:
            return low, min(high, low + UNINDEXED_WINDOW)
        return low, min(high, known, low + width)

    def _look(self, start: int, stop: int, limit: int) -> list[Facets]:
        wanted, reader = self._wanted, self._reader
        if wanted.is_open:
            stretch = (max(start, stop - limit), stop)
            if not self._newest:
                stretch = (start, min(stop, start + limit))
            numbers, bodies = range(*stretch), reader.entries(*stretch)
            found = [
                facets_of(n, body) for n, body in zip(numbers, bodies, strict=False)
            ]
            return found[::-1] if self._newest else found
        if stop > self._index.next:
            bodies = reader.entries(start, stop)
            found = [facets_of(n, body) for n, body in enumerate(bodies, start)]
            found = [one for one in found if wanted.takes(one)]
            return (found[::-1] if self._newest else found)[:limit]
        first, after = self._index.span(wanted)
        start, stop = max(start, first), min(stop, after)
        if start >= stop:
            return []
        some = self._index.numbers(wanted, (start, stop), limit, newest=self._newest)
        wordings = reader.bodies(some)
        found = [facets_of(n, wordings[n]) for n in some]
        return [one for one in found if wanted.takes(one)]
