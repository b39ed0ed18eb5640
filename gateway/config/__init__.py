"""/etc/keyra/gateway.toml → one frozen Config. Whatever is wrong is a ConfigError."""

from gateway.config.config import Config
from gateway.config.defaults import defaults_text
from gateway.config.hardware import Active, Pins, Strike
from gateway.config.policy_sections import (
    Duress,
    Group,
    Holiday,
    NamedSchedule,
    Rules,
    SpecialHours,
)
from gateway.config.reader import FILE_BYTES_MAX, load, load_policy, parse
from gateway.config.sections import (
    BleIdentity,
    Door,
    Gateway,
    Limits,
    PairingMethod,
    Radio,
    Site,
    Trust,
)

__all__ = [
    "FILE_BYTES_MAX",
    "Active",
    "BleIdentity",
    "Config",
    "Door",
    "Duress",
    "Gateway",
    "Group",
    "Holiday",
    "Limits",
    "NamedSchedule",
    "PairingMethod",
    "Pins",
    "Radio",
    "Rules",
    "Site",
    "SpecialHours",
    "Strike",
    "Trust",
    "defaults_text",
    "load",
    "load_policy",
    "parse",
]
