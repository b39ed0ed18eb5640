"""The ledger's part of both clients: `client.ledger`."""

from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from typing import Final, Protocol, TypeVar

from gateway.client import ledger_calls as calls
from gateway.client.calls import Call
from gateway.schemas.ledger import (
    LedgerCheckpoint,
    LedgerEntry,
    LedgerEntryInFull,
    LedgerPage,
    LedgerPosition,
    LedgerQuery,
    LedgerReceipt,
    LedgerStats,
    Verification,
    VerificationOrder,
)

_Answer = TypeVar("_Answer")
Query = Mapping[str, str | int]


class _AsyncAsk(Protocol):
    def __call__(self, call: Call[_Answer], /) -> Awaitable[_Answer]: ...


class _Ask(Protocol):
    def __call__(self, call: Call[_Answer], /) -> _Answer: ...


class _AsyncPieces(Protocol):
    def __call__(self, path: str, query: Query, /) -> AsyncIterator[bytes]: ...


class _Pieces(Protocol):
    def __call__(self, path: str, query: Query, /) -> Iterator[bytes]: ...


class AsyncLedger:
    """The ledger, read back; each method raises what the client's do."""

    def __init__(self, ask: _AsyncAsk, pieces: _AsyncPieces) -> None:
        self._ask: Final = ask
        self._pieces: Final = pieces

    async def page(self, query: LedgerQuery) -> LedgerPage:
        """Return one page of entries."""
        return await self._ask(calls.page(query))

    async def entry(self, n: int) -> LedgerEntryInFull:
        """Return one entry with the proof of its place."""
        return await self._ask(calls.entry(n))

    async def receipt(self, n: int) -> LedgerReceipt:
        """Return the line that proves one entry offline."""
        return await self._ask(calls.receipt(n))

    async def position(self, at_ms: int) -> LedgerPosition:
        """Return the first entry that is not before a moment."""
        return await self._ask(calls.position(at_ms))

    async def checkpoint(self) -> LedgerCheckpoint:
        """Return the newest signed head."""
        return await self._ask(calls.checkpoint())

    async def stats(self) -> LedgerStats:
        """Count what the ledger holds."""
        return await self._ask(calls.stats())

    async def verification(self) -> Verification:
        """Return the verification under way, or the last one."""
        return await self._ask(calls.verification())

    async def verify(self, order: VerificationOrder) -> Verification:
        """Begin to verify the whole ledger, beside the gateway."""
        return await self._ask(calls.verify(order))

    async def cancel_verification(self) -> Verification:
        """End the verification without a verdict."""
        return await self._ask(calls.cancel_verification())

    async def entries(self, query: LedgerQuery) -> AsyncIterator[LedgerEntry]:
        """Yield all entries that are wanted, page by page."""
        cursor = query.cursor
        while True:
            page = await self.page(query.model_copy(update={"cursor": cursor}))
            for item in page.items:
                yield item
            if (cursor := page.next) is None:
                return

    def export(
        self, first: int | None = None, last: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield the sealed export in pieces, or the stretch around these entries."""
        return self._pieces(calls.EXPORT, calls.stretch(first, last))


class Ledger:
    """The ledger, read back; each method raises what the client's do."""

    def __init__(self, ask: _Ask, pieces: _Pieces) -> None:
        self._ask: Final = ask
        self._pieces: Final = pieces

    def page(self, query: LedgerQuery) -> LedgerPage:
        """Return one page of entries."""
        return self._ask(calls.page(query))

    def entry(self, n: int) -> LedgerEntryInFull:
        """Return one entry with the proof of its place."""
        return self._ask(calls.entry(n))

    def receipt(self, n: int) -> LedgerReceipt:
        """Return the line that proves one entry offline."""
        return self._ask(calls.receipt(n))

    def position(self, at_ms: int) -> LedgerPosition:
        """Return the first entry that is not before a moment."""
        return self._ask(calls.position(at_ms))

    def checkpoint(self) -> LedgerCheckpoint:
        """Return the newest signed head."""
        return self._ask(calls.checkpoint())

    def stats(self) -> LedgerStats:
        """Count what the ledger holds."""
        return self._ask(calls.stats())

    def verification(self) -> Verification:
        """Return the verification under way, or the last one."""
        return self._ask(calls.verification())

    def verify(self, order: VerificationOrder) -> Verification:
        """Begin to verify the whole ledger, beside the gateway."""
        return self._ask(calls.verify(order))

    def cancel_verification(self) -> Verification:
        """End the verification without a verdict."""
        return self._ask(calls.cancel_verification())

    def entries(self, query: LedgerQuery) -> Iterator[LedgerEntry]:
        """Yield all entries that are wanted, page by page."""
        cursor = query.cursor
        while True:
            page = self.page(query.model_copy(update={"cursor": cursor}))
            yield from page.items
            if (cursor := page.next) is None:
                return

    def export(
        self, first: int | None = None, last: int | None = None
    ) -> Iterator[bytes]:
        """Yield the sealed export in pieces, or the stretch around these entries."""
        return self._pieces(calls.EXPORT, calls.stretch(first, last))
