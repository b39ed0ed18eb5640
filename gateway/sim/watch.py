"""What the gateway says while a story is told: its events, and waiting for one."""

import asyncio
from contextlib import aclosing
from typing import Final

from gateway.client import AsyncClient
from gateway.errors import SimulationError
from gateway.schemas import Event, Snapshot

WAIT_S_MAX: Final = 30.0


class Watch:
    """Follows the events of one gateway, over its restarts."""

    def __init__(self, client: AsyncClient) -> None:
        """Prepare; `run` must be running."""
        self._client: Final = client
        self._events: Final[list[Event]] = []
        self._news: Final = asyncio.Condition()
        self._snapshots = 0

    async def run(self) -> None:
        """Follow until cancelled."""
        async with aclosing(self._client.events()) as items:
            async for item in items:
                if isinstance(item, Event):
                    async with self._news:
                        self._events.append(item)
                        self._news.notify_all()
                elif isinstance(item, Snapshot):
                    async with self._news:
                        self._snapshots += 1
                        self._news.notify_all()

    @property
    def connections(self) -> int:
        """How often the gateway was reached so far."""
        return self._snapshots

    async def connected(self, times: int = 1) -> None:
        """Wait until the gateway was reached for the `times`-th time.

        Raises:
            SimulationError: it was not, in time.
        """
        try:
            async with asyncio.timeout(WAIT_S_MAX), self._news:
                await self._news.wait_for(lambda: self._snapshots >= times)
        except TimeoutError:
            raise SimulationError(
                f"The gateway was not reached within {WAIT_S_MAX:g} s."
            ) from None

    def mark(self) -> int:
        """Return a place in the stream, for `expect`."""
        return len(self._events)

    def since(self, mark: int) -> list[Event]:
        """Return what came after `mark` so far."""
        return self._events[mark:]

    async def expect(
        self, mark: int, kind: str, wait_s: float = WAIT_S_MAX, **members: object
    ) -> Event:
        """Return the first event after `mark` of that kind with these members.

        Raises:
            SimulationError: none came in time; says what came instead.
        """
        try:
            async with asyncio.timeout(wait_s), self._news:
                while True:
                    for event in self._events[mark:]:
                        if event.kind == kind and _matches(event, members):
                            return event
                    await self._news.wait()
        except TimeoutError:
            seen = [_short(event) for event in self._events[mark:]][-6:]
            wanted = " ".join([kind, *(f"{k}={v}" for k, v in members.items())])
            raise SimulationError(
                f"The gateway did not say {wanted!r} within {wait_s:g} s, but: "
                f"{', '.join(seen) or 'nothing'}."
            ) from None


def _matches(event: Event, members: dict[str, object]) -> bool:
    return all(event.data.get(name) == value for name, value in members.items())


def _short(event: Event) -> str:
    word = event.data.get("reason") or event.data.get("result") or ""
    return f"{event.kind} {word}".strip()
