"""The mechanical half of verification: bytes, numbers, chain and tree hashes.

A `Scanner` takes the lines of one stretch of an export and reports only what somebody
has to judge: notes, entries that change keys, the seal, faults. It hashes verbatim
bytes and parses no JSON that it has not seen the like of, so that a million entries
take seconds; stretches can be scanned by several processes at once.
"""

import hashlib
import re
from binascii import hexlify
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ledger.encoding import INTEGER_MAX, parse_canonical
from ledger.entry import ENTRY_BYTES_MAX, ENVELOPE, GENESIS, NO_PREVIOUS
from ledger.errors import EncodingError, LedgerError
from ledger.tree import fold

LINE_BYTES_MAX: Final = ENTRY_BYTES_MAX + 1
"""An entry and its newline; nothing in an export is longer."""

BLOCK_BITS: Final = 12
"""Stretches begin at multiples of 2^12 entries, where subtrees do not cross."""

STEP_MS_MAX: Final = 2_000
REMARKS_MAX: Final = 20
KEY: Final = "key"

_BLOCK: Final = 1 << BLOCK_BITS
_SPECIAL: Final = frozenset({GENESIS.encode(), KEY.encode()})
_SHAPES_MAX: Final = 1024

# Members' plain values: strings of printable ASCII without escapes, short integers.
_VALUE: Final = re.compile(
    rb':(?:"[ !#-\[\]-~]*"|0|-?[1-9][0-9]{0,14})(?=[,}])',
)
_SKELETON: Final = re.compile(
    rb'(?:[{}\[\],\0]|true|false|null|"[A-Za-z0-9_]{1,64}":)*'
)
_shapes: Final[set[bytes]] = set()


def require_canonical(what: bytes) -> None:
    """Check that an entry's content is canonical JSON.

    A content whose plain values are replaced by NUL is its shape. If the shape was seen
    in canonical JSON before, and holds nothing but brackets, literals and simple keys,
    then this content is canonical too: one plain value is as canonical as the next.

    Raises:
        EncodingError: it is not.
    """
    shape = _VALUE.sub(b":\0", what)
    is_plain = b"\0" not in what
    if is_plain and shape in _shapes:
        return
    parse_canonical(what)
    if is_plain and len(_shapes) < _SHAPES_MAX and _SKELETON.fullmatch(shape):
        _shapes.add(shape)


class LineError(LedgerError):
    """A line is not what it has to be; the message says why."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of one entry, to compare with the next one's."""

    n: int
    at_ms: int
    up_ms: int
    boot: bytes
    ev: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """First entry of a stretch: its number, its `prev` in hexadecimal, its clocks."""

    line: int
    n: int
    prev: bytes
    clocks: Clocks


@dataclass(frozen=True, slots=True)
class Block:
    """A complete subtree of 2^12 entries."""

    root: bytes


@dataclass(frozen=True, slots=True)
class Special:
    """An entry that says who signs: entry 0 and key entries."""

    line: int
    n: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """The size that somebody asked about, with the open block's edge."""

    line: int
    size: int
    inner: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Object:
    """A line that is no entry: base, note or seal.

    Attributes:
        size: entries above it.
        inner: edge of the open block.
    """

    line: int
    size: int
    name: str
    value: Any
    inner: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that an auditor should know."""

    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """The first line that is wrong; nothing after it was looked at."""

    line: int
    entry: int
    text: str


@dataclass(frozen=True, slots=True)
class End:
    """The stretch is over."""

    lines: int
    size: int
    leaf: bytes
    clocks: Clocks | None
    boots: int
    inner: tuple[bytes, ...]


Event = Start | Block | Special | Mark | Object | Remark | Fault | End
OnEntry = Callable[[int, bytes, bytes], None]


def clock_remark(last: Clocks, now: Clocks) -> str:
    """Return what is odd about two neighbours' clocks; empty if nothing is."""
    if last.boot != now.boot:
        return ""
    up_ms = now.up_ms - last.up_ms
    if up_ms < 0:
        return f"Entry {now.n}: the time since boot runs backwards."
    step_ms = now.at_ms - last.at_ms - up_ms
    if abs(step_ms) > STEP_MS_MAX and now.ev != b"clock":
        return (
            f"Entry {now.n}: the wall clock stepped by {step_ms} ms without a clock "
            "entry."
        )
    return ""


def peek_number(line: bytes) -> int | None:
    """Return the number of an entry's line, None for any other line."""
    envelope = ENVELOPE.fullmatch(line, 0, max(0, len(line) - 1))
    return int(envelope[5]) if envelope else None


