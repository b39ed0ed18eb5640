"""The radio as bleak sees it: BlueZ on an appliance, the simulated air elsewhere.

Whichever it is, this is the same code: the simulator hands in two bleak backend classes
and speaks in BlueZ's own errors. What bleak or BlueZ can raise or hang on ends here, as
one of the gateway's link errors within a named time.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZClientArgs, BlueZScannerArgs
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import (
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from gateway.core.ids import PeerAddress
from gateway.ctap import gatt
from gateway.ctap.advert import clean_name, parse_advert
from gateway.errors import (
    AdvertError,
    BondMissingError,
    KeyraError,
    LinkError,
    LinkLostError,
    LinkTimeoutError,
    ServiceError,
)
from gateway.ports import Clock, PeerInfo, Sighting

Bonded = Callable[[PeerAddress], Awaitable[bool]]
"""Tells whether this side holds a bond with an identity address."""

_T = TypeVar("_T")

_PERCENT_MAX: Final = 100

# BlueZ's words for a peer that answered the encryption request with "key missing".
_BOND_WORDS: Final = ("br-connection-canceled", "le-connection-key-missing")
_BOND_NAMES: Final = frozenset(
    {"org.bluez.Error.AuthenticationFailed", "org.bluez.Error.NotPermitted"}
)
_BOND_CODES: Final = frozenset(
    {
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
    }
)


@dataclass(frozen=True, slots=True)
class RadioLimits:
    """How long each thing may take, and how much may pile up.

    Attributes:
        scan_start_ms: start or stop of a scan.
        connect_ms: waiting for the turn, connecting, and encrypting over the bond.
        open_ms: reading the FIDO service and subscribing.
        operation_ms: one write or read on an open link.
        close_ms: a disconnection.
        sightings_max: adverts not yet consumed; the oldest go first.
        fragments_max: fragments not yet consumed; one more ends the link.
        devices_max: peers remembered from their adverts.
    """

    scan_start_ms: int = 5_000
    connect_ms: int = 5_000
    open_ms: int = 5_000
    operation_ms: int = 3_000
    close_ms: int = 3_000
    sightings_max: int = 256
    fragments_max: int = 512
    devices_max: int = 1_024


class BleakRadio:
    """ports.Radio over bleak. The adapter that the backend classes name is its own."""

    def __init__(
        self,
        clock: Clock,
        bonded: Bonded,
        *,
        limits: RadioLimits = RadioLimits(),
        adapter: str | None = None,
        scanner_backend: type[BaseBleakScanner] | None = None,
        client_backend: type[BaseBleakClient] | None = None,
    ) -> None:
        """Prepare; nothing is started.

        Args:
            clock: stamps the sightings.
            bonded: asked before each connection.
            limits: times and sizes.
            adapter: BlueZ's name for the adapter, such as "hci0"; None for its default.
            scanner_backend: bleak scanner class to use instead of BlueZ's.
            client_backend: bleak client class to use instead of BlueZ's.
        """
        self._clock: Final = clock
        self._bonded: Final = bonded
        self._limits: Final = limits
        self._scanner_backend: Final = scanner_backend
        self._client_backend: Final = client_backend
        # Without DuplicateData BlueZ swallows a second touch of the same key.
        self._scanner_args = BlueZScannerArgs(filters={"DuplicateData": True})
        self._client_args = BlueZClientArgs()
        if adapter is not None:
            self._scanner_args["adapter"] = self._client_args["adapter"] = adapter
        self._turn: Final = asyncio.Lock()  # a controller has one pending connection
        self._devices: Final[OrderedDict[PeerAddress, BLEDevice]] = OrderedDict()
        self._scanning = False

    async def sightings(self) -> AsyncGenerator[Sighting, None]:
        """Scan until the iterator is closed; see ports.Radio."""
        if self._scanning:
            raise LinkError("A scan is already running: one at a time.")
        heard: deque[Sighting] = deque(maxlen=self._limits.sightings_max)
        arrived = asyncio.Event()

        def on_advert(device: BLEDevice, data: AdvertisementData) -> None:
            if (sighting := self._sighting(device, data)) is not None:
                heard.append(sighting)
                arrived.set()

        scanner = BleakScanner(
            on_advert,
            [gatt.FIDO_SERVICE_UUID],
            "active",
            bluez=self._scanner_args,
            backend=self._scanner_backend,
        )
        self._scanning = True
        try:
            await self._scan(scanner.start(), "start")
            while True:
                await arrived.wait()
                arrived.clear()
                while heard:
                    yield heard.popleft()
        finally:
            self._scanning = False
            with suppress(LinkError):
                await self._scan(scanner.stop(), "stop")

    async def connect(self, address: PeerAddress) -> "BleakLink":
        """Connect over the existing bond; see ports.Radio."""
        if not await self._bonded(address):
            raise BondMissingError(
                f"There is no bond with {address}: pair the key again at enrolment."
            )
        link = BleakLink(
            address,
            self._devices.get(address),
            self._limits,
            self._client_args,
            self._client_backend,
        )
        try:
            await link.connect(self._turn)
            await link.open()
        except BaseException:
            await link.close()
            raise
        return link

    async def _scan(self, work: Coroutine[None, None, None], verb: str) -> None:
        try:
            async with asyncio.timeout(self._limits.scan_start_ms / 1000):
                await work
        except (BleakError, OSError, EOFError) as error:  # TimeoutError is an OSError
            raise LinkError(
                f"The scan did not {verb} ({clean_name(str(error), 80)}): check the"
                " Bluetooth adapter and its service."
            ) from error

    def _sighting(self, device: BLEDevice, data: AdvertisementData) -> Sighting | None:
        try:
            advert = parse_advert(
                data.service_uuids,
                data.service_data,
                flags=_flags(data.platform_data),
                local_name=data.local_name,
            )
        except AdvertError:
            return None
        address = PeerAddress(device.address.upper())
        self._devices[address] = device
        self._devices.move_to_end(address)
        while len(self._devices) > self._limits.devices_max:
            self._devices.popitem(last=False)
        return Sighting(address, advert, data.rssi, self._clock.now().up_ms)


class BleakLink:
    """ports.Link over one BleakClient. Made and opened by BleakRadio.connect."""

    def __init__(
        self,
        address: PeerAddress,
        device: BLEDevice | None,
        limits: RadioLimits,
        bluez: BlueZClientArgs,
        backend: type[BaseBleakClient] | None,
    ) -> None:
        self._address: Final = address
        self._limits: Final = limits
        self._client: Final = BleakClient(
            address if device is None else device,
            self._on_lost,
            timeout=limits.connect_ms / 1000,
            bluez=bluez,
            backend=backend,
        )
        self._fragments: Final[deque[bytes]] = deque()
        self._stirred: Final = asyncio.Event()
        self._lost = False
        self._flooded = False
        self._fragment_bytes_max = gatt.CONTROL_POINT_BYTES_MIN

    @property
    def fragment_bytes_max(self) -> int:
        """Largest fragment that fits the control point and one ATT packet (20-512)."""
        return self._fragment_bytes_max

    async def connect(self, turn: asyncio.Lock) -> None:
        """Connect and encrypt, one peer at a time; raises as ports.Radio.connect."""

        async def in_turn() -> None:
            async with turn:
                await self._client.connect()

        await self._bounded(in_turn(), self._limits.connect_ms, "connect")

    async def open(self) -> None:
        """Select FIDO2, learn the fragment size and subscribe to fidoStatus.

        Raises:
            LinkError, WireError: as ports.Radio.connect says.
        """
        await self._bounded(self._open(), self._limits.open_ms, "open its FIDO service")

    async def write(self, fragment: bytes) -> None:
        """Write one fragment; see ports.Link."""
        write = self._client.write_gatt_char
        await self._bounded(
            write(gatt.CONTROL_POINT_UUID, fragment, response=True),
            self._limits.operation_ms,
            "take a fragment",
        )

    async def read(self) -> bytes:
        """Return the next fragment; see ports.Link."""
        while not self._fragments:
            if self._flooded:
                raise LinkLostError(
                    f"{self._address} sent more than it was asked for: disconnected."
                )
            if self._lost:
                raise LinkLostError(
                    f"{self._address} went away: hold the key closer and touch again."
                )
            self._stirred.clear()
            await self._stirred.wait()
        return self._fragments.popleft()

    async def info(self) -> PeerInfo:
        """Read the companion services; see ports.Link."""
        level = await self._optional(gatt.BATTERY_SERVICE_UUID, gatt.BATTERY_LEVEL_UUID)
        percent = level[0] if len(level) == 1 and level[0] <= _PERCENT_MAX else None
        return PeerInfo(
            manufacturer=await self._text(gatt.MANUFACTURER_NAME_UUID),
            model=await self._text(gatt.MODEL_NUMBER_UUID),
            firmware=await self._text(gatt.FIRMWARE_REVISION_UUID),
            battery_percent=percent,
        )

    async def close(self) -> None:
        """Disconnect; never raises."""
        with suppress(KeyraError):
            await self._bounded(
                self._client.disconnect(), self._limits.close_ms, "disconnect"
            )

    def _on_lost(self, _client: BleakClient) -> None:
        self._lost = True
        self._stirred.set()

    def _on_fragment(self, _source: object, fragment: bytearray) -> None:
        if len(self._fragments) >= self._limits.fragments_max:
            self._flooded = True
        if not self._flooded:
            self._fragments.append(bytes(fragment))
        self._stirred.set()

    async def _open(self) -> None:
        offered = await self._client.read_gatt_char(gatt.SERVICE_REVISION_BITFIELD_UUID)
        await self._client.write_gatt_char(
            gatt.SERVICE_REVISION_BITFIELD_UUID,
            gatt.select_revision(bytes(offered)),
            response=True,
        )
        length = gatt.parse_control_point_length(
            bytes(await self._client.read_gatt_char(gatt.CONTROL_POINT_LENGTH_UUID))
        )
        services = self._client.services
        control_point = services.get_characteristic(gatt.CONTROL_POINT_UUID)
        if control_point is None:
            raise BleakCharacteristicNotFoundError(gatt.CONTROL_POINT_UUID)
        packet_bytes = control_point.max_write_without_response_size
        self._fragment_bytes_max = max(
            gatt.CONTROL_POINT_BYTES_MIN, min(length, packet_bytes)
        )
        await self._client.start_notify(gatt.STATUS_UUID, self._on_fragment)

    async def _text(self, uuid: str) -> str:
        return clean_name(await self._optional(gatt.DEVICE_INFORMATION_UUID, uuid))

    async def _optional(self, service: str, uuid: str) -> bytes:
        """Read what a key may lack; what is missing or refused is empty."""
        try:
            found = self._client.services.get_service(service)
            characteristic = found.get_characteristic(uuid) if found else None
            if characteristic is None:
                return b""
            return bytes(
                await self._bounded(
                    self._client.read_gatt_char(characteristic),
                    self._limits.operation_ms,
                    "tell what it is",
                )
            )
        except (BleakError, KeyraError):
            return b""

    async def _bounded(
        self, work: Coroutine[None, None, _T], limit_ms: int, verb: str
    ) -> _T:
        """Run one bleak call within its time and in the gateway's own errors."""
        try:
            async with asyncio.timeout(limit_ms / 1000):
                return await work
        except TimeoutError as error:
            raise LinkTimeoutError(
                f"{self._address} did not {verb} within {limit_ms} ms: hold the key"
                " closer and touch again."
            ) from error
        except (BleakError, OSError, EOFError) as error:
            raise _link_error(self._address, error, verb) from error


