"""Exports: JSON Lines that carry the ledger's own bytes.

Each entry stands verbatim on its line; the note that covers it follows at once.
"""

from collections.abc import Iterator

from ledger.encoding import canonical
from ledger.reader import Reader


def export_lines(reader: Reader) -> Iterator[bytes]:
    """Yield the lines of a whole export, each with its newline.

    Raises:
        LedgerCorruptError: the ledger cannot be read.
    """
    size, head = reader.sized_head()
    notes = {**reader.notes(), size: head}
    for n, entry in enumerate(reader.entries(0, size)):
        yield entry + b"\n"
        if n + 1 in notes:
            yield canonical({"note": notes[n + 1]}) + b"\n"
