"""The gateway's settings: one frozen dataclass per section of the file.

Attributes are in milliseconds where the file speaks of seconds (`release_ms`,
`release_s`). What may be written is in the metadata of each field.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from gateway.config.item import required, setting
from gateway.config.pins import BCM_MAX, BCM_MIN
from gateway.config.values import (
    AAGUID,
    ADAPTER,
    IDENTIFIER,
    PATH,
    RP_ID,
    SOCKET,
    ZONE,
    Choice,
    Flag,
    Seconds,
    Several,
    Whole,
)
from gateway.core.challenge import LIFE_MS_MAX
from gateway.core.door_timing import HELD_OPEN_MS_MAX, RELEASE_MS_MAX, Relock
from gateway.core.ids import DoorId, GatewayId, SiteId
from gateway.core.policy import OnUntrustedTime
from gateway.strike.machine import (
    FAULT_MS_CEILING,
    MOMENTARY_MS_CEILING,
    SILENCE_MS_CEILING,
    OnFault,
)
from gateway.strike.wiring import Lock, Relay

ROOTS_MAX: Final = 32
AAGUIDS_MAX: Final = 256

_PIN: Final = Whole(BCM_MIN, BCM_MAX, "(BCM number)")


class BleIdentity(Enum):
    """Whose Bluetooth identity a gateway has; a key bonds once with each identity."""

    GATEWAY = "gateway"
    SITE = "site"


class PairingMethod(Enum):
    """How a key may be bonded (Bluetooth Core 5.4, Vol 3, Part H, §2.3.5.1)."""

    NUMERIC_COMPARISON = "numeric-comparison"
    PASSKEY = "passkey"
    JUST_WORKS = "just-works"


class Active(Enum):
    """The level of an input line that means what its name says."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The site."""

    id: SiteId = field(
        metadata=required(
            IDENTIFIER, "Name of the site in every challenge.", "example-site"
        )
    )
    rp_id: str = field(
        metadata=required(
            RP_ID,
            "The site's domain, under which keys make their credentials. It can never "
            "be changed without enrolling every key again.",
            "door.example",
        )
    )
    zone: str = field(
        metadata=required(ZONE, "Where weekly windows are meant.", "Etc/UTC")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """This machine."""

    id: GatewayId = field(
        metadata=required(IDENTIFIER, "Name of this gateway.", "gateway-1")
    )
    state_dir: str = field(
        default="/var/lib/keyra",
        metadata=setting(PATH, "Ledger, registry and people database."),
    )
    ble_identity: BleIdentity = field(
        default=BleIdentity.GATEWAY,
        metadata=setting(
            Choice(BleIdentity),
            "Whether keys bond with this gateway alone or with the site's identity.",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The door."""

    id: DoorId = field(
        metadata=required(IDENTIFIER, "Name of the door in every entry.", "front-door")
    )
    lock: Lock = field(
        metadata=required(
            Choice(Lock),
            "What the lock does without power: a fail-secure one stays locked, a "
            "fail-safe one (a magnet, say) lets go.",
            Lock.FAIL_SECURE,
        )
    )
    relay: Relay = field(
        metadata=required(
            Choice(Relay),
            "Which level of the line draws the relay; the relay board says so.",
            Relay.ACTIVE_HIGH,
        )
    )
    on_fault: OnFault = field(
        default=OnFault.SECURE,
        metadata=setting(
            Choice(OnFault),
            "What becomes of the door when no gateway has been there for [strike] "
            'fault_s. Say "release" only where a locked door endangers life.',
        ),
    )
    release_ms: int = field(
        default=5_000,
        metadata=setting(
            Seconds(100, RELEASE_MS_MAX), "How long a touch releases the door."
        ),
    )
    held_open_ms: int = field(
        default=30_000,
        metadata=setting(
            Seconds(1_000, HELD_OPEN_MS_MAX),
            "How long the door may stand open before the alarm.",
        ),
    )
    relock_on: Relock = field(
        default=Relock.OPENING,
        metadata=setting(Choice(Relock), "When a door that was passed is secured."),
    )
    contact: bool = field(
        metadata=required(
            Flag(),
            "Whether there is a door contact. A forced door is noticed by it.",
            example=False,
        )
    )
    on_untrusted_time: OnUntrustedTime = field(
        default=OnUntrustedTime.DENY,
        metadata=setting(
            Choice(OnUntrustedTime),
            "What happens to keys whose rules need the time of day while the clock is "
            "not synchronised.",
        ),
    )
    challenge_ttl_ms: int = field(
        default=15_000,
        metadata=setting(
            Seconds(1_000, LIFE_MS_MAX),
            "How long a key may take to answer, finger included.",
        ),
    )


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
class Radio:
    """Bluetooth."""

    adapter: str = field(default="hci0", metadata=setting(ADAPTER, "Which adapter."))
    pairing: tuple[PairingMethod, ...] = field(
        default=(PairingMethod.NUMERIC_COMPARISON, PairingMethod.PASSKEY),
        metadata=setting(
            Several(Choice(PairingMethod), high=len(PairingMethod), low=1),
            "How a key may be bonded; just-works shows no machine in the middle.",
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
        metadata=setting(_PIN, "Contact of the fire alarm; observed only.", 24),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Which keys may be enrolled. With nothing here, none may."""

    roots: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            Several(PATH, high=ROOTS_MAX),
            "PEM files with the root certificates of the makers of keys.",
        ),
    )
    aaguids: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            Several(AAGUID, high=AAGUIDS_MAX), "Models of keys that are accepted."
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what strangers can make the gateway remember or do."""

    open_challenges_max: int = field(
        default=64,
        metadata=setting(
            Whole(1, 1_024, "challenges"), "Questions waiting for their answer."
        ),
    )
    answers_remembered_max: int = field(
        default=4_096,
        metadata=setting(
            Whole(64, 1_048_576, "answers"), "Answers kept to recognise a replay."
        ),
    )
    addresses_max: int = field(
        default=4_096,
        metadata=setting(
            Whole(64, 65_536, "addresses"), "Bluetooth addresses remembered."
        ),
    )
    sessions_per_address_per_minute_max: int = field(
        default=20,
        metadata=setting(
            Whole(1, 600, "sessions"), "Touches that one key may begin in a minute."
        ),
    )
