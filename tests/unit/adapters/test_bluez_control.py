"""Keeping a bluetoothd of our own scanning, and mending it, over a private D-Bus."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from dbus_next.message import Message

from gateway.adapters.bluez_agent import BluezControl, BluezPairing, Bus, control
from gateway.adapters.system_clock import SystemClock
from gateway.config import PairingMethod
from gateway.errors import LinkError
from tests.bluetoothd import (
    ADAPTER_PATH,
    KEY,
    KEY_PATH,
    OTHER_PATH,
    Bluetoothd,
    DbusDaemon,
    People,
    connected,
    started,
)

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed"
    ),
]


class Appliance:
    """One gateway's end of D-Bus, and a bluetoothd that can be replaced."""

    def __init__(self, dbus: DbusDaemon, folder: Path) -> None:
        self.dbus = dbus
        self.rfkill = folder / "rfkill"
        self.rfkill.touch()
        self.bluez: Bluetoothd
        self.bus: Bus
        self.pairing: BluezPairing
        self.control: BluezControl

    async def open(self) -> None:
        self.bluez = await started(self.dbus.address)
        self.bus = await Bus.connect(self.dbus.address)
        methods = tuple(PairingMethod)
        self.pairing = await BluezPairing.open(self.bus, "hci0", methods)
        self.control = BluezControl(
            self.bus, self.pairing, "hci0", SystemClock(), self.rfkill
        )

    async def kill_bluetoothd(self) -> None:
        await Bus(self.bluez.bus).close()

    async def start_bluetoothd(self, **state: Any) -> None:
        self.bluez = await started(self.dbus.address, **state)

    async def fault(self) -> str:
        return (await self.control.health()).fault


@pytest.fixture
async def appliance(dbus: DbusDaemon, tmp_path: Path) -> AsyncIterator[Appliance]:
    appliance = Appliance(dbus, tmp_path)
    await appliance.open()
    yield appliance
    await appliance.kill_bluetoothd()
    await appliance.bus.close()


async def test_an_adapter_that_scans_has_no_fault(appliance: Appliance) -> None:
    assert "stopped scanning" in await appliance.fault()
    await appliance.control.refresh()
    assert await appliance.fault() == ""


async def test_each_refresh_begins_the_scan_anew_and_ends_none(
    appliance: Appliance,
) -> None:
    for number in range(1, 5):
        await appliance.control.refresh()
        assert appliance.bluez.restarts == number
        assert len(appliance.bluez.scanning) == 1
    assert "StopDiscovery" not in appliance.bluez.called
    (chosen,) = appliance.bluez.filters.values()
    assert chosen["Transport"].value == "le"
    assert chosen["DuplicateData"].value is True


async def test_a_scan_that_bluez_could_not_begin_is_asked_for_again(
    appliance: Appliance,
) -> None:
    appliance.bluez.failing["StartDiscovery"] = ("org.bluez.Error.InProgress", "busy")
    await appliance.control.refresh()
    assert not appliance.bluez.scanning
    del appliance.bluez.failing["StartDiscovery"]
    await appliance.control.refresh()
    assert len(appliance.bluez.scanning) == 1


async def test_an_adapter_that_came_back_unseen_is_asked_for_a_scan_again(
    appliance: Appliance,
) -> None:
    await appliance.control.refresh()
    appliance.bluez.scanning.clear()
    await appliance.control.refresh()
    assert len(appliance.bluez.scanning) == 1


async def test_an_adapter_without_power_is_switched_on_again(
    appliance: Appliance,
) -> None:
    await appliance.control.refresh()
    appliance.bluez.powered = False
    assert "switched off" in await appliance.fault()
    with pytest.raises(LinkError, match="hci0 is away"):
        await appliance.control.refresh()
    await appliance.control.power_cycle()
    await appliance.control.refresh()
    assert await appliance.fault() == ""


async def test_an_adapter_pulled_out_and_put_back(appliance: Appliance) -> None:
    await appliance.control.refresh()
    appliance.bluez.there = False
    assert "hci0 is away" in await appliance.fault()
    for mend in (appliance.control.power_cycle, appliance.control.reset):
        with pytest.raises(LinkError):
            await mend()
    appliance.bluez.there = True
    appliance.bluez.powered = False  # as BlueZ finds it
    appliance.bluez.scanning.clear()
    await appliance.control.power_cycle()
    await appliance.control.refresh()
    assert await appliance.fault() == ""


