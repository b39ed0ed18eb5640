"""HCI (H4) over a unix socket, for both of its ends."""

import asyncio
from collections.abc import Callable
from typing import Final

from bumble import hci
from bumble.transport.common import StreamPacketSource

BACKLOG_BYTES_MAX: Final = 256_000

_ADVERT_HEAD: Final = bytes((hci.HCI_EVENT_PACKET, hci.HCI_LE_META_EVENT))
_SUBEVENT_AT: Final = 3


class HciStream(StreamPacketSource):
    """Packets from a stream; tells its sink, and who asked, when the stream ends."""

    def __init__(self, on_lost: Callable[[], None] | None = None) -> None:
        """Wait for a connection."""
        super().__init__()
        self._on_lost: Final = on_lost

    def connection_lost(self, _error: Exception | None) -> None:
        """Pass it on."""
        self.on_transport_lost()
        if self._on_lost is not None:
            self._on_lost()


class HciSink:
    """Packets to a stream.

    Adverts are dropped when a stopped reader lets them pile up, as a controller does.
    """

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        """Write to a transport."""
        self._transport: Final = transport

    def on_packet(self, packet: bytes) -> None:
        """Send one packet."""
        if (
            packet.startswith(_ADVERT_HEAD)
            and packet[_SUBEVENT_AT] == hci.HCI_LE_EXTENDED_ADVERTISING_REPORT_EVENT
            and self._transport.get_write_buffer_size() > BACKLOG_BYTES_MAX
        ):
            return
        self._transport.write(packet)
