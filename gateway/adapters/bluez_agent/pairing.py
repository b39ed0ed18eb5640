"""The ceremony with BlueZ: the agent, the call of Pair, the bond and its removal."""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from gateway.adapters.bluez_agent.bus import (
    BLUEZ,
    CALL_MS_MAX,
    PROPERTIES,
    Bus,
    RefusedCallError,
)
from gateway.adapters.bluez_agent.ceremony import Ceremony, agreed, rejected
from gateway.config import PairingMethod
from gateway.core.ids import PeerAddress
from gateway.errors import (
    HardwareMissingError,
    KeyraError,
    LinkError,
    LinkLostError,
    LinkTimeoutError,
    PairingRefusedError,
)
from gateway.ports import Bond, Comparer

PAIR_MS_MAX: Final = 60_000
"""People look at two displays meanwhile."""

AGENT_PATH: Final = "/keyra/agent"
CAPABILITY: Final = "KeyboardDisplay"

_LOG: Final = logging.getLogger(__name__)
_ADAPTER: Final = "org.bluez.Adapter1"
_AGENT: Final = "org.bluez.Agent1"
_AGENT_MANAGER: Final = "org.bluez.AgentManager1"
_DEVICE: Final = "org.bluez.Device1"
_OBJECTS: Final = "org.freedesktop.DBus.ObjectManager"
_ALREADY: Final = "org.bluez.Error.AlreadyExists"
_REFUSALS: Final = frozenset(
    {
        "org.bluez.Error.AuthenticationFailed",
        "org.bluez.Error.AuthenticationRejected",
    }
)
_SILENCE: Final = frozenset(
    {"org.bluez.Error.AuthenticationTimeout", "org.freedesktop.DBus.Error.NoReply"}
)
_ADDRESS: Final = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}", re.ASCII)