def _link_error(address: PeerAddress, error: Exception, verb: str) -> KeyraError:
    """Name what went wrong, from what bleak and BlueZ say."""
    if isinstance(error, BleakCharacteristicNotFoundError):
        return ServiceError(
            f"{address} lacks the FIDO service or a part of it: it is no FIDO2 key."
        )
    if _is_bond_lost(error):
        return BondMissingError(
            f"{address} no longer knows this gateway: if its holder did not reset the"
            " key, treat it as an alarm; else forget the bond and enrol the key again."
        )
    return LinkLostError(
        f"{address} went away and did not {verb}"
        f" ({clean_name(str(error), 80) or type(error).__name__}):"
        " hold the key closer and touch again."
    )


def _is_bond_lost(error: Exception) -> bool:
    if isinstance(error, BleakGATTProtocolError):
        return error.code in _BOND_CODES
    if isinstance(error, BleakDBusError):
        return error.dbus_error in _BOND_NAMES or any(
            word in (error.dbus_error_details or "") for word in _BOND_WORDS
        )
    return False


def _flags(platform_data: tuple[object, ...]) -> int | None:
    """Return the AD flags where BlueZ tells them: (object path, Device1 properties)."""
    properties = platform_data[1] if len(platform_data) > 1 else None
    if not isinstance(properties, dict):
        return None
    flags = properties.get("AdvertisingFlags")
    return flags[0] if isinstance(flags, bytes) and flags else None
