"""BleakRadio against bleak backends that fail in every way that BlueZ is known to."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from gateway.adapters.bluez_radio import BleakLink, BleakRadio, NoOtherScan, RadioLimits
from gateway.core.ids import PeerAddress
from gateway.ctap import gatt
from gateway.errors import (
    BondMissingError,
    KeyraError,
    LinkError,
    LinkLostError,
    LinkTimeoutError,
    ServiceError,
)
from gateway.sim.clock import SimulatedClock

KEY = PeerAddress("C0:00:00:00:00:01")
LIMITS = RadioLimits(sightings_max=3, fragments_max=4)


async def bonded(address: PeerAddress) -> str | None:
    return f"/org/bluez/hci0/dev_{address}"


async def for_ever() -> Any:
    await asyncio.get_running_loop().create_future()


Fakes = Any
Step = Callable[[], Any]


def radio_of(fakes: Fakes, **options: Any) -> BleakRadio:
    return BleakRadio(
        SimulatedClock(0),
        options.pop("bonded", bonded),
        limits=LIMITS,
        scanner_backend=fakes[0],
        client_backend=fakes[1],
        **options,
    )


def failing(error: BaseException) -> Step:
    async def step() -> None:
        raise error

    return step


# Scanning.


async def test_bluez_is_asked_for_each_fido_advert(
    fakes: Fakes,
) -> None:
    radio = radio_of(fakes, adapter="hci1")
    async with aclosing(radio.sightings()) as scan:
        asking = asyncio.ensure_future(anext(scan))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        current = fakes[0].current
        assert current is not None
        current.heard(name="K\u202eEY")
        seen = await asking
    assert (seen.address, seen.advert.name) == (KEY, "KEY")
    assert fakes[0].arguments["uuids"] == [gatt.FIDO_SERVICE_UUID]
    assert fakes[0].arguments["bluez"] == {
        "adapter": "hci1",
        "filters": {"Transport": "le", "DuplicateData": True},
    }


async def test_the_newest_sightings_are_kept_and_strange_adverts_are_not(
    fakes: Fakes,
) -> None:
    async with aclosing(radio_of(fakes).sightings()) as scan:
        asking = asyncio.ensure_future(anext(scan))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        current = fakes[0].current
        assert current is not None
        current.heard(uuids=["0000180f-0000-1000-8000-00805f9b34fb"])
        flags = {"AdvertisingFlags": b"\x02"}
        for number in range(9):
            current.heard(f"C0:00:00:00:00:0{number}", platform=("/p", flags))
        seen = [await asking, await anext(scan), await anext(scan)]
        assert [sighting.address[-1] for sighting in seen] == ["6", "7", "8"]
        assert all(sighting.advert.pairing for sighting in seen)


@pytest.mark.parametrize(
    "fault",
    [
        BleakError("no powered adapter"),
        BleakDBusError("org.bluez.Error.InProgress", []),
        BleakBluetoothNotAvailableError(
            "none", BleakBluetoothNotAvailableReason.NO_BLUETOOTH
        ),
        OSError("no system bus"),
        EOFError(),
    ],
)
async def test_a_scan_that_cannot_start_is_a_link_error_and_can_be_tried_again(
    fakes: Fakes, fault: Exception
) -> None:
    radio = radio_of(fakes)
    for _ in range(2):
        fakes[0].fault = fault
        with pytest.raises(LinkError, match="adapter"):
            await anext(radio.sightings())


async def test_a_scan_that_hangs_is_given_up(fakes: Fakes) -> None:
    fakes[0].hangs = True
    async with asyncio.timeout(60):
        with pytest.raises(LinkError):
            await anext(radio_of(fakes).sightings())


# Connecting.


async def test_opening_selects_fido2_alone_and_subscribes(fakes: Fakes) -> None:
    link = await radio_of(fakes).connect(KEY)
    (client,) = fakes[1].made
    assert client.wrote == [(gatt.SERVICE_REVISION_BITFIELD_UUID, b"\x20", True)]
    assert link.fragment_bytes_max == 0x40
    await link.write(b"\x83\x00\x01\x04")
    assert client.wrote[-1] == (
        gatt.CONTROL_POINT_UUID,
        b"\x83\x00\x01\x04",
        True,
    )
    client.notify(bytearray(b"one"))
    client.notify(bytearray(b"two"))
    client.lose()
    assert [await link.read(), await link.read()] == [b"one", b"two"]
    with pytest.raises(LinkLostError):
        await link.read()


async def test_bleak_is_told_the_bonded_object_and_looks_for_nothing(
    fakes: Fakes,
) -> None:
    await radio_of(fakes).connect(KEY)
    (made,) = fakes[1].made
    assert made.target.address == KEY
    assert made.target.details == {"path": await bonded(KEY)}


async def test_a_bond_that_breaks_while_it_is_read_is_said(fakes: Fakes) -> None:
    asked = 0

    async def breaking(address: PeerAddress) -> str | None:
        nonlocal asked
        asked += 1
        return await bonded(address) if asked == 1 else None

    fakes[1].steps["read"] = for_ever
    with pytest.raises(BondMissingError, match="broke while it was read"):
        await radio_of(fakes, bonded=breaking).connect(KEY)
    assert not fakes[1].made[0].connected


class LostScan(NoOtherScan):
    """Another client that cannot be asked for a scan."""

    asked = 0

    async def refresh(self) -> None:
        self.asked += 1
        raise LinkLostError("the bus is away")


async def test_the_scan_is_refreshed_while_connecting(fakes: Fakes) -> None:
    async def slow() -> None:
        await asyncio.sleep(0.1)

    fakes[1].steps["connect"] = slow
    other = LostScan()
    await radio_of(fakes, other=other).connect(KEY)
    assert other.asked == 1


async def test_what_does_not_end_when_called_off_is_left(fakes: Fakes) -> None:
    """Bleak asks a bluetoothd that hangs to disconnect, before it lets go."""
    let_go = asyncio.Event()

    async def stubborn() -> None:
        try:
            await for_ever()
        finally:
            await let_go.wait()

    fakes[1].steps["connect"] = stubborn
    async with asyncio.timeout(30):
        with pytest.raises(LinkTimeoutError):
            await radio_of(fakes).connect(KEY)
    let_go.set()
    await asyncio.sleep(0)


FAULTS: list[tuple[str, BaseException, type[KeyraError]]] = [
    ("connect", BleakDeviceNotFoundError(KEY), LinkLostError),
    ("connect", BleakError("org.bluez.Error.Failed"), LinkLostError),
    (
        "connect",
        BleakDBusError("org.bluez.Error.Failed", ["br-connection-canceled"]),
        BondMissingError,
    ),
    (
        "connect",
        BleakDBusError("org.bluez.Error.Failed", ["le-connection-abort-by-local"]),
        LinkLostError,
    ),
    (
        "connect",
        BleakDBusError("org.bluez.Error.AuthenticationFailed", []),
        BondMissingError,
    ),
    ("connect", EOFError(), LinkLostError),
    ("connect", TimeoutError(), LinkTimeoutError),
    (
        "read",
        BleakGATTProtocolError(BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION),
        BondMissingError,
    ),
    (
        "read",
        BleakGATTProtocolError(BleakGATTProtocolErrorCode.UNLIKELY_ERROR),
        LinkLostError,
    ),
    ("write", BleakError("gone"), LinkLostError),
    ("notify", OSError("gone"), LinkLostError),
    ("connect", AssertionError("no bus"), LinkLostError),
]


@pytest.mark.parametrize(("step", "fault", "error"), FAULTS)
async def test_each_fault_has_its_name_and_leaves_no_connection(
    fakes: Fakes, step: str, fault: BaseException, error: type[KeyraError]
) -> None:
    fakes[1].steps[step] = failing(fault)
    with pytest.raises(error) as caught:
        await radio_of(fakes).connect(KEY)
    assert type(caught.value) is error
    assert str(caught.value).startswith(KEY)
    assert not any(client.connected for client in fakes[1].made)


@pytest.mark.parametrize("step", ["connect", "read", "write", "notify"])
async def test_what_never_returns_is_given_up(fakes: Fakes, step: str) -> None:
    fakes[1].steps[step] = for_ever
    async with asyncio.timeout(60):
        with pytest.raises(LinkTimeoutError):
            await radio_of(fakes).connect(KEY)
    fakes[1].steps.clear()
    await radio_of(fakes).connect(KEY)


@pytest.mark.parametrize(
    "lacking", [gatt.FIDO_SERVICE_UUID, gatt.CONTROL_POINT_UUID, gatt.STATUS_UUID]
)
async def test_a_peer_without_the_service_is_no_key(fakes: Fakes, lacking: str) -> None:
    fakes[1].lacks = {lacking}
    with pytest.raises(ServiceError):
        await radio_of(fakes).connect(KEY)


@pytest.mark.parametrize(
    ("uuid", "value"),
    [
        (gatt.SERVICE_REVISION_BITFIELD_UUID, b"\x80"),
        (gatt.SERVICE_REVISION_BITFIELD_UUID, b""),
        (gatt.CONTROL_POINT_LENGTH_UUID, b"\x00\x13"),
        (gatt.CONTROL_POINT_LENGTH_UUID, b"\x40"),
    ],
)
async def test_a_peer_that_is_no_fido2_key_is_refused(
    fakes: Fakes, uuid: str, value: bytes
) -> None:
    fakes[1].values = {uuid: value}
    with pytest.raises(ServiceError):
        await radio_of(fakes).connect(KEY)
    assert not fakes[1].made[0].connected


async def test_without_a_bond_no_client_is_made(fakes: Fakes) -> None:
    async def unknown(_address: PeerAddress) -> str | None:
        return None

    with pytest.raises(BondMissingError):
        await radio_of(fakes, bonded=unknown).connect(KEY)
    assert fakes[1].made == []


# Links.


async def _open(fakes: Fakes) -> tuple[BleakLink, Any]:
    link = await radio_of(fakes).connect(KEY)
    return link, fakes[1].made[-1]


async def test_a_flood_ends_the_link_within_its_bound(fakes: Fakes) -> None:
    link, client = await _open(fakes)
    for number in range(100):
        client.notify(bytearray((number,)))
    got = [await link.read() for _ in range(LIMITS.fragments_max)]
    assert got == [b"\x00", b"\x01", b"\x02", b"\x03"]
    with pytest.raises(LinkLostError, match="more than"):
        await link.read()


async def test_companions_are_sanitised_and_may_be_missing(
    fakes: Fakes,
) -> None:
    link, _client = await _open(fakes)
    info = await link.info()
    assert (info.manufacturer, info.model, info.battery_percent) == (
        "",
        "K1 [31m",
        55,
    )
    fakes[1].values = {gatt.BATTERY_LEVEL_UUID: b"\xff"}
    assert (await link.info()).battery_percent is None
    fakes[1].steps["read"] = failing(BleakError("no"))
    assert await link.info() == type(info)()


@pytest.mark.parametrize("step", [failing(BleakError("gone")), for_ever])
async def test_close_never_raises_and_ends(fakes: Fakes, step: Step) -> None:
    link, _client = await _open(fakes)
    fakes[1].steps["disconnect"] = step
    async with asyncio.timeout(60):
        await link.close()


async def test_a_reader_waits_until_something_comes(fakes: Fakes) -> None:
    link, client = await _open(fakes)
    reading = asyncio.ensure_future(link.read())
    await asyncio.sleep(10)
    assert not reading.done()
    client.notify(bytearray(b"late"))
    assert await reading == b"late"
