"""Bleak's two backends over a Bumble device, with the habits of BlueZ.

As on BlueZ: a bonded peer is encrypted before anything is read; a peer that lost the
key shows up as `br-connection-canceled`; the GATT table of a bonded peer is remembered;
the AD flags stand in `platform_data`. So what is written for BlueZ runs on this.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, ClassVar, Final, Literal, TypeVar

from bleak.args import SizedBuffer
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDBusError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble.att import ATT_Error
from bumble.core import BaseBumbleError
from bumble.core import TimeoutError as BumbleTimeoutError
from bumble.device import Connection, Device, Peer
from bumble.hci import (
    Address,
    HCI_Error,
    HCI_ErrorCode,
    HCI_LE_Create_Connection_Cancel_Command,
    OwnAddressType,
)

from gateway.sim.bumble_faults import RadioGoneError, uncancelled
from gateway.sim.gatt_table import Table, discover
from gateway.sim.quick_host import QuickHost, Report

ATT_MTU: Final = 517  # 512 bytes of value, and the headers
TABLES_MAX: Final = 1_024

_CCCD_UUID: Final = normalize_uuid_str("2902")
_NOTIFY: Final = b"\x01\x00"
_OFF: Final = b"\x00\x00"
_LOST_KEY: Final = frozenset(
    {
        HCI_ErrorCode.PIN_OR_KEY_MISSING_ERROR,
        HCI_ErrorCode.AUTHENTICATION_FAILURE_ERROR,
        HCI_ErrorCode.CONNECTION_TERMINATED_DUE_TO_MIC_FAILURE_ERROR,
    }
)

_T = TypeVar("_T")


class Central:
    """A simulated adapter: one Bumble device, and what all of its users share."""

    def __init__(self, device: Device, host: QuickHost) -> None:
        """Take a powered device that has a key store, and its host."""
        self.device: Final = device
        self.host: Final = host
        self.tables: Final[OrderedDict[str, Table]] = OrderedDict()
        self._turn: Final = asyncio.Lock()  # HCI knows one pending connection

    async def connect(self, address: str, timeout_s: float) -> Connection:
        """Connect to a peer that advertises.

        Raises:
            TimeoutError: it does not.
            BleakError: the attempt failed.
        """
        try:
            async with self._turn:
                return await self._connect(address, timeout_s)
        except BumbleTimeoutError as error:
            raise TimeoutError(f"{address} did not answer.") from error
        except (BaseBumbleError, RadioGoneError) as error:
            raise BleakError(f"The connection failed: {error}") from error

    async def _connect(self, address: str, timeout_s: float) -> Connection:
        try:
            with uncancelled():
                return await self.device.connect(
                    Address(address),
                    own_address_type=OwnAddressType.RANDOM,
                    timeout=timeout_s,
                )
        except asyncio.CancelledError:
            await self._abandon(address)
            raise

    async def _abandon(self, address: str) -> None:
        """Call off a connection attempt that nobody waits for: Bumble leaves it."""
        with suppress(BaseBumbleError, RadioGoneError):
            await self.device.send_sync_command(
                HCI_LE_Create_Connection_Cancel_Command()
            )
        for connection in list(self.device.connections.values()):
            if connection.peer_address == Address(address):
                await self.hang_up(connection)

    async def hang_up(self, connection: Connection) -> None:
        """Disconnect; a link that is gone already would never say so."""
        if self.device.connections.get(connection.handle) is connection:
            with suppress(BaseBumbleError, RadioGoneError), uncancelled():
                await connection.disconnect()

    async def bonded(self, address: str) -> bool:
        """Tell whether this side holds the key of a bond."""
        store = self.device.keystore
        return store is not None and await store.get(address) is not None

    def remember(self, address: str, table: Table) -> None:
        """Keep a bonded peer's GATT table."""
        self.tables[address] = table
        while len(self.tables) > TABLES_MAX:
            self.tables.popitem(last=False)


async def run(work: Awaitable[_T]) -> _T:
    """Wait for Bumble; its errors come out as bleak's.

    Raises:
        BleakError: whatever went wrong.
    """
    try:
        with uncancelled():
            return await work
    except ATT_Error as error:
        raise BleakGATTProtocolError(int(error.error_code)) from error
    except (BaseBumbleError, RadioGoneError) as error:
        raise BleakError(f"{type(error).__name__}: {error}") from error


class BumbleScanner(BaseBleakScanner):
    """Bleak's scanner on the central that `backends` put in."""

    central: ClassVar[Central]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: Literal["active", "passive"],  # noqa: ARG002 - nothing more to ask for
        **_platform: Any,
    ) -> None:
        """Take what BleakScanner passes; the platforms' own arguments mean nothing."""
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        """Scan, duplicates included."""
        self.seen_devices = {}
        self.central.host.on_report = self._on_report
        await run(
            self.central.device.start_scanning(
                active=False, own_address_type=OwnAddressType.RANDOM
            )
        )
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # Bumble waits with wait_for, which swallows it in Python 3.11 (gh-86296).
            raise asyncio.CancelledError

    async def stop(self) -> None:
        """Stop."""
        self.central.host.on_report = None
        await run(self.central.device.stop_scanning())

    def _on_report(self, report: Report) -> None:
        payload = report.payload
        uuids = list(payload.uuids)
        if not self.is_allowed_uuid(uuids):
            return
        flags = payload.flags
        properties = {} if flags is None else {"AdvertisingFlags": bytes((flags,))}
        heard = AdvertisementData(
            local_name=payload.name,
            manufacturer_data={},
            service_data=dict(payload.service_data),
            service_uuids=uuids,
            tx_power=None,
            rssi=report.rssi_dbm,
            platform_data=(report.address, properties),
        )
        device = self.create_or_update_device(
            report.address, report.address, payload.name, None, heard
        )
        self.call_detection_callbacks(device, heard)


