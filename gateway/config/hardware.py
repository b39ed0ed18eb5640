"""Settings of the hardware: keyra-strike, and the lines of the pin header."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from gateway.config.item import Item, required, setting
from gateway.config.pins import BCM_MAX, BCM_MIN
from gateway.config.values import SOCKET, Choice, Seconds, Whole
from gateway.strike.machine import (
    FAULT_MS_CEILING,
    LEASE_MS_CEILING,
    MOMENTARY_MS_CEILING,
    SILENCE_MS_CEILING,
)

_PIN: Final = Whole(BCM_MIN, BCM_MAX, "(BCM number)")


def _debounce(whose: str) -> dict[str, Item]:
    return setting(Seconds(0, 1_000), f"Likewise, for {whose} alone.", 100)


class Active(Enum):
    """The level of an input line that means what its name says."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """keyra-strike, the process that alone moves the line."""

    socket: str = field(
        default="/run/keyra-strike/socket",
        metadata=setting(SOCKET, "Where it listens."),
    )
    momentary_ms_max: int = field(
        default=10_000,
        metadata=setting(
            Seconds(100, MOMENTARY_MS_CEILING),
            "The longest release that it carries out, whoever asks.",
        ),
    )
    lease_ms_max: int = field(
        default=5_000,
        metadata=setting(
            Seconds(0, LEASE_MS_CEILING),
            "How long a mode holds the door without being asked for again; at least 3, "
            "or 0 where no mode ever holds this door.",
        ),
    )
    silence_ms_max: int = field(
        default=2_000,
        metadata=setting(
            Seconds(1_000, SILENCE_MS_CEILING),
            "It secures the door when it has not heard the gateway for this long.",
        ),
    )
    fault_ms: int = field(
        default=30_000,
        metadata=setting(
            Seconds(1_000, FAULT_MS_CEILING),
            "How long nobody may be there before [door] on_fault holds.",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """Lines of the header, by BCM number. Inputs are pulled up and switch to ground."""

    chip: int = field(
        default=0,
        metadata=setting(
            Whole(0, 99), "N of the /dev/gpiochipN with the pin header (gpiodetect)."
        ),
    )
    strike: int = field(
        metadata=required(
            _PIN,
            "The lock's relay; not a pin whose pull at reset would release the door.",
            17,
        )
    )
    contact: int | None = field(
        default=None, metadata=setting(_PIN, "Door contact.", 27)
    )
    exit: int | None = field(
        default=None,
        metadata=setting(_PIN, "Exit button; getting out never needs it.", 22),
    )
    tamper: int | None = field(
        default=None, metadata=setting(_PIN, "Tamper switch of the case.", 23)
    )
    fire: int | None = field(
        default=None,
        metadata=setting(_PIN, "Contact of the fire alarm; see [door] on_fire.", 24),
    )
    interlock: int | None = field(
        default=None,
        metadata=setting(
            _PIN, "Contact of the other door, where only one of two may be open.", 25
        ),
    )
    contact_active: Active = field(
        default=Active.HIGH,
        metadata=setting(Choice(Active), "The contact's level while the door is open."),
    )
    exit_active: Active = field(
        default=Active.LOW,
        metadata=setting(Choice(Active), "The button's level while it is pressed."),
    )
    tamper_active: Active = field(
        default=Active.HIGH,
        metadata=setting(Choice(Active), "The switch's level while the case is open."),
    )
    fire_active: Active = field(
        default=Active.HIGH,
        metadata=setting(Choice(Active), "The contact's level during a fire."),
    )
    interlock_active: Active = field(
        default=Active.HIGH,
        metadata=setting(
            Choice(Active), "That contact's level while the other door is open."
        ),
    )
    led_green: int | None = field(
        default=None, metadata=setting(_PIN, "Green light.", 5)
    )
    led_red: int | None = field(default=None, metadata=setting(_PIN, "Red light.", 6))
    buzzer: int | None = field(default=None, metadata=setting(_PIN, "Buzzer.", 13))
    debounce_ms: int = field(
        default=30,
        metadata=setting(
            Seconds(0, 1_000), "How long an input must stay the same to count."
        ),
    )
    contact_debounce_ms: int | None = field(
        default=None, metadata=_debounce("the contact")
    )
    exit_debounce_ms: int | None = field(
        default=None, metadata=_debounce("the exit button")
    )
    tamper_debounce_ms: int | None = field(
        default=None, metadata=_debounce("the tamper switch")
    )
    fire_debounce_ms: int | None = field(
        default=None, metadata=_debounce("the fire alarm")
    )
    interlock_debounce_ms: int | None = field(
        default=None, metadata=_debounce("the other door's contact")
    )
