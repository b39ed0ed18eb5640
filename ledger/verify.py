"""Verification of a whole ledger, line by line, in constant memory.

The rules, in the order in which they are checked:

1. every line is canonical, complete and within its limit;
2. entries are numbered from 0 without gap, and each names the leaf hash of the one
   before it;
3. entry 0 is the genesis entry of the key that the auditor brought;
4. each note states the size and the root of the entries above it, and the ledger's key
   signed it;
5. the last entry is covered by a note;
6. a checkpoint that the auditor holds is a prefix of this ledger.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.checkpoint import (
    Checkpoint,
    VerifierKey,
    is_signed,
    parse_note,
    parse_vkey,
)
from ledger.encoding import from_base64, parse_canonical
from ledger.entry import ENTRY_BYTES_MAX, GENESIS, NO_PREVIOUS, Entry, parse_entry
from ledger.errors import EncodingError, LedgerError, NoteError
from ledger.tree import HASH_BYTES, Edge, leaf_hash

LINE_BYTES_MAX: Final = ENTRY_BYTES_MAX + 1
"""An entry and its newline; nothing in an export is longer."""

STEP_MS_MAX: Final = 2_000
REMARKS_MAX: Final = 20

NO_KEY: Final = (
    "Consistent, but signed by the key that the file names for itself: "
    "give --vkey to learn whether it is the right ledger."
)
TAIL_OPEN: Final = (
    "Removal of the newest entries cannot be excluded: give a checkpoint that you hold "
    "(--expect SIZE:ROOT), a witness or the seal's key."
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


@dataclass(slots=True)
class Verdict:
    """What verification found.

    Attributes:
        exit: the answer.
        problem: what is wrong and where, or what is missing; empty when verified.
        signed: how many entries the last note covers.
        remarks: what an auditor should know besides, at most `REMARKS_MAX`.
    """

    exit: Exit = Exit.VERIFIED
    problem: str = ""
    origin: str = ""
    vkey: str = ""
    entries: int = 0
    notes: int = 0
    signed: int = 0
    boots: int = 0
    root: bytes = b""
    remarks: list[str] = field(default_factory=list)


class _TamperedError(Exception):
    """Found to be false; the message says what."""


def parse_expected(text: str) -> Expected:
    """Return the checkpoint of `SIZE:ROOT`, the root in base64 as in a note.

    Raises:
        EncodingError: not of that form.
    """
    size, colon, root = text.partition(":")
    if not colon or not size.isascii() or not size.isdigit() or len(size) > 16:  # noqa: PLR2004 - digits of 2^53
        raise EncodingError(f"{text[:100]!r} is not SIZE:ROOT.")
    data = from_base64(root)
    if len(data) != HASH_BYTES:
        raise EncodingError("A checkpoint's root has 32 bytes.")
    return Expected(int(size), data)


def verify_lines(
    lines: Iterable[bytes], *, vkey: str | None, expect: Expected | None = None
) -> Verdict:
    """Verify the lines of an export, each with its newline.

    `vkey` is the verifier key that the auditor got by another way than this file,
    `expect` a checkpoint that the auditor holds.

    Raises:
        NoteError: `vkey` is no verifier key.
        OSError, LedgerCorruptError: the lines cannot be read.
    """
    verifier = _Verifier(parse_vkey(vkey) if vkey else None, expect)
    for number, line in enumerate(lines, 1):
        try:
            verifier.feed(line)
        except _TamperedError as found:
            at = f"Line {number} (entry {verifier.verdict.entries})"
            return verifier.refuse(f"{at}: {found}")
    return verifier.conclude()


class _Verifier:
    def __init__(self, key: VerifierKey | None, expect: Expected | None) -> None:
        self.verdict = Verdict()
        self._given = key
        self._key = key
        self._expect = expect
        self._edge = Edge()
        self._leaf = NO_PREVIOUS
        self._last: Entry | None = None

    def feed(self, line: bytes) -> None:
        if len(line) > LINE_BYTES_MAX:
            raise _TamperedError(f"the line exceeds {LINE_BYTES_MAX} bytes.")
        if not line.endswith(b"\n"):
            raise _TamperedError("the line is cut short.")
        body = line[:-1]
        try:
            if body.startswith(b'{"note":'):
                self._note(parse_canonical(body))
            else:
                self._entry(parse_entry(body), body)
        except LedgerError as error:
            raise _TamperedError(f"{error}") from None

    def _entry(self, entry: Entry, body: bytes) -> None:
        n = self._edge.size
        if entry.n != n:
            raise _TamperedError(f"entry {entry.n} stands where entry {n} belongs.")
        if entry.prev != self._leaf:
            raise _TamperedError(
                f"the chain is broken between entries {n - 1} and {n}."
            )
        if n == 0:
            self._genesis(entry)
        self._clocks(entry)
        self._leaf = leaf_hash(body)
        self._edge.add(self._leaf)
        self.verdict.entries = n + 1
        if self._expect and self._expect.size == n + 1:
            self._compare(self._expect)

    def _genesis(self, entry: Entry) -> None:
        origin, vkey = entry.what.get("origin"), entry.what.get("vkey")
        if entry.ev != GENESIS or not isinstance(vkey, str):
            raise _TamperedError("the first entry is not the beginning of a ledger.")
        named = parse_vkey(vkey)
        if named.name != origin:
            raise _TamperedError("the genesis entry names two ledgers.")
        if self._given is not None and named != self._given:
            raise _TamperedError(
                f"this is the ledger of another key ({vkey}), not of the one given."
            )
        self._key = named
        self.verdict.origin, self.verdict.vkey = origin, vkey

    def _compare(self, expect: Expected) -> None:
        if self._edge.root() != expect.root:
            raise _TamperedError(
                f"the checkpoint you hold ({expect.size} entries) is not a prefix of "
                "this ledger: history was rewritten."
            )

    def _note(self, value: Any) -> None:
        text = value["note"]
        if len(value) != 1 or not isinstance(text, str):
            raise _TamperedError("the line is neither an entry nor a note.")
        if self._key is None or not self._edge.size:
            raise _TamperedError("a note stands before the first entry.")
        note = parse_note(text)
        present = Checkpoint(self.verdict.origin, self._edge.size, self._edge.root())
        if note.checkpoint != present:
            raise _TamperedError(
                f"the note is not one of the {self._edge.size} entries above it."
            )
        if not is_signed(note, self._key):
            raise NoteError(f"the note is not signed by {self._key}.")
        if self.verdict.signed == self._edge.size:
            raise _TamperedError("a second note covers the same entries.")
        self.verdict.signed = self._edge.size
        self.verdict.notes += 1

    def _clocks(self, entry: Entry) -> None:
        last, self._last = self._last, entry
        if last is None or last.stamp.boot != entry.stamp.boot:
            self.verdict.boots += 1
            return
        up_ms = entry.stamp.up_ms - last.stamp.up_ms
        step_ms = entry.stamp.at_ms - last.stamp.at_ms - up_ms
        if up_ms < 0:
            self._remark(f"Entry {entry.n}: the time since boot runs backwards.")
        if abs(step_ms) > STEP_MS_MAX and entry.ev != "clock":
            self._remark(
                f"Entry {entry.n}: the wall clock stepped by {step_ms} ms "
                "without a clock entry."
            )

    def _remark(self, sentence: str) -> None:
        if len(self.verdict.remarks) < REMARKS_MAX:
            self.verdict.remarks.append(sentence)

    def refuse(self, problem: str) -> Verdict:
        self.verdict.exit = Exit.TAMPERED
        self.verdict.problem = problem
        return self.verdict

    def _lack(self, problem: str) -> None:
        self.verdict.exit = Exit.INCOMPLETE
        self.verdict.problem = f"{self.verdict.problem} {problem}".lstrip()

    def conclude(self) -> Verdict:
        size, verdict, expect = self._edge.size, self.verdict, self._expect
        verdict.root = self._edge.root()
        if expect and size < expect.size:
            return self.refuse(
                f"The checkpoint you hold has {expect.size} entries, this ledger "
                f"{size}: its end was cut off."
            )
        if size == 0:
            self._lack("There is no entry, so nothing is proved.")
            return verdict
        if self._given is None:
            self._lack(NO_KEY)
        if verdict.signed < size:
            self._lack(
                f"Entries {verdict.signed} to {size - 1} are not covered by a note."
            )
        if expect is None:
            self._lack(TAIL_OPEN)
        elif expect.size < size:
            self._remark(
                f"Removal of entries is excluded up to the {expect.size} of the "
                "checkpoint you hold, not for newer ones."
            )
        return verdict
