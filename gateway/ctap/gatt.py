"""The FIDO GATT service: identifiers, bounds and timings (CTAP 2.2 §11.4.5–11.4.13)."""

from enum import IntFlag
from typing import Final

from gateway.errors import ServiceError


def _assigned(short: int) -> str:
    """Widen a 16-bit assigned number (Bluetooth Core, Vol 3 Part B §2.5.1)."""
    return f"{short:08x}-0000-1000-8000-00805f9b34fb"


# §11.4.5.1, FIDO service: lower case, as bleak writes them.
FIDO_SERVICE_UUID: Final = _assigned(0xFFFD)
CONTROL_POINT_UUID: Final = "f1d0fff1-deaa-ecee-b42f-c9ba7ed623bb"
STATUS_UUID: Final = "f1d0fff2-deaa-ecee-b42f-c9ba7ed623bb"
CONTROL_POINT_LENGTH_UUID: Final = "f1d0fff3-deaa-ecee-b42f-c9ba7ed623bb"
SERVICE_REVISION_BITFIELD_UUID: Final = "f1d0fff4-deaa-ecee-b42f-c9ba7ed623bb"

# §11.4.5.2, Device Information service; Bluetooth Assigned Numbers §3.4 and §3.8.
DEVICE_INFORMATION_UUID: Final = _assigned(0x180A)
MANUFACTURER_NAME_UUID: Final = _assigned(0x2A29)
MODEL_NUMBER_UUID: Final = _assigned(0x2A24)
FIRMWARE_REVISION_UUID: Final = _assigned(0x2A26)
BATTERY_SERVICE_UUID: Final = _assigned(0x180F)
BATTERY_LEVEL_UUID: Final = _assigned(0x2A19)

CONTROL_POINT_BYTES_MIN: Final = 20  # §11.4.5.1, fidoControlPointLength
CONTROL_POINT_BYTES_MAX: Final = 512
_ATT_HEADER_BYTES: Final = 3  # opcode and handle, Bluetooth Core, Vol 3 Part F §3.4.7

KEEPALIVE_MS: Final = 500  # §11.4.13, kKeepAliveMillis
TRANSMIT_DELAY_MS_MAX: Final = 1500  # §11.4.13, kMaxCommandTransmitDelayMillis
ERROR_WAIT_MS: Final = 2000  # §11.4.13, kErrorWaitMillis


class Revision(IntFlag):
    """Bits of fidoServiceRevisionBitfield (§11.4.5.1)."""

    U2F_1_1 = 0x80
    U2F_1_2 = 0x40
    FIDO2 = 0x20


def select_revision(bitfield: bytes) -> bytes:
    """Return what to write back to fidoServiceRevisionBitfield: the FIDO2 bit alone.

    Args:
        bitfield: the value read; one byte or more, of which the first counts.

    Raises:
        ServiceError: the key speaks no FIDO2.
    """
    if not bitfield or not bitfield[0] & Revision.FIDO2:
        raise ServiceError(
            f"The key's fidoServiceRevisionBitfield is {bitfield[:8].hex() or 'empty'},"
            " which lacks FIDO2 (0x20): this key is too old for this door."
        )
    return bytes((Revision.FIDO2,))


def parse_control_point_length(value: bytes) -> int:
    """Return fidoControlPointLength in bytes (20-512).

    Args:
        value: two bytes, big endian.

    Raises:
        ServiceError: another length, or a value out of the standard's range.
    """
    length = int.from_bytes(value[:2], "big")
    legal = CONTROL_POINT_BYTES_MIN <= length <= CONTROL_POINT_BYTES_MAX
    if len(value) != 2 or not legal:  # noqa: PLR2004 -- a u16
        raise ServiceError(
            f"The key's fidoControlPointLength is {value[:8].hex() or 'empty'},"
            " and the standard demands two bytes, 20 to 512: its firmware is at fault."
        )
    return length


def packet_bytes_max(att_mtu: int) -> int:
    """Return the bytes of a value that fit one ATT packet, at most 512 (§11.4.9).

    Args:
        att_mtu: as negotiated; 23 or more.
    """
    return min(att_mtu - _ATT_HEADER_BYTES, CONTROL_POINT_BYTES_MAX)