class BluezPairing:
    """ports.Pairing; make one with `BluezPairing.open`."""

    def __init__(
        self, bus: Bus, adapter: str, allowed: frozenset[PairingMethod]
    ) -> None:
        self._bus: Final = bus
        self._adapter: Final = adapter
        self._allowed: Final = allowed
        self._bluez = ("", "")
        self._paths: dict[PeerAddress, str] = {}
        self._turn: Final = asyncio.Lock()
        self._ceremony: Ceremony | None = None
        bus.listen(self._heard)

    @classmethod
    async def open(
        cls, bus: Bus, adapter: str, allowed: Sequence[PairingMethod]
    ) -> "BluezPairing":
        """Reach BlueZ, switch the adapter on and register the agent.

        Args:
            bus: left open, also where this fails.
            adapter: such as hci0.
            allowed: how keys may be bonded here.

        Raises:
            HardwareMissingError: no bluetoothd, no adapter or no power.
        """
        pairing = cls(bus, f"/org/bluez/{adapter}", frozenset(allowed))
        await pairing._begin(adapter)
        return pairing

    async def close(self) -> None:
        """Take the agent back; never raises."""
        with suppress(KeyraError, RefusedCallError):
            await self._bus.call(
                "/org/bluez", _AGENT_MANAGER, "UnregisterAgent", "o", [AGENT_PATH]
            )

    async def pair(self, address: PeerAddress, compare: Comparer) -> Bond:
        """Pair and bond with a key in pairing mode; see ports.Pairing."""
        async with self._turn:
            device = await self._unbonded(address)
            try:
                await self._register(await self._bus.owner(BLUEZ))
            except RefusedCallError as error:
                raise LinkLostError(f"bluetoothd is away ({error}).") from error
            self._ceremony = ceremony = Ceremony(device, self._allowed)
            try:
                async with asyncio.timeout(PAIR_MS_MAX / 1000):
                    identity = await self._pair(address, ceremony, compare)
            except TimeoutError as error:
                await self._abandon(device)
                raise LinkTimeoutError(
                    f"{address} did not pair in time: wake its pairing mode again."
                ) from error
            except BaseException:
                await self._abandon(device)
                raise
            finally:
                self._ceremony = None
            with suppress(KeyraError, RefusedCallError):
                await self._bus.call(device, _DEVICE, "Disconnect")
            return Bond(identity, ceremony.method.value)

    async def bonds(self) -> frozenset[PeerAddress]:
        """Return the identity addresses of all bonded peers.

        Raises:
            LinkError: BlueZ cannot be asked.
        """
        devices = await self._devices()
        return frozenset(a for a, (_, known) in devices.items() if _is_bonded(known))

    async def bonded(self, address: PeerAddress) -> str | None:
        """Return the D-Bus object of a bonded peer, None if there is no bond with it.

        Raises:
            LinkError: BlueZ cannot be asked.
        """
        path = self._paths.get(address)
        if path is not None and await self._bonded_at(path) == address:
            return path
        devices = await self._devices()
        self._paths = {a: p for a, (p, known) in devices.items() if _is_bonded(known)}
        return self._paths.get(address)

    async def forget(self, address: PeerAddress) -> None:
        """Remove the bond; no error if there is none.

        Raises:
            LinkError: BlueZ cannot be asked.
        """
        found = (await self._devices()).get(address)
        if found is not None:
            await self._remove(found[0])

    async def attend(self) -> None:
        """See that the bluetoothd that runs now has the agent: it may be a new one.

        Raises:
            RefusedCallError: bluetoothd is not there, or wants no agent.
            LinkError: it cannot be asked.
        """
        owner = await self._bus.owner(BLUEZ)
        if self._bluez != (self._bus.name, owner):
            await self._register(owner)

    async def _begin(self, adapter: str) -> None:
        try:
            await self.attend()
            (powered,) = await self._bus.call(
                self._adapter, PROPERTIES, "Get", "ss", [_ADAPTER, "Powered"]
            )
            if not powered.value:
                switch = [_ADAPTER, "Powered", Variant("b", True)]
                await self._bus.call(self._adapter, PROPERTIES, "Set", "ssv", switch)
        except (LinkError, RefusedCallError) as error:
            raise HardwareMissingError(
                f"Bluetooth adapter {adapter} cannot be used ({error}); see "
                "`systemctl status bluetooth`, `bluetoothctl list` and `rfkill list`."
            ) from error

    async def _register(self, owner: str) -> None:
        for member, signature, body in (
            ("RegisterAgent", "os", [AGENT_PATH, CAPABILITY]),
            ("RequestDefaultAgent", "o", [AGENT_PATH]),
        ):
            try:
                await self._bus.call(
                    "/org/bluez", _AGENT_MANAGER, member, signature, body
                )
            except RefusedCallError as error:
                if error.name != _ALREADY:
                    raise
        self._bluez = (self._bus.name, owner)

    def _heard(self, message: Message) -> Message | bool:
        """Answer bluetoothd; everybody else, and other devices, are refused."""
        if (
            message.message_type is not MessageType.METHOD_CALL
            or message.path != AGENT_PATH
            or message.interface != _AGENT
        ):
            return False
        if message.sender != self._bluez[1]:
            return rejected(message)
        if message.member in {"Cancel", "Release"}:
            return agreed(message)  # the call of Pair says so too
        ceremony = self._ceremony
        if ceremony is None or message.body[:1] != [ceremony.device]:
            _LOG.warning("A device asked to pair outside a ceremony; refused.")
            return rejected(message)
        return ceremony.heard(message)

    async def _unbonded(self, address: PeerAddress) -> str:
        """Return the object of a device that was seen and has no bond."""
        path, known = (await self._devices()).get(address, ("", {}))
        if not path:
            raise LinkLostError(f"{address} was not seen: wake its pairing mode again.")
        if _is_bonded(known):
            raise PairingRefusedError(
                f"{address} is bonded already: forget that bond first, on purpose."
            )
        return path

    async def _pair(
        self, address: PeerAddress, ceremony: Ceremony, compare: Comparer
    ) -> PeerAddress:
        """Pair and return the identity address, which BlueZ learns in doing so."""
        failure: KeyraError | RefusedCallError | None = None
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._ask_people(ceremony, compare))
            try:
                await self._bus.call(
                    ceremony.device,
                    _DEVICE,
                    "Pair",
                    within_ms=PAIR_MS_MAX + CALL_MS_MAX,
                )
            except (LinkError, RefusedCallError) as error:
                failure = error
            finally:
                asking.cancel()
        if failure is not None:
            raise _explained(address, ceremony, failure) from failure
        identity = await self._bonded_at(ceremony.device)
        if identity is None:
            raise LinkError(f"{address} paired and left no bond: try it once more.")
        if ceremony.method not in self._allowed:
            raise PairingRefusedError(
                f"{address} can only pair unseen (Just Works), which this site forbids."
            )
        return identity

    async def _bonded_at(self, device: str) -> PeerAddress | None:
        """Return whose bond an object is; None if it is gone or has no bond."""
        try:
            (known,) = await self._bus.call(
                device, PROPERTIES, "GetAll", "s", [_DEVICE]
            )
        except RefusedCallError:
            return None
        return _address(known) if _is_bonded(known) else None

    async def _ask_people(self, ceremony: Ceremony, compare: Comparer) -> None:
        while True:
            number, call = await ceremony.questions.get()
            try:
                does = await compare(number)
            except Exception:  # noqa: BLE001 - who asks is no reason to hang
                _LOG.exception("Nobody could be asked to compare two numbers")
                does = False
            if not does:
                ceremony.refused = "A person did not confirm the number."
            with suppress(OSError, EOFError, KeyraError, RefusedCallError):
                if call is not None:
                    reply = agreed(call) if does else rejected(call)
                    await self._bus.raw.send(reply)
                elif not does:
                    await self._bus.call(ceremony.device, _DEVICE, "CancelPairing")

    async def _abandon(self, device: str) -> None:
        """Leave nothing of a failed ceremony behind; never raises."""
        with suppress(KeyraError, RefusedCallError):
            await self._bus.call(device, _DEVICE, "CancelPairing")
        with suppress(KeyraError):
            await self._remove(device)

    async def _remove(self, device: str) -> None:
        # Gone already is as good.
        with suppress(RefusedCallError):
            await self._bus.call(self._adapter, _ADAPTER, "RemoveDevice", "o", [device])

    async def _devices(self) -> dict[PeerAddress, tuple[str, Mapping[str, Variant]]]:
        """Return object and properties of each device, by its identity address.

        A resolved key's object is named after the address that it first had on air, so
        the property counts, not the path.

        Raises:
            LinkError: BlueZ cannot be asked, or has lost the adapter: it forgets every
                device with it, and no bond is missing for that.
        """
        try:
            (objects,) = await self._bus.call("/", _OBJECTS, "GetManagedObjects")
        except RefusedCallError as error:
            raise LinkError(
                f"BlueZ cannot be asked for its devices: {error}."
            ) from error
        if self._adapter not in objects:
            name = self._adapter.rpartition("/")[2]
            raise LinkLostError(f"The adapter {name} is away: see `bluetoothctl list`.")
        found = {}
        for path, interfaces in objects.items():
            known = interfaces.get(_DEVICE, {})
            address = _address(known)
            if path.startswith(self._adapter + "/") and address is not None:
                found[address] = path, known
        return found


def _address(known: Mapping[str, Variant]) -> PeerAddress | None:
    said = str(known["Address"].value).upper() if "Address" in known else ""
    return PeerAddress(said) if _ADDRESS.fullmatch(said) else None


def _is_bonded(known: Mapping[str, Variant]) -> bool:
    """Tell whether the long-term key is kept; BlueZ before 5.63 only says Paired."""
    said = known.get("Bonded", known.get("Paired"))
    return said is not None and bool(said.value)


def _explained(
    address: PeerAddress, ceremony: Ceremony, failure: KeyraError | RefusedCallError
) -> KeyraError:
    """Return what a failed Pair call means."""
    if ceremony.refused is not None:
        return PairingRefusedError(f"{address} was not bonded: {ceremony.refused}")
    if isinstance(failure, KeyraError):
        return failure
    if failure.name in _REFUSALS:
        return PairingRefusedError(f"{address} refused to pair: try it once more.")
    if failure.name in _SILENCE:
        return LinkTimeoutError(f"{address} went silent while pairing: wake it again.")
    return LinkLostError(
        f"{address} went away while pairing ({failure.name}): wake it again."
    )
