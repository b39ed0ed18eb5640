"""The Merkle tree of RFC 6962 §2.1 over the entries' leaf hashes.

`Edge` is the tree as its right edge: the roots of the complete subtrees that the size's
binary digits call for, largest first. It grows by one leaf at the cost of one node hash
on average, and is all that a writer or a verifier needs to hold.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

TILE_BITS: Final = 8
"""A tile is a subtree of 2^8 leaves (C2SP tlog-tiles); tile roots are kept."""


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ entry): the leaf, and the next entry's `prev`."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Tile:
    """The root of a complete subtree of 2^(8·level) leaves.

    Attributes:
        level: 1 for 256 leaves, 2 for 65,536, and so on.
        index: how many subtrees of this level lie to the left.
    """

    level: int
    index: int
    root: bytes


class Edge:
    """The right edge of a growing tree."""

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count():
            raise ValueError("a tree's right edge has one hash per binary one")

    def copy(self) -> "Edge":
        """Return an edge that grows on its own."""
        return Edge(self.size, self.hashes)

    def add(self, leaf: bytes) -> list[Tile]:
        """Append one leaf; returns the tiles that it completed."""
        tiles = []
        height = 0
        node = leaf
        while self.size >> height & 1:
            node = node_hash(self.hashes.pop(), node)
            height += 1
            if height % TILE_BITS == 0:
                tiles.append(Tile(height // TILE_BITS, self.size >> height, node))
        self.hashes.append(node)
        self.size += 1
        return tiles

    def root(self) -> bytes:
        """Return the tree's root; the hash of nothing for the empty tree."""
        return fold(self.hashes)


def fold(hashes: list[bytes]) -> bytes:
    """Return the root of a tree given by the hashes of its right edge."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root
