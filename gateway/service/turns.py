"""Whose key is asked next, where many are around one door. No I/O; time is an argument.

A key advertises because its holder woke it, or because it lies awake in a pocket, or
because somebody advertises under its address. Which of these it is shows only in the
asking. So a key that was just woken goes before those that were asked in vain; every
other turn goes to whoever waits longest, so that nobody waits for ever; and where all
sessions wait for fingers, the one that has waited longest gives way.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from gateway.core.ids import PeerAddress

CONNECTING_MAX: Final = 2
"""One that answers nobody must not be in everybody's way."""

SESSIONS_MAX: Final = 8
"""What a Pi's controller holds at once, less one for a ceremony."""

KEYS_MAX: Final = 1_024
FRESH_MS: Final = 3_000
"""Without an advert for so long a key has gone to sleep, or away."""

FINGER_MS: Final = 4_000
"""How long a key may wait for its finger while others wait for a turn."""

CONNECT_MS: Final = 4_000
CONNECT_AGAIN_MS: Final = 1_500
"""For an address that did not answer the last time."""

VAIN_MAX: Final = 8


@dataclass(slots=True)
class _Key:
    """What is known of one address.

    Attributes:
        woke_ms: when its adverts began, after a silence.
        heard_ms: its last advert, or the end of its last session.
        vain: how often it was asked in vain since it woke.
        unreached: how often in a row it did not answer a connection.
        since_ms: when it reached its present stage.
    """

    woke_ms: int
    heard_ms: int
    waits: bool = False
    vain: int = 0
    unreached: int = 0
    connecting: bool = False
    connected: bool = False
    at_finger: bool = False
    since_ms: int = 0


class Turns:
    """Hands out turns to connect, and takes sessions back."""

    def __init__(self) -> None:
        self._keys: Final[OrderedDict[PeerAddress, _Key]] = OrderedDict()
        self._longest_next = False

    def heard(self, address: PeerAddress, now_ms: int, *, may_ask: bool) -> None:
        """Hear a key, and whether it may be asked now."""
        key = self._keys.get(address)
        if key is None:
            self._make_room()
            key = self._keys[address] = _Key(woke_ms=now_ms, heard_ms=now_ms)
        elif now_ms - key.heard_ms > FRESH_MS:
            key.woke_ms, key.vain = now_ms, 0
        key.heard_ms = now_ms
        key.waits = may_ask and not (key.connecting or key.connected)
        self._keys.move_to_end(address)

    def next(self, now_ms: int) -> PeerAddress | None:
        """Return whose turn it is, and give it; None if nobody's."""
        connecting = sum(key.connecting for key in self._keys.values())
        if connecting >= CONNECTING_MAX or self._busy() >= SESSIONS_MAX:
            return None
        waiting = self._waiting(now_ms)
        if not waiting:
            return None
        least = min(self._in_vain(address) for address in waiting)
        first = [one for one in waiting if self._in_vain(one) == least]
        if self._longest_next:
            chosen = min(waiting, key=self._served)
        else:
            chosen = max(first, key=lambda one: self._keys[one].woke_ms)
        self._longest_next = not self._longest_next
        key = self._keys[chosen]
        key.waits, key.connecting, key.since_ms = False, True, now_ms
        return chosen

    def connect_ms(self, address: PeerAddress) -> int:
        """Return how long a connection to it may take."""
        key = self._keys.get(address)
        return CONNECT_AGAIN_MS if key is not None and key.unreached else CONNECT_MS

    def connected(self, address: PeerAddress, now_ms: int) -> None:
        """Hear that its turn is over: it is connected."""
        key = self._keys[address]
        key.connecting, key.connected, key.since_ms = False, True, now_ms
        key.unreached = 0

    def at_finger(self, address: PeerAddress, now_ms: int, *, waits: bool) -> None:
        """Hear that it waits for its finger, or no longer does."""
        key = self._keys[address]
        if waits and not key.at_finger:
            key.since_ms = now_ms
        key.at_finger = waits

    def ended(
        self, address: PeerAddress, now_ms: int, *, unreached: bool, vain: bool
    ) -> None:
        """Hear that its session is over, and whether it was for nothing."""
        key = self._keys[address]
        key.connecting = key.connected = key.at_finger = False
        key.heard_ms = key.since_ms = now_ms
        key.unreached = min(key.unreached + 1, VAIN_MAX) if unreached else 0
        key.vain = min(key.vain + 1, VAIN_MAX) if vain else 0

    def to_yield(self, now_ms: int) -> PeerAddress | None:
        """Return who gives way: all sessions are taken, and another key waits."""
        if self._busy() < SESSIONS_MAX or not self._waiting(now_ms):
            return None
        idle = [
            address
            for address, key in self._keys.items()
            if key.at_finger and now_ms - key.since_ms >= FINGER_MS
        ]
        return min(idle, key=lambda one: self._keys[one].since_ms, default=None)

    def _busy(self) -> int:
        return sum(key.connecting or key.connected for key in self._keys.values())

    def _waiting(self, now_ms: int) -> list[PeerAddress]:
        return [
            address
            for address, key in self._keys.items()
            if key.waits and now_ms - key.heard_ms <= FRESH_MS
        ]

    def _in_vain(self, address: PeerAddress) -> int:
        key = self._keys[address]
        return key.unreached + key.vain

    def _served(self, address: PeerAddress) -> tuple[int, int]:
        """Order by who was asked longest ago, or never."""
        key = self._keys[address]
        return key.since_ms, key.woke_ms

    def _make_room(self) -> None:
        if len(self._keys) >= KEYS_MAX:
            idle = (
                address
                for address, key in self._keys.items()
                if not (key.connecting or key.connected)
            )
            del self._keys[next(idle)]
