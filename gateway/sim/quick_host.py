"""A Bumble host that reads advertising reports by hand.

They are nearly all that a scanning gateway hears, and Bumble's own parser takes half
a millisecond for each. Everything else goes Bumble's way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from bumble import hci
from bumble.core import AdvertisingData
from bumble.host import Host

_HEAD: Final = bytes((hci.HCI_EVENT_PACKET, hci.HCI_LE_META_EVENT))
_SUBEVENT_AT: Final = 3
_COUNT_AT: Final = 4
_ADDRESS_AT: Final = 8  # after event type and address type
_RSSI_AT: Final = 18
_DATA_LENGTH_AT: Final = 28
_DATA_AT: Final = 29
_PAYLOADS_MAX: Final = 4_096

_UUID_LISTS: Final = frozenset(
    {
        AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
        AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    }
)


@dataclass(frozen=True, slots=True)
class Payload:
    """What an advertisement carries, as far as a scanner here looks.

    Attributes:
        uuids: 16-bit services, in their long form.
        service_data: by service.
        flags: the AD flags, or None.
    """

    uuids: tuple[str, ...]
    service_data: MappingProxyType[str, bytes]
    flags: int | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """One advertisement heard."""

    address: str
    rssi_dbm: int
    payload: Payload


OnReport = Callable[[Report], None]


class QuickHost(Host):
    """Hands advertising reports to `on_report` and the rest to Bumble."""

    on_report: OnReport | None = None

    def on_packet(self, packet: bytes) -> None:
        """Take one packet from the controller."""
        if (
            packet.startswith(_HEAD)
            and packet[_SUBEVENT_AT] == hci.HCI_LE_EXTENDED_ADVERTISING_REPORT_EVENT
            and packet[_COUNT_AT] == 1
            and len(packet) >= _DATA_AT
        ):
            if self.on_report is not None:
                self.on_report(_read(packet))
            return
        super().on_packet(packet)


def _read(packet: bytes) -> Report:
    octets = packet[_ADDRESS_AT : _ADDRESS_AT + 6][::-1]
    rssi_dbm = int.from_bytes(packet[_RSSI_AT : _RSSI_AT + 1], "little", signed=True)
    data = packet[_DATA_AT : _DATA_AT + packet[_DATA_LENGTH_AT]]
    return Report(octets.hex(":").upper(), rssi_dbm, _payload(data))


@lru_cache(_PAYLOADS_MAX)
def _payload(data: bytes) -> Payload:
    """Read AD structures (Core Vol 3 Part C §11); a cut one ends them."""
    uuids: list[str] = []
    service_data: dict[str, bytes] = {}
    flags: int | None = None
    name: str | None = None
    at = 0
    while at + 1 < len(data) and data[at]:
        kind, value = data[at + 1], data[at + 2 : at + 1 + data[at]]
        at += 1 + data[at]
        if kind in _UUID_LISTS:
            uuids += [_uuid(value[i : i + 2]) for i in range(0, len(value) - 1, 2)]
        elif kind == AdvertisingData.SERVICE_DATA_16_BIT_UUID and len(value) > 1:
            service_data[_uuid(value[:2])] = value[2:]
        elif kind == AdvertisingData.FLAGS and value:
            flags = value[0]
        elif kind == AdvertisingData.COMPLETE_LOCAL_NAME:
            name = value.decode(errors="replace")
    return Payload(tuple(uuids), MappingProxyType(service_data), flags, name)


def _uuid(octets: bytes) -> str:
    """Widen a 16-bit assigned number (Core Vol 3 Part B §2.5.1)."""
    return f"0000{octets[::-1].hex()}-0000-1000-8000-00805f9b34fb"
