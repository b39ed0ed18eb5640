"""Pins of the 40-pin header, and what the board does to them before Linux runs.

Until the strike's process claims its line, nothing drives it: the pad is an input with
the pull that the chip gives it at reset.

    BCM 0-8    pulled up      BCM2835 ARM Peripherals p. 102, column "Pull";
    BCM 9-27   pulled down    the BCM2711 and the Pi 5's RP1 keep the same split

So the same relay board is safe on one half of the header and releases the door during
each boot on the other half. BCM 0 and 1 are left alone: the firmware talks to a HAT's
memory over them at each boot. BCM 14 is the serial console's transmit pin, which moves
while the machine boots: no line for a strike.
"""

from typing import Final

from gateway.strike.wiring import Level, Wiring

BCM_MIN: Final = 2
BCM_MAX: Final = 27
PULLED_UP_MAX: Final = 8
CONSOLE_TX: Final = 14


def reset_level(bcm: int) -> Level:
    """Return the level that the reset pull gives a pin with nothing else on it."""
    return 1 if bcm <= PULLED_UP_MAX else 0


def strike_pin_fault(bcm: int, wiring: Wiring) -> str | None:
    """Return why the strike must not hang on a pin, or None; half a sentence."""
    if bcm == CONSOLE_TX:
        return (
            f"is {bcm}, the serial console's transmit pin, which moves while the "
            "machine boots; take another one"
        )
    level = reset_level(bcm)
    if wiring.released(level):
        pull, other = (
            ("up", f"{PULLED_UP_MAX + 1} to {BCM_MAX}")
            if level
            else ("down", f"{BCM_MIN} to {PULLED_UP_MAX}")
        )
        return (
            f"is {bcm}, which the board pulls {pull} at reset, and that would release "
            f'the door of a "{wiring.lock.value}" lock on a "{wiring.relay.value}" '
            f"relay at each boot; take one of {other}"
        )
    return None
