"""The policies of one door: the config's own, and such as were ordered since.

The config says what the door and its site are; a policy's text says who may pass.
"""

from dataclasses import dataclass, replace
from typing import Final

from gateway.config.config import Config
from gateway.config.policy_text import CalendarDays, PolicySections
from gateway.config.policy_words import policy_changes
from gateway.config.reader import parse_policy, with_policy
from gateway.core.policy import DoorPolicy
from gateway.core.policy_standing import policy_digest
from gateway.core.schedule import Schedule
from gateway.errors import ConfigError

PROPOSED: Final = "the policy"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that this door can go by.

    Attributes:
        text: its one text; `sha256` is that text's.
        unlocked: during which the door is held unlocked, or None.
    """

    text: str
    sha256: str
    sections: PolicySections
    door: DoorPolicy
    unlocked: Schedule | None


class SitePolicies:
    """Makes policies of texts, for one config.

    Attributes:
        own: the config's own policy.
        nothing: stands where there is none to go by; it denies everybody.
    """

    def __init__(self, config: Config, calendars: CalendarDays) -> None:
        """Read the config's own policy.

        Args:
            config: of the door.
            calendars: what each of its calendar files holds.

        Raises:
            ConfigError: it is too long.
        """
        self._config: Final = replace(config, sha256="")
        self.own: Final = self._made(config.policy.with_days(calendars))
        self.nothing: Final = replace(self.own.door, access=(), usable=False, sha256="")

    def kept(self, text: str, name: str) -> Policy:
        """Return the policy of a text that was put in force, in whatever version.

        Raises:
            ConfigError: it is none, or does not fit this door.
        """
        return self._made(parse_policy(text, name), name, text)

    def proposed(self, text: str) -> Policy:
        """Return the policy that somebody wants, in its one text.

        Raises:
            ConfigError: it is none, names a file, or does not fit this door.
        """
        sections = parse_policy(text, PROPOSED)
        if sections.calendars:
            raise ConfigError(
                f"{PROPOSED}: it names a calendar file; have `keyra policy propose` "
                "read it, which writes its days into the policy."
            )
        return self._made(sections, PROPOSED)

    def changes(self, before: Policy | None, after: Policy) -> list[str]:
        """Return what a policy changes, in sentences."""
        was = None if before is None else before.sections
        return policy_changes(was, after.sections)

    def _made(
        self, sections: PolicySections, name: str = PROPOSED, text: str | None = None
    ) -> Policy:
        text = sections.text() if text is None else text
        sha256 = policy_digest(text)
        config = with_policy(self._config, sections, name)
        door = replace(config.door_policy({}), sha256=sha256)
        held = config.door.unlocked
        unlocked = None if held is None else door.schedules[held]
        return Policy(text, sha256, sections, door, unlocked)
