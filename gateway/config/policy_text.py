"""A policy by itself: the sections that say who may pass when, and their one text.

The text is TOML, written in one way only: every setting, in a fixed order, the days of
calendar files among the others. Its SHA-256 names the policy; whoever has the text can
check it with `sha256sum`, read it, edit it, and propose it again.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from gateway.config.item import ITEM, Heading, Item
from gateway.config.policy_sections import (
    Group,
    Holiday,
    NamedSchedule,
    Rules,
    SpecialHours,
)
from gateway.config.values import key_of
from gateway.core.special_days import Days
from gateway.errors import ConfigError

POLICY_BYTES_MAX: Final = 128 * 1024
LINE_CHARS_WANTED: Final = 88

CalendarDays: TypeAlias = Mapping[str, Days]
"""The days of each calendar file that a policy names, by its path."""

HEADINGS: Final = {
    "schedules": Heading("schedule", NamedSchedule, "", many=True),
    "holidays": Heading("holiday", Holiday, "", many=True),
    "special_hours": Heading("exception", SpecialHours, "", many=True),
    "groups": Heading("group", Group, "", many=True),
    "rules": Heading("rules", Rules, ""),
}
"""The sections of a config that are policy, by their attribute, as they are written."""

_Dated = TypeVar("_Dated", Holiday, SpecialHours)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySections:
    """Who may pass when, as a config's sections say it."""

    schedules: tuple[NamedSchedule, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    special_hours: tuple[SpecialHours, ...] = ()
    groups: tuple[Group, ...] = ()
    rules: Rules = field(default_factory=Rules)

    @property
    def calendars(self) -> list[str]:
        """The calendar files that it names, each once."""
        named = [holiday.calendar for holiday in self.holidays]
        named += [hours.calendar for hours in self.special_hours]
        return list(dict.fromkeys(path for path in named if path is not None))

    def with_days(self, calendars: CalendarDays) -> "PolicySections":
        """Return it with the calendars' days in it, and no file named any more.

        Args:
            calendars: what each of `self.calendars` holds.
        """
        return dataclasses.replace(
            self,
            holidays=tuple(_dated(one, calendars) for one in self.holidays),
            special_hours=tuple(_dated(one, calendars) for one in self.special_hours),
        )

    def text(self) -> str:
        """Return its one text.

        Raises:
            ConfigError: it is too long.
        """
        sections = [
            _section(heading, one)
            for name, heading in HEADINGS.items()
            for one in _several(heading, getattr(self, name))
        ]
        text = "\n".join(sections)
        size = len(text.encode())
        if size > POLICY_BYTES_MAX:
            raise ConfigError(
                f"The policy has {size} bytes, with the days of its calendars; "
                f"{POLICY_BYTES_MAX} are the most. Shorten the calendars."
            )
        return text


def setting_texts(one: object) -> dict[str, str]:
    """Return the settings of a section that are set, by name, as TOML has them."""
    texts: dict[str, str] = {}
    for one_of in dataclasses.fields(one):  # type: ignore[arg-type]  # a section is one
        value = getattr(one, one_of.name)
        item: Item = one_of.metadata[ITEM]
        if value is not None:
            texts[key_of(one_of.name)] = item.kind.write(value)
    return texts


def _several(heading: Heading, value: Any) -> tuple[Any, ...]:
    return value if heading.many else (value,)


def _section(heading: Heading, one: object) -> str:
    title = f"[[{heading.table}]]" if heading.many else f"[{heading.table}]"
    lines = [_line(key, text) for key, text in setting_texts(one).items()]
    return "\n".join([title, *lines, ""])


def _line(key: str, text: str) -> str:
    """Return `key = value`; a long list stands on several lines."""
    line = f"{key} = {text}"
    if len(line) <= LINE_CHARS_WANTED or not text.startswith("["):
        return line
    elements = [f'  "{element}",' for element in json.loads(text)]
    return "\n".join([f"{key} = [", *elements, "]"])


def _dated(one: _Dated, calendars: CalendarDays) -> _Dated:
    if one.calendar is None:
        return one
    days = Days.of([one.days, calendars[one.calendar]])
    return dataclasses.replace(one, days=days, calendar=None)
