"""As much of bluetoothd as the gateway needs, with scripts for keys and people."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from gateway.core.ids import PeerAddress
from gateway.ctap import gatt

KEY = PeerAddress("C0:FF:EE:00:00:01")
OTHER = PeerAddress("C0:FF:EE:00:00:02")
IDENTITY = PeerAddress("C0:FF:EE:00:00:0A")
ADAPTER_PATH = "/org/bluez/hci0"
# A resolved key: BlueZ names its object after the address that was on air.
KEY_PATH = "/org/bluez/hci0/dev_5A_11_22_33_44_55"
OTHER_PATH = "/org/bluez/hci0/dev_C0_FF_EE_00_00_02"

BUS_CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow receive_sender="*" eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


Script = Callable[["Bluetoothd", str], Awaitable[str | None]]
"""What happens during Pair; returns the name of an error, or None."""


# The FIDO service of every key here: path below the device, UUID, flags, first value.
SERVICE = "service0010"
REVISION, LENGTH, CONTROL_POINT, STATUS = (
    f"{SERVICE}/char00{number}" for number in (11, 13, 15, 17)
)
CHARACTERISTICS: dict[str, tuple[str, list[str], bytes]] = {
    REVISION: (gatt.SERVICE_REVISION_BITFIELD_UUID, ["read", "write"], b"\xe0"),
    LENGTH: (gatt.CONTROL_POINT_LENGTH_UUID, ["read"], b"\x00\x40"),
    CONTROL_POINT: (gatt.CONTROL_POINT_UUID, ["write"], b""),
    STATUS: (gatt.STATUS_UUID, ["notify"], b""),
}


@dataclass
class Bluetoothd:
    """As much of bluetoothd as the gateway needs, with what happened to it.

    Attributes:
        bonded: objects with a bond.
        devices: address of each object.
        called: members, in order.
        silent: members that are never answered.
        failing: the error with which a member is answered; name, and then text.
        filters: the discovery filter of each client that scans.
        restarts: how often the controller's scan was begun.
        begin_s: how long it takes until one has begun.
        unanswered: clients that asked for one while another's was beginning: BlueZ
            answers the last only, and lets the others neither start nor stop.
    """

    bus: Any
    script: Script
    powered: bool = False
    bonded: set[str] = field(default_factory=set)
    devices: dict[str, str] = field(
        default_factory=lambda: {KEY_PATH: KEY, OTHER_PATH: OTHER}
    )
    connected: set[str] = field(default_factory=set)
    agent: tuple[str, str, str] | None = None
    called: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    failing: dict[str, tuple[str, str]] = field(default_factory=dict)
    filters: dict[str, dict[str, Any]] = field(default_factory=dict)
    scanning: set[str] = field(default_factory=set)
    restarts: int = 0
    begin_s: float = 0.0
    unanswered: set[str] = field(default_factory=set)
    asking: str = ""
    written: list[bytes] = field(default_factory=list)
    old: bool = False
    there: bool = True
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def heard(self, call: Message) -> Message | bool:
        if call.message_type is not MessageType.METHOD_CALL:
            return False
        self.called.append(call.member)
        if call.member in self.silent:
            return True
        task = asyncio.get_running_loop().create_task(self.answer(call))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return True

    async def answer(self, call: Message) -> None:
        if call.member in self.failing:
            name, text = self.failing[call.member]
            reply = Message.new_error(call, name, text)
        elif not self.knows(call.path):
            unknown = "org.freedesktop.DBus.Error.UnknownObject"
            reply = Message.new_error(call, unknown, "no such object")
        else:
            outcome = await getattr(self, call.member)(call)
            if call.member == "StartDiscovery" and call.sender in self.unanswered:
                return
            if isinstance(outcome, str):
                reply = Message.new_error(call, f"org.bluez.Error.{outcome}", "no")
            else:
                reply = Message.new_method_return(call, *(outcome or ()))
        with suppress(OSError, EOFError):
            await self.bus.send(reply)

    def knows(self, path: str | None) -> bool:
        return path in {"/", "/org/bluez"} or path in self.objects()

    async def RegisterAgent(self, call: Message) -> str | None:  # noqa: N802 - D-Bus
        path, capability = call.body
        if self.agent is not None:
            return "AlreadyExists"
        self.agent = (call.sender, path, capability)
        return None

    async def RequestDefaultAgent(self, _: Message) -> None:  # noqa: N802 - D-Bus
        return None

    async def UnregisterAgent(self, _: Message) -> None:  # noqa: N802 - D-Bus
        self.agent = None

    async def Get(self, call: Message) -> Any:  # noqa: N802 - D-Bus
        interface, name = call.body
        return "v", [self.objects()[call.path][interface][name]]

    async def GetAll(self, call: Message) -> Any:  # noqa: N802 - D-Bus
        (interface,) = call.body
        return "a{sv}", [self.objects()[call.path].get(interface, {})]

    async def Set(self, call: Message) -> None:  # noqa: N802 - D-Bus
        self.powered = call.body[2].value
        if not self.powered:
            self.scanning.clear()
            self.filters.clear()

    async def GetManagedObjects(self, _: Message) -> Any:  # noqa: N802 - D-Bus
        return "a{oa{sa{sv}}}", [self.objects()]

    def objects(self) -> dict[str, dict[str, dict[str, Variant]]]:
        """Everything that there is, as GetManagedObjects says it."""
        if not self.there:
            return {}
        found = {
            ADAPTER_PATH: {
                "org.bluez.Adapter1": {
                    "Powered": Variant("b", self.powered),
                    "Discovering": Variant("b", bool(self.scanning)),
                    "Roles": Variant("as", ["central"]),
                }
            }
        }
        for path in self.devices:
            found[path] = {"org.bluez.Device1": self.device(path)}
            if path in self.connected:
                found |= fido_service(path)
        return found

    def device(self, path: str) -> dict[str, Variant]:
        connected = path in self.connected
        known = {
            "Adapter": Variant("o", ADAPTER_PATH),
            "Address": Variant("s", self.devices[path]),
            "Alias": Variant("s", "KEY"),
            "Paired": Variant("b", path in self.bonded),
            "Bonded": Variant("b", path in self.bonded),
            "Connected": Variant("b", connected),
            "ServicesResolved": Variant("b", connected),
            "UUIDs": Variant("as", [gatt.FIDO_SERVICE_UUID]),
            "AdvertisingFlags": Variant("ay", b"\x04"),
        }
        if self.old:
            del known["Bonded"]
        return known

    async def advert(self, path: str) -> None:
        """Have a device advertise; told only while somebody scans."""
        if self.scanning:
            changed = {"RSSI": Variant("n", -50)}
            await self.changed(path, "org.bluez.Device1", changed)

    async def changed(
        self, path: str, interface: str, changed: dict[str, Variant]
    ) -> None:
        await self.bus.send(
            Message.new_signal(
                path,
                "org.freedesktop.DBus.Properties",
                "PropertiesChanged",
                "sa{sv}as",
                [interface, changed, []],
            )
        )

    async def SetDiscoveryFilter(self, call: Message) -> str | None:  # noqa: N802 - D-Bus
        if not self.powered:
            return "NotReady"
        (chosen,) = call.body
        changes = self.filters.get(call.sender) != chosen
        self.filters[call.sender] = chosen
        self.restarts += changes and call.sender in self.scanning
        return None

    async def StartDiscovery(self, call: Message) -> str | None:  # noqa: N802 - D-Bus
        if not self.powered:
            return "NotReady"
        if call.sender in self.scanning:
            return "InProgress"
        if self.asking:
            self.unanswered.add(self.asking)
        self.asking = call.sender
        self.scanning.add(call.sender)
        self.restarts += 1
        await asyncio.sleep(self.begin_s)
        if self.asking == call.sender:
            self.asking = ""
        return None

    async def StopDiscovery(self, call: Message) -> str | None:  # noqa: N802 - D-Bus
        if call.sender not in self.scanning:
            return "Failed"
        if call.sender in self.unanswered:
            return "InProgress"
        self.scanning.discard(call.sender)
        return None

    async def Connect(self, call: Message) -> None:  # noqa: N802 - D-Bus
        self.connected.add(call.path)
        for path, interfaces in fido_service(call.path).items():
            await self.bus.send(
                Message.new_signal(
                    "/",
                    "org.freedesktop.DBus.ObjectManager",
                    "InterfacesAdded",
                    "oa{sa{sv}}",
                    [path, interfaces],
                )
            )
        resolved = ("Connected", "ServicesResolved")
        changed = {name: Variant("b", True) for name in resolved}
        await self.changed(call.path, "org.bluez.Device1", changed)

    async def Disconnect(self, call: Message) -> None:  # noqa: N802 - D-Bus
        await self.hang_up(call.path)

    async def hang_up(self, path: str) -> None:
        """End a connection, as a key that goes away does."""
        if path in self.connected:
            self.connected.discard(path)
            changed = {"Connected": Variant("b", False)}
            await self.changed(path, "org.bluez.Device1", changed)

    async def ReadValue(self, call: Message) -> Any:  # noqa: N802 - D-Bus
        _, _, value = CHARACTERISTICS["/".join(call.path.split("/")[-2:])]
        return "ay", [value]

    async def WriteValue(self, call: Message) -> None:  # noqa: N802 - D-Bus
        self.written.append(bytes(call.body[0]))

    async def StartNotify(self, _: Message) -> None:  # noqa: N802 - D-Bus
        return None

    async def notify(self, path: str, value: bytes) -> None:
        """Have a connected key send a fragment."""
        changed = {"Value": Variant("ay", value)}
        characteristic = "org.bluez.GattCharacteristic1"
        await self.changed(f"{path}/{STATUS}", characteristic, changed)

    async def Pair(self, call: Message) -> str | None:  # noqa: N802 - D-Bus
        return await self.script(self, call.path)

    async def CancelPairing(self, _: Message) -> str | None:  # noqa: N802 - D-Bus
        return "DoesNotExist"

    async def RemoveDevice(self, call: Message) -> str | None:  # noqa: N802 - D-Bus
        (path,) = call.body
        self.bonded.discard(path)
        return None if self.devices.pop(path, None) else "DoesNotExist"

    async def ask(self, member: str, signature: str, *body: Any) -> bool:
        """Call the agent; returns whether it agreed."""
        assert self.agent is not None
        sender, path, _ = self.agent
        return await ask(self.bus, sender, path, member, signature, *body)


async def ask(
    bus: Any, sender: str, path: str, member: str, signature: str, *body: Any
) -> bool:
    reply = await bus.call(
        Message(
            destination=sender,
            path=path,
            interface="org.bluez.Agent1",
            member=member,
            signature=signature,
            body=list(body),
        )
    )
    if reply.message_type is MessageType.ERROR:
        assert reply.error_name == "org.bluez.Error.Rejected"
    return reply.message_type is MessageType.METHOD_RETURN


async def just_works(bluez: Bluetoothd, path: str) -> str | None:
    bluez.bonded.add(path)
    return None


async def authorised_just_works(bluez: Bluetoothd, path: str) -> str | None:
    if not await bluez.ask("RequestAuthorization", "o", path):
        return "AuthenticationRejected"
    return await just_works(bluez, path)


async def comparison(bluez: Bluetoothd, path: str) -> str | None:
    if not await bluez.ask("RequestConfirmation", "ou", path, 123_456):
        return "AuthenticationRejected"
    return await just_works(bluez, path)


async def shown_passkey(bluez: Bluetoothd, path: str) -> str | None:
    for digits in range(7):
        if not await bluez.ask("DisplayPasskey", "ouq", path, 42, digits):
            return "AuthenticationRejected"
    return await just_works(bluez, path)


async def typed_passkey(bluez: Bluetoothd, path: str) -> str | None:
    await bluez.ask("RequestPasskey", "o", path)
    return "AuthenticationFailed"


async def no_bond(_: Bluetoothd, __: str) -> str | None:
    return None


def failing(name: str) -> Script:
    async def script(_: Bluetoothd, __: str) -> str | None:
        return name

    return script


def fido_service(device: str) -> dict[str, dict[str, dict[str, Variant]]]:
    """The FIDO service's objects, as BlueZ shows them."""
    found = {
        f"{device}/{SERVICE}": {
            "org.bluez.GattService1": {
                "UUID": Variant("s", gatt.FIDO_SERVICE_UUID),
                "Device": Variant("o", device),
                "Primary": Variant("b", True),
            }
        }
    }
    for path, (uuid, flags, _) in CHARACTERISTICS.items():
        found[f"{device}/{path}"] = {
            "org.bluez.GattCharacteristic1": {
                "UUID": Variant("s", uuid),
                "Service": Variant("o", f"{device}/{SERVICE}"),
                "Flags": Variant("as", flags),
                "MTU": Variant("q", 247),
            }
        }
    return found


