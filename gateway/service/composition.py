"""What a gateway is made of: its adapters, and what its configuration says."""

from dataclasses import dataclass

from gateway.config import Limits
from gateway.config.site_policy import SitePolicies
from gateway.core import entries
from gateway.core.challenge import Place
from gateway.core.door_timing import DoorTiming
from gateway.core.orders import OnFire
from gateway.ports import (
    AT_ONCE,
    NO_ALARM,
    NO_RTC,
    NO_UPKEEP,
    Aside,
    Clock,
    Entropy,
    History,
    Indicators,
    Inputs,
    Journal,
    Pairing,
    PeopleStore,
    PolicyStore,
    Radio,
    RegistryStore,
    Rtc,
    Sensors,
    SilentAlarm,
    Strike,
    TelemetryStore,
    Upkeep,
    Watchdog,
)
from gateway.radio_ports import RadioControl
from gateway.service.front_views import SettingView
from gateway.service.new_credential import EnrolmentRules
from gateway.service.telemetry import MemoryTelemetry


@dataclass(frozen=True, slots=True)
class Adapters:
    """Everything outside the gateway, behind its ports."""

    clock: Clock
    entropy: Entropy
    radio: Radio
    radio_control: RadioControl
    pairing: Pairing
    strike: Strike
    inputs: Inputs
    indicators: Indicators
    journal: Journal
    history: History
    registry_store: RegistryStore
    people: PeopleStore
    policies: PolicyStore
    telemetry: MemoryTelemetry
    telemetry_store: TelemetryStore
    sensors: Sensors
    watchdog: Watchdog
    silent_alarm: SilentAlarm = NO_ALARM
    upkeep: Upkeep = NO_UPKEEP
    aside: Aside = AT_ONCE
    rtc: Rtc = NO_RTC


@dataclass(frozen=True, slots=True)
class Setting:
    """What the configuration says, in the core's own words.

    Attributes:
        config_facts: what the `config` entry holds.
        wiring: lock, relay and pin in words; commissioning holds for these alone.
        switches: what the config switches on and off, with its risk.
    """

    place: Place
    timing: DoorTiming
    policies: SitePolicies
    challenge_life_ms: int
    enrolment: EnrolmentRules
    limits: Limits
    config_facts: entries.ConfigFacts
    on_fire: OnFire = OnFire.OBSERVE
    wiring: str = ""
    switches: tuple[SettingView, ...] = ()
