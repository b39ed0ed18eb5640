"""Keeps BlueZ scanning without holes, and mends it: ports.RadioControl.

BlueZ restarts a filtered scan as soon as the kernel ends it, but waits five seconds
after a pairing and ten after a restart that failed, and the controller hides an advert
that it has told once in a scan. So a second discovery client, on this connection,
changes its filter every other second: that has BlueZ restart at once (docs/adr).
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from gateway.adapters.bluez_agent.bus import (
    BLUEZ,
    DBUS,
    PROPERTIES,
    Bus,
    RefusedCallError,
)
from gateway.adapters.bluez_agent.pairing import BluezPairing
from gateway.adapters.bluez_agent.rfkill import DEVICE, set_blocked
from gateway.ctap import gatt
from gateway.errors import KeyraError, LinkError, LinkLostError
from gateway.ports import Clock
from gateway.radio_ports import RadioHealth

PROBE_MS: Final = 3_000
SETTLE_MS: Final = 500
RESTART_MS_MAX: Final = 20_000
UNIT: Final = "bluetooth.service"

_ADAPTER: Final = "org.bluez.Adapter1"
_DEVICE: Final = "org.bluez.Device1"
_SYSTEMD: Final = "org.freedesktop.systemd1"
_IN_PROGRESS: Final = "org.bluez.Error.InProgress"
_HEARD: Final = frozenset({"RSSI", "ServiceData", "ManufacturerData"})
# Nobody advertises it: a reserved value of the Bluetooth Base UUID's short form.
_NOBODY_UUID: Final = "00000000-0000-1000-8000-00805f9b34fb"


class BluezControl:
    """Looks after one adapter; shares the pairing's connection.

    Attributes:
        turn: held while a scan is asked for, by others too.
    """

    def __init__(
        self,
        bus: Bus,
        pairing: BluezPairing,
        adapter: str,
        clock: Clock,
        rfkill: Path = DEVICE,
    ) -> None:
        """Take an open bus; `adapter` is such as hci0."""
        self._clock: Final = clock
        self._bus: Final = bus
        self._pairing: Final = pairing
        self._name: Final = adapter
        self._path: Final = f"/org/bluez/{adapter}"
        self._rfkill: Final = rfkill
        self._odd = False
        self.turn: Final = asyncio.Lock()
        self._sign: asyncio.Event | None = None
        bus.listen(self._overheard)

    async def health(self) -> RadioHealth:
        """Say how bluetoothd and the adapter are; see ports.RadioControl."""
        life = ""
        try:
            life = await self._life()
            await self._pairing.attend()
            known = await self._properties()
        except RefusedCallError as error:
            return RadioHealth(self._refused(error), life)
        except LinkError as error:
            return RadioHealth(str(error), life)
        for name, fault in (
            ("Powered", f"The adapter {self._name} is switched off."),
            ("Discovering", f"The adapter {self._name} has stopped scanning."),
        ):
            if name not in known or not known[name].value:
                return RadioHealth(fault, life)
        return RadioHealth("", life)

    async def refresh(self) -> None:
        """Restart the controller's scan at once; see ports.RadioControl."""
        async with self.turn:
            try:
                await self._refresh([gatt.FIDO_SERVICE_UUID])
            except RefusedCallError as error:
                raise LinkLostError(self._refused(error)) from error

    async def probe(self) -> bool:
        """Scan for everything until anything is heard; see ports.RadioControl."""
        rule = f"type='signal',sender='{BLUEZ}'"
        async with self.turn:
            self._sign = sign = asyncio.Event()
            try:
                await self._match("AddMatch", rule)
                await self._refresh([])
                async with asyncio.timeout(PROBE_MS / 1000):
                    await sign.wait()
            except TimeoutError:
                return False
            except RefusedCallError as error:
                raise LinkLostError(self._refused(error)) from error
            finally:
                self._sign = None
                with suppress(KeyraError, RefusedCallError):
                    await self._match("RemoveMatch", rule)
                with suppress(KeyraError, RefusedCallError):
                    await self._refresh([gatt.FIDO_SERVICE_UUID])
        return True

    async def power_cycle(self) -> None:
        """Switch the adapter off and on; see ports.RadioControl."""
        try:
            with suppress(RefusedCallError):  # what is off already is as good
                await self._power(on=False)
            await self._sleep(SETTLE_MS)
            await self._power(on=True)
        except RefusedCallError as error:
            raise LinkLostError(self._refused(error)) from error

    async def reset(self) -> None:
        """Block and unblock the controller, then switch it on; see ports."""
        set_blocked(self._rfkill, blocked=True)
        try:
            await self._sleep(SETTLE_MS)
        finally:
            set_blocked(self._rfkill, blocked=False)
        await self._sleep(SETTLE_MS)
        try:
            await self._power(on=True)
        except RefusedCallError as error:
            raise LinkLostError(self._refused(error)) from error

    async def restart_service(self) -> None:
        """Ask systemd to restart bluetoothd; see ports.RadioControl."""
        try:
            await self._bus.call(
                "/org/freedesktop/systemd1",
                f"{_SYSTEMD}.Manager",
                "RestartUnit",
                "ss",
                [UNIT, "replace"],
                destination=_SYSTEMD,
                within_ms=RESTART_MS_MAX,
            )
        except RefusedCallError as error:
            raise LinkLostError(
                f"systemd does not restart {UNIT} ({error}): let the gateway's user."
            ) from error

    async def _refresh(self, uuids: list[str]) -> None:
        await self._bus.owner(BLUEZ)  # which may join the bus anew
        # BlueZ compares filters, and restarts only for one that is another.
        self._odd = not self._odd
        if uuids and self._odd:
            uuids = [*uuids, _NOBODY_UUID]
        chosen = {
            "Transport": Variant("s", "le"),
            "DuplicateData": Variant("b", True),
            "UUIDs": Variant("as", uuids),
        }
        await self._adapter("SetDiscoveryFilter", "a{sv}", [chosen])
        # Each time: an adapter that went and came back has forgotten who asked. So has
        # a BlueZ that could not begin, which answers as if it went on: in progress.
        try:
            await self._adapter("StartDiscovery")
        except RefusedCallError as error:
            if error.name != _IN_PROGRESS:
                raise

    async def _adapter(
        self, member: str, signature: str = "", body: list[Any] | None = None
    ) -> None:
        await self._bus.call(self._path, _ADAPTER, member, signature, body or [])

    async def _power(self, *, on: bool) -> None:
        switch = [_ADAPTER, "Powered", Variant("b", on)]
        await self._bus.call(self._path, PROPERTIES, "Set", "ssv", switch)

    async def _sleep(self, span_ms: int) -> None:
        await self._clock.sleep_until(self._clock.now().up_ms + span_ms)

    async def _properties(self) -> dict[str, Variant]:
        (known,) = await self._bus.call(
            self._path, PROPERTIES, "GetAll", "s", [_ADAPTER]
        )
        return dict(known)

    async def _life(self) -> str:
        owner = await self._bus.owner(BLUEZ)
        return f"{self._bus.name} {owner}"

    async def _match(self, member: str, rule: str) -> None:
        await self._bus.call(
            "/org/freedesktop/DBus", DBUS, member, "s", [rule], destination=DBUS
        )

    def _overheard(self, message: Message) -> bool:
        """Notice the sign of an advert, while somebody wants to know."""
        if self._sign is not None and message.message_type is MessageType.SIGNAL:
            match message.member, message.body:
                case "PropertiesChanged", [str(interface), dict(changed), *_]:
                    if interface == _DEVICE and _HEARD & set(changed):
                        self._sign.set()
                case "InterfacesAdded", [_, dict(interfaces)]:
                    if _DEVICE in interfaces:
                        self._sign.set()
        return False

    def _refused(self, error: RefusedCallError) -> str:
        return (
            f"bluetoothd or its adapter {self._name} is away ({error}): see "
            "`systemctl status bluetooth`, `bluetoothctl list` and `rfkill list`."
        )