async def test_a_bluetoothd_that_was_killed_gets_agent_and_scan_again(
    appliance: Appliance,
) -> None:
    await appliance.control.refresh()
    before = await appliance.control.health()
    await appliance.kill_bluetoothd()
    assert "is away" in await appliance.fault()
    with pytest.raises(LinkError):
        await appliance.control.refresh()
    await appliance.start_bluetoothd(powered=True)
    after = await appliance.control.health()
    assert after.life != before.life
    assert appliance.bluez.agent is not None
    await appliance.control.refresh()
    assert await appliance.fault() == ""
    assert (await appliance.pairing.pair(KEY, People())).address == KEY


async def test_a_d_bus_that_is_restarted_is_joined_again(
    appliance: Appliance,
) -> None:
    await appliance.control.refresh()
    before = await appliance.control.health()
    appliance.dbus.kill()
    assert "cannot be reached" in await appliance.fault() or await appliance.fault()
    with pytest.raises(LinkError):
        await appliance.pairing.bonds()
    await appliance.kill_bluetoothd()
    appliance.dbus.start()
    await appliance.start_bluetoothd(powered=True)
    await appliance.control.refresh()
    after = await appliance.control.health()
    assert (after.fault, after.life != before.life) == ("", True)
    # The agent answers on the new connection too.
    assert (await appliance.pairing.pair(KEY, People())).method == "numeric-comparison"


async def test_a_bluetoothd_that_hangs_is_a_fault_in_time(
    appliance: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Bus.call

    async def hurried(self: Bus, *arguments: Any, **options: Any) -> list[Any]:
        return await slow(self, *arguments, **{**options, "within_ms": 50})

    monkeypatch.setattr(Bus, "call", hurried)
    appliance.bluez.silent = {"GetAll", "SetDiscoveryFilter"}
    assert "did not answer GetAll" in await appliance.fault()
    with pytest.raises(LinkError, match="did not answer SetDiscoveryFilter"):
        await appliance.control.refresh()


async def test_a_probe_hears_what_is_no_key_too(appliance: Appliance) -> None:
    await appliance.control.refresh()

    async def street() -> None:
        while True:
            await asyncio.sleep(0.02)
            await appliance.bluez.advert(OTHER_PATH)

    noise = asyncio.create_task(street())
    assert await appliance.control.probe()
    noise.cancel()
    (chosen,) = appliance.bluez.filters.values()
    assert len(chosen["UUIDs"].value) > 0  # keys only, as before


async def test_a_probe_in_an_empty_air_hears_nothing(
    appliance: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PROBE_MS", 50)
    assert not await appliance.control.probe()
    await appliance.bluez.advert(KEY_PATH)
    await appliance.bluez.changed(ADAPTER_PATH, "org.bluez.Adapter1", {})
    assert not await appliance.control.probe()
    await appliance.kill_bluetoothd()
    with pytest.raises(LinkError):
        await appliance.control.probe()


async def test_a_reset_blocks_and_unblocks_all_bluetooth(appliance: Appliance) -> None:
    fifo = appliance.rfkill
    await appliance.control.reset()
    # struct rfkill_event: index, type Bluetooth, change all, soft, hard.
    assert fifo.read_bytes() == bytes((0, 0, 0, 0, 2, 3, 0, 0))
    assert appliance.bluez.powered
    fifo.unlink()
    with pytest.raises(LinkError, match="let the gateway's user write to it"):
        await appliance.control.reset()


async def test_systemd_is_asked_to_restart_bluetoothd(appliance: Appliance) -> None:
    with pytest.raises(LinkError, match=r"bluetooth\.service"):
        await appliance.control.restart_service()
    asked: list[list[str]] = []
    systemd = await connected(appliance.dbus.address)

    def heard(call: Message) -> Message | bool:
        if call.member != "RestartUnit":
            return False
        asked.append(call.body)
        return Message.new_method_return(call, "o", ["/job/1"])

    systemd.add_message_handler(heard)
    await systemd.request_name("org.freedesktop.systemd1")
    await appliance.control.restart_service()
    assert asked == [["bluetooth.service", "replace"]]
    await Bus(systemd).close()
