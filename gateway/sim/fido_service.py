"""The GATT side of a simulated key: FIDO service, device information, battery.

Every FIDO attribute wants an encrypted link, the CCCD included, which Bumble leaves
open by itself. Requests arrive whole; answers leave as fragments (CTAP 2.2 §11.4).
"""

import struct
from collections.abc import Callable
from typing import Final

from bumble.att import ATT_Error, ATT_Handle_Value_Notification, ErrorCode
from bumble.core import UUID
from bumble.device import Connection, Device
from bumble.gatt import (
    GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
    Characteristic,
    CharacteristicValue,
    Descriptor,
    Service,
)

from gateway.ctap.framing import (
    TO_KEY,
    BleError,
    Frame,
    FrameCommand,
    Reassembler,
    fragment,
)
from gateway.ctap.gatt import (
    BATTERY_LEVEL_UUID,
    BATTERY_SERVICE_UUID,
    CONTROL_POINT_BYTES_MAX,
    CONTROL_POINT_BYTES_MIN,
    CONTROL_POINT_LENGTH_UUID,
    CONTROL_POINT_UUID,
    DEVICE_INFORMATION_UUID,
    FIDO_SERVICE_UUID,
    FIRMWARE_REVISION_UUID,
    MANUFACTURER_NAME_UUID,
    MODEL_NUMBER_UUID,
    SERVICE_REVISION_BITFIELD_UUID,
    STATUS_UUID,
    Revision,
    packet_bytes_max,
)
from gateway.errors import FramingError
from gateway.sim.authenticator import REQUEST_BYTES_MAX

MANUFACTURER: Final = "KEYRA"
MODEL: Final = "K1"
FIRMWARE: Final = "1.0.0"

_READ: Final = Characteristic.READABLE | Characteristic.READ_REQUIRES_ENCRYPTION
_WRITE: Final = Characteristic.WRITEABLE | Characteristic.WRITE_REQUIRES_ENCRYPTION
_NOTIFY_BIT: Final = 1

OnFrame = Callable[[Connection, Frame], None]


class FidoService:
    """What a central finds on the key. Speaks to one central at a time."""

    def __init__(
        self,
        device: Device,
        on_frame: OnFrame,
        battery_percent: Callable[[], int],
        control_point_bytes: int = CONTROL_POINT_BYTES_MAX,
    ) -> None:
        """Add the services to a device.

        Args:
            device: not yet powered on.
            on_frame: told each whole PING, MSG and CANCEL.
            battery_percent: read on demand.
            control_point_bytes: fidoControlPointLength, 20 to 512.
        """
        self._device: Final = device
        self._on_frame: Final = on_frame
        self._control_point_bytes: Final = control_point_bytes
        self._selected = False
        self._reassembler = self._fresh_reassembler()
        cccd = Descriptor(
            GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
            _READ | _WRITE,
            CharacteristicValue(read=self._read_cccd, write=self._write_cccd),
        )
        self._status: Final[Characteristic[bytes]] = Characteristic(
            STATUS_UUID, Characteristic.Properties.NOTIFY, _READ, b"", [cccd]
        )
        level = CharacteristicValue[bytes](
            read=lambda _connection: bytes((battery_percent(),))
        )
        information = [
            _readable(MANUFACTURER_NAME_UUID, MANUFACTURER.encode()),
            _readable(MODEL_NUMBER_UUID, MODEL.encode()),
            _readable(FIRMWARE_REVISION_UUID, FIRMWARE.encode()),
        ]
        for uuid, characteristics in (
            (FIDO_SERVICE_UUID, self._fido_characteristics()),
            (DEVICE_INFORMATION_UUID, information),
            (BATTERY_SERVICE_UUID, [_readable(BATTERY_LEVEL_UUID, level)]),
        ):
            device.add_service(Service(short_uuid(uuid), characteristics))

    def forget_central(self) -> None:
        """Drop what belonged to a connection that ended."""
        self._selected = False
        self._reassembler = self._fresh_reassembler()

    def fragments(
        self, connection: Connection, command: FrameCommand, data: bytes
    ) -> list[bytes]:
        """Cut a frame as this connection's MTU wants it."""
        size = max(CONTROL_POINT_BYTES_MIN, packet_bytes_max(connection.att_mtu))
        return list(fragment(command, data, size))

    def send(self, connection: Connection, command: FrameCommand, data: bytes) -> None:
        """Send a frame to a central that subscribed; else nothing."""
        for piece in self.fragments(connection, command, data):
            self.notify(connection, piece)

    def notify(self, connection: Connection, piece: bytes) -> None:
        """Send raw bytes on fidoStatus to a central that subscribed."""
        server = self._device.gatt_server
        cccd = server.subscribers.get(connection, {}).get(self._status.handle, b"")
        if not cccd or not cccd[0] & _NOTIFY_BIT:
            return
        server.send_gatt_pdu(
            connection,
            bytes(
                ATT_Handle_Value_Notification(
                    attribute_handle=self._status.handle, attribute_value=piece
                )
            ),
        )

    def _fido_characteristics(self) -> list[Characteristic[bytes]]:
        properties = Characteristic.Properties
        revisions = CharacteristicValue(
            read=lambda _connection: bytes((Revision.FIDO2,)), write=self._on_revision
        )
        return [
            Characteristic(
                CONTROL_POINT_UUID,
                properties.WRITE,
                _WRITE,
                CharacteristicValue(write=self._on_control_point),
            ),
            self._status,
            Characteristic(
                CONTROL_POINT_LENGTH_UUID,
                properties.READ,
                _READ,
                struct.pack(">H", self._control_point_bytes),
            ),
            Characteristic(
                SERVICE_REVISION_BITFIELD_UUID,
                properties.READ | properties.WRITE,
                _READ | _WRITE,
                revisions,
            ),
        ]

    def _fresh_reassembler(self) -> Reassembler:
        return Reassembler(REQUEST_BYTES_MAX, TO_KEY, self._control_point_bytes)

    def _read_cccd(self, connection: Connection) -> bytes:
        return self._device.gatt_server.read_cccd(connection, self._status)

    def _write_cccd(self, connection: Connection, value: bytes) -> None:
        self._device.gatt_server.write_cccd(connection, self._status, value)

    def _on_revision(self, _connection: Connection, value: bytes) -> None:
        if value != bytes((Revision.FIDO2,)):
            raise ATT_Error(ErrorCode.VALUE_NOT_ALLOWED)
        self._selected = True

    def _on_control_point(self, connection: Connection, value: bytes) -> None:
        if not self._selected:
            error = bytes((BleError.INVALID_CMD,))
            self.send(connection, FrameCommand.ERROR, error)
            return
        try:
            frame = self._reassembler.feed(bytes(value))
        except FramingError as error:
            self.send(connection, FrameCommand.ERROR, bytes((error.ble_error,)))
            return
        if frame is not None:
            self._on_frame(connection, frame)


def short_uuid(text: str) -> UUID:
    """Return an assigned number in its 16-bit form, as real keys have it on air."""
    return UUID.from_16_bits(int(text[4:8], 16))


def _readable(
    uuid: str, value: bytes | CharacteristicValue[bytes]
) -> Characteristic[bytes]:
    return Characteristic(
        short_uuid(uuid), Characteristic.Properties.READ, Characteristic.READABLE, value
    )
