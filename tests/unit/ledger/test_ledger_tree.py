import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import ProofError
from ledger.proof import (
    check_consistency,
    check_inclusion,
    consistency_ranges,
    inclusion_ranges,
)
from ledger.tree import EMPTY_ROOT, Edge, Tile, leaf_hash, node_hash

LEAVES = [hashlib.sha256(bytes([i])).digest() for i in range(70)]
SIZES = st.integers(1, len(LEAVES))


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(mth(leaves[:k]), mth(leaves[k:]))


# The test tree of the Certificate Transparency project: 8 leaves, their root, and the
# audit paths of RFC 6962 §2.1.3.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_the_tree_of_certificate_transparency() -> None:
    assert EMPTY_ROOT.hex() == hashlib.sha256().hexdigest()
    edge = Edge()
    assert edge.root() == EMPTY_ROOT
    for leaf in CT_LEAVES:
        edge.add(leaf_hash(leaf))
    assert edge.root().hex() == CT_ROOT


@given(SIZES)
def test_the_edge_gives_the_root_of_the_definition(size: int) -> None:
    edge = Edge()
    for leaf in LEAVES[:size]:
        edge.add(leaf)
    copy = edge.copy()
    copy.add(LEAVES[0])
    assert edge.root() == mth(LEAVES[:size])
    assert edge.size == size != copy.size


def test_an_edge_with_a_wrong_number_of_hashes_is_refused() -> None:
    with pytest.raises(ValueError, match="binary one"):
        Edge(3, [LEAVES[0]])


def test_complete_tiles_are_reported() -> None:
    edge, tiles = Edge(), []
    for n in range(65_536):
        tiles += edge.add(n.to_bytes(32))
    assert [(tile.level, tile.index) for tile in tiles[:2]] == [(1, 0), (1, 1)]
    assert tiles[-1] == Tile(2, 0, edge.root())
    assert len(tiles) == 257


@given(SIZES, st.data())
def test_inclusion_proofs_hold_and_changed_ones_do_not(
    size: int, data: st.DataObject
) -> None:
    n = data.draw(st.integers(0, size - 1))
    root = mth(LEAVES[:size])
    proof = [mth(LEAVES[start:stop]) for start, stop in inclusion_ranges(n, size)]
    check_inclusion(n, size, LEAVES[n], proof, root)
    wrong = [(LEAVES[n], [*proof, root]), (root if size > 1 else EMPTY_ROOT, proof)]
    if proof:
        wrong += [(LEAVES[n], proof[:-1]), (LEAVES[n], [*proof[:-1], EMPTY_ROOT])]
    for leaf, path in wrong:
        with pytest.raises(ProofError):
            check_inclusion(n, size, leaf, path, root)


@given(SIZES, st.data())
def test_consistency_proofs_hold_and_changed_ones_do_not(
    size: int, data: st.DataObject
) -> None:
    old = data.draw(st.integers(1, size))
    before, now = mth(LEAVES[:old]), mth(LEAVES[:size])
    proof = [mth(LEAVES[start:stop]) for start, stop in consistency_ranges(old, size)]
    check_consistency(old, size, before, now, proof)
    wrong = [
        (EMPTY_ROOT, now, proof),
        (before, EMPTY_ROOT, proof),
        (before, now, [*proof, now]),
    ]
    if proof:
        wrong += [(before, now, proof[:-1]), (before, now, [])]
    for old_root, root, path in wrong:
        with pytest.raises(ProofError):
            check_consistency(old, size, old_root, root, path)


def test_proofs_about_nothing_are_refused() -> None:
    for n, size in ((0, 0), (-1, 3), (3, 3)):
        with pytest.raises(ProofError):
            inclusion_ranges(n, size)
        with pytest.raises(ProofError):
            check_inclusion(n, size, LEAVES[0], [], LEAVES[0])
    for old, size in ((0, 3), (4, 3)):
        with pytest.raises(ProofError):
            consistency_ranges(old, size)
        with pytest.raises(ProofError):
            check_consistency(old, size, LEAVES[0], LEAVES[0], [])
