"""The API's models for the ledger, read back."""

from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue

from gateway.schemas import PAGE_ITEMS_MAX, WALL_MS_MAX, Incoming, Outgoing

ENTRY_MAX: Final = 2**53 - 1
WORD_CHARS_MAX: Final = 128

EntryNumber = Annotated[int, Field(ge=0, le=ENTRY_MAX)]
Moment = Annotated[int, Field(ge=0, le=WALL_MS_MAX)]
Word = Annotated[str, Field(max_length=WORD_CHARS_MAX)]


class LedgerQuery(Incoming):
    """Which entries are wanted, and from where on.

    Attributes:
        cursor: number of the entry to begin with; by default the first in the order.
        kind: an `ev`, or the beginning of some: "door" takes "door.grant" too.
        result: "granted", "denied", "refused", or the reason of a denial.
        from_ms: by the entry's wall clock, included; 0 for no bound.
        until_ms: excluded; 0 for no bound.
    """

    order: Literal["newest", "oldest"] = "newest"
    cursor: EntryNumber | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX)] = 100
    door: Word = ""
    holder: Word = ""
    kind: Word = ""
    result: Word = ""
    from_ms: Moment = 0
    until_ms: Moment = 0


class LedgerEntry(Outgoing):
    """One entry on one line.

    Attributes:
        at_ms: its wall clock; `err_ms` bounds the error, -1 where not synchronised.
        kind: its `ev`, such as "door.grant"; empty where the bytes are damaged.
        result: "granted", "denied", "refused", or null for what has none.
        detail: a word that says more, such as a mode or a state.
    """

    n: int
    at_ms: int
    err_ms: int
    kind: str
    door: str | None = None
    holder: str | None = None
    result: str | None = None
    reason: str | None = None
    detail: str | None = None


class LedgerPage(Outgoing):
    """Entries by number, in the order asked for.

    Attributes:
        next: the cursor to go on with, or null at the end. A page with fewer entries
            than asked for and a `next` came as far as its time went: go on.
        first: number of the oldest entry there is.
        size: the number after the newest.
        indexed: up to which entry filters are fast by now.
    """

    items: tuple[LedgerEntry, ...]
    next: int | None
    first: int
    size: int
    indexed: int


class LedgerCheckpoint(Outgoing):
    """The newest signed head.

    Attributes:
        root: base64, as in the note.
        note: the C2SP signed note; to be kept as it stands.
        expect: `SIZE:ROOT`, what an auditor gives to `keyra-ledger verify --expect`.
    """

    origin: str
    size: int
    root: str
    note: str
    expect: str


class LedgerEntryInFull(LedgerEntry):
    """One entry with the proof of its place.

    Attributes:
        what: its content, without what only exports and receipts show.
        prev: leaf hash of the entry before, and `leaf` its own, hexadecimal.
        proof: RFC 6962 inclusion proof, base64, from the leaf to the root.
        proved: whether that leads to the checkpoint's root.
    """

    boot: str
    up_ms: int
    prev: str
    leaf: str
    what: dict[str, JsonValue]
    proof: tuple[str, ...]
    proved: bool
    checkpoint: LedgerCheckpoint


class LedgerReceipt(Outgoing):
    """One line that proves an entry offline; `keyra-ledger check-proof` reads it."""

    n: int
    receipt: str


class LedgerPosition(Outgoing):
    """The first entry whose wall clock is not before a moment; null where none is."""

    n: int | None
    first: int
    size: int


class LedgerStats(Outgoing):
    """What the ledger holds; `kinds` and `entry_bytes` up to entry `counted`."""

    first: int
    size: int
    counted: int
    notes: int
    entry_bytes: int
    file_bytes: int
    first_ms: int
    last_ms: int
    kinds: dict[str, int]


class VerificationOrder(Incoming):
    """What an auditor brings; with nothing the best verdict is "incomplete"."""

    vkey: Annotated[
        str, Field(max_length=400, pattern=r"^([!-~]{1,255}\+[0-9a-f]{8}\+[!-~]+)?$")
    ] = Field(default="", description="The ledger's verifier key.")
    expect: Annotated[
        str, Field(max_length=64, pattern=r"^([0-9]{1,16}:[A-Za-z0-9+/]{43}=)?$")
    ] = Field(default="", description="A checkpoint held, SIZE:ROOT.")
    deep: bool = Field(
        default=False, strict=True, description="Check each opening's own signature."
    )


class Finding(Outgoing):
    """An entry that does not prove what it claims, or cannot be judged."""

    n: int
    text: str


class Verdict(Outgoing):
    """What verification found; as `keyra-ledger verify --json` says it."""

    problem: str = ""
    origin: str = ""
    vkey: str = ""
    first: int = 0
    entries: int = 0
    notes: int = 0
    signed: int = 0
    boots: int = 0
    root: str = ""
    closed: bool = False
    sealed: bool = False
    remarks: tuple[str, ...] = ()
    openings: int = 0
    enrolments: int = 0
    findings: tuple[Finding, ...] = ()


class Verification(Outgoing):
    """The verification under way, or the last one."""

    state: Literal[
        "none",
        "running",
        "cancelled",
        "verified",
        "tampered",
        "incomplete",
        "unreadable",
    ]
    deep: bool
    done: int
    whole: int
    detail: str
    verdict: Verdict | None = None
