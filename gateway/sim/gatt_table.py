"""A peer's GATT table as plain values, so that it can be kept between connections."""

from dataclasses import dataclass

from bumble.core import UUID
from bumble.device import Peer

_SHORT_UUID_BYTES = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One characteristic.

    Attributes:
        service: handle and UUID.
        properties: bits of Core Vol 3 Part G §3.3.1.1.
        descriptors: handles and UUIDs.
    """

    service: tuple[int, str]
    handle: int
    uuid: str
    properties: int
    descriptors: tuple[tuple[int, str], ...]


Table = tuple[Row, ...]


async def discover(peer: Peer) -> Table:
    """Read a peer's whole table over the air."""
    rows = []
    for service in await peer.discover_services():
        for characteristic in await service.discover_characteristics():
            descriptors = await characteristic.discover_descriptors()
            rows.append(
                Row(
                    (service.handle, _text(service.uuid)),
                    characteristic.handle,
                    _text(characteristic.uuid),
                    int(characteristic.properties),
                    tuple((d.handle, _text(d.type)) for d in descriptors),
                )
            )
    return tuple(rows)


def _text(uuid: UUID) -> str:
    """Return the 128-bit text form, lower case, as bleak has it."""
    octets = bytes(uuid)
    if len(octets) == _SHORT_UUID_BYTES:
        return f"0000{octets[::-1].hex()}-0000-1000-8000-00805f9b34fb"
    return uuid.to_hex_str("-").lower()
