"""Bleak's own BlueZ backend against a bluetoothd of our own, over a private D-Bus."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from bleak.backends.bluezdbus import manager

from gateway.adapters.bluez_agent import BluezControl, BluezPairing, Bus
from gateway.adapters.bluez_radio import BleakRadio, RadioLimits
from gateway.adapters.system_clock import SystemClock
from gateway.config import PairingMethod
from gateway.errors import BondMissingError, LinkLostError, LinkTimeoutError
from gateway.ports import Sighting
from tests.bluetoothd import KEY, KEY_PATH, Bluetoothd, DbusDaemon, started

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed"
    ),
]

QUICK = RadioLimits(connect_ms=400, open_ms=400, cancel_ms=100, close_ms=200)


class Rig:
    """One radio, and the bluetoothd beneath it."""

    def __init__(
        self, bluez: Bluetoothd, radio: BleakRadio, control: BluezControl
    ) -> None:
        self.bluez = bluez
        self.radio = radio
        self.control = control

    async def sighted(self) -> Sighting:
        """Scan until the key is heard, which advertises meanwhile."""

        async def advertise() -> None:
            while True:
                await asyncio.sleep(0.02)
                await self.bluez.advert(KEY_PATH)

        advertising = asyncio.create_task(advertise())
        try:
            async with aclosing(self.radio.sightings()) as scan:
                return await anext(scan)
        finally:
            advertising.cancel()


@pytest.fixture
async def rig(dbus: DbusDaemon, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", dbus.address)
    bluez = await started(dbus.address, bonded={KEY_PATH})
    bus = await Bus.connect(dbus.address)
    pairing = await BluezPairing.open(bus, "hci0", tuple(PairingMethod))
    clock = SystemClock()
    control = BluezControl(bus, pairing, "hci0", clock)
    radio = BleakRadio(
        clock,
        pairing.bonded,
        limits=QUICK,
        adapter="hci0",
        other=control,
    )
    rig = Rig(bluez, radio, control)
    yield rig
    known = manager._global_instances.pop(asyncio.get_running_loop(), None)
    if known is not None and known._bus is not None:
        known._bus.disconnect()
        await known._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast has no types
    await bus.close()
    await Bus(rig.bluez.bus).close()


async def test_a_key_that_is_not_discoverable_is_sighted(rig: Rig) -> None:
    seen = await rig.sighted()
    assert (seen.address, seen.advert.pairing) == (KEY, False)
    assert "SetDiscoveryFilter" in rig.bluez.called
    assert not rig.bluez.scanning  # and the scan has ended


async def test_of_a_scan_and_a_refresh_at_once_neither_goes_unanswered(
    rig: Rig,
) -> None:
    rig.bluez.begin_s = 0.1
    async with asyncio.TaskGroup() as group:
        scan = group.create_task(rig.sighted())
        refreshes = [group.create_task(rig.control.refresh()) for _ in range(3)]
    assert scan.result().address == KEY
    assert all(refresh.done() for refresh in refreshes)
    assert not rig.bluez.unanswered
    assert rig.bluez.called.count("StartDiscovery") == 4


async def test_a_bonded_key_is_connected_written_to_and_heard(rig: Rig) -> None:
    link = await rig.radio.connect(KEY)
    assert link.fragment_bytes_max == 64
    await link.write(b"\x83\x00\x01\x04")
    assert rig.bluez.written == [b"\x20", b"\x83\x00\x01\x04"]
    await rig.bluez.notify(KEY_PATH, b"\x83\x00\x01\x00")
    assert await link.read() == b"\x83\x00\x01\x00"
    await rig.bluez.hang_up(KEY_PATH)
    with pytest.raises(LinkLostError):
        await link.read()
    await link.close()


async def test_an_adapter_that_is_away_is_no_lost_bond(rig: Rig) -> None:
    await (await rig.radio.connect(KEY)).close()
    rig.bluez.there = False
    with pytest.raises(LinkLostError, match="hci0 is away"):
        await rig.radio.connect(KEY)
    rig.bluez.there = True
    await (await rig.radio.connect(KEY)).close()


async def test_a_key_that_lost_its_bond_is_an_alarm_and_no_loop(rig: Rig) -> None:
    rig.bluez.failing["Connect"] = ("org.bluez.Error.Failed", "br-connection-canceled")
    with pytest.raises(BondMissingError, match="treat it as an alarm"):
        await rig.radio.connect(KEY)
    assert rig.bluez.called.count("Connect") == 1
    assert KEY_PATH in rig.bluez.bonded  # nothing is removed by itself


@pytest.mark.parametrize("member", ["Connect", "ReadValue", "StartNotify"])
async def test_a_call_that_never_returns_is_given_up(rig: Rig, member: str) -> None:
    rig.bluez.silent = {member}
    with pytest.raises(LinkTimeoutError):
        await rig.radio.connect(KEY)
    rig.bluez.silent = set()
    await (await rig.radio.connect(KEY)).close()


async def test_nothing_hangs_with_a_bluetoothd_that_hangs(rig: Rig) -> None:
    rig.bluez.silent = {"Connect", "Disconnect"}
    with pytest.raises(LinkTimeoutError):
        await rig.radio.connect(KEY)


async def test_without_a_bond_nothing_is_read(rig: Rig) -> None:
    rig.bluez.bonded.clear()
    with pytest.raises(BondMissingError):
        await rig.radio.connect(KEY)
    assert not {"Connect", "ReadValue", "Pair"} & set(rig.bluez.called)


async def test_a_scan_survives_a_bluetoothd_that_was_killed(
    rig: Rig, dbus: DbusDaemon
) -> None:
    await rig.sighted()
    await Bus(rig.bluez.bus).close()
    rig.bluez = await started(dbus.address, bonded={KEY_PATH}, powered=True)
    assert (await rig.sighted()).address == KEY
    await (await rig.radio.connect(KEY)).close()
