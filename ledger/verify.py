"""Verification of a whole ledger, line by line, in memory that does not grow with it.

The rules, in the order in which they are checked:

1. every line is canonical, complete and within its limit;
2. entries are numbered without gap, and each names the leaf hash of the one before it;
3. entry 0 is the genesis entry of the key that the auditor brought; an export that
   begins later begins with the right edge of the tree and a signed note of that size;
4. each note states the size and the root of the entries above it, and the ledger's key
   of that moment signed it; a key entry is covered by a note of the key that it ends;
5. the last entry is covered by a note, and the last line is signed as the last line;
6. a checkpoint that the auditor holds is a prefix of this ledger;
7. each witness that the auditor names has signed a note;
8. the seal, computed anew from its first key, is the one of the last line.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from ledger import scan
from ledger.checkpoint import (
    Checkpoint,
    VerifierKey,
    parse_note,
    parse_vkey,
    signed_at,
)
from ledger.encoding import from_hex
from ledger.entry import GENESIS, Entry, parse_entry
from ledger.errors import LedgerError, NoteError
from ledger.scan import BLOCK_BITS, LINE_BYTES_MAX, Scanner, clock_remark, root_of
from ledger.seal import Seal, check_seal_line, commitment
from ledger.tree import HASH_BYTES, Edge, fold
from ledger.verdict import (
    HELD_TOO_EARLY,
    NO_KEY,
    SEAL_UNREAD,
    TAIL_OPEN,
    Auditor,
    Exit,
    Expected,
    Verdict,
    parse_expected,
)

__all__ = [
    "LINE_BYTES_MAX",
    "Exit",
    "Expected",
    "Verdict",
    "parse_expected",
    "verify_lines",
]


def verify_lines(
    lines: Iterable[bytes],
    *,
    vkey: str | None,
    expect: Expected | None = None,
    witnesses: Sequence[str] = (),
    seal_key: bytes | None = None,
    on_entry: scan.OnEntry | None = None,
) -> Verdict:
    """Verify the lines of an export, each with its newline.

    The keywords are those of `Auditor`, keys as text; `on_entry` sees every entry
    (number, bytes, leaf) whose place in the chain is right.

    Raises:
        NoteError: `vkey` or a witness is no verifier key.
        OSError, LedgerCorruptError: the lines cannot be read.
    """
    auditor = auditor_of(vkey, expect, witnesses, seal_key)
    judge = Judge(auditor)
    if seal_key is None:
        scanner = Scanner(marks=judge.marks, on_entry=on_entry)
        judge_stretch(judge, scanner, lines)
        return judge.conclude(None)
    sealing = _Sealing(Seal.first(seal_key), on_entry)
    scanner = Scanner(marks=judge.marks, on_entry=sealing.on_entry)
    judge_stretch(judge, scanner, lines)
    return judge.conclude(sealing.seal.tag)


def auditor_of(
    vkey: str | None,
    expect: Expected | None = None,
    witnesses: Sequence[str] = (),
    seal_key: bytes | None = None,
) -> Auditor:
    """Return what the auditor brings, from keys as text.

    Raises:
        NoteError: `vkey` or a witness is no verifier key.
    """
    return Auditor(
        parse_vkey(vkey) if vkey else None,
        expect,
        tuple(parse_vkey(witness) for witness in witnesses),
        seal_key,
    )


def judge_stretch(judge: "Judge", scanner: Scanner, lines: Iterable[bytes]) -> None:
    """Scan lines until they end or the ledger is refused."""
    for event in scanner.scan(lines):
        if not judge.hear(event):
            return
        if judge.base is not None:
            scanner.rebase(*judge.base)
            judge.base = None
    judge.hear(scanner.end())


class _Sealing:
    """Computes the seal while the entries pass by."""

    def __init__(self, seal: Seal, on_entry: scan.OnEntry | None) -> None:
        self.seal = seal
        self._next = on_entry

    def on_entry(self, n: int, body: bytes, leaf: bytes) -> None:
        self.seal = self.seal.over((leaf,))
        if self._next is not None:
            self._next(n, body, leaf)


class Judge:
    """Hears what scanners report, in the order of the file, and gives the verdict."""

    def __init__(self, auditor: Auditor) -> None:
        self.verdict = Verdict()
        self.base: tuple[int, bytes, list[bytes]] | None = None
        self._auditor = auditor
        self._key = auditor.vkey
        self._next_key: VerifierKey | None = None
        self._outer = Edge()
        self._leaf = b""
        self._clocks: scan.Clocks | None = None
        self._lines = 0
        self._base_size = 0
        self._tag: bytes | None = None
        self._seal_commitment: object = None
        self._rotated_at = 0
        self._signed_by: set[VerifierKey] = set()

    def hear(self, event: scan.Event) -> bool:
        """Take one event; returns False once the ledger is refused."""
        try:
            self._hear(event)
        except LedgerError as error:
            line = getattr(event, "line", 0) or getattr(event, "lines", 0)
            entry = getattr(event, "n", getattr(event, "size", 0))
            self._refuse(f"Line {line + self._lines} (entry {entry}): {error}")
        return self.verdict.exit is not Exit.TAMPERED

    @property
    def marks(self) -> frozenset[int]:
        """The sizes at which scanners must report."""
        expect = self._auditor.expect
        return frozenset({expect.size} if expect else ())

    def _hear(self, event: scan.Event) -> None:
        match event:
            case scan.Block(root):
                self._outer.add(root)
            case scan.Start():
                self._start(event)
            case scan.Special(_, n, body):
                self._special(n, parse_entry(body))
            case scan.Mark(_, size, inner):
                self._compare(size, inner)
            case scan.Object():
                self.verdict.entries = event.size
                self._object(event)
            case scan.Remark(text):
                self._remark(text)
            case scan.Fault(line, entry, text):
                self._refuse(f"Line {line + self._lines} (entry {entry}): {text}")
            case _:
                self._end(event)

    def _start(self, start: scan.Start) -> None:
        """A stretch begins: it must begin where the one before it ended."""
        if self._base_size and not self.verdict.signed:
            raise NoteError("the base is not followed by the note of its size.")
        if self._clocks is not None:
            if start.n != self.verdict.entries:
                raise NoteError(f"entry {start.n} stands where another belongs.")
            if start.prev.decode() != self._leaf.hex():
                raise NoteError(f"the chain is broken before entry {start.n}.")
            self.verdict.boots += self._clocks.boot != start.clocks.boot
            self._remark(clock_remark(self._clocks, start.clocks))
        else:
            self.verdict.boots += 1
            self.verdict.first = start.n

    def _end(self, end: scan.End) -> None:
        if self._tag is not None and end.size != self.verdict.signed:
            raise NoteError("there are entries after the seal line.")
        self.verdict.entries = end.size
        self.verdict.boots += end.boots
        self.verdict.root = root_of(self._outer.hashes, end.inner)
        self._leaf, self._lines = end.leaf, self._lines + end.lines
        self._clocks = end.clocks or self._clocks

    def _special(self, n: int, entry: Entry) -> None:
        """Genesis and key entries say whose signatures follow."""
        if (n == 0) != (entry.ev == GENESIS):
            raise NoteError(f"entry {n} is not the beginning of a ledger.")
        vkey = entry.what.get("vkey")
        named = parse_vkey(vkey if isinstance(vkey, str) else "")
        if entry.ev != GENESIS:
            if self._next_key is not None or named.name != self.verdict.origin:
                raise NoteError(f"entry {n} is no rotation of this ledger's key.")
            self._next_key, self._rotated_at = named, n
            return
        if named.name != entry.what.get("origin"):
            raise NoteError("the genesis entry names two ledgers.")
        if self._auditor.vkey not in {None, named}:
            raise NoteError(
                f"this is the ledger of another key ({vkey}), not of the one given."
            )
        self._key = named
        self.verdict.origin, self.verdict.vkey = named.name, str(named)
        self._seal_commitment = entry.what.get("seal")

    def _compare(self, size: int, inner: tuple[bytes, ...]) -> None:
        expect = self._auditor.expect
        if expect is None or root_of(self._outer.hashes, inner) != expect.root:
            raise NoteError(
                f"The checkpoint you hold ({size} entries) is not a prefix of this "
                "ledger: history was rewritten."
            )

    def _object(self, item: scan.Object) -> None:
        if self._tag is not None:
            raise NoteError("there are lines after the seal line.")
        match item.name:
            case "note" if isinstance(item.value, str):
                self._note(item.value, item)
            case "seal":
                self._seal(item)
            case "base" if item.line + self._lines == 1:
                self._begin(item.value)
            case _:
                raise NoteError("the line is neither an entry nor a note or a seal.")

    def _begin(self, value: Any) -> None:
        """A file that begins later: its first note must prove the edge given here."""
        fields = value if isinstance(value, dict) else {}
        size, hashes, prev = (fields.get(name) for name in ("n", "hashes", "prev"))
        if (
            len(fields) != 3  # noqa: PLR2004 - n, hashes, prev
            or type(size) is not int
            or size <= 0
            or not isinstance(hashes, list)
            or not isinstance(prev, str)
            or not all(isinstance(text, str) for text in hashes)
            or len(hashes) != size.bit_count()
        ):
            raise NoteError("the base line is malformed.")
        edge = [from_hex(text, HASH_BYTES) for text in hashes]
        blocks = size >> BLOCK_BITS
        self._outer = Edge(blocks, edge[: blocks.bit_count()])
        self._base_size = self.verdict.entries = size
        self.verdict.base_root = fold(edge)
        self._leaf = from_hex(prev, HASH_BYTES)
        self.base = (size, self._leaf, edge[blocks.bit_count() :])
        if size in self.marks:
            self._compare(size, tuple(self.base[2]))

    def _note(self, text: str, item: scan.Object) -> None:
        if self._key is None or not item.size:
            raise NoteError(
                "a note stands before the first entry; a file that begins later needs "
                "--vkey to begin with."
            )
        note = parse_note(text)
        origin = self.verdict.origin = self._key.name
        root = root_of(self._outer.hashes, item.inner)
        if note.checkpoint != Checkpoint(origin, item.size, root):
            raise NoteError(f"the note is not one of the {item.size} entries above it.")
        if self.verdict.signed == item.size:
            raise NoteError("a second note covers the same entries.")
        if signed_at(note, self._key) is None:
            raise NoteError(f"the note is not signed by {self._key}.")
        self.verdict.signed = item.size
        self.verdict.notes += 1
        for witness in self._auditor.witnesses:
            if signed_at(note, witness) is not None:
                self.verdict.witnessed[witness.name] = item.size
                self._signed_by.add(witness)
        self._rotate(item.size)

    def _rotate(self, size: int) -> None:
        """After the note that covers a key entry, the new key signs."""
        if self._next_key is not None:
            if size != self._rotated_at + 1:
                raise NoteError("a key entry is not covered by a note of its own.")
            self._key, self._next_key = self._next_key, None
        self.verdict.vkey = str(self._key)

    def _seal(self, item: scan.Object) -> None:
        if self._key is None or self.verdict.signed != item.size:
            raise NoteError("a seal line stands before a note that covers all entries.")
        n, self._tag = check_seal_line(item.value, self._key)
        if n != item.size:
            raise NoteError(f"the seal covers {n} entries, the file {item.size}.")
        self.verdict.closed = True

    def _remark(self, sentence: str) -> None:
        remarks = self.verdict.remarks
        if sentence and sentence not in remarks and len(remarks) < scan.REMARKS_MAX:
            remarks.append(sentence)

    def _refuse(self, problem: str) -> None:
        self.verdict.exit = Exit.TAMPERED
        self.verdict.problem = problem

    def _lack(self, problem: str) -> None:
        self.verdict.exit = Exit.INCOMPLETE
        self.verdict.problem = f"{self.verdict.problem} {problem}".lstrip()

    def conclude(self, tag: bytes | None) -> Verdict:
        """Return the verdict; `tag` is the seal computed from its first key."""
        size = self.verdict.entries
        if self.verdict.exit is Exit.TAMPERED:
            return self.verdict
        if size == 0:
            self._lack("There is no entry, so nothing is proved.")
        else:
            try:
                self._conclude_signatures(size)
                self._conclude_seal(tag)
                self._conclude_tail(size)
            except NoteError as error:
                self._refuse(str(error))
        return self.verdict

    def _conclude_signatures(self, size: int) -> None:
        expect = self._auditor.expect
        if expect and size < expect.size:
            raise NoteError(
                f"The checkpoint you hold has {expect.size} entries, this ledger "
                f"{size}: its end was cut off."
            )
        if expect and expect.size < self._base_size:
            self._lack(HELD_TOO_EARLY)
        if self._auditor.vkey is None:
            self._lack(NO_KEY)
        if self.verdict.signed < size:
            self._lack(f"No note covers entries {self.verdict.signed} to {size - 1}.")
        for witness in self._auditor.witnesses:
            if witness not in self._signed_by:
                raise NoteError(f"No note carries the signature of witness {witness}.")

    def _conclude_seal(self, tag: bytes | None) -> None:
        key = self._auditor.seal_key
        if key is None:
            if self._seal_commitment is not None:
                self._remark(SEAL_UNREAD)
        elif self._base_size:
            self._lack("The seal speaks for whole ledgers, not for later beginnings.")
        elif self._seal_commitment != commitment(key):
            raise NoteError("The seal key is not the one that the genesis entry names.")
        elif self._tag is None:
            self._lack("The file does not end with its seal line.")
        elif self._tag != tag:
            raise NoteError(
                "The seal does not match: entries from before the seal's present key "
                "were changed, or newer ones were cut off."
            )
        else:
            self.verdict.sealed = True

    def _conclude_tail(self, size: int) -> None:
        expect, verdict = self._auditor.expect, self.verdict
        held = max([expect.size if expect else 0, *verdict.witnessed.values()])
        if not verdict.closed and held < size:
            self._lack(TAIL_OPEN)
        elif not verdict.sealed:
            self._remark(
                f"Removal of entries is excluded up to entry {held - 1} by what you "
                "hold; beyond it, that this is an older export cannot be excluded."
                if held
                else SEAL_UNREAD
            )
        if self._rotated_at and not verdict.sealed:
            self._remark(
                f"Whoever holds the present key could not have changed entries up to "
                f"{self._rotated_at}, the last key rotation; without the seal's first "
                "key nothing more is known about newer ones."
            )
