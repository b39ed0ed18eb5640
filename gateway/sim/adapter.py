"""The gateway's side of the simulated air: an adapter with bonds, as BlueZ would be.

It gives bleak its backend classes and keeps ports.Pairing. Its controller is a Radio in
the same process, or one at the other end of a socket that speaks HCI (H4).
"""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bleak.exc import BleakError
from bumble import hci
from bumble.core import BaseBumbleError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import (
    AsyncPipeSink,
)

from gateway.core.ids import PeerAddress
from gateway.errors import (
    LinkError,
    LinkLostError,
    LinkTimeoutError,
    PairingRefusedError,
    SimulationError,
)
from gateway.ports import Bond, Comparer
from gateway.radio_ports import RadioHealth
from gateway.sim.air import Air, Radio
from gateway.sim.bleak_backend import Central, backends
from gateway.sim.bond_file import BondFile
from gateway.sim.bumble_faults import RadioGoneError, quieten, uncancelled
from gateway.sim.hci_socket import HciSink, HciStream
from gateway.sim.key_pairing import ENCRYPTION_KEY_ONLY
from gateway.sim.quick_host import QuickHost

CONNECT_MS: Final = 10_000
PAIR_MS: Final = 60_000  # a person compares two numbers
POWER_ON_MS: Final = 10_000
DEFAULT_ADDRESS: Final = "F1:00:00:00:00:01"


