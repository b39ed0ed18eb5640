"""As much of bluetoothd as pairing needs, with scripts for keys and people."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from gateway.core.ids import PeerAddress

KEY = PeerAddress("C0:FF:EE:00:00:01")
OTHER = PeerAddress("C0:FF:EE:00:00:02")
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


@dataclass
class Bluetoothd:
    """As much of bluetoothd as pairing needs, with what happened to it."""

    bus: Any
    script: Script
    powered: bool = False
    bonded: set[str] = field(default_factory=set)
    devices: dict[str, str] = field(
        default_factory=lambda: {KEY_PATH: KEY, OTHER_PATH: OTHER}
    )
    agent: tuple[str, str, str] | None = None
    called: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    old: bool = False
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
        outcome = await getattr(self, call.member)(call)
        if isinstance(outcome, str):
            reply = Message.new_error(call, f"org.bluez.Error.{outcome}", "no")
        else:
            reply = Message.new_method_return(call, *(outcome or ()))
        await self.bus.send(reply)

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
        if call.path != "/org/bluez/hci0":
            return "DoesNotExist"
        return "v", [Variant("b", self.powered)]

    async def Set(self, call: Message) -> None:  # noqa: N802 - D-Bus
        self.powered = call.body[2].value

    async def GetManagedObjects(self, _: Message) -> Any:  # noqa: N802 - D-Bus
        objects = {
            path: {
                "org.bluez.Device1": {
                    "Address": Variant("s", address),
                    "Paired": Variant("b", path in self.bonded),
                }
                | ({} if self.old else {"Bonded": Variant("b", path in self.bonded)})
            }
            for path, address in self.devices.items()
        }
        objects["/org/bluez/hci0"] = {"org.bluez.Adapter1": {}}
        return "a{oa{sa{sv}}}", [objects]

    async def Pair(self, call: Message) -> str | None:  # noqa: N802 - D-Bus
        return await self.script(self, call.path)

    async def CancelPairing(self, _: Message) -> str | None:  # noqa: N802 - D-Bus
        return "DoesNotExist"

    async def Disconnect(self, _: Message) -> None:  # noqa: N802 - D-Bus
        return None

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


async def connected(bus_address: str) -> Any:
    bus: Any = MessageBus(bus_address)
    await bus.connect()
    return bus


class People:
    """Who compares numbers, and which they saw."""

    def __init__(self, *, agree: bool = True) -> None:
        self.agree = agree
        self.seen: list[int] = []

    async def __call__(self, number: int) -> bool:
        self.seen.append(number)
        return self.agree
