"""Inclusion and consistency proofs (RFC 6962 §2.1.1 and §2.1.2).

Making a proof is naming subtrees; verifying follows RFC 9162 §2.1.3.2 and §2.1.4.2.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from ledger.errors import ProofError
from ledger.tree import node_hash

PROOF_HASHES_MAX: Final = 128

Range = tuple[int, int]
"""A subtree: its first leaf, and the one after its last."""


def _split(start: int, stop: int) -> int:
    """Return where the tree over these leaves divides."""
    return start + (1 << ((stop - start - 1).bit_length() - 1))


def inclusion_ranges(n: int, size: int) -> list[Range]:
    """Return the subtrees whose roots prove leaf `n` in a tree of `size`.

    Raises:
        ProofError: there is no such leaf.
    """
    if not 0 <= n < size:
        raise ProofError(f"A tree of {size} entries has no entry {n}.")
    ranges = []
    start, stop = 0, size
    while stop - start > 1:
        middle = _split(start, stop)
        if n < middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old: int, size: int) -> list[Range]:
    """Return the subtrees that prove the tree of `old` a prefix of the one of `size`.

    Raises:
        ProofError: it is empty or not smaller.
    """
    if not 0 < old <= size:
        raise ProofError(f"{old} entries are no beginning of {size}.")
    ranges = []
    start, stop, is_whole = 0, size, True
    while old != stop:
        middle = _split(start, stop)
        if old <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start, is_whole = middle, False
    if not is_whole:
        ranges.append((start, stop))
    return ranges[::-1]


def _climb(at: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each hash of a proof, and whether it stands to the left of the path.

    Raises:
        ProofError: the proof is longer or shorter than the way to the root.
    """
    for part in proof:
        if last == 0:
            raise ProofError("The proof is too long.")
        is_left = bool(at & 1) or at == last
        if is_left:
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        yield part, is_left
        at, last = at >> 1, last >> 1
    if last:
        raise ProofError("The proof is too short.")


def included_root(n: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root to which the proof leads from entry `n` of a tree of `size`.

    Raises:
        ProofError: there is no such entry, or the proof has another length.
    """
    if not 0 <= n < size:
        raise ProofError(f"A tree of {size} entries has no entry {n}.")
    node = leaf
    for part, is_left in _climb(n, size - 1, proof):
        node = node_hash(part, node) if is_left else node_hash(node, part)
    return node


def check_inclusion(
    n: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that `leaf` is entry `n` of the tree with this size and root.

    Raises:
        ProofError: it does not prove that.
    """
    if included_root(n, size, leaf, proof) != root:
        raise ProofError(f"The proof does not lead from entry {n} to the root.")


def check_consistency(
    old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree (old, old_root) is a prefix of the tree (size, root).

    Raises:
        ProofError: it does not prove that.
    """
    if not 0 < old <= size:
        raise ProofError(f"{old} entries are no beginning of {size}.")
    if old == size:
        path: list[bytes] = [old_root, *proof]
    else:
        # A whole subtree of the old tree is its own root, and is left out.
        path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        raise ProofError("The proof is too short.")
    at, last = old - 1, size - 1
    while at & 1 or (old == size and last):
        at, last = at >> 1, last >> 1
    before = now = path[0]
    for part, is_left in _climb(at, last, path[1:]):
        if is_left:
            before = node_hash(part, before)
        now = node_hash(part, now) if is_left else node_hash(now, part)
    if before != old_root or now != root:
        raise ProofError(
            f"The tree of {old} entries is not a prefix of the one of {size}: "
            "there are two histories."
        )
