"""A simulated KEYRA: an authenticator, a Bluetooth peripheral and the person with it.

The verbs say what a person does: wake it, touch it, walk away. A touch that comes
before the key blinks waits for the blink, once. The key sleeps after a good answer, and
when nothing happened for a while.
"""

import math
from collections import deque
from typing import Final

from bumble import data_types, hci
from bumble.core import AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig
from bumble.transport.common import AsyncPipeSink

from gateway.ctap.advert import SERVICE_DATA_PAIRING, SERVICE_DATA_PASSKEY
from gateway.ctap.command import CtapCommand
from gateway.ctap.framing import BleError, Frame, FrameCommand, KeepaliveStatus
from gateway.ctap.gatt import FIDO_SERVICE_UUID, KEEPALIVE_MS
from gateway.ctap.status import CtapStatus
from gateway.errors import SimulationError
from gateway.sim.air import Air, Radio
from gateway.sim.attestation_ca import AttestationChain
from gateway.sim.authenticator import UV_RETRIES_MAX, Finger
from gateway.sim.chores import Chores, Timers
from gateway.sim.entropy import SeededEntropy
from gateway.sim.fido_service import FidoService, short_uuid
from gateway.sim.key_model import DEFAULT_MODEL, KeyModel, KeyState
from gateway.sim.key_pairing import KeyIo, KeyPairing
from gateway.sim.misbehaviour import Misbehaviour
from gateway.sim.token_issuer import TOKEN_MS_MAX

AWAKE_MS: Final = 30_000
USER_ACTION_MS_MAX: Final = 30_000
HERE_M: Final = 0.3
AWAY_M: Final = 50.0
PLAN_MAX: Final = 64

_RUBBISH_FRAGMENTS: Final = 4
_FLOOD_FRAGMENTS: Final = 2_000


