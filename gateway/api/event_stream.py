"""Server-sent events: a snapshot, then what happens, resumable by id.

An id is `run.number`: numbers start anew with each run of the gateway, so a number of
an earlier run must not resume this one. There is no gap between snapshot and events,
because the events start after the number that the snapshot states, and are kept.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi.responses import Response

from gateway.api.asgi import Receive, Scope, Send
from gateway.api.problems import Refusal
from gateway.schemas import HEARTBEAT_S, Event, Snapshot, Status
from gateway.service import events as views
from gateway.service.events import EVENTS_KEPT_MAX
from gateway.service.facade import Facade

STREAMS_MAX: Final = 24
STREAMS_PER_UID_MAX: Final = 8
NUMBER_CHARS_MAX: Final = 18
FRAMES_KEPT_MAX: Final = EVENTS_KEPT_MAX
SENT_AT_ONCE_MAX: Final = 16


class Streams:
    """What all streams of one application share.

    Attributes:
        run: names this run of the gateway in the events' ids.
        closing: set when all streams are to end.
    """

    def __init__(self, run: str) -> None:
        self.run: Final = run
        self.closing: Final = asyncio.Event()
        self._open: Final[Counter[int]] = Counter()
        self._frames: Final[OrderedDict[int, bytes]] = OrderedDict()

    def change(self, event: views.Event) -> bytes:
        """Return an event as it is sent; made once for all streams."""
        if event.id not in self._frames:
            change = Event.model_validate(event)
            self._frames[event.id] = self.frame("change", change, event.id)
            if len(self._frames) > FRAMES_KEPT_MAX:
                self._frames.popitem(last=False)
        return self._frames[event.id]

    def frame(self, kind: str, data: Snapshot | Event, number: int) -> bytes:
        """Return a message of the stream."""
        return (
            f"id: {self.run}.{number}\nevent: {kind}\n"
            f"data: {data.model_dump_json()}\n\n"
        ).encode()

    @contextmanager
    def place(self, uid: int) -> Iterator[None]:
        """Take a place, and give it back at the end.

        Raises:
            Refusal: all places, or all of this user's, are taken.
        """
        mine = self._open[uid]
        if mine >= STREAMS_PER_UID_MAX or self._open.total() >= STREAMS_MAX:
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-event-streams",
                f"{STREAMS_PER_UID_MAX} event streams for one user, {STREAMS_MAX} for "
                "all are the most; close one first.",
            )
        self._open[uid] += 1
        try:
            yield
        finally:
            self._open[uid] -= 1
            if not self._open[uid]:
                del self._open[uid]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a stream starts: after `number`, and whether that continues another."""

    number: int
    resumed: bool


def start(run: str, last_id: int, wanted: str | None, recent: int) -> Start:
    """Return where to start a stream.

    Args:
        run: names this run of the gateway.
        last_id: the newest event's number.
        wanted: the client's Last-Event-ID, anything at all.
        recent: how many past events to begin with where nothing is resumed.
    """
    theirs, _, number = (wanted or "").partition(".")
    if theirs == run and number.isascii() and number.isdigit():
        after = int(number) if len(number) <= NUMBER_CHARS_MAX else last_id + 1
        if last_id - EVENTS_KEPT_MAX <= after <= last_id:
            return Start(after, resumed=True)
    return Start(max(0, last_id - recent), resumed=False)


class EventStreamResponse(Response):
    """Sends until the client goes, falls behind, or the gateway stops."""

    media_type = "text/event-stream"

    def __init__(
        self, facade: Facade, streams: Streams, uid: int, begin: Start
    ) -> None:
        super().__init__(headers={"cache-control": "no-store"})
        self._facade: Final = facade
        self._streams: Final = streams
        self._uid: Final = uid
        self._begin: Final = begin

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Answer the request; returns when the stream has ended."""
        with self._streams.place(self._uid):
            await self._stream(receive, send)

    async def _stream(self, receive: Receive, send: Send) -> None:
        headers = [h for h in self.raw_headers if h[0] != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async with asyncio.TaskGroup() as group:
            ends = {
                group.create_task(self._feed(send)),
                group.create_task(self._beat(send)),
                group.create_task(_gone(receive)),
            }
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in ends:
                task.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _feed(self, send: Send) -> None:
        begin = self._begin
        status = Status.model_validate(self._facade.status())
        snapshot = Snapshot(status=status, resumed=begin.resumed)
        await _put(send, self._streams.frame("snapshot", snapshot, begin.number))
        events = self._facade.events(begin.number)
        try:
            sent, pieces = 0, list[bytes]()
            async for event in events:
                pieces.append(self._streams.change(event))
                if event.id < status.last_event_id and len(pieces) < SENT_AT_ONCE_MAX:
                    continue  # the next one is there already
                await _put(send, b"".join(pieces))
                sent += len(pieces)
                pieces.clear()
                if sent >= SENT_AT_ONCE_MAX:
                    sent = 0
                    await _turn()
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def _beat(self, send: Send) -> None:
        while not self._streams.closing.is_set():
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._streams.closing.wait()
            except TimeoutError:
                await _put(send, b": alive\n\n")


async def _put(send: Send, piece: bytes) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _turn() -> None:
    """Let the others have theirs, for what is kept comes without a pause."""
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(_end, turn)
    await turn


def _end(turn: asyncio.Future[None]) -> None:
    if not turn.done():  # its stream may have ended since
        turn.set_result(None)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
