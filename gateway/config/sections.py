"""The gateway's settings: one frozen dataclass per section of the file.

Attributes are in milliseconds where the file speaks of seconds (`release_ms`,
`release_s`). What may be written is in the metadata of each field.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from gateway.config.item import required, setting
from gateway.config.values import (
    AAGUID,
    ADAPTER,
    IDENTIFIER,
    PATH,
    RECIPIENT,
    RP_ID,
    ZONE,
    Choice,
    Flag,
    Seconds,
    Several,
    Whole,
)
from gateway.core.challenge import LIFE_MS_MAX
from gateway.core.door_timing import HELD_OPEN_MS_MAX, RELEASE_MS_MAX, Relock
from gateway.core.ids import DoorId, GatewayId, ScheduleId, SiteId
from gateway.core.orders import OnFire
from gateway.core.policy import OnUntrustedTime
from gateway.strike.machine import (
    OnFault,
)
from gateway.strike.wiring import Lock, Relay

ROOTS_MAX: Final = 32
AAGUIDS_MAX: Final = 256
RTC_ERROR_MS_MAX: Final = 600_000


class BleIdentity(Enum):
    """Whose Bluetooth identity a gateway has; a key bonds once with each identity."""

    GATEWAY = "gateway"
    SITE = "site"


class PairingMethod(Enum):
    """How a key may be bonded (Bluetooth Core 5.4, Vol 3, Part H, §2.3.5.1)."""

    NUMERIC_COMPARISON = "numeric-comparison"
    PASSKEY = "passkey"
    JUST_WORKS = "just-works"


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
    rtc_error_ms: int = field(
        default=0,
        metadata=setting(
            Seconds(0, RTC_ERROR_MS_MAX),
            "How wrong the time of the board's clock with a battery may be and yet be "
            "believed while no time server is reached. It has to have agreed with one, "
            "and goes wrong by at most 9 s a day from then on: 60 lasts 6 days, 600 "
            "lasts 69. 0 believes it never.",
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
    on_fire: OnFire = field(
        default=OnFire.OBSERVE,
        metadata=setting(
            Choice(OnFire),
            "What a fire does to this door beside the alarm. Letting people out in a "
            'fire is the hardware\'s; "release" holds the door for those who come in, '
            "over every mode.",
        ),
    )
    pre_alarm_ms: int = field(
        default=10_000,
        metadata=setting(
            Seconds(0, HELD_OPEN_MS_MAX),
            "How long before that alarm the buzzer asks to close the door; at most "
            "half of held_open_s, 0 for not at all.",
        ),
    )
    extended_release_ms: int = field(
        default=5_000,
        metadata=setting(
            Seconds(0, RELEASE_MS_MAX),
            "Added to release_s for holders who need more time; together never above "
            "[strike] momentary_s_max.",
        ),
    )
    extended_open_ms: int = field(
        default=30_000,
        metadata=setting(
            Seconds(0, HELD_OPEN_MS_MAX), "Added to held_open_s for them."
        ),
    )
    unlocked: ScheduleId | None = field(
        default=None,
        metadata=setting(
            IDENTIFIER,
            "During which [[schedule]] the door is held unlocked, by a clock that is "
            "believed.",
            "office-hours",
        ),
    )
    first_person: bool = field(
        default=False,
        metadata=setting(Flag(), "Whether that waits until a key has opened the door."),
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
    model_list: str | None = field(
        default=None,
        metadata=setting(
            PATH,
            "The FIDO metadata list (MDS3, the JWT as published); what it calls "
            "revoked or compromised is not enrolled.",
            "/etc/keyra/mds.jwt",
        ),
    )
    model_list_roots: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            Several(PATH, high=ROOTS_MAX),
            "PEM files with the roots of whoever signs that list.",
        ),
    )
    model_list_publisher: str = field(
        default="mds.fidoalliance.org",
        metadata=setting(RP_ID, "To whom the list's signing certificate was issued."),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """Backups, which only the holder of another key can open."""

    recipient: str | None = field(
        default=None,
        metadata=setting(
            RECIPIENT,
            "Who can open them (age): its other half is kept elsewhere. Without one, "
            "none are made by themselves.",
            "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z",
        ),
    )
    dir: str = field(
        default="/var/backups/keyra",
        metadata=setting(PATH, "Where they are put, day by day."),
    )
    keep: int = field(
        default=14,
        metadata=setting(
            Whole(2, 10_000, "backups"), "How many of the newest are kept there."
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
