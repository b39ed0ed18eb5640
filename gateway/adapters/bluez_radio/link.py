"""One open CTAP link over bleak."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Final, TypeVar

from bleak import BleakClient
from bleak.args.bluez import BlueZClientArgs
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.exc import BleakCharacteristicNotFoundError, BleakError

from gateway.adapters.bluez_radio.bounded import bounded
from gateway.adapters.bluez_radio.faults import link_error
from gateway.adapters.bluez_radio.limits import RadioLimits
from gateway.core.ids import PeerAddress
from gateway.ctap import gatt
from gateway.ctap.advert import clean_name
from gateway.errors import KeyraError, LinkLostError, LinkTimeoutError
from gateway.ports import PeerInfo

_T = TypeVar("_T")

_PERCENT_MAX: Final = 100


class BleakLink:
    """ports.Link over one BleakClient. Made and opened by BleakRadio.connect."""

    def __init__(
        self,
        device: BLEDevice,
        limits: RadioLimits,
        bluez: BlueZClientArgs,
        backend: type[BaseBleakClient] | None,
    ) -> None:
        self._address: Final = PeerAddress(device.address)
        self._limits: Final = limits
        self._client: Final = BleakClient(
            device,
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

    async def connect(self, turns: asyncio.Semaphore) -> None:
        """Connect and encrypt over the bond; raises as ports.Radio.connect."""
        limit_ms = self._limits.connect_ms
        await self._bounded(turns.acquire(), limit_ms, "get a turn")
        try:
            await self._bounded(self._client.connect(), limit_ms, "connect")
        finally:
            turns.release()

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
            return await bounded(work, limit_ms, self._limits.cancel_ms)
        except KeyraError:
            raise
        except TimeoutError as error:
            raise LinkTimeoutError(
                f"{self._address} did not {verb} within {limit_ms} ms: hold the key"
                " closer and touch again."
            ) from error
        except Exception as error:  # bleak raises what D-Bus and its parsers do
            raise link_error(self._address, error, verb) from error
