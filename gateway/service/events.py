"""The stream of what happened, for consoles and applications.

Events are numbered from 1 within one run of the gateway. Each subscriber has a bounded
queue; the stream of one that falls behind ends, so that a slow reader can never
hold the door or the memory.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.core.ids import Now

EVENTS_KEPT_MAX: Final = 1024
SUBSCRIBERS_MAX: Final = 32
QUEUE_EVENTS_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        id: rises by one within one run of the gateway.
        kind: stable word, such as "door.grant" or "touch.stage".
        data: JSON values only; pseudonyms, never names or secrets.
    """

    id: int
    kind: str
    wall_ms: int
    up_ms: int
    data: Mapping[str, object]


@dataclass(slots=True, eq=False)
class _Subscriber:
    queue: asyncio.Queue[Event] = field(
        default_factory=lambda: asyncio.Queue(QUEUE_EVENTS_MAX)
    )
    fell_behind: bool = False


class EventStream:
    """Publishes to any number of bounded subscribers; publishing never waits."""

    def __init__(self) -> None:
        self._kept: Final[deque[Event]] = deque(maxlen=EVENTS_KEPT_MAX)
        self._subscribers: Final[set[_Subscriber]] = set()
        self._last_id = 0

    @property
    def last_id(self) -> int:
        """The newest event's id; 0 before the first."""
        return self._last_id

    def publish(self, kind: str, now: Now, data: Mapping[str, object]) -> None:
        """Hand an event to everybody who listens."""
        self._last_id += 1
        plain = {name: _plain(value) for name, value in data.items()}
        event = Event(self._last_id, kind, now.wall_ms, now.up_ms, plain)
        self._kept.append(event)
        for subscriber in self._subscribers:
            try:
                subscriber.queue.put_nowait(event)
            except asyncio.QueueFull:
                subscriber.fell_behind = True

    async def subscribe(self, after_id: int | None = None) -> AsyncIterator[Event]:
        """Yield events from now on, or those kept after `after_id` first.

        Ends when the subscriber fell behind or too many others listen already.
        """
        if len(self._subscribers) >= SUBSCRIBERS_MAX:
            return
        subscriber = _Subscriber()
        self._subscribers.add(subscriber)
        try:
            if after_id is not None:
                for event in [e for e in self._kept if e.id > after_id]:
                    yield event
            while not (subscriber.fell_behind and subscriber.queue.empty()):
                yield await subscriber.queue.get()
        finally:
            self._subscribers.discard(subscriber)


# Most of what is told; asking first spares each of them the slow question below.
_PLAIN: Final = frozenset({str, int, bool, type(None)})


def _plain(value: object) -> object:
    """Return what JSON has: lists for tuples, at any depth."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value
