"""Carrying an exchange: deadlines are the clock's, errors are the exchange's."""

import asyncio
from collections import deque

import pytest

from gateway.ctap.framing import FrameCommand, KeepaliveStatus, fragment
from gateway.errors import (
    ExchangeCancelledError,
    FramingError,
    LinkError,
    LinkLostError,
    LinkTimeoutError,
)
from gateway.ports import PeerInfo
from gateway.service.conversation import converse
from gateway.sim.clock import SimulatedClock

REQUEST = b"\x02" + bytes(100)
ANSWER = b"\x00" + bytes(range(90))


class Script:
    """A link whose key says prepared fragments at prepared times.

    Attributes:
        wrote: the fragments that came, with the time.
    """

    fragment_bytes_max = 64

    def __init__(self, clock: SimulatedClock, *says: tuple[int, bytes]) -> None:
        self._clock = clock
        self._says = deque(says)
        self.wrote: list[tuple[int, bytes]] = []

    async def write(self, fragment: bytes) -> None:
        self.wrote.append((self._clock.now().up_ms, fragment))

    async def read(self) -> bytes:
        if not self._says:
            await asyncio.Event().wait()
        await self._clock.sleep_until(self._says[0][0])
        said = self._says.popleft()[1]
        if not said:
            raise LinkLostError("gone")
        return said

    async def info(self) -> PeerInfo:
        return PeerInfo()

    async def close(self) -> None:
        """Nothing to close."""


def answer(up_ms: int, payload: bytes = ANSWER) -> list[tuple[int, bytes]]:
    return [(up_ms, piece) for piece in fragment(FrameCommand.MSG, payload, 64)]


def blink(up_ms: int) -> tuple[int, bytes]:
    status = bytes((KeepaliveStatus.UP_NEEDED,))
    return up_ms, next(fragment(FrameCommand.KEEPALIVE, status, 64))


async def test_an_answer_with_keepalives_before_it(clock: SimulatedClock) -> None:
    link = Script(clock, blink(100), blink(200), *answer(300))
    seen: list[int] = []
    said = await converse(link, clock, REQUEST, 5_000, seen.append)
    assert said == ANSWER
    assert seen == [KeepaliveStatus.UP_NEEDED] * 2
    sent = b"".join(piece for _, piece in link.wrote)
    assert sent == b"".join(fragment(FrameCommand.MSG, REQUEST, 64))
    assert clock.now().up_ms == 300


async def test_at_the_deadline_the_key_is_told_to_stop(clock: SimulatedClock) -> None:
    blinks = [blink(at) for at in range(100, 5_000, 300)]
    link = Script(clock, *blinks)
    with pytest.raises(LinkError) as caught:
        await converse(link, clock, REQUEST, 1_000)
    assert isinstance(caught.value, LinkTimeoutError | ExchangeCancelledError)
    at_ms, last = link.wrote[-1]
    assert at_ms == 1_000
    assert last == next(fragment(FrameCommand.CANCEL, b"", 64))
    assert clock.now().up_ms < 10_000


async def test_an_answer_right_after_the_cancel_still_counts(
    clock: SimulatedClock,
) -> None:
    link = Script(clock, *[blink(at) for at in range(100, 1_100, 300)], *answer(1_100))
    assert await converse(link, clock, REQUEST, 1_000) == ANSWER


async def test_a_deadline_that_has_passed_asks_nothing(clock: SimulatedClock) -> None:
    link = Script(clock, *answer(0))
    with pytest.raises(LinkTimeoutError):
        await converse(link, clock, REQUEST, 0)
    assert link.wrote == []


async def test_a_link_that_ends(clock: SimulatedClock) -> None:
    link = Script(clock, blink(100), answer(200)[0], (300, b""))
    with pytest.raises(LinkLostError):
        await converse(link, clock, REQUEST, 5_000)


async def test_rubbish(clock: SimulatedClock) -> None:
    link = Script(clock, (100, b"\x07\x07\x07"))
    with pytest.raises(FramingError):
        await converse(link, clock, REQUEST, 5_000)
