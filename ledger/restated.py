"""Files that begin later, and entries that repeat what stood before."""

from typing import Any, Final

from ledger.encoding import from_base64, parse_canonical
from ledger.entry import Entry, parse_entry
from ledger.errors import EncodingError, EvidenceError
from ledger.members import integer_of, list_of, text_of
from ledger.proof import included_root
from ledger.tree import leaf_hash

RESTATE: Final = "restate"
PRUNE: Final = "prune"


def repeated(carrier: Entry) -> tuple[Entry, bytes]:
    """Return the entry that a `restate` entry repeats, and its leaf hash.

    Raises:
        EvidenceError, EntryError: it repeats none, or one that is not older.
    """
    body = text_of(carrier.what, "entry").encode()
    old = parse_entry(body)
    if old.n >= carrier.n:
        raise EvidenceError("a restated entry is not older.")
    return old, leaf_hash(body)


def restated_root(what: dict[str, Any], old: Entry, leaf: bytes) -> bytes:
    """Return the root under which a restated entry's proof places it.

    Raises:
        EvidenceError, EncodingError, ProofError: there is no such proof.
    """
    hashes = [
        from_base64(text) if isinstance(text, str) else b""
        for text in list_of(what, "proof")
    ]
    return included_root(old.n, integer_of(what, "base"), leaf, hashes)


def begins_at(line: bytes) -> int:
    """Return the number of a file's first entry by its first line; 0 for a whole one.

    What is wrong with the line is for verification to say.
    """
    try:
        value = parse_canonical(line[:-1])
    except EncodingError:
        return 0
    base = value.get("base") if isinstance(value, dict) else None
    n = base.get("n") if isinstance(base, dict) else None
    return n if type(n) is int else 0
