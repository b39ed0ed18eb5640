"""The ledger in words and rows, of which only a few pages are held. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Final

from gateway.client import printable
from gateway.schemas import PAGE_ITEMS_MAX
from gateway.schemas.ledger import (
    LedgerCheckpoint,
    LedgerEntry,
    LedgerEntryInFull,
    LedgerPage,
    LedgerQuery,
    Verification,
)
from tui.view_models.frame import instant
from tui.view_models.live import LAST_KNOWN

ROWS_MAX: Final = 3 * PAGE_ITEMS_MAX
SEARCHING: Final = "Nothing that fits yet; older entries are being looked through."
EMPTY: Final = "No entry fits. Press esc to clear the filter, or g to go elsewhere."
FILTER_HELP: Final = "denied  holder:h1  kind:door  door:main  from:2031-12-31"
BAR_CHARS: Final = 20

_RESULTS: Final = frozenset({"granted", "denied", "refused"})
_FIELDS: Final = {"door", "holder", "kind", "result"}
_TIMES: Final = {"from": "from_ms", "until": "until_ms"}
_WORD_CHARS_MAX: Final = 128
_MS_PER_S: Final = 1000
_NUMBER_DIGITS_MAX: Final = 15


@dataclass(frozen=True, slots=True)
class Book:
    """The few pages that are held, the newest entry first.

    Attributes:
        older: cursor of what follows the last row, or None at the end.
        at_head: whether nothing newer fits.
        chosen: index of the chosen row.
        top: index of the row that is drawn first.
    """

    rows: tuple[LedgerEntry, ...] = ()
    older: int | None = None
    at_head: bool = True
    size: int = 0
    chosen: int = 0
    top: int = 0

    @property
    def entry(self) -> LedgerEntry | None:
        """The chosen entry."""
        return self.rows[self.chosen] if self.rows else None

    @property
    def follows(self) -> bool:
        """Whether the newest entry is the chosen one, and the next one is to be."""
        return self.at_head and self.chosen == 0

    @property
    def newer(self) -> int:
        """Cursor of what stands before the first row."""
        return self.rows[0].n + 1 if self.rows else self.size


def opened(page: LedgerPage, *, at_head: bool) -> Book:
    """Begin with a page of the newest first."""
    return Book(page.items, page.next, at_head=at_head, size=page.size)


def with_older(book: Book, page: LedgerPage) -> Book:
    """Add what follows; let go of what is far above."""
    rows = book.rows + page.items
    gone = max(0, len(rows) - ROWS_MAX)
    return replace(
        book,
        rows=rows[gone:],
        older=page.next,
        at_head=book.at_head and not gone,
        size=page.size,
        chosen=max(0, book.chosen - gone),
        top=max(0, book.top - gone),
    )


def with_newer(book: Book, page: LedgerPage, *, follow: bool) -> Book:
    """Add what came before the first row, from a page of the oldest first.

    Args:
        book: what is held.
        page: of entries from `book.newer` on.
        follow: choose the newest of all, where the first row was chosen.
    """
    added = page.items[::-1]
    rows = (added + book.rows)[:ROWS_MAX]
    older = book.older
    if len(added) + len(book.rows) > ROWS_MAX:
        older = rows[-1].n - 1
    stays = follow and book.follows and page.next is None
    shift = 0 if stays else len(added)
    return replace(
        book,
        rows=rows,
        older=older,
        at_head=page.next is None,
        size=page.size,
        chosen=min(book.chosen + shift, max(0, len(rows) - 1)),
        top=min(book.top + shift, max(0, len(rows) - 1)),
    )


def moved(book: Book, by: int, height: int) -> Book:
    """Choose another row, and draw so that it is seen."""
    chosen = max(0, min(len(book.rows) - 1, book.chosen + by))
    top = min(book.top, chosen)
    top = max(top, chosen - max(1, height) + 1)
    return replace(book, chosen=chosen, top=max(0, top))


def wants_older(book: Book, height: int) -> bool:
    """Whether the end of what is held comes near."""
    return book.older is not None and len(book.rows) - book.chosen <= 2 * height


def wants_newer(book: Book, height: int) -> bool:
    """Whether the beginning of what is held comes near, and there is more."""
    return not book.at_head and bool(book.rows) and book.chosen < height


def lines(book: Book, height: int, zone: tzinfo | None) -> list[str]:
    """Draw as many rows as there is room for; a mark stands at the chosen one."""
    drawn = []
    for at, one in enumerate(book.rows[book.top : book.top + height], book.top):
        mark = "›" if at == book.chosen else " "
        drawn.append(f"{mark} {row(one, zone)}")
    return drawn


def nothing(book: Book) -> str:
    """Say why there is no row."""
    return EMPTY if book.older is None else SEARCHING


def row(one: LedgerEntry, zone: tzinfo | None) -> str:
    """Write one entry on one line of 74 characters at most, where words are short."""
    when = instant(one.at_ms, zone, "%Y-%m-%d %H:%M:%S")
    words = [one.holder, one.reason, one.detail]
    said = "  ".join(printable(word) for word in words if word)
    return f"{one.n:>8}  {when:<19}  {printable(one.kind) or 'DAMAGED':<16}  {said}"


def position(
    book: Book, wanted: LedgerQuery, *, paused: bool, behind: int, outdated: bool
) -> str:
    """Say where one is, what is filtered, and whether it goes on by itself."""
    if not book.rows and book.older is not None:
        where = f"looking at entry {book.older} of {book.size}"
    elif not book.rows:
        where = f"0 of {book.size}"
    else:
        where = f"entry {book.rows[book.chosen].n} of {book.size}"
    live = "NOT LIVE" if outdated else "live"
    state = f"PAUSED, {behind} new" if paused else live if book.follows else "past"
    state += LAST_KNOWN if outdated else ""
    return "  ".join(word for word in (where, state, filter_text(wanted)) if word)


def filter_text(wanted: LedgerQuery) -> str:
    """Say what is filtered."""
    parts = [f"{name}:{getattr(wanted, name)}" for name in sorted(_FIELDS)]
    return printable(" ".join(part for part in parts if not part.endswith(":")))


def read_filter(text: str, zone: tzinfo | None) -> LedgerQuery | str:
    """Return what a filter's words ask for, or a sentence that says what is wrong.

    A word of its own is a result (granted, denied, refused), a kind (door, alarm, and
    any with a dot), or else a holder.
    """
    fields: dict[str, str | int] = {}
    for word in text.split():
        name, colon, value = word.partition(":")
        if not colon:
            fields[_meant(word)] = word[:_WORD_CHARS_MAX]
        elif name in _FIELDS:
            fields[name] = value[:_WORD_CHARS_MAX]
        elif name in _TIMES:
            moment = read_moment(value, zone)
            if moment is None:
                return f"{value or name} is no time such as 2031-12-31T18:00."
            fields[_TIMES[name]] = moment
        else:
            return f"{name} is no field: door, holder, kind, result, from, until."
    return LedgerQuery.model_validate({**fields, "limit": PAGE_ITEMS_MAX})


def _meant(word: str) -> str:
    if word in _RESULTS:
        return "result"
    return "kind" if "." in word or word in _KINDS else "holder"


_KINDS: Final = frozenset(
    {"alarm", "boot", "clock", "config", "door", "enrol", "erase", "holder", "order"}
)


def read_moment(text: str, zone: tzinfo | None) -> int | None:
    """Return Unix milliseconds of a time in ISO 8601, or None."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "T").upper())
        if moment.tzinfo is None and zone is not None:
            moment = moment.replace(tzinfo=zone)
        at_ms = int(moment.timestamp() * _MS_PER_S)
    except (ValueError, OverflowError, OSError):
        return None
    return at_ms if at_ms >= 0 else None