class SimulatedAdapter:
    """ports.Pairing and RadioControl, and what BleakRadio needs of an adapter."""

    def __init__(
        self,
        device: Device,
        host: QuickHost,
        bonds: BondFile,
        *,
        just_works_allowed: bool,
    ) -> None:
        """Take a powered device; `in_process` and `over_socket` make one."""
        self._bonds: Final = bonds
        self._just_works_allowed: Final = just_works_allowed
        self._central: Final = Central(device, host)
        self._delegate = _Ceremony(_nobody)
        self._turn: Final = asyncio.Lock()
        self._air: Air | None = None
        self._radio: Radio | None = None
        self._transport: asyncio.Transport | None = None
        scanner, client = backends(self._central)
        self.scanner_backend: Final = scanner
        self.client_backend: Final = client
        device.pairing_config_factory = lambda _connection: PairingConfig(
            sc=True, mitm=True, bonding=True, delegate=self._delegate
        )

    @classmethod
    async def in_process(
        cls,
        air: Air,
        name: str = "gateway",
        *,
        bond_file: Path | None = None,
        just_works_allowed: bool = False,
    ) -> Self:
        """Join an air of this process.

        Args:
            air: where to listen.
            name: unique on the air.
            bond_file: where bonds outlive the process, None for nowhere.
            just_works_allowed: accept bonds that no person compared.
        """
        bonds = BondFile(bond_file, DEFAULT_ADDRESS)
        radio = Radio(name, air, listens=True)
        host = QuickHost(radio, AsyncPipeSink(radio))
        device = await _power_on(host, name, bonds)
        adapter = cls(device, host, bonds, just_works_allowed=just_works_allowed)
        adapter._air, adapter._radio = air, radio
        return adapter

    @classmethod
    async def over_socket(
        cls,
        socket: Path,
        name: str = "gateway",
        *,
        bond_file: Path | None = None,
        just_works_allowed: bool = False,
    ) -> Self:
        """Join the air of a world process by its `hci.sock`.

        Raises:
            SimulationError: nobody listens there.
        """
        quieten()
        loop = asyncio.get_running_loop()
        try:
            transport, source = await loop.create_unix_connection(
                HciStream, str(socket)
            )
        except OSError as error:
            raise SimulationError(
                f"No simulated air at {socket}: start gateway.sim.world first."
            ) from error
        bonds = BondFile(bond_file, DEFAULT_ADDRESS)
        host = QuickHost(source, HciSink(transport))
        device = await _power_on(host, name, bonds)
        adapter = cls(device, host, bonds, just_works_allowed=just_works_allowed)
        adapter._transport = transport
        return adapter

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave the air; peers lose their links."""
        if self._air is not None and self._radio is not None:
            self._air.leave(self._radio)
            self._air = None
        if self._transport is not None:
            self._transport.close()

    async def bonded(self, address: PeerAddress) -> str | None:
        """Return the peer, as BlueZ would its object; None if there is no bond."""
        return address if await self._central.bonded(address) else None

    async def bonds(self) -> frozenset[PeerAddress]:
        """Return the identity addresses of all bonded peers."""
        return frozenset(PeerAddress(n) for n, _keys in await self._bonds.get_all())

    async def health(self) -> RadioHealth:
        """Say whether the world is there; see ports.RadioControl."""
        fault = "" if self._is_there else "The simulated world is gone: start it again."
        return RadioHealth(fault, life="simulated")

    async def refresh(self) -> None:
        """Do nothing: this air has no holes."""

    async def probe(self) -> bool:
        """Tell whether the world is there: its air is never dead by itself."""
        return self._is_there

    async def power_cycle(self) -> None:
        """Mend nothing; see `health`."""
        self._unmended()

    async def reset(self) -> None:
        """Mend nothing; see `health`."""
        self._unmended()

    async def restart_service(self) -> None:
        """Mend nothing; see `health`."""
        self._unmended()

    @property
    def _is_there(self) -> bool:
        return self._transport is None or not self._transport.is_closing()

    def _unmended(self) -> None:
        if not self._is_there:
            raise LinkLostError("The simulated world is gone: start it again.")

    async def forget(self, address: PeerAddress) -> None:
        """Remove the bond; no error if there is none."""
        await self._bonds.delete(address)
        self._central.tables.pop(address, None)

    async def pair(self, address: PeerAddress, compare: Comparer) -> Bond:
        """Pair and bond with a key in pairing mode; see ports.Pairing."""
        async with self._turn:
            self._delegate = ceremony = _Ceremony(compare)
            try:
                async with asyncio.timeout(PAIR_MS / 1000):
                    return await self._pair(address, ceremony)
            except TimeoutError as error:
                raise LinkTimeoutError(
                    f"{address} did not pair in time: wake its pairing mode again."
                ) from error
            finally:
                self._delegate = _Ceremony(_nobody)

    async def _pair(self, address: PeerAddress, ceremony: "_Ceremony") -> Bond:
        try:
            connection = await self._central.connect(address, CONNECT_MS / 1000)
        except BleakError as error:
            raise LinkLostError(
                f"{address} went away: wake its pairing mode again."
            ) from error
        try:
            await _pair_over(connection, address)
            method = await self._method(address, ceremony)
        finally:
            await self._central.hang_up(connection)
        self._central.tables.pop(address, None)
        return Bond(address, method)

    async def _method(self, address: PeerAddress, ceremony: "_Ceremony") -> str:
        keys = await self._bonds.get(address)
        if keys is None or keys.ltk is None:
            raise LinkError(
                f"{address} paired and left no bond: wake its pairing mode again."
            )
        # Bumble calls a link authenticated after Just Works too; the key does not lie.
        if keys.ltk.authenticated:
            return ceremony.method
        if not self._just_works_allowed:
            await self.forget(address)
            raise PairingRefusedError(
                f"{address} can only pair unseen (Just Works), which this site forbids."
            )
        return "just-works"


class _Ceremony(PairingDelegate):
    """The gateway's part of one pairing: it shows a number and asks a person."""

    def __init__(self, compare: Comparer) -> None:
        super().__init__(
            PairingDelegate.IoCapability.DISPLAY_OUTPUT_AND_YES_NO_INPUT,
            ENCRYPTION_KEY_ONLY,
            ENCRYPTION_KEY_ONLY,
        )
        self._compare: Final = compare
        self.method = "just-works"

    async def accept(self) -> bool:
        return self._compare is not _nobody

    async def compare_numbers(self, number: int, digits: int) -> bool:  # noqa: ARG002 - Bumble's signature
        self.method = "numeric-comparison"
        return await self._compare(number)

    async def display_number(self, number: int, digits: int) -> None:  # noqa: ARG002 - Bumble's signature
        self.method = "passkey"
        await self._compare(number)  # the key itself proves that it was typed


async def _nobody(_number: int) -> bool:
    return False


async def _pair_over(connection: Connection, address: PeerAddress) -> None:
    try:
        with uncancelled():
            await connection.pair()
    except BaseBumbleError as error:
        raise PairingRefusedError(
            f"{address} or its holder refused the pairing ({error}): compare the"
            " numbers again, with the key in pairing mode."
        ) from error
    except RadioGoneError as error:
        raise LinkLostError(
            f"{address} went away while it paired: wake its pairing mode again."
        ) from error


async def _power_on(host: Host, name: str, bonds: BondFile) -> Device:
    device = Device(
        config=DeviceConfiguration(name=name, address=hci.Address(bonds.address)),
        host=host,
    )
    device.keystore = bonds
    try:
        async with asyncio.timeout(POWER_ON_MS / 1000):
            await device.power_on()
    except (TimeoutError, BaseBumbleError) as error:
        raise SimulationError(
            f"The simulated controller does not answer ({error}): restart the world."
        ) from error
    return device