class KeyraDevice:
    """One key on the air. `run` must be running for anything to happen."""

    def __init__(
        self,
        air: Air,
        name: str,
        chain: AttestationChain,
        seed: int,
        model: KeyModel = DEFAULT_MODEL,
    ) -> None:
        """Make a key that sleeps.

        Args:
            air: where it will be heard.
            name: unique on the air; also its Bluetooth name.
            chain: its attestation.
            seed: decides, with the name, its address and its credentials.
            model: how it differs.
        """
        entropy = SeededEntropy(seed, f"key/{name}")
        raw = bytearray(entropy.token(6))
        raw[0] |= 0xC0  # random static address, Core Vol 6 Part B §1.3.2.1
        self.name: Final = name
        self.address: Final = ":".join(f"{octet:02X}" for octet in raw)
        self.authenticator: Final = model.authenticator(chain, entropy)
        self.battery_percent = 100
        self._model: Final = model
        self._air: Final = air
        self._entropy: Final = entropy
        self._radio: Final = Radio(name, air, listens=False)
        self._pairing: Final = KeyPairing(model.io, by_hand=model.by_hand)
        self._device: Final = self._make_device()
        self._service: Final = FidoService(
            self._device,
            self._on_frame,
            lambda: self.battery_percent,
            model.control_point_bytes,
        )
        self._connection: Connection | None = None
        self._awake = False
        self._done = False
        self._command: CtapCommand | None = None
        self._plan: Final[deque[tuple[Finger, int]]] = deque(maxlen=PLAN_MAX)
        self._chores: Final = Chores()
        self._timers: Final = Timers()
        air.place(name, HERE_M)

    async def run(self) -> None:
        """Power on and live until cancelled."""
        await self._device.power_on()
        self._device.on("connection", self._on_connection)
        await self._chores.run()

    async def ready(self) -> None:
        """Wait until it is powered on."""
        await self._chores.submit(self._device.stop_advertising)

    # What a person does.

    async def present(
        self, distance_m: float = HERE_M, awake_ms: int = AWAKE_MS
    ) -> None:
        """Wake the key at that distance: it advertises until it is used or idle.

        Raises:
            SimulationError: its battery is flat.
        """
        self._powered()
        self._air.place(self.name, distance_m)
        self._awake = True
        self._done = False
        self._timers.arm("sleep", awake_ms, self._on_idle)
        await self._chores.submit(self._settle)

    async def touch(self, times: int = 1, after_ms: int = 0) -> None:
        """Put the right finger on it at the next blink, `after_ms` into it."""
        self._plan_finger(Finger.RIGHT, times, after_ms)

    async def slow_touch(self, after_ms: int = 4_000) -> None:
        """Put the right finger on it, late."""
        self._plan_finger(Finger.RIGHT, 1, after_ms)

    async def wrong_finger(self, times: int = 1, after_ms: int = 0) -> None:
        """Put a wrong finger on it at the next blink."""
        self._plan_finger(Finger.WRONG, times, after_ms)

    async def decline(self, after_ms: int = 0) -> None:
        """Say no at the next blink."""
        self._plan_finger(Finger.DECLINE, 1, after_ms)

    async def move(self, distance_m: float) -> None:
        """Carry it to that distance from the door."""
        self._air.place(self.name, distance_m)

    async def walk_away(self) -> None:
        """Carry it out of reach, awake as it is, and give up touching it."""
        self._plan.clear()
        self._timers.disarm("press")
        self._air.place(self.name, AWAY_M)

    async def sleep(self) -> None:
        """Let it sleep now."""
        self._nod_off()
        await self._chores.submit(self._settle)

    async def pairing_mode(self) -> None:
        """Wake it ready for a new bond, for as long as it stays awake."""
        self._pairing.open = True
        await self.present()

    async def refuse_pairing(self, *, refuse: bool = True) -> None:
        """Say no on the key when the numbers are to be compared."""
        self._pairing.agrees = not refuse

    async def press(self, *, agree: bool) -> None:
        """Press yes or no on the key while it shows a number."""
        self._timers.arm("sleep", AWAKE_MS, self._on_idle)
        self._pairing.press(agree=agree)

    async def type_passkey(self, number: int) -> None:
        """Type the number that the gateway shows."""
        self._pairing.type_in(number)

    async def lose_bond(self) -> None:
        """Forget every gateway."""
        await self._keystore().delete_all()

    async def reset(self) -> None:
        """Factory reset: no credential, no bond."""
        self.authenticator.reset()
        await self.lose_bond()

    async def run_flat(self) -> None:
        """Let the battery die: silence, without a goodbye."""
        self.battery_percent = 0
        self._nod_off()
        self._air.place(self.name, math.inf)
        await self._chores.submit(self._device.stop_advertising)

    async def charge(self, percent: int = 100) -> None:
        """Charge it; it sleeps until presented."""
        self.battery_percent = percent

    async def unblock(self) -> None:
        """Give it back its finger tries, as the maker's own procedure does."""
        self.authenticator.uv_retries = UV_RETRIES_MAX

    async def misbehave(self, *ways: Misbehaviour) -> None:
        """Misbehave in exactly these ways from now on; none: behave."""
        self.authenticator.misbehaviour.clear()
        self.authenticator.misbehaviour.update(ways)

    async def state(self) -> KeyState:
        """Look at it."""
        return KeyState(
            name=self.name,
            address=self.address,
            awake=self._awake,
            pairing=self._pairing.open,
            connected=self._connection is not None,
            blinking=self.authenticator.waiting,
            battery_percent=self.battery_percent,
            uv_retries=self.authenticator.uv_retries,
            counter=self.authenticator.counter,
            credentials=len(self.authenticator.credentials),
            bonds=len(await self._keystore().get_all()),
            shown_number=self._pairing.shown_number,
            asks=self._pairing.asks,
        )

    # The sensor.

    def _plan_finger(self, finger: Finger, times: int, after_ms: int) -> None:
        self._powered()
        if len(self._plan) + times > PLAN_MAX:
            raise SimulationError(f"{self.name} has {PLAN_MAX} touches to come.")
        self._plan.extend([(finger, after_ms)] * times)
        if self.authenticator.waiting and "press" not in self._timers:
            self._next_finger()

    def _next_finger(self) -> None:
        if self._plan:
            finger, after_ms = self._plan.popleft()
            self._timers.arm("press", after_ms, lambda: self._press(finger))

    def _press(self, finger: Finger) -> None:
        if self.authenticator.waiting:
            self._answer(self.authenticator.act(finger))
            if self._command is CtapCommand.CLIENT_PIN:
                self._timers.arm("token", TOKEN_MS_MAX, self.authenticator.drop_token)

    # The link.

    def _on_connection(self, connection: Connection) -> None:
        self._connection = connection
        connection.on("disconnection", self._on_disconnection)
        connection.on("pairing", self._on_paired)

    def _on_paired(self, _keys: object) -> None:
        self._pairing.open = False

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        self._service.forget_central()
        self.authenticator.cancel()
        self._pairing.shown_number = None
        self._timers.disarm("press", "keepalive", "user-action")
        if self._done:
            self._nod_off()
        self._chores.later(self._settle)

    def _on_frame(self, connection: Connection, frame: Frame) -> None:
        wrong = self.authenticator.misbehaviour
        if frame.command is FrameCommand.PING:
            self._service.send(connection, FrameCommand.PING, frame.data)
        elif frame.command is FrameCommand.CANCEL:
            if self.authenticator.waiting and Misbehaviour.IGNORES_CANCEL not in wrong:
                self._answer(self.authenticator.cancel())
        elif self.authenticator.waiting:
            busy = bytes((BleError.BUSY,))
            self._service.send(connection, FrameCommand.ERROR, busy)
        else:
            self._on_request(connection, frame.data)

    def _on_request(self, connection: Connection, request: bytes) -> None:
        wrong = self.authenticator.misbehaviour
        self._timers.arm("sleep", AWAKE_MS, self._on_idle)
        if Misbehaviour.STALL in wrong:
            return
        if Misbehaviour.FLOOD in wrong:
            for _ in range(_FLOOD_FRAGMENTS):
                self._keepalive(connection)
        self._command = CtapCommand(request[0]) if _known(request) else None
        answer = self.authenticator.begin(request)
        if answer is not None:
            self._answer(answer)
            return
        if Misbehaviour.NO_KEEPALIVES not in wrong:
            self._beat()
        self._timers.arm("user-action", USER_ACTION_MS_MAX, self._on_nobody)
        self._next_finger()

    def _beat(self) -> None:
        if self._connection is not None and self.authenticator.waiting:
            self._keepalive(self._connection)
            self._timers.arm("keepalive", KEEPALIVE_MS, self._beat)

    def _keepalive(self, connection: Connection) -> None:
        blink = bytes((KeepaliveStatus.UP_NEEDED,))
        self._service.send(connection, FrameCommand.KEEPALIVE, blink)

    def _on_nobody(self) -> None:
        if self.authenticator.waiting:
            self._answer(self.authenticator.time_out())

    def _answer(self, answer: bytes) -> None:
        self._timers.disarm("press", "keepalive", "user-action")
        connection = self._connection
        if connection is None:
            return
        wrong = self.authenticator.misbehaviour
        pieces = self._service.fragments(connection, FrameCommand.MSG, answer)
        if Misbehaviour.RUBBISH_FRAMES in wrong:
            pieces = [self._entropy.token(20) for _ in range(_RUBBISH_FRAGMENTS)]
        if Misbehaviour.DISCONNECT_MID_MESSAGE in wrong:
            half = answer[: len(answer) // 2]
            pieces = [pieces[0][:3] + half] if len(pieces) == 1 else pieces[:-1]
            self._chores.later(connection.disconnect)
        for piece in pieces:
            self._service.notify(connection, piece)
        asserted = self._command is CtapCommand.GET_ASSERTION
        self._done = self._done or (asserted and answer[0] == CtapStatus.OK)

    # Awake and asleep.

    def _on_idle(self) -> None:
        if self.authenticator.waiting or self._pairing.asks:
            self._timers.arm("sleep", AWAKE_MS, self._on_idle)
        else:
            self._nod_off()
            self._chores.later(self._settle)

    def _nod_off(self) -> None:
        self._awake = False
        self._pairing.open = False
        self._plan.clear()
        self._timers.disarm("sleep")

    async def _settle(self) -> None:
        """Bring the radio to where the key's state wants it."""
        if self._awake and self._connection is None:
            await self._device.start_advertising(
                advertising_data=self._advertising_data(), scan_response_data=b""
            )
            return
        if not self._awake and self._connection is not None:
            await self._connection.disconnect()
        await self._device.stop_advertising()

    def _advertising_data(self) -> bytes:
        """Build the advert of CTAP 2.2 §11.4.7: discoverable only while pairing."""
        flags = AdvertisingData.Flags.BR_EDR_NOT_SUPPORTED
        service = short_uuid(FIDO_SERVICE_UUID)
        bits = 0
        if self._pairing.open:
            flags |= AdvertisingData.Flags.LE_GENERAL_DISCOVERABLE_MODE
            bits = SERVICE_DATA_PAIRING
            if self._model.io is KeyIo.KEYBOARD:
                bits |= SERVICE_DATA_PASSKEY
        structures = [
            data_types.Flags(flags),
            data_types.CompleteListOf16BitServiceUUIDs([service]),
            data_types.ServiceData16BitUUID(service, bytes((bits,))),
        ]
        if self._pairing.open:
            structures.append(data_types.CompleteLocalName(f"KEYRA {self.name}"[:17]))
        return bytes(AdvertisingData(structures))

    # The machine under it.

    def _make_device(self) -> Device:
        device = Device(
            config=DeviceConfiguration(
                name=f"KEYRA {self.name}",
                address=hci.Address(self.address),
                advertising_interval_min=self._model.advertising_ms,
                advertising_interval_max=self._model.advertising_ms,
                irk=self._entropy.token(16),
            ),
            host=Host(self._radio, AsyncPipeSink(self._radio)),
        )
        device.keystore = MemoryKeyStore()
        device.pairing_config_factory = lambda _connection: PairingConfig(
            sc=True,
            mitm=self._model.io is not KeyIo.NONE,
            bonding=True,
            delegate=self._pairing,
        )
        return device

    def _keystore(self) -> MemoryKeyStore:
        store = self._device.keystore
        if not isinstance(store, MemoryKeyStore):
            raise SimulationError(f"{self.name} lost its key store.")
        return store

    def _powered(self) -> None:
        if not self.battery_percent:
            raise SimulationError(f"{self.name} is flat: charge it first.")


def _known(request: bytes) -> bool:
    return bool(request) and request[0] in set(CtapCommand)
