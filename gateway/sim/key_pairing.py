"""What a simulated key does while it pairs, and what it shows and takes in."""

import asyncio
from enum import Enum
from typing import Final

from bumble.pairing import PairingDelegate


class KeyIo(Enum):
    """What a key has to pair with; decides the method (Core Vol 3 Part H §2.3.5)."""

    NONE = "none"  # Just Works
    COMPARE = "compare"  # a display and yes/no: numeric comparison
    KEYBOARD = "keyboard"  # passkey entry


# No identity key: these radios use no private addresses, and Bumble would scan for one.
ENCRYPTION_KEY_ONLY: Final = PairingDelegate.KeyDistribution.DISTRIBUTE_ENCRYPTION_KEY

_CAPABILITIES: Final = {
    KeyIo.NONE: PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT,
    KeyIo.COMPARE: PairingDelegate.IoCapability.DISPLAY_OUTPUT_AND_YES_NO_INPUT,
    KeyIo.KEYBOARD: PairingDelegate.IoCapability.KEYBOARD_INPUT_ONLY,
}


class KeyPairing(PairingDelegate):
    """The key's part of a pairing; refuses all unless `open`.

    Attributes:
        open: the key is in pairing mode.
        agrees: its holder presses yes when the numbers are to be compared.
        by_hand: its holder takes the time for that, until `press`.
        shown_number: what its display shows, or None.
    """

    def __init__(self, io: KeyIo, *, by_hand: bool = False) -> None:
        """Start closed."""
        super().__init__(_CAPABILITIES[io], ENCRYPTION_KEY_ONLY, ENCRYPTION_KEY_ONLY)
        self.open = False
        self.agrees = True
        self.by_hand: Final = by_hand
        self.shown_number: int | None = None
        self._typed: int | None = None
        self._typing: Final = asyncio.Event()
        self._pressed: Final = asyncio.Event()

    @property
    def asks(self) -> bool:
        """Whether the key waits for its holder's yes or no."""
        waits = self.by_hand and not self._pressed.is_set()
        return waits and self.shown_number is not None

    def press(self, *, agree: bool) -> None:
        """Press yes or no on the key."""
        self.agrees = agree
        self._pressed.set()

    def type_in(self, number: int) -> None:
        """Type a passkey."""
        self._typed = number
        self._typing.set()

    async def accept(self) -> bool:
        """Accept only in pairing mode."""
        return self.open

    async def compare_numbers(self, number: int, digits: int) -> bool:  # noqa: ARG002 - Bumble's signature
        """Show the number; say what the holder says."""
        self.shown_number = number
        if self.by_hand:
            self._pressed.clear()
            await self._pressed.wait()
        return self.agrees

    async def get_number(self) -> int | None:
        """Wait until the holder has typed the passkey."""
        await self._typing.wait()
        self._typing.clear()
        return self._typed