class BumbleClient(BaseBleakClient):
    """Bleak's client on the central that `backends` put in."""

    central: ClassVar[Central]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        services: set[str] | None = None,  # noqa: ARG002 - bleak passes it
        **_platform: Any,
    ) -> None:
        """Take what BleakClient passes; the platforms' own arguments mean nothing."""
        super().__init__(
            address_or_ble_device,
            disconnected_callback=disconnected_callback,
            timeout=timeout,
        )
        self._connection: Connection | None = None
        self._peer: Peer | None = None

    @property
    def name(self) -> str:
        """A name for people."""
        return self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """ATT MTU of the connection."""
        return 23 if self._connection is None else int(self._connection.att_mtu)

    @property
    def is_connected(self) -> bool:
        """Tell whether the connection stands."""
        return self._connection is not None

    async def connect(self, pair: bool, **_kwargs: Any) -> None:  # noqa: FBT001 - bleak's signature
        """Connect, encrypt over the bond if there is one, and learn the services."""
        connection = await self.central.connect(self.address, self._timeout)
        self._connection = connection
        connection.on("disconnection", self._on_disconnection)
        bonded = await self.central.bonded(self.address)
        if bonded:
            await self._encrypt(connection)
        elif pair:
            await self.pair()
        self._peer = Peer(connection)
        await run(self._peer.request_mtu(ATT_MTU))
        table = self.central.tables.get(self.address) if bonded else None
        if table is None:
            table = await run(discover(self._peer))
            if bonded:
                self.central.remember(self.address, table)
        self.services = self._collect(table)

    async def disconnect(self) -> None:
        """Disconnect; no error if that has happened."""
        if self._connection is not None:
            await self.central.hang_up(self._connection)

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:
        """Bond; the pairing delegate of the device decides how."""
        if self._connection is None:
            raise BleakError("Not connected")
        await run(self._connection.pair())

    async def unpair(self) -> None:
        """Forget the bond on this side."""
        if self.central.device.keystore is not None:
            await self.central.device.keystore.delete(self.address)
        self.central.tables.pop(self.address, None)

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, **_kwargs: Any
    ) -> bytearray:
        """Read by handle."""
        return bytearray(await self._read(characteristic.handle))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, **_kwargs: Any
    ) -> bytearray:
        """Read by handle."""
        return bytearray(await self._read(descriptor.handle))

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: SizedBuffer,
        response: bool,  # noqa: FBT001 - bleak's signature
    ) -> None:
        """Write by handle."""
        await self._write(characteristic.handle, bytes(data), response=response)

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write by handle."""
        await self._write(descriptor.handle, bytes(data), response=True)

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **_kwargs: Any,
    ) -> None:
        """Subscribe."""
        client = self._required().gatt_client
        client.notification_subscribers[characteristic.handle] = {
            lambda value: callback(bytearray(value))
        }
        await self._write(_cccd(characteristic), _NOTIFY, response=True)

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe."""
        client = self._required().gatt_client
        client.notification_subscribers.pop(characteristic.handle, None)
        await self._write(_cccd(characteristic), _OFF, response=True)

    async def _encrypt(self, connection: Connection) -> None:
        try:
            await run(connection.encrypt())
        except BleakError as error:
            cause = error.__cause__
            lost_key = isinstance(cause, HCI_Error) and cause.error_code in _LOST_KEY
            await self.disconnect()
            if lost_key:
                # What bluetoothd answers when the peer has no key for the bond.
                raise BleakDBusError(
                    "org.bluez.Error.Failed", ["br-connection-canceled"]
                ) from error
            raise

    async def _read(self, handle: int) -> bytes:
        return await run(self._required().gatt_client.read_value(handle))

    async def _write(self, handle: int, data: bytes, *, response: bool) -> None:
        client = self._required().gatt_client
        await run(client.write_value(handle, data, with_response=response))

    def _required(self) -> Peer:
        if self._peer is None:
            raise BleakError("Not connected")
        return self._peer

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        self._peer = None
        self.services = None
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    def _collect(self, table: Table) -> BleakGATTServiceCollection:
        collection = BleakGATTServiceCollection()
        services: dict[int, BleakGATTService] = {}
        for entry in table:
            handle, uuid = entry.service
            if handle not in services:
                services[handle] = BleakGATTService(None, handle, uuid)
                collection.add_service(services[handle])
            characteristic = BleakGATTCharacteristic(
                None,
                entry.handle,
                entry.uuid,
                list(gatt_char_props_to_strs(entry.properties)),
                lambda: self.mtu_size - 3,
                services[handle],
            )
            collection.add_characteristic(characteristic)
            for descriptor_handle, descriptor_uuid in entry.descriptors:
                collection.add_descriptor(
                    BleakGATTDescriptor(
                        None, descriptor_handle, descriptor_uuid, characteristic
                    )
                )
        return collection


def backends(
    central: Central,
) -> tuple[type[BumbleScanner], type[BumbleClient]]:
    """Return backend classes bound to one adapter: bleak takes classes."""
    scanner = type("BoundScanner", (BumbleScanner,), {"central": central})
    client = type("BoundClient", (BumbleClient,), {"central": central})
    return scanner, client


def _cccd(characteristic: BleakGATTCharacteristic) -> int:
    descriptor = characteristic.get_descriptor(_CCCD_UUID)
    if descriptor is None:
        raise BleakError(f"{characteristic.uuid} has no CCCD.")
    return descriptor.handle
