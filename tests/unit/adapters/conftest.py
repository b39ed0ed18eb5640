"""Virtual time, and bleak backends that fail as a test wants it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import async_solipsism
import pytest
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection

from gateway.ctap import gatt
from tests.bluetoothd import DbusDaemon

KEY = "C0:00:00:00:00:01"


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Real time where real files or sockets are."""
    if "fakes" in getattr(item, "fixturenames", ()):
        return {"virtual": async_solipsism.EventLoop}
    return {"real": asyncio.new_event_loop}


async def for_ever() -> Any:
    await asyncio.get_running_loop().create_future()


class FakeScanner(BaseBleakScanner):
    """Scans nothing; tests speak through `heard`."""

    fault: ClassVar[Exception | None] = None
    hangs: ClassVar[bool] = False
    arguments: ClassVar[dict[str, Any]] = {}
    current: ClassVar["FakeScanner | None"] = None

    def __init__(self, callback: Any, uuids: Any, mode: str, **platform: Any) -> None:
        super().__init__(callback, uuids)
        type(self).arguments = {"uuids": uuids, "mode": mode, **platform}
        type(self).current = self

    async def start(self) -> None:
        if self.hangs:
            await for_ever()
        if self.fault is not None:
            raise self.fault

    async def stop(self) -> None:
        if self.fault is not None:
            raise self.fault

    def heard(self, address: str = KEY, *, uuids: Any = None, **more: Any) -> None:
        data = AdvertisementData(
            local_name=more.get("name"),
            manufacturer_data={},
            service_data={},
            service_uuids=[gatt.FIDO_SERVICE_UUID] if uuids is None else uuids,
            tx_power=None,
            rssi=-50,
            platform_data=more.get("platform", ("/path", {})),
        )
        device = self.create_or_update_device(address, address, None, None, data)
        self.call_detection_callbacks(device, data)


Step = Callable[[], Any]


class FakeClient(BaseBleakClient):
    """A FIDO key in reach; `steps` replaces what an operation does."""

    steps: ClassVar[dict[str, Step]] = {}
    values: ClassVar[dict[str, bytes]] = {}
    made: ClassVar[list["FakeClient"]] = []
    lacks: ClassVar[set[str]] = set()

    def __init__(self, device: Any, **options: Any) -> None:
        self.target = device
        callback, timeout_s = options["disconnected_callback"], options["timeout"]
        super().__init__(device, disconnected_callback=callback, timeout=timeout_s)
        self.wrote: list[tuple[str, bytes, bool]] = []
        self.notify: Any = None
        self.connected = False
        type(self).made.append(self)

    async def _step(self, name: str) -> Any:
        if name in self.steps:
            return await self.steps[name]()
        return None

    @property
    def name(self) -> str:
        return self.address

    @property
    def mtu_size(self) -> int:
        return 100

    @property
    def is_connected(self) -> bool:
        return self.connected

    async def connect(self, pair: bool, **_options: Any) -> None:  # noqa: FBT001 - bleak's signature
        assert not pair  # never by itself
        await self._step("connect")
        self.connected = True
        collection = BleakGATTServiceCollection()
        services = {
            gatt.FIDO_SERVICE_UUID: [
                gatt.CONTROL_POINT_UUID,
                gatt.STATUS_UUID,
                gatt.CONTROL_POINT_LENGTH_UUID,
                gatt.SERVICE_REVISION_BITFIELD_UUID,
            ],
            gatt.DEVICE_INFORMATION_UUID: [gatt.MODEL_NUMBER_UUID],
            gatt.BATTERY_SERVICE_UUID: [gatt.BATTERY_LEVEL_UUID],
        }
        handle = 0
        for uuid, parts in services.items():
            if uuid in self.lacks:
                continue
            handle += 1
            service = BleakGATTService(None, handle, uuid)
            collection.add_service(service)
            for part in set(parts) - self.lacks:
                handle += 1
                collection.add_characteristic(
                    BleakGATTCharacteristic(None, handle, part, [], lambda: 97, service)
                )
        self.services = collection

    async def disconnect(self) -> None:
        await self._step("disconnect")
        self.connected = False

    async def pair(self, *_arguments: Any, **_options: Any) -> None:
        raise AssertionError("the gateway paired by itself")

    async def unpair(self) -> None:
        raise AssertionError("the gateway unpaired by itself")

    async def read_gatt_char(self, characteristic: Any, **_options: Any) -> bytearray:
        await self._step("read")
        honest = {
            gatt.SERVICE_REVISION_BITFIELD_UUID: b"\xe0",
            gatt.CONTROL_POINT_LENGTH_UUID: b"\x00\x40",
            gatt.MODEL_NUMBER_UUID: b"K1\x1b[31m\n",
            gatt.BATTERY_LEVEL_UUID: b"\x37",
        }
        return bytearray({**honest, **self.values}[characteristic.uuid])

    async def write_gatt_char(
        self,
        characteristic: Any,
        data: Any,
        response: bool,  # noqa: FBT001 - bleak's signature
    ) -> None:
        await self._step("write")
        self.wrote.append((characteristic.uuid, bytes(data), response))

    async def start_notify(
        self, characteristic: Any, callback: Any, **_options: Any
    ) -> None:
        assert characteristic.uuid == gatt.STATUS_UUID
        await self._step("notify")
        self.notify = callback

    async def stop_notify(self, characteristic: Any) -> None:
        raise AssertionError(f"nobody stops {characteristic}")

    async def read_gatt_descriptor(self, *_arguments: Any, **_o: Any) -> bytearray:
        raise AssertionError("no descriptor is read")

    async def write_gatt_descriptor(self, *_arguments: Any) -> None:
        raise AssertionError("no descriptor is written")

    def lose(self) -> None:
        assert self._disconnected_callback is not None
        self._disconnected_callback()


Fakes = tuple[type[FakeScanner], type[FakeClient]]


@pytest.fixture
def fakes() -> Fakes:
    """Fresh backend classes: bleak takes classes, and these keep state."""
    scanner = type("Scanner", (FakeScanner,), {})
    state: dict[str, Any] = {"made": [], "steps": {}, "values": {}, "lacks": set()}
    return scanner, type("Client", (FakeClient,), state)


@pytest.fixture
def dbus(tmp_path: Path) -> Iterator[DbusDaemon]:
    """A D-Bus daemon of the test's own, running."""
    daemon = DbusDaemon(tmp_path)
    daemon.start()
    yield daemon
    daemon.kill()