def read_jump(text: str, zone: tzinfo | None) -> tuple[str, int] | None:
    """Return ("n", number) or ("at", Unix milliseconds), or None for neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return ("n", int(text)) if len(text) <= _NUMBER_DIGITS_MAX else None
    moment = read_moment(text, zone)
    return None if moment is None else ("at", moment)


def in_full(found: LedgerEntryInFull, zone: tzinfo | None) -> str:
    """Lay one entry out, with its proof."""
    clock = "" if found.err_ms >= 0 else "  (clock not synchronised)"
    proved = (
        "These hashes lead from the entry to the root of the checkpoint."
        if found.proved
        else "NOT PROVED: these hashes do not lead to the root. Verify the ledger."
    )
    content = json.dumps(found.what, indent=2, ensure_ascii=False).splitlines()
    return "\n".join(
        [
            f"kind   {printable(found.kind)}",
            f"time   {instant(found.at_ms, zone, '%Y-%m-%d %H:%M:%S')}{clock}",
            f"boot   {found.boot}, {found.up_ms} ms after it",
            "",
            *(printable(line) for line in content),
            "",
            f"prev   {found.prev}",
            f"leaf   {found.leaf}",
            *(f"proof  {step}" for step in found.proof),
            proved,
            f"checkpoint {found.checkpoint.expect}",
        ]
    )


def progress(found: Verification) -> str:
    """Draw how far a verification is; empty while none goes on."""
    if found.state != "running":
        return ""
    share = min(1.0, found.done / found.whole) if found.whole else 0.0
    full = int(BAR_CHARS * share)
    bar = "#" * full + "." * (BAR_CHARS - full)
    return f"Verifying [{bar}] {int(100 * share)} % of {found.whole or '?'}  x cancels"


def verdict(found: Verification) -> str:
    """Say how a verification ended."""
    words = {
        "verified": "VERIFIED: nothing was changed, dropped or moved.",
        "tampered": "TAMPERED.",
        "incomplete": "CONSISTENT, and something that proves more is missing.",
        "unreadable": "NOT VERIFIED: it could not be read.",
        "cancelled": "Cancelled: there is no verdict.",
        "none": "Nobody has verified the ledger since the gateway started.",
    }
    said = [words.get(found.state, found.state), printable(found.detail)]
    if (result := found.verdict) is not None:
        said += [
            printable(result.problem),
            f"{result.entries} entries, signed up to {result.signed}.",
            *(printable(remark) for remark in result.remarks),
            *(f"Entry {one.n}: {printable(one.text)}" for one in result.findings),
        ]
    return "\n".join(line for line in said if line)


def checkpoint_text(found: LedgerCheckpoint, drawing: Sequence[str]) -> str:
    """Show a checkpoint as a drawing to photograph, and in letters."""
    return "\n".join([*drawing, f"{found.size}:", found.root])
