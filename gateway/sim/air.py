"""The air: which radio hears which, how loud, and when a link breaks.

Bumble's LocalLink hands every advertisement to every controller, at one loudness, for
ever. Here an advertisement reaches those that listen and are in range; a link whose two
ends part is held up, and lost after the supervision timeout.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from bumble import core, hci, ll
from bumble.controller import Connection, Controller
from bumble.link import LocalLink

from gateway.sim.advertising_report import extended_report

RANGE_M: Final = 15.0
SUPERVISION_MS: Final = 1_000
NEAR_M: Final = 0.1

FILTERED_MAX: Final = 64
"""How many advertisers a controller that filters duplicates remembers."""

_RSSI_AT_1_M_DBM: Final = -59.0
_PATH_LOSS_DB_PER_DECADE: Final = 22.0  # indoors, line of sight
_FADING_DB: Final = 2.0
_ADVERTISING_DELAY_MS_MAX: Final = 10
_RSSI_DBM_MIN, _RSSI_DBM_MAX = -127, 20  # Core Vol 4 Part E §7.7.65.13

_Pair = frozenset[str]
_Delivery = Callable[[], None]


@dataclass(slots=True)
class AirCounts:
    """What happened on the air; for statistics.

    Attributes:
        sent: advertisements sent.
        heard: deliveries of an advertisement to a scanner.
        lost: deliveries that loss or distance prevented.
    """

    sent: int = 0
    heard: int = 0
    lost: int = 0


class Radio(Controller):
    """A Bumble controller with the parts corrected that the gateway would trip over.

    It reports real loudness; it completes a cancelled connection attempt (status 0x02,
    Core Vol 4 Part E §7.8.13); it reports connections with the enhanced event, for
    which Linux waits; it filters duplicates when it is told to, as Linux tells it.
    """

    def __init__(
        self,
        name: str,
        air: "Air",
        *,
        listens: bool,
        public_address: str | None = None,
    ) -> None:
        """Join the air.

        Args:
            name: unique on the air.
            air: where it is.
            listens: True for a gateway's radio; a key's never scans.
            public_address: without one Linux takes the controller for a broken one.
        """
        self.listens: Final = listens
        self._reported: Final[OrderedDict[bytes, None]] = OrderedDict()
        super().__init__(name, link=air, public_address=public_address)

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Cancel the pending connection and say so."""
        if self.pending_le_connection is None:
            return hci.HCI_StatusReturnParameters(
                hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
            )
        self.pending_le_connection = None
        asyncio.get_running_loop().call_soon(
            self.send_hci_packet,
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=0,
                peer_address=hci.Address.ANY,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            ),
        )
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Begin or end a scan; what was reported before does not count."""
        self._reported.clear()
        return super().on_hci_le_set_scan_enable_command(command)

    def on_hci_le_set_extended_scan_enable_command(
        self, command: hci.HCI_LE_Set_Extended_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Begin or end a scan; what was reported before does not count."""
        self._reported.clear()
        return super().on_hci_le_set_extended_scan_enable_command(command)

    def on_hci_reset_command(
        self, command: hci.HCI_Reset_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Forget scan, advertising and connections, as a reset must."""
        if isinstance(self.link, Air):
            self.link.hang_up(self)
        self.le_scan_enable = False
        self.pending_le_connection = None
        for advertising_set in self.advertising_sets.values():
            advertising_set.stop()
        self.advertising_sets.clear()
        return super().on_hci_reset_command(command)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Send to the host, connections by the enhanced event."""
        if isinstance(packet, hci.HCI_LE_Connection_Complete_Event):
            packet = hci.HCI_LE_Enhanced_Connection_Complete_Event(
                status=packet.status,
                connection_handle=packet.connection_handle,
                role=packet.role,
                peer_address_type=packet.peer_address_type,
                peer_address=packet.peer_address,
                local_resolvable_private_address=hci.Address.ANY,
                peer_resolvable_private_address=hci.Address.ANY,
                connection_interval=packet.connection_interval,
                peripheral_latency=packet.peripheral_latency,
                supervision_timeout=packet.supervision_timeout,
                central_clock_accuracy=packet.central_clock_accuracy,
            )
        super().send_hci_packet(packet)

    def hear(self, advertisement: ll.AdvExtInd, rssi_dbm: int) -> None:
        """Take an advertisement off the air: report it, and connect if that is due."""
        address = advertisement.advertiser_address
        if (
            self.le_scan_enable
            and self.host is not None
            and not self._is_duplicate(address)
        ):
            self.host.on_packet(extended_report(advertisement, rssi_dbm))
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == address:
            self.create_le_connection(address)

    def _is_duplicate(self, address: hci.Address) -> bool:
        """Tell whether this scan reported the address, and remembers it (§7.8.65)."""
        if not self.filter_duplicates:
            return False
        if bytes(address) in self._reported:
            return True
        if len(self._reported) == FILTERED_MAX:
            self._reported.popitem(last=False)
        self._reported[bytes(address)] = None
        return False


def _rssi_dbm(distance_m: float, weather: Random) -> int:
    loss_db = _PATH_LOSS_DB_PER_DECADE * math.log10(distance_m)
    faded_dbm = _RSSI_AT_1_M_DBM - loss_db + weather.gauss(0, _FADING_DB)
    return max(_RSSI_DBM_MIN, min(_RSSI_DBM_MAX, round(faded_dbm)))


class Air(LocalLink):
    """All radios in one place. Deterministic for a seed and an order of events."""

    def __init__(self, seed: int, *, loss: float = 0.0) -> None:
        """Start with silence.

        Args:
            seed: decides loss and fading.
            loss: share of advertisements that a scanner misses, 0 to 1.
        """
        super().__init__()  # type: ignore[no-untyped-call] # Bumble's has no hints
        self.loss = loss
        self.counts: Final = AirCounts()
        self._seed: Final = seed
        self._weather: Final[dict[str, Random]] = {}
        self._by_address: Final[dict[bytes, Controller]] = {}
        self._listeners: Final[list[Radio]] = []
        self._distances_m: Final[dict[_Pair, float]] = {}
        self._places_m: Final[dict[str, float]] = {}
        self._held: Final[dict[_Pair, list[_Delivery]]] = {}
        self._breaking: Final[dict[_Pair, asyncio.TimerHandle]] = {}

    @property
    def listeners(self) -> int:
        """How many gateways' radios are on the air."""
        return len(self._listeners)

    def place(self, radio: str, distance_m: float) -> None:
        """Put a radio that far from the door, where the scanners hang.

        Args:
            radio: its name.
            distance_m: infinite for a radio that fell silent.
        """
        self._places_m[radio] = distance_m
        self._settle()

    def set_distance(self, one: str, other: str, distance_m: float) -> None:
        """Set the distance of one pair, whatever their places."""
        self._distances_m[frozenset((one, other))] = distance_m
        self._settle()

    def distance_m(self, one: str, other: str) -> float:
        """Return how far apart two radios are."""
        pair = frozenset((one, other))
        if pair in self._distances_m:
            return self._distances_m[pair]
        places = self._places_m
        return max(NEAR_M, abs(places.get(one, 0.0) - places.get(other, 0.0)))

    def hang_up(self, radio: Radio) -> None:
        """End all links of a radio."""
        for connection in list(radio.le_connections.values()):
            self._break(radio, connection)

    def leave(self, radio: Radio) -> None:
        """Take a radio off the air; its peers lose their links at once."""
        self.hang_up(radio)
        self.remove_controller(radio)
        self._places_m.pop(radio.name, None)
        for pair in [p for p in self._distances_m if radio.name in p]:
            del self._distances_m[pair]

    # What Bumble's controllers call.

    def add_controller(self, controller: Controller) -> None:
        """Let a radio join."""
        super().add_controller(controller)
        if isinstance(controller, Radio) and controller.listens:
            self._listeners.append(controller)

    def remove_controller(self, controller: Controller) -> None:
        """Let a radio go."""
        super().remove_controller(controller)
        if isinstance(controller, Radio) and controller.listens:
            self._listeners.remove(controller)
        for address in [a for a, c in self._by_address.items() if c is controller]:
            del self._by_address[address]

    def on_address_changed(self, controller: Controller) -> None:
        """Remember under which address a radio is to be found."""
        self._by_address[bytes(controller.random_address)] = controller

    def find_le_controller(self, address: hci.Address) -> Controller | None:
        """Find a radio by the address that it uses."""
        known = self._by_address.get(bytes(address))
        if known is not None and known.random_address == address:
            return known
        return super().find_le_controller(address)

    def send_advertising_pdu(
        self, sender_controller: Controller, packet: ll.AdvertisingPdu
    ) -> None:
        """Carry an advertisement, or the answer that opens a connection."""
        loop = asyncio.get_running_loop()
        if isinstance(packet, ll.ConnectInd):
            receiver = self.find_le_controller(packet.advertiser_address)
            if receiver is not None:
                loop.call_soon(receiver.on_ll_advertising_pdu, packet)
            return
        if not isinstance(packet, ll.AdvExtInd):
            return
        self.counts.sent += 1
        weather = self._weather_of(sender_controller.name)
        # advDelay, Core Vol 6 Part B §4.4.2.2: else two keys could collide for ever.
        delay_s = weather.uniform(0, _ADVERTISING_DELAY_MS_MAX / 1000)
        for radio in self._listeners:
            if not radio.le_scan_enable and radio.pending_le_connection is None:
                continue
            distance_m = self.distance_m(sender_controller.name, radio.name)
            if distance_m > RANGE_M or weather.random() < self.loss:
                self.counts.lost += 1
                continue
            self.counts.heard += 1
            rssi_dbm = _rssi_dbm(distance_m, weather)
            loop.call_later(delay_s, radio.hear, packet, rssi_dbm)

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        """Carry data, under the address that the connection was made with."""
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is None or receiver is None:
            return
        source = connection.self_address

        def deliver() -> None:
            if source in receiver.le_connections:
                receiver.on_link_acl_data(source, transport, data)

        self._carry(sender_controller, receiver, deliver)

    def send_ll_control_pdu(
        self,
        sender_address: hci.Address,
        receiver_address: hci.Address,
        packet: ll.ControlPdu,
    ) -> None:
        """Carry link control; to somebody who has left it is lost."""
        sender = self.find_le_controller(sender_address)
        receiver = self.find_le_controller(receiver_address)
        if sender is None or receiver is None:
            return

        def deliver() -> None:
            if sender_address in receiver.le_connections:
                receiver.on_ll_control_pdu(sender_address, packet)

        self._carry(sender, receiver, deliver)

    def _carry(
        self, sender: Controller, receiver: Controller, deliver: _Delivery
    ) -> None:
        """Deliver soon; while the two are apart, hold it: the link layer repeats."""
        if self.distance_m(sender.name, receiver.name) > RANGE_M:
            pair = frozenset((sender.name, receiver.name))
            self._held.setdefault(pair, []).append(deliver)
        else:
            asyncio.get_running_loop().call_soon(deliver)

    def _weather_of(self, sender: str) -> Random:
        """Return a sender's own chance, which no other sender's doings disturb."""
        if sender not in self._weather:
            chance = Random(f"air/{self._seed}/{sender}")  # noqa: S311 - no secret
            self._weather[sender] = chance
        return self._weather[sender]

    def _settle(self) -> None:
        """Start the supervision timeout of links that parted; end it for reunited."""
        for radio in self._listeners:
            for connection in list(radio.le_connections.values()):
                peer = self.find_le_controller(connection.peer_address)
                if peer is not None:
                    self._supervise(radio, connection, peer)

    def _supervise(
        self, radio: Radio, connection: Connection, peer: Controller
    ) -> None:
        pair = frozenset((radio.name, peer.name))
        loop = asyncio.get_running_loop()
        if self.distance_m(radio.name, peer.name) > RANGE_M:
            if pair not in self._breaking:
                self._breaking[pair] = loop.call_later(
                    SUPERVISION_MS / 1000, self._time_out, pair, radio, connection
                )
            return
        if (timer := self._breaking.pop(pair, None)) is not None:
            timer.cancel()
        for deliver in self._held.pop(pair, []):
            loop.call_soon(deliver)

    def _time_out(self, pair: _Pair, radio: Radio, connection: Connection) -> None:
        self._breaking.pop(pair, None)
        self._held.pop(pair, None)
        self._break(radio, connection)

    def _break(self, radio: Radio, connection: Connection) -> None:
        """End a connection on both sides with "connection timeout"."""
        reason = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        if radio.le_connections.get(connection.peer_address) is connection:
            radio.on_le_disconnected(connection, reason)
        peer = self.find_le_controller(connection.peer_address)
        if peer is None:
            return
        other = peer.le_connections.get(connection.self_address)
        if other is not None:
            peer.on_le_disconnected(other, reason)
