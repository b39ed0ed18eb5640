"""Scanning and connecting through bleak."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Final, Protocol

from bleak import BleakScanner
from bleak.args.bluez import BlueZClientArgs, BlueZScannerArgs
from bleak.backends.bluezdbus.version import BlueZFeatures
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from gateway.adapters.bluez_radio.bounded import bounded
from gateway.adapters.bluez_radio.limits import RadioLimits
from gateway.adapters.bluez_radio.link import BleakLink
from gateway.core.ids import PeerAddress
from gateway.ctap import gatt
from gateway.ctap.advert import clean_name, parse_advert
from gateway.errors import (
    AdvertError,
    BondMissingError,
    KeyraError,
    LinkError,
    LinkTimeoutError,
)
from gateway.ports import Clock, Sighting

Bonded = Callable[[PeerAddress], Awaitable[str | None]]
"""Tells which object stands for a bonded peer; None where there is no bond."""

Scanning = Coroutine[None, None, None]


class OtherScan(Protocol):
    """The gateway's other discovery client, which refreshes the controller's scan."""

    @property
    def turn(self) -> asyncio.Lock:
        """Held by whoever asks BlueZ for a scan.

        Of two that ask at once it answers the later only, and lets the other neither
        start nor stop any more.
        """

    async def refresh(self) -> None:
        """Have the controller scan anew, at once.

        Asked for while connecting: a controller that hides repeated adverts would keep
        hiding the one that is to be connected to.
        """


class NoOtherScan:
    """Where a scan hides nothing, and nobody else asks for one."""

    def __init__(self) -> None:
        self.turn: Final = asyncio.Lock()

    async def refresh(self) -> None:
        """Do nothing."""


_LIMITS: Final = RadioLimits()


class BleakRadio:
    """ports.Radio over bleak. The adapter that the backend classes name is its own."""

    def __init__(
        self,
        clock: Clock,
        bonded: Bonded,
        *,
        limits: RadioLimits = _LIMITS,
        adapter: str | None = None,
        other: OtherScan | None = None,
        scanner_backend: type[BaseBleakScanner] | None = None,
        client_backend: type[BaseBleakClient] | None = None,
    ) -> None:
        """Prepare; nothing is started.

        Args:
            clock: stamps the sightings.
            bonded: asked before each connection, so that nothing is read without a
                bond: such a read would have BlueZ pair by itself, or never return.
            limits: times and sizes.
            adapter: BlueZ's name for the adapter, such as "hci0"; None for its default.
            other: the discovery client that shares the controller's scan, if any.
            scanner_backend: bleak scanner class to use instead of BlueZ's.
            client_backend: bleak client class to use instead of BlueZ's.
        """
        self._clock: Final = clock
        self._bonded: Final = bonded
        self._limits: Final = limits
        self._other: Final = other or NoOtherScan()
        self._scanner_backend: Final = scanner_backend
        self._client_backend: Final = client_backend
        # With a filter for a service BlueZ reports adverts that are not discoverable,
        # and goes on scanning without a pause. Without DuplicateData it swallows a
        # second touch of the same key (docs/adr: the scan).
        self._scanner_args = BlueZScannerArgs(
            filters={"Transport": "le", "DuplicateData": True}
        )
        self._client_args = BlueZClientArgs()
        if adapter is not None:
            self._scanner_args["adapter"] = self._client_args["adapter"] = adapter
        # Else bleak would ask bluetoothctl, a process, for a version that we require.
        BlueZFeatures.checked_bluez_version = True
        self._turns: Final = asyncio.Semaphore(limits.connects_max)
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
            await self._scan(scanner.start, "start")
            while True:
                await arrived.wait()
                arrived.clear()
                while heard:
                    yield heard.popleft()
        finally:
            self._scanning = False
            with suppress(LinkError):
                await self._scan(scanner.stop, "stop")

    async def connect(self, address: PeerAddress) -> BleakLink:
        """Connect over the existing bond; see ports.Radio."""
        path = await self._bonded(address)
        if path is None:
            raise BondMissingError(
                f"There is no bond with {address}: pair the key again at enrolment."
            )
        link = BleakLink(
            BLEDevice(address, None, {"path": path}),
            self._limits,
            self._client_args,
            self._client_backend,
        )
        try:
            await self._reach(link)
            await self._open(link, address)
        except BaseException:
            await link.close()
            raise
        return link

    async def _reach(self, link: BleakLink) -> None:
        failure: KeyraError | None = None
        async with asyncio.TaskGroup() as group:
            helping = group.create_task(self._help())
            try:
                await link.connect(self._turns)
            except KeyraError as error:
                failure = error
            finally:
                helping.cancel()
        if failure is not None:
            raise failure

    async def _help(self) -> None:
        """Have the advert heard that the connection waits for."""
        with suppress(LinkError):
            await self._other.refresh()

    async def _open(self, link: BleakLink, address: PeerAddress) -> None:
        """Open the service; a read that never returned may mean that the bond broke."""
        try:
            await link.open()
        except LinkTimeoutError:
            if await self._bonded(address) is None:
                raise BondMissingError(
                    f"The bond with {address} broke while it was read: treat it as an "
                    "alarm, and enrol the key again."
                ) from None
            raise

    async def _scan(self, work: Callable[[], Scanning], verb: str) -> None:
        limits = self._limits
        try:
            async with self._other.turn:
                await bounded(work(), limits.scan_start_ms, limits.cancel_ms)
        except Exception as error:  # bleak raises what D-Bus and its parsers do
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
        return Sighting(address, advert, data.rssi, self._clock.now().up_ms)


def _flags(platform_data: tuple[object, ...]) -> int | None:
    """Return the AD flags where BlueZ tells them: (object path, Device1 properties)."""
    properties = platform_data[1] if len(platform_data) > 1 else None
    if not isinstance(properties, dict):
        return None
    flags = properties.get("AdvertisingFlags")
    return flags[0] if isinstance(flags, bytes) and flags else None
