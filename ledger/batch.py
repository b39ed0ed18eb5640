"""What one append writes: entries, tiles, and the head that covers them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.checkpoint import Checkpoint, sign_checkpoint
from ledger.entry import GENESIS, Draft, Stamp, encode_entry
from ledger.errors import AppendFailed, EntryError
from ledger.keys import SigningKey
from ledger.tail import Tail
from ledger.tree import Edge, Tile, leaf_hash

KEEP_MS: Final = 3_600_000
"""A head is kept at least this often while entries are appended."""

KEEP_EVENTS: Final = frozenset(
    {GENESIS, "boot", "stop", "key", "clock", "erase", "prune"}
)
"""The special moments: the head that covers such an entry is kept for good."""

BATCH_ENTRIES_MAX: Final = 1024


@dataclass(frozen=True, slots=True)
class Appended:
    """An entry that is durable.

    Attributes:
        leaf: RFC 6962 leaf hash, 32 bytes.
    """

    n: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that one transaction stores.

    Attributes:
        note: the new head.
        kept: the head to keep for good, empty for none.
    """

    rows: list[tuple[int, bytes]]
    appended: list[Appended]
    tiles: list[Tile]
    edge: Edge
    note: str
    kept: str


def prepare(
    tail: Tail, drafts: Sequence[Draft], stamp: Stamp, key: SigningKey, *, keep: bool
) -> Batch:
    """Return what to store so that `drafts` follow `tail`.

    Raises:
        AppendFailed: one of them cannot become an entry, or there are too many.
    """
    if not 0 < len(drafts) <= BATCH_ENTRIES_MAX:
        raise AppendFailed(
            f"A batch holds 1 to {BATCH_ENTRIES_MAX} entries, not {len(drafts)}."
        )
    edge, leaf = tail.edge.copy(), tail.leaf
    rows, appended, tiles = [], [], []
    for draft in drafts:
        try:
            body = encode_entry(edge.size, leaf, stamp, draft)
        except EntryError as error:
            raise AppendFailed(str(error)) from error
        leaf = leaf_hash(body)
        rows.append((edge.size, body))
        appended.append(Appended(edge.size, leaf))
        tiles += edge.add(leaf)
    note = sign_head(tail.origin, edge, key)
    return Batch(rows, appended, tiles, edge, note, note if keep else "")


def sign_head(origin: str, edge: Edge, key: SigningKey) -> str:
    """Return the signed head of a tree."""
    checkpoint = Checkpoint(origin, edge.size, edge.root())
    return sign_checkpoint(checkpoint, key.public, key.sign)
