"""From the config to a door's policies: the calendar files are read here."""

from pathlib import Path

from gateway.adapters.policy_store import FilePolicyStore
from gateway.bootstrap.parts import POLICIES_NAME
from gateway.config import Config
from gateway.config.policy_text import CalendarDays, PolicySections
from gateway.config.site_policy import Policy, SitePolicies
from gateway.core.policy import DoorPolicy
from gateway.core.policy_standing import PolicyStanding
from gateway.core.special_days import Days
from gateway.ports import PolicyStore


def policies_of(config: Config) -> SitePolicies:
    """Return what makes the policies of the config's door, its own among them.

    Raises:
        ConfigError: a calendar file cannot be read or used.
    """
    return SitePolicies(config, calendars_of(config.policy))


def policy_of(config: Config) -> DoorPolicy:
    """Return who may pass the config's door by the config's own policy, and when.

    Raises:
        ConfigError: a calendar file cannot be read or used.
    """
    return policies_of(config).own.door


def policy_at(config: Config, standing: PolicyStanding | None) -> DoorPolicy:
    """Return who may pass by the policy that an entry named, and when.

    One whose text is not in the state directory denies everybody, as it would at the
    door. Before any entry named one it was the config's.

    Raises:
        ConfigError: a calendar file cannot be read or used, or it does not fit.
    """
    site = policies_of(config)
    store = FilePolicyStore(Path(config.gateway.state_dir) / POLICIES_NAME)
    current = in_force(site, store, standing)
    return site.nothing if current is None else current.door


def in_force(
    site: SitePolicies, store: PolicyStore, standing: PolicyStanding | None
) -> Policy | None:
    """Return the policy that an entry named, where its text is here.

    Raises:
        ConfigError: it does not fit this door.
    """
    if standing is None or standing.sha256 == site.own.sha256:
        return site.own
    text = store.load(standing.sha256)
    return None if text is None else site.kept(text, "the policy in force")


def calendars_of(policy: PolicySections) -> CalendarDays:
    """Return the days of the calendar files that a policy names.

    Raises:
        ConfigError: one of them cannot be read or used.
    """
    return {name: _days(Path(name)) for name in policy.calendars}


def _days(path: Path) -> Days:
    # A door whose config names no calendar does not load the library for them.
    from gateway.adapters.calendar_file import read_calendar  # noqa: PLC0415

    return read_calendar(path)
