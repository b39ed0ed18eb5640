"""Receipts: one small file that proves one entry, offline and years later.

    {"receipt":{"enrolment":{"entry":"…","proof":[…]},"entry":"<the entry>",
                "note":"<signed head>","proof":[base64…],"v":1}}

The proof leads from the entry to the root in the note, which the ledger's key signed.
The receipt of an opening also proves the enrolment of the key that opened, so that the
key's own signature can be checked from this file alone.
"""

from dataclasses import dataclass
from typing import Any, Final

from ledger.checkpoint import (
    Checkpoint,
    VerifierKey,
    parse_note,
    signed_at,
)
from ledger.encoding import (
    Json,
    canonical,
    from_base64,
    parse_canonical,
    to_base64,
)
from ledger.entry import Entry, parse_entry
from ledger.errors import EvidenceError, ProofError
from ledger.proof import (
    PROOF_HASHES_MAX,
    check_consistency,
    check_inclusion,
    consistency_ranges,
    inclusion_ranges,
)
from ledger.reader import Reader
from ledger.tree import HASH_BYTES, leaf_hash
from ledger.webauthn import check_signature, read_evidence, unbase64url

RECEIPT_BYTES_MAX: Final = 256 * 1024
VERSION: Final = 1
GRANT: Final = "door.grant"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that holds.

    Attributes:
        entry: what was proved to stand in the ledger.
        checkpoint: the head under which it stands.
        opened: whether a key's own signature over the opening was checked too.
    """

    entry: Entry
    checkpoint: Checkpoint
    opened: bool


def make_receipt(
    reader: Reader, n: int, enrolment: int | None = None, *, search: bool = True
) -> bytes:
    """Return the receipt of entry `n`, one line.

    `enrolment` is the entry that enrolled the key of an opening; it is looked for when
    left out, in the whole ledger, unless `search` says that there is none.

    Raises:
        NoSuchEntryError: there is no such entry.
        LedgerCorruptError: the ledger cannot be read.
    """
    size, note = reader.sized_head()
    body = reader.entry(n)
    content: dict[str, Json] = {"v": VERSION, "note": note, **_proved(reader, n, size)}
    if enrolment is None and search:
        enrolment = _enrolment_of(reader, parse_entry(body))
    if enrolment is not None:
        content["enrolment"] = _proved(reader, enrolment, size)
    return canonical({"receipt": content}) + b"\n"


def _proved(reader: Reader, n: int, size: int) -> dict[str, Json]:
    proof = [to_base64(root) for root in reader.roots(inclusion_ranges(n, size))]
    return {"entry": reader.entry(n).decode(), "proof": proof}


def _enrolment_of(reader: Reader, entry: Entry) -> int | None:
    """Return the newest enrolment of the key before its opening."""
    name = entry.what.get("credential")
    if entry.ev != GRANT or not isinstance(name, str):
        return None
    wanted = canonical(name)
    found = None
    for body in reader.entries(reader.base()[0], entry.n):
        if b'"ev":"enrol"' in body and wanted in body:
            found = parse_entry(body)
    return found.n if found else None


def check_receipt(data: bytes, key: VerifierKey) -> Receipt:
    """Check a receipt against the ledger's verifier key.

    Raises:
        ProofError, NoteError, EntryError, EncodingError, EvidenceError: it does not
            prove what it is for.
    """
    fields = _fields(data, "receipt")
    if fields.get("v") != VERSION:
        raise ProofError("This is no receipt of a version known here.")
    head = signed_head(fields.get("note"), key)
    entry = _check_proved(fields, head)
    enrolment = fields.get("enrolment")
    if enrolment is None:
        return Receipt(entry, head, opened=False)
    _check_opening(entry, _check_proved(enrolment, head))
    return Receipt(entry, head, opened=True)


def make_consistency(reader: Reader, old: int, size: int) -> bytes:
    """Return the proof that the ledger of `old` entries is a prefix of `size`, a line.

    Raises:
        ProofError: `old` is not a beginning of `size`.
        LedgerCorruptError: the ledger cannot be read, or is smaller.
    """
    proof = reader.roots(consistency_ranges(old, size))
    content: dict[str, Json] = {
        "from": old,
        "from_root": to_base64(reader.edge(old).root()),
        "proof": [to_base64(root) for root in proof],
        "to": size,
        "to_root": to_base64(reader.edge(size).root()),
    }
    return canonical({"consistency": content}) + b"\n"


def check_consistency_proof(data: bytes) -> tuple[int, int]:
    """Check a consistency proof; returns both sizes.

    The roots are the proof's own: compare them with checkpoints that you hold.

    Raises:
        ProofError, EncodingError: it does not prove that.
    """
    fields = _fields(data, "consistency")
    old, size = fields.get("from"), fields.get("to")
    if type(old) is not int or type(size) is not int:
        raise ProofError("The proof names no sizes.")
    roots = _hashes([fields.get("from_root"), fields.get("to_root")])
    check_consistency(old, size, roots[0], roots[1], _hashes(fields.get("proof")))
    return old, size


def signed_head(text: object, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint of a note that `key` signed.

    Raises:
        NoteError, ProofError: it is none, or not signed by `key`.
    """
    note = parse_note(text if isinstance(text, str) else "")
    if note.checkpoint.origin != key.name or signed_at(note, key) is None:
        raise ProofError(f"The head is not signed by {key}.")
    return note.checkpoint


def _fields(data: bytes, name: str) -> dict[str, Any]:
    if len(data) > RECEIPT_BYTES_MAX:
        raise ProofError(f"The file exceeds {RECEIPT_BYTES_MAX} bytes.")
    value = parse_canonical(data.removesuffix(b"\n"))
    fields = value.get(name) if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(fields, dict):
        raise ProofError(f"The file holds no {name}.")
    return fields


def _hashes(values: object) -> list[bytes]:
    if not isinstance(values, list) or len(values) > PROOF_HASHES_MAX:
        raise ProofError("The proof is no list of hashes.")
    hashes = [from_base64(text) if isinstance(text, str) else b"" for text in values]
    if any(len(digest) != HASH_BYTES for digest in hashes):
        raise ProofError("A hash of the proof has not 32 bytes.")
    return hashes


def _check_proved(value: object, head: Checkpoint) -> Entry:
    fields = value if isinstance(value, dict) else {}
    text = fields.get("entry")
    body = text.encode() if isinstance(text, str) else b""
    entry = parse_entry(body)
    proof = _hashes(fields.get("proof"))
    check_inclusion(entry.n, head.size, leaf_hash(body), proof, head.root)
    return entry


def _check_opening(opening: Entry, enrolment: Entry) -> None:
    """Check the signature of the key that opened, by its enrolled public key."""
    if opening.ev != GRANT or enrolment.ev != "enrol" or enrolment.n > opening.n:
        raise EvidenceError("The receipt proves no opening by an enrolled key.")
    if opening.what.get("credential") != enrolment.what.get("credential"):
        raise EvidenceError("The receipt proves the enrolment of another key.")
    answer = read_evidence(opening.what.get("evidence"), "webauthn.get")
    if answer.binding.get("door") != opening.what.get("door"):
        raise EvidenceError("The key was asked about another door.")
    key = unbase64url(enrolment.what.get("public_key"))
    check_signature(key, answer.signature, answer.signed)
