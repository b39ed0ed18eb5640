"""Where an entry stands in the ledger: the proof that it is durable."""

from dataclasses import dataclass

from gateway.core.provenance import Evidence


@dataclass(frozen=True, slots=True, eq=False)
class LedgerPosition(Evidence):
    """An entry that is on disk, chained and signed. Made only by Journal.append.

    Attributes:
        n: the entry's number, from 0; rises with every entry.
        leaf: its RFC 6962 leaf hash, 32 bytes.
        covers: the very object that the entry records (a Grant), or None.
    """

    n: int
    leaf: bytes
    covers: object | None
