"""From the config to a door's policy: the calendar files are read here."""

from pathlib import Path

from gateway.config import Config
from gateway.core.policy import DoorPolicy
from gateway.core.special_days import Days


def policy_of(config: Config) -> DoorPolicy:
    """Return who may pass the config's door, and when.

    Raises:
        ConfigError: a calendar file cannot be read or used.
    """
    return config.door_policy({name: _days(Path(name)) for name in config.calendars})


def _days(path: Path) -> Days:
    # A door whose config names no calendar does not load the library for them.
    from gateway.adapters.calendar_file import read_calendar  # noqa: PLC0415

    return read_calendar(path)
