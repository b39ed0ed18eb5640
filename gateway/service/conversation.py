"""Carries CTAP exchanges over a link: the shell around ctap.exchange.

The exchange decides what to write and until when to wait; this only moves bytes.
"""

from collections.abc import Callable
from typing import Final

from gateway.ctap.exchange import Exchange, KeepaliveSeen
from gateway.ctap.framing import FrameCommand
from gateway.errors import LinkTimeoutError
from gateway.ports import Clock, Link
from gateway.service.waiting import before

ANSWER_BYTES_MAX: Final = 4096

OnKeepalive = Callable[[int], None]


def unheard(_status: int) -> None:
    """Ignore keepalives."""


async def converse(
    link: Link,
    clock: Clock,
    request: bytes,
    deadline_ms: int,
    on_keepalive: OnKeepalive = unheard,
) -> bytes:
    """Send one CTAP2 request and return the answer's payload.

    Args:
        link: open, with no other exchange under way.
        clock: says when the deadline has come.
        request: as ctap.command builds it.
        deadline_ms: when to cancel, in milliseconds since boot. An answer that comes
            within the error wait after that is still returned: whether it is too late
            is for the challenge book to say.
        on_keepalive: told each KEEPALIVE status.

    Raises:
        LinkTimeoutError: the deadline has passed already; the key was asked nothing.
        LinkError, WireError: as ctap.exchange and the link say.
    """
    started_ms = clock.now().up_ms
    if started_ms >= deadline_ms:
        raise LinkTimeoutError(
            "The time was over before the key could be asked: touch it sooner."
        )
    exchange = Exchange(
        FrameCommand.MSG,
        request,
        fragment_bytes_max=link.fragment_bytes_max,
        message_bytes_max=ANSWER_BYTES_MAX,
        started_ms=started_ms,
        deadline_ms=deadline_ms,
    )
    await _write(link, clock, exchange)
    while (due_ms := exchange.deadline()) is not None:
        fragment = await before(clock, due_ms, link.read())
        now_ms = clock.now().up_ms
        if fragment is None:
            exchange.tick(now_ms)
        else:
            seen = exchange.receive(fragment, now_ms)
            if isinstance(seen, KeepaliveSeen):
                on_keepalive(seen.status)
        await _write(link, clock, exchange)
    return exchange.result()


async def _write(link: Link, clock: Clock, exchange: Exchange) -> None:
    fragments = exchange.outgoing()
    for fragment in fragments:
        await link.write(fragment)
    if fragments:
        exchange.sent(clock.now().up_ms)
