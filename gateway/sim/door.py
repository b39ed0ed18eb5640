"""A small door: a leaf, a strike on a relay, a contact and an exit button.

It works out by itself what a level does, as a witness must, and does not ask the
product's own wiring table.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from gateway.core.facts import InputName
from gateway.sim.pins import PinBoard
from gateway.strike.wiring import Lock, Relay

STRIKE: Final = "strike"
PRESS_MS: Final = 200


def idle_level(relay: Relay) -> int:
    """Return the level at which a relay is not energised."""
    return 0 if relay is Relay.ACTIVE_HIGH else 1


@dataclass(frozen=True, slots=True)
class DoorState:
    """The door as somebody who stands before it sees it."""

    released: bool
    energised: bool
    open: bool


class SimulatedDoor:
    """Opens only while the strike is released, unless it is forced."""

    def __init__(self, board: PinBoard, lock: Lock, relay: Relay) -> None:
        """Hang a closed door.

        Args:
            board: drives the strike and hears the contact.
            lock: what the lock does without power.
            relay: which level energises it.
        """
        self._board: Final = board
        self._lock: Final = lock
        self._relay: Final = relay
        self._open = False

    async def state(self) -> DoorState:
        """Look at it."""
        energised = self._board.level(STRIKE) != idle_level(self._relay)
        released = energised if self._lock is Lock.FAIL_SECURE else not energised
        return DoorState(released, energised, self._open)

    async def open(self) -> bool:
        """Pull it; return whether it gave way."""
        if self._open or (await self.state()).released:
            await self._swing(is_open=True)
        return self._open

    async def close(self) -> None:
        """Close it."""
        await self._swing(is_open=False)

    async def force(self) -> None:
        """Break it open."""
        await self._swing(is_open=True)

    async def press_exit(self) -> None:
        """Press the exit button for a moment."""
        await self._board.set_input(InputName.EXIT_REQUEST, active=True)
        loop = asyncio.get_running_loop()
        let_go = loop.create_future()
        timer = loop.call_later(PRESS_MS / 1000, let_go.set_result, None)
        try:
            await let_go
        finally:
            timer.cancel()
            await self._board.set_input(InputName.EXIT_REQUEST, active=False)

    async def _swing(self, *, is_open: bool) -> None:
        self._open = is_open
        await self._board.set_input(InputName.CONTACT_OPEN, active=is_open)
