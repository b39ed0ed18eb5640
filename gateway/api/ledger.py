"""The API's part for the ledger: answers are passed on as its reader wrote them."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from gateway.api.asgi import CONNECTION_KEY, Connection, Receive, Scope, Send
from gateway.api.guard import actor_of
from gateway.errors import EntryUnknownError, KeyraError
from gateway.schemas import WALL_MS_MAX
from gateway.schemas.ledger import (
    ENTRY_MAX,
    LedgerCheckpoint,
    LedgerEntryInFull,
    LedgerPage,
    LedgerPosition,
    LedgerQuery,
    LedgerReceipt,
    LedgerStats,
    Verdict,
    Verification,
    VerificationOrder,
)
from gateway.service.ledger_facade import (
    LedgerFacade,
    Question,
    VerificationView,
    VerificationWish,
)

EXPORT_S_MAX: Final = 2 * 3600
FINDINGS_MAX: Final = 20

Moment = Annotated[int, Query(ge=0, le=WALL_MS_MAX)]
EntryPath = Annotated[int, Path(ge=0, le=ENTRY_MAX)]


def add_ledger(router: APIRouter, ledger: LedgerFacade) -> None:
    """Add what a person can learn from the ledger."""
    _add_entries(router, ledger)
    _add_about(router, ledger)
    _add_verification(router, ledger)


def _add_entries(router: APIRouter, ledger: LedgerFacade) -> None:
    @router.get("/ledger/entries", response_model=LedgerPage)
    async def entries(wanted: Annotated[LedgerQuery, Query()]) -> Response:
        """Return entries from the cursor on, an entry's number."""
        question = wanted.model_dump(exclude={"order"})
        newest = wanted.order == "newest"
        return await _told(ledger, {"ask": "page", "newest": newest, **question})

    @router.get("/ledger/entries/{n}", response_model=LedgerEntryInFull)
    async def entry(n: EntryPath) -> Response:
        """Return one entry with the proof of its place."""
        return await _told(ledger, {"ask": "entry", "n": n})

    @router.get("/ledger/entries/{n}/receipt", response_model=LedgerReceipt)
    async def receipt(n: EntryPath) -> Response:
        """Return a line that proves one entry offline, with its very bytes."""
        return await _told(ledger, {"ask": "receipt", "n": n})

    @router.get("/ledger/position", response_model=LedgerPosition)
    async def position(at_ms: Moment) -> Response:
        """Return the first entry that is not before a moment."""
        return await _told(ledger, {"ask": "position", "at_ms": at_ms})


def _add_about(router: APIRouter, ledger: LedgerFacade) -> None:
    @router.get("/ledger/checkpoint", response_model=LedgerCheckpoint)
    async def checkpoint() -> Response:
        """Return the newest signed head."""
        return await _told(ledger, {"ask": "checkpoint"})

    @router.get("/ledger/stats", response_model=LedgerStats)
    async def stats() -> Response:
        """Count what the ledger holds."""
        return await _told(ledger, {"ask": "stats"})

    @router.get("/ledger/export", response_class=Response, responses=_EXPORT)
    async def export(
        request: Request,
        first: Annotated[int | None, Query(ge=0, le=ENTRY_MAX)] = None,
        last: Annotated[int | None, Query(ge=0, le=ENTRY_MAX)] = None,
    ) -> ExportResponse:
        """Return the sealed export, or the stretch of it around these entries."""
        await _check(ledger, first, last)
        return ExportResponse(ledger, first, last, actor_of(request).uid)


def _add_verification(router: APIRouter, ledger: LedgerFacade) -> None:
    @router.get("/ledger/verification")
    async def verification() -> Verification:
        """Return the verification under way, or the last one."""
        return _shown(ledger.verification())

    @router.post("/ledger/verification", status_code=HTTPStatus.ACCEPTED)
    async def verify(order: VerificationOrder) -> Verification:
        """Verify the whole ledger, beside the gateway; whoever may read may."""
        return _shown(ledger.verify(VerificationWish(**order.model_dump())))

    @router.delete("/ledger/verification")
    async def cancel() -> Verification:
        """End it without a verdict."""
        return _shown(ledger.cancel_verification())


async def _told(ledger: LedgerFacade, question: Question) -> Response:
    return Response(await ledger.ask(question), media_type="application/json")


async def _check(ledger: LedgerFacade, first: int | None, last: int | None) -> None:
    """Refuse a stretch that there is not.

    Raises:
        EntryUnknownError: it ends outside the ledger, or before it begins.
    """
    if first is not None and last is not None and first > last:
        raise EntryUnknownError(f"The ledger holds no entries {first} to {last}.")
    for n in {first, last} - {None}:
        await ledger.ask({"ask": "entry", "n": n})


def _shown(view: VerificationView) -> Verification:
    verdict = None
    if view.verdict:
        findings = view.verdict.get("findings", ())[:FINDINGS_MAX]
        verdict = Verdict.model_validate({**view.verdict, "findings": findings})
    return Verification(
        state=view.state,  # type: ignore[arg-type] # checked by the model
        deep=view.deep,
        done=view.done,
        whole=view.whole,
        detail=view.detail,
        verdict=verdict,
    )


_EXPORT: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "description": (
            "JSON Lines, the very bytes that `keyra-ledger export` writes. An answer "
            "that is cut off ends without its last chunk, and a whole one with its "
            "seal line where the ledger has a seal."
        ),
        "content": {"application/jsonl": {"schema": {"type": "string"}}},
    },
}


class ExportResponse(Response):
    """Sends an export no faster than it is taken; the guard ends who does not read."""

    media_type = "application/jsonl"

    def __init__(
        self, ledger: LedgerFacade, first: int | None, last: int | None, uid: int
    ) -> None:
        super().__init__(
            headers={
                "cache-control": "no-store",
                "content-disposition": 'attachment; filename="ledger.jsonl"',
            }
        )
        self._ledger: Final = ledger
        self._stretch: Final = (first, last)
        self._uid: Final = uid

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request; returns when the export has ended."""
        async with self._ledger.export(*self._stretch, self._uid) as pieces:
            # A refusal is an answer of its own, as long as nothing was sent.
            beginning = await anext(pieces, b"")
            headers = [h for h in self.raw_headers if h[0] != b"content-length"]
            await send(
                {"type": "http.response.start", "status": 200, "headers": headers}
            )
            is_whole = await self._stream(beginning, pieces, receive, send)
        if is_whole:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        connection: Connection | None = scope.get(CONNECTION_KEY)
        if connection is not None:
            connection.abort()  # the only way to say that it is not whole

    async def _stream(
        self,
        beginning: bytes,
        pieces: AsyncIterator[bytes],
        receive: Receive,
        send: Send,
    ) -> bool:
        """Send what there is; tell whether that was all."""

        async def feed() -> None:
            await _put(send, beginning)
            async for piece in pieces:
                await _put(send, piece)

        try:
            async with asyncio.timeout(EXPORT_S_MAX), asyncio.TaskGroup() as group:
                feeding = group.create_task(feed())
                going = group.create_task(_gone(receive))
                await asyncio.wait(
                    {feeding, going}, return_when=asyncio.FIRST_COMPLETED
                )
                is_whole = feeding.done()
                feeding.cancel()
                going.cancel()
        except* (KeyraError, TimeoutError):
            is_whole = False
        return is_whole


async def _put(send: Send, piece: bytes) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
