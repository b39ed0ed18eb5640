"""What light and buzzer play, where a site wants other patterns than ours."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.config.item import Item, setting
from gateway.config.values import WrongValueError, shown
from gateway.core.facts import Pattern
from gateway.core.patterns import TABLE, Played, parse
from gateway.errors import ConfigError

PATTERN_CHARS_MAX: Final = 640
_CHARS: Final = re.compile(r"[-grb0-9| ]+")


@dataclass(frozen=True, slots=True)
class Playable:
    """A line of core.patterns."""

    allows: str = 'steps once, "|", and steps again and again, such as "gb60 | g500"'

    def read(self, raw: object) -> str:
        """Return the line."""
        if (
            not isinstance(raw, str)
            or len(raw) > PATTERN_CHARS_MAX
            or _CHARS.fullmatch(raw) is None
        ):
            raise WrongValueError(f"is {shown(raw)}; give {self.allows}")
        try:
            parse(raw)
        except ConfigError as error:
            says = str(error).removesuffix(".")
            raise WrongValueError(f"is no pattern: {says}") from error
        return raw

    def write(self, value: str) -> str:
        """Return it in quotes; it holds none."""
        return f'"{value}"'


def _plays(about: str) -> dict[str, Item]:
    return setting(Playable(), about)


def attribute_of(pattern: Pattern) -> str:
    """Return what a pattern is called here and in the file."""
    return pattern.value.replace("-", "_")


def _default(pattern: Pattern, about: str) -> Any:
    return field(default=TABLE[pattern], metadata=_plays(about))


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """What light and buzzer play; no two may be alike."""

    ready: str = _default(Pattern.READY, "The door waits.")
    verifying: str = _default(Pattern.VERIFYING, "A key is being asked.")
    touch_now: str = _default(Pattern.TOUCH_NOW, "Put the finger on the key.")
    granted: str = _default(Pattern.GRANTED, "Come in.")
    unlocked: str = _default(Pattern.UNLOCKED, "The door is held unlocked.")
    pre_alarm: str = _default(Pattern.PRE_ALARM, "Close the door, please.")
    denied: str = _default(Pattern.DENIED, "Not you, or not now.")
    fault: str = _default(Pattern.FAULT, "Something is broken.")
    alarm: str = _default(Pattern.ALARM, "Forced, held open, tamper or fire.")
    order: str = _default(Pattern.ORDER, "An order waits for this key; nothing opens.")

    @property
    def texts(self) -> Mapping[Pattern, str]:
        """Each one's line."""
        return {one: getattr(self, attribute_of(one)) for one in Pattern}

    @property
    def played(self) -> Mapping[Pattern, Played]:
        """Each one's steps."""
        return {one: parse(text) for one, text in self.texts.items()}
