"""An entry: one line of canonical JSON, stored and hashed exactly as it stands.

{"at":…,"boot":"…","err":…,"ev":"…","n":…,"prev":"…","up":…,"what":{…}}
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.encoding import INTEGER_MAX, Json, canonical, parse_canonical
from ledger.errors import EncodingError, EntryError

ENTRY_BYTES_MAX: Final = 64 * 1024
"""Limit of one entry, without its newline."""

NO_PREVIOUS: Final = bytes(32)
"""`prev` of entry 0."""

GENESIS: Final = "genesis"

_EVENT: Final = re.compile(r"[a-z.-]{1,32}")
_BOOT: Final = re.compile(r"[0-9a-f]{16}")
_NUMBER: Final = rb"(0|[1-9][0-9]{0,15})"

ENVELOPE: Final = re.compile(
    rb'\{"at":' + _NUMBER + rb',"boot":"([0-9a-f]{16})","err":(-1|0|[1-9][0-9]{0,15})'
    rb',"ev":"([a-z.-]{1,32})","n":' + _NUMBER + rb',"prev":"([0-9a-f]{64})"'
    rb',"up":' + _NUMBER + rb',"what":(\{.*\})\}',
)
"""Groups: at, boot, err, ev, n, prev, up, what. JSON strings hold no raw newline."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """When an entry was made, by every clock there is.

    Attributes:
        at_ms: wall clock, Unix milliseconds.
        boot: the first 16 hexadecimal digits of the kernel's boot id.
        err_ms: bound of the wall clock's error; -1 when it is not synchronised.
        up_ms: milliseconds since boot, suspend included.
    """

    at_ms: int
    boot: str
    err_ms: int
    up_ms: int

    def __post_init__(self) -> None:
        if not (
            0 <= self.at_ms <= INTEGER_MAX
            and 0 <= self.up_ms <= INTEGER_MAX
            and -1 <= self.err_ms <= INTEGER_MAX
            and _BOOT.fullmatch(self.boot)
        ):
            raise EntryError(
                f"No entry can carry this time: {self.at_ms} ms, boot {self.boot!r}, "
                f"error {self.err_ms} ms, up {self.up_ms} ms."
            )


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it has a number.

    Attributes:
        ev: kind of event, 1 to 32 of a-z, dot and hyphen.
        what: its content; never a person's name, only salted commitments.
    """

    ev: str
    what: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Entry:
    """A parsed entry.

    Attributes:
        prev: leaf hash of the entry before, zeros for entry 0.
    """

    n: int
    stamp: Stamp
    ev: str
    what: dict[str, Any]
    prev: bytes


def encode_entry(n: int, prev: bytes, stamp: Stamp, draft: Draft) -> bytes:
    """Return the entry's bytes, without newline.

    Raises:
        EntryError: a kind or content that no entry can have, or one too long.
    """
    if not _EVENT.fullmatch(draft.ev):
        raise EntryError(f"{draft.ev!r} is no kind of entry: use a-z, dot and hyphen.")
    if not isinstance(draft.what, Mapping):
        raise EntryError(f"The content of a {draft.ev} entry is not an object.")
    try:
        entry = canonical(
            {
                "at": stamp.at_ms,
                "boot": stamp.boot,
                "err": stamp.err_ms,
                "ev": draft.ev,
                "n": n,
                "prev": prev.hex(),
                "up": stamp.up_ms,
                "what": draft.what,
            }
        )
    except EncodingError as error:
        raise EntryError(f"A {draft.ev} entry cannot be written: {error}") from None
    if len(entry) > ENTRY_BYTES_MAX:
        raise EntryError(
            f"A {draft.ev} entry of {len(entry)} bytes exceeds {ENTRY_BYTES_MAX}."
        )
    return entry


def parse_entry(data: bytes) -> Entry:
    """Return the entry of exactly these bytes (no newline).

    Raises:
        EntryError: anything but the canonical form.
    """
    if len(data) > ENTRY_BYTES_MAX:
        raise EntryError(f"{len(data)} bytes exceed the limit of {ENTRY_BYTES_MAX}.")
    envelope = ENVELOPE.fullmatch(data)
    if envelope is None:
        raise EntryError("These bytes are not an entry of a ledger.")
    at, boot, err, ev, n, prev, up, what = envelope.groups()
    try:
        content = parse_canonical(what)
    except EncodingError as error:
        raise EntryError(f"The content of entry {int(n)} is wrong: {error}") from None
    if int(n) > INTEGER_MAX:
        raise EntryError("An entry's number is beyond 2^53.")
    stamp = Stamp(int(at), boot.decode(), int(err), int(up))
    return Entry(int(n), stamp, ev.decode(), content, bytes.fromhex(prev.decode()))
