"""What can be asked about the ledger, as plain values; both clients send them."""

from typing import Final

from pydantic import TypeAdapter

from gateway.client.calls import Call
from gateway.schemas.ledger import (
    LedgerCheckpoint,
    LedgerEntryInFull,
    LedgerPage,
    LedgerPosition,
    LedgerQuery,
    LedgerReceipt,
    LedgerStats,
    Verification,
    VerificationOrder,
)

EXPORT: Final = "/v1/ledger/export"

_PAGE: Final = TypeAdapter(LedgerPage)
_ENTRY: Final = TypeAdapter(LedgerEntryInFull)
_RECEIPT: Final = TypeAdapter(LedgerReceipt)
_POSITION: Final = TypeAdapter(LedgerPosition)
_CHECKPOINT: Final = TypeAdapter(LedgerCheckpoint)
_STATS: Final = TypeAdapter(LedgerStats)
_VERIFICATION: Final = TypeAdapter(Verification)


def page(query: LedgerQuery) -> Call[LedgerPage]:
    """Ask for one page of entries."""
    wanted = query.model_dump(exclude_defaults=True)
    return Call("GET", "/v1/ledger/entries", _PAGE, query=wanted)


def entry(n: int) -> Call[LedgerEntryInFull]:
    """Ask for one entry with its proof."""
    return Call("GET", f"/v1/ledger/entries/{n}", _ENTRY)


def receipt(n: int) -> Call[LedgerReceipt]:
    """Ask for the line that proves one entry offline."""
    return Call("GET", f"/v1/ledger/entries/{n}/receipt", _RECEIPT)


def position(at_ms: int) -> Call[LedgerPosition]:
    """Ask for the first entry that is not before a moment."""
    return Call("GET", "/v1/ledger/position", _POSITION, query={"at_ms": at_ms})


def checkpoint() -> Call[LedgerCheckpoint]:
    """Ask for the newest signed head."""
    return Call("GET", "/v1/ledger/checkpoint", _CHECKPOINT)


def stats() -> Call[LedgerStats]:
    """Ask what the ledger holds."""
    return Call("GET", "/v1/ledger/stats", _STATS)


def verification() -> Call[Verification]:
    """Ask for the verification under way, or the last one."""
    return Call("GET", "/v1/ledger/verification", _VERIFICATION)


def verify(order: VerificationOrder) -> Call[Verification]:
    """Begin to verify."""
    body = order.model_dump_json(exclude_defaults=True).encode()
    return Call("POST", "/v1/ledger/verification", _VERIFICATION, body)


def cancel_verification() -> Call[Verification]:
    """End it without a verdict."""
    return Call("DELETE", "/v1/ledger/verification", _VERIFICATION)


def stretch(first: int | None, last: int | None) -> dict[str, str | int]:
    """Return the query of an export."""
    return {name: n for name, n in (("first", first), ("last", last)) if n is not None}
