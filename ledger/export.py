"""Exports: JSON Lines that carry the ledger's own bytes.

Each entry stands verbatim on its line; the note that covers it follows at once. A
stretch begins with `{"base":…}`, the right edge of the tree, and the note of that size.
Where the export reaches the newest entry, `{"seal":…}` closes it.
"""

from collections.abc import Callable, Iterator

from ledger.checkpoint import is_signed, parse_note
from ledger.encoding import Json, canonical
from ledger.entry import ENVELOPE
from ledger.errors import KeyFileError, NoSuchEntryError
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.seal import seal_line
from ledger.seal_file import read_seal, seal_path
from ledger.tree import leaf_hash

Progress = Callable[[int, int], None]
"""Called with the number of entries done and of all."""

_PROGRESS_ENTRIES = 4096


def _silent(_done: int, _all: int) -> None:
    """No progress is shown."""


def _line(value: Json) -> bytes:
    return canonical(value) + b"\n"


def export_lines(
    reader: Reader,
    *,
    key: SigningKey | None = None,
    first: int = 0,
    last: int | None = None,
    progress: Progress = _silent,
) -> Iterator[bytes]:
    """Yield the lines of an export, each with its newline.

    `first` and `last` are entry numbers; the stretch is widened to the kept heads
    around them, so that it begins and ends with a note. `key` signs the seal line,
    where the ledger has a seal; without it the export is left open.

    Raises:
        LedgerCorruptError, SealError: the ledger or its seal cannot be read.
        KeyFileError: `key` is not the one that signs this ledger.
        NoSuchEntryError: the stretch holds nothing.
    """
    # The seal is read before the head: it may lag behind, and then catches up.
    sealed = seal_path(reader.path)
    seal = read_seal(sealed) if key is not None and sealed.exists() else None
    size, head = reader.sized_head()
    notes = {size: head} | {n: text for n, text in reader.notes().items() if n <= size}
    begin, end = _stretch(reader, notes, first, size if last is None else last + 1)
    if begin:
        yield from _base(reader, begin, notes[begin])
    for n, entry in enumerate(reader.entries(begin, end), begin):
        yield entry + b"\n"
        if n + 1 in notes:
            yield _line({"note": notes[n + 1]})
        if n % _PROGRESS_ENTRIES == 0:
            progress(n - begin, end - begin)
    if key is not None and seal is not None and end == size:
        origin = parse_note(head).checkpoint.origin
        if not is_signed(parse_note(head), key.vkey(origin)):
            raise KeyFileError(f"The key given does not sign the ledger {reader.path}.")
        missed = (leaf_hash(entry) for entry in reader.entries(seal.n, size))
        yield _line({"seal": seal_line(origin, seal.over(missed), key.sign)})
    progress(end - begin, end - begin)


def _stretch(
    reader: Reader, notes: dict[int, str], first: int, stop: int
) -> tuple[int, int]:
    """Return the sizes of the kept heads around entries `first` to `stop` - 1."""
    oldest = reader.base()[0]
    begin = max((size for size in notes if oldest <= size <= first), default=oldest)
    end = min((size for size in notes if size >= stop), default=0)
    if not first < stop <= end:
        raise NoSuchEntryError(
            f"The ledger {reader.path} holds no entries {first} to {stop - 1}."
        )
    return begin, end


def _base(reader: Reader, size: int, note: str) -> Iterator[bytes]:
    first, prev = reader.base()
    if size != first:
        prev = leaf_hash(reader.entry(size - 1))
    hashes = [node.hex() for node in reader.edge(size).hashes]
    yield _line({"base": {"hashes": hashes, "n": size, "prev": prev.hex()}})
    yield _line({"note": note})


def between(reader: Reader, from_ms: int, until_ms: int) -> tuple[int, int]:
    """Return the first and last entry whose wall clock lies in [from, until).

    Raises:
        NoSuchEntryError: there is none.
    """
    first = last = -1
    for entry in reader.entries(reader.base()[0], reader.size()):
        envelope = ENVELOPE.fullmatch(entry)
        if envelope and from_ms <= int(envelope[1]) < until_ms:
            last = int(envelope[5])
            first = last if first < 0 else first
    if first < 0:
        raise NoSuchEntryError(f"No entry of {reader.path} lies in that time.")
    return first, last
