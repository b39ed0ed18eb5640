"""/etc/keyra/gateway.toml → one frozen Config. Whatever is wrong is a ConfigError."""

from gateway.config.config import Config
from gateway.config.defaults import defaults_text
from gateway.config.reader import FILE_BYTES_MAX, load, parse
from gateway.config.sections import (
    Active,
    BleIdentity,
    Door,
    Gateway,
    Group,
    Limits,
    NamedSchedule,
    PairingMethod,
    Pins,
    Radio,
    Site,
    Strike,
    Trust,
)

__all__ = [
    "FILE_BYTES_MAX",
    "Active",
    "BleIdentity",
    "Config",
    "Door",
    "Gateway",
    "Group",
    "Limits",
    "NamedSchedule",
    "PairingMethod",
    "Pins",
    "Radio",
    "Site",
    "Strike",
    "Trust",
    "defaults_text",
    "load",
    "parse",
]