async def rpa_comparison(bluez: Bluetoothd, path: str) -> str | None:
    """A key with private addresses: BlueZ learns who it is as it pairs."""
    refused = await comparison(bluez, path)
    bluez.devices[path] = IDENTITY
    return refused


async def connected(bus_address: str) -> Any:
    bus: Any = MessageBus(bus_address)
    await bus.connect()
    return bus


async def started(
    bus_address: str, script: Script = comparison, **state: Any
) -> Bluetoothd:
    """A new bluetoothd, with its name on the bus."""
    bus = await connected(bus_address)
    daemon = Bluetoothd(bus, script, **state)
    bus.add_message_handler(daemon.heard)
    await bus.request_name("org.bluez")
    return daemon


class DbusDaemon:
    """A D-Bus daemon that nobody else knows; can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "bus"
        self._config = folder / "bus.conf"
        self._config.write_text(BUS_CONFIG.format(socket=self._socket))
        self._process: subprocess.Popen[str] | None = None
        self.address = ""

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        given = (f"--config-file={self._config}", "--nofork", "--print-address")
        self._process = subprocess.Popen(
            ["dbus-daemon", *given],  # noqa: S607 - the machine's own
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        # Without its guid, so that the address holds for the next one as well.
        self.address = self._process.stdout.readline().strip().split(",guid")[0]

    def kill(self) -> None:
        if self._process is not None:
            with self._process as process:
                process.kill()
            self._process = None


class People:
    """Who compares numbers, and which they saw."""

    def __init__(self, *, agree: bool = True) -> None:
        self.agree = agree
        self.seen: list[int] = []

    async def __call__(self, number: int) -> bool:
        self.seen.append(number)
        return self.agree
