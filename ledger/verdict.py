"""What an auditor brings to a verification, and what comes back."""

import enum
from dataclasses import dataclass, field
from typing import Final

from ledger.checkpoint import VerifierKey
from ledger.encoding import from_base64
from ledger.errors import EncodingError
from ledger.tree import HASH_BYTES

_INTEGER_DIGITS_MAX: Final = 16

NO_KEY: Final = (
    "Consistent, but signed by the key that the file names for itself: "
    "give --vkey to learn whether it is the right ledger."
)
TAIL_OPEN: Final = (
    "Removal of the newest entries cannot be excluded: the file does not end with its "
    "seal line, and nobody holds a later checkpoint (--expect) or a witness."
)
HELD_TOO_EARLY: Final = (
    "The checkpoint you hold is from before this file begins: "
    "ask for a proof of consistency with the file's base."
)
SEAL_UNREAD: Final = (
    "That the holder of the ledger's present key rewrote what that key signed, or that "
    "this is an older export, cannot be excluded without the seal's first key."
)


class Exit(enum.IntEnum):
    """Exit codes of `keyra-ledger verify`."""

    VERIFIED = 0
    TAMPERED = 1
    USAGE = 2
    UNREADABLE = 3
    INCOMPLETE = 4


@dataclass(frozen=True, slots=True)
class Expected:
    """A checkpoint that the auditor holds: size and root."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Auditor:
    """What the auditor brings, by other ways than the file.

    Attributes:
        vkey: the ledger's verifier key.
        expect: a checkpoint: printed, from a receipt or from an earlier export.
        witnesses: verifier keys of those who must have signed a note.
        seal_key: the seal's first key, 32 bytes.
    """

    vkey: VerifierKey | None = None
    expect: Expected | None = None
    witnesses: tuple[VerifierKey, ...] = ()
    seal_key: bytes | None = None


@dataclass(slots=True)
class Verdict:
    """What verification found.

    Attributes:
        exit: the answer.
        problem: what is wrong and where, or what is missing; empty when verified.
        first: number of the first entry, 0 unless the file begins with a base.
        base_root: root over the entries before `first`, empty without a base.
        entries: size of the tree at the end of the file.
        signed: how many entries the last note covers.
        closed: whether the file ends with its signed last line.
        witnessed: size that each witness saw last, by name.
        remarks: what an auditor should know besides, `REMARKS_MAX` at most.
    """

    exit: Exit = Exit.VERIFIED
    problem: str = ""
    origin: str = ""
    vkey: str = ""
    first: int = 0
    entries: int = 0
    notes: int = 0
    signed: int = 0
    boots: int = 0
    root: bytes = b""
    base_root: bytes = b""
    closed: bool = False
    sealed: bool = False
    witnessed: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def parse_expected(text: str) -> Expected:
    """Return the checkpoint of `SIZE:ROOT`, the root in base64 as in a note.

    Raises:
        EncodingError: not of that form.
    """
    size, colon, root = text.partition(":")
    is_number = size.isascii() and size.isdigit() and len(size) <= _INTEGER_DIGITS_MAX
    if not colon or not is_number:
        raise EncodingError(f"{text[:100]!r} is not SIZE:ROOT.")
    data = from_base64(root)
    if len(data) != HASH_BYTES:
        raise EncodingError("A checkpoint's root has 32 bytes.")
    return Expected(int(size), data)