class Scanner:
    """Scans one stretch; `marks` are sizes to report, `on_entry` sees every entry."""

    def __init__(
        self,
        *,
        marks: frozenset[int] = frozenset(),
        on_entry: OnEntry | None = None,
        starts_anywhere: bool = False,
    ) -> None:
        self._line = 0
        self._size = 0
        self._leaf = NO_PREVIOUS
        self._prev = NO_PREVIOUS.hex().encode()
        self._inner: list[bytes] = []
        self._at_ms = self._up_ms = 0
        self._boot = self._ev = b""
        self._boots = 0
        self._remarks = 0
        self._marks = marks
        self._on_entry = on_entry
        self._waits = starts_anywhere

    def scan(self, lines: Iterable[bytes]) -> Iterator[Event]:
        """Take lines with their newlines; a `Fault` ends the stretch."""
        for line in lines:
            self._line += 1
            envelope = ENVELOPE.fullmatch(line, 0, len(line) - 1) if line else None
            try:
                _require_line(line)
                if envelope is None:
                    yield self._object(line[:-1])
                else:
                    odd = self._entry(line[:-1], envelope)
                    if odd:
                        yield from odd
            except LedgerError as error:
                yield Fault(self._line, self._size, str(error))
                return

    def rebase(self, size: int, leaf: bytes, inner: list[bytes]) -> None:
        """Go on as if `size` entries had been scanned already."""
        self._size, self._leaf, self._inner = size, leaf, inner
        self._prev = leaf.hex().encode()

    def end(self) -> End:
        """Return where the stretch ended."""
        inner = tuple(self._inner)
        return End(
            self._line, self._size, self._leaf, self._last_clocks(), self._boots, inner
        )

    def _object(self, body: bytes) -> Object:
        try:
            value = parse_canonical(body)
        except EncodingError:
            value = None
        if not isinstance(value, dict) or len(value) != 1:
            raise LineError("the line is neither an entry nor a note, base or seal.")
        [(name, content)] = value.items()
        return Object(self._line, self._size, name, content, tuple(self._inner))

    def _entry(self, body: bytes, envelope: re.Match[bytes]) -> list[Event]:
        """Check and hash one entry; returns what there is to report, mostly nothing."""
        at, boot, err, ev, number, prev, up, what = envelope.groups()
        n, at_ms, up_ms = int(number), int(at), int(up)
        if max(at_ms, up_ms, int(err), n) > INTEGER_MAX:
            raise LineError("a number is beyond 2^53.")
        if self._waits:
            self._waits = False
            self.rebase(n, bytes.fromhex(prev.decode()), [])
        if n != self._size:
            raise LineError(f"entry {n} stands where entry {self._size} belongs.")
        if prev != self._prev:
            raise LineError(f"the chain is broken between entries {n - 1} and {n}.")
        require_canonical(what)
        events: list[Event] = []
        if self._boot != boot or self._is_odd(at_ms, up_ms, ev):
            self._report_clocks(events, Clocks(n, at_ms, up_ms, boot, ev), prev)
        self._at_ms, self._up_ms, self._boot, self._ev = at_ms, up_ms, boot, ev
        if ev in _SPECIAL or n == 0:
            events.append(Special(self._line, n, body))
        leaf = self._leaf = hashlib.sha256(b"\0" + body).digest()
        self._prev = hexlify(leaf)
        self._size = n + 1
        if self._on_entry is not None:
            self._on_entry(n, body, leaf)
        self._grow(n, leaf, events)
        return events

    def _grow(self, n: int, node: bytes, events: list[Event]) -> None:
        inner = self._inner
        n &= _BLOCK - 1
        while n & 1:
            node = hashlib.sha256(b"\1" + inner.pop() + node).digest()
            n >>= 1
        if self._size & (_BLOCK - 1):
            inner.append(node)
        else:
            events.append(Block(node))
        if self._size in self._marks:
            events.append(Mark(self._line, self._size, tuple(inner)))

    def _is_odd(self, at_ms: int, up_ms: int, ev: bytes) -> bool:
        passed_ms = up_ms - self._up_ms
        step_ms = at_ms - self._at_ms - passed_ms
        return passed_ms < 0 or (abs(step_ms) > STEP_MS_MAX and ev != b"clock")

    def _report_clocks(self, events: list[Event], now: Clocks, prev: bytes) -> None:
        last = self._last_clocks()
        if last is None:
            events.append(Start(self._line, now.n, prev, now))
            return
        self._boots += last.boot != now.boot
        text = clock_remark(last, now)
        if text and self._remarks < REMARKS_MAX:
            self._remarks += 1
            events.append(Remark(text))

    def _last_clocks(self) -> Clocks | None:
        if not self._boot:
            return None
        n = self._size - 1
        return Clocks(n, self._at_ms, self._up_ms, self._boot, self._ev)


def _require_line(line: bytes) -> None:
    if len(line) > LINE_BYTES_MAX:
        raise LineError(f"the line exceeds {LINE_BYTES_MAX} bytes.")
    if not line.endswith(b"\n"):
        raise LineError("the line is cut short.")


def root_of(outer: list[bytes], inner: tuple[bytes, ...]) -> bytes:
    """Return the root of complete blocks' edge and the open block's edge."""
    return fold([*outer, *inner])
