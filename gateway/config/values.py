"""Kinds of values: how each one is read from the file, limited, and written back.

A kind raises `WrongValueError` with half a sentence ("is …; give …"); the reader adds
file, line and name. Durations are seconds in the file, where people write them, and
whole milliseconds inside.
"""

import math
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

from gateway.core.ids import is_identifier
from gateway.core.schedule import WINDOWS_MAX, Schedule, day_windows, span_text
from gateway.core.special_days import Days
from gateway.errors import ConfigError

SHOWN_CHARS_MAX: Final = 40
TEXT_CHARS_MAX: Final = 256
DAY_TEXTS_MAX: Final = 4_096

WINDOW_END: Final = ";"

_MS_PER_S: Final = 1000


class WrongValueError(Exception):
    """A value that its kind refuses.

    Attributes:
        index: which element of a list it is, or None.
    """

    def __init__(self, says: str, index: int | None = None) -> None:
        super().__init__(says)
        self.index: Final = index


def shown(value: object) -> str:
    """Return a stranger's value as short printable ASCII."""
    text = ascii(value)
    return text if len(text) <= SHOWN_CHARS_MAX else text[: SHOWN_CHARS_MAX - 1] + "…"


class Kind(Protocol):
    """How one setting is written."""

    def read(self, raw: object) -> Any:
        """Return the value that `raw`, from tomllib, stands for.

        Raises:
            WrongValueError: it stands for none.
        """

    def write(self, value: Any) -> str:
        """Return the TOML for a value; `read` gives it back."""

    @property
    def allows(self) -> str:
        """What a person may write, for the default file."""


def key_of(attribute: str) -> str:
    """Return the name in the file: seconds there, milliseconds inside."""
    return re.sub(r"_ms(?=_|$)", "_s", attribute)


@dataclass(frozen=True, slots=True)
class Seconds:
    """A duration; `low_ms` to `high_ms`."""

    low_ms: int
    high_ms: int

    @property
    def allows(self) -> str:
        """The bounds, in seconds."""
        return f"{self.write(self.low_ms)} to {self.write(self.high_ms)} seconds"

    def read(self, raw: object) -> int:
        """Return milliseconds."""
        if (
            isinstance(raw, int | float)
            and not isinstance(raw, bool)
            and math.isfinite(raw)
            and self.low_ms <= raw * _MS_PER_S <= self.high_ms
        ):
            return round(raw * _MS_PER_S)
        raise WrongValueError(f"is {shown(raw)}; give {self.allows}")

    def write(self, value: int) -> str:
        """Return seconds, with a fraction only where there is one."""
        whole, rest = divmod(value, _MS_PER_S)
        return str(value / _MS_PER_S) if rest else str(whole)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number of something."""

    low: int
    high: int
    unit: str = ""

    @property
    def allows(self) -> str:
        """The bounds, with their unit."""
        return f"{self.low} to {self.high} {self.unit}".rstrip()

    def read(self, raw: object) -> int:
        """Return the number."""
        if (
            isinstance(raw, int)
            and not isinstance(raw, bool)
            and self.low <= raw <= self.high
        ):
            return raw
        raise WrongValueError(f"is {shown(raw)}; give a whole number, {self.allows}")

    def write(self, value: int) -> str:
        """Return its digits."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    @property
    def allows(self) -> str:
        """The two words."""
        return "true or false"

    def read(self, raw: object) -> bool:
        """Return the truth."""
        if isinstance(raw, bool):
            return raw
        raise WrongValueError(f"is {shown(raw)}; give true or false, without quotes")

    def write(self, value: bool) -> str:  # noqa: FBT001 - it is the value itself
        """Return the word."""
        return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of an enum's words."""

    words: type[Enum]

    @property
    def allows(self) -> str:
        """The words, quoted as TOML wants them."""
        return " or ".join(f'"{word.value}"' for word in self.words)

    def read(self, raw: object) -> Enum:
        """Return the member."""
        for word in self.words:
            if word.value == raw and isinstance(raw, str):
                return word
        raise WrongValueError(f"is {shown(raw)}; give {self.allows}")

    def write(self, value: Enum) -> str:
        """Return the word in quotes."""
        return f'"{value.value}"'


@dataclass(frozen=True, slots=True)
class Text:
    """A string of a given shape, such as "an absolute path"."""

    shape: str
    fits: Callable[[str], bool]
    chars_max: int = TEXT_CHARS_MAX

    @property
    def allows(self) -> str:
        """The shape."""
        return self.shape

    def read(self, raw: object) -> str:
        """Return the string."""
        if isinstance(raw, str) and len(raw) <= self.chars_max and self.fits(raw):
            return raw
        raise WrongValueError(f"is {shown(raw)}; give {self.shape}, in quotes")

    def write(self, value: str) -> str:
        """Return it in quotes; no shape here allows a quote or a backslash."""
        return f'"{value}"'


@dataclass(frozen=True, slots=True)
class Several:
    """A list of distinct values of one kind, `low` to `high` of them."""

    kind: Kind
    high: int
    low: int = 0

    @property
    def allows(self) -> str:
        """What stands between the brackets."""
        least = f"{self.low} to " if self.low else "at most "
        return f"a list of {least}{self.high}, each {self.kind.allows}"

    def read(self, raw: object) -> tuple[Any, ...]:
        """Return the values in the order of the file."""
        if not isinstance(raw, list):
            raise WrongValueError(f"is {shown(raw)}; give {self.allows}")
        if not self.low <= len(raw) <= self.high:
            raise WrongValueError(f"has {len(raw)} elements; give {self.allows}")
        values: list[Any] = []
        for index, item in enumerate(raw):
            try:
                value = self.kind.read(item)
            except WrongValueError as error:
                raise WrongValueError(f"holds one that {error}", index) from None
            if value in values:
                raise WrongValueError(
                    f"holds {shown(item)} twice; remove the second one", index
                )
            values.append(value)
        return tuple(values)

    def write(self, value: tuple[Any, ...]) -> str:
        """Return the list on one line."""
        return "[" + ", ".join(map(self.kind.write, value)) + "]"


@dataclass(frozen=True, slots=True)
class Windows:
    """A list of weekly windows; core.schedule has their grammar."""

    @property
    def allows(self) -> str:
        """How one is written."""
        return (
            f'a list of 1 to {WINDOWS_MAX} weekly windows such as "Mon-Fri 08:00-18:00"'
        )

    def read(self, raw: object) -> Schedule:
        """Return the schedule that the windows make together."""
        if not isinstance(raw, list) or not 1 <= len(raw) <= WINDOWS_MAX:
            raise WrongValueError(f"is {shown(raw)}; give {self.allows}")
        for index, window in enumerate(raw):
            if not isinstance(window, str) or len(window) > TEXT_CHARS_MAX:
                raise WrongValueError(
                    f"holds {shown(window)}; give {self.allows}", index
                )
            if not window.isascii() or WINDOW_END in window:
                raise WrongValueError(
                    f"holds {shown(window)}; give one window in each string", index
                )
            try:
                Schedule.parse(window)
            except ConfigError as error:
                raise WrongValueError(f"is wrong: {str(error)[:-1]}", index) from None
        try:
            return Schedule.parse(WINDOW_END.join(raw))
        except ConfigError as error:
            raise WrongValueError(f"is wrong: {str(error)[:-1]}") from None

    def write(self, value: Schedule | str) -> str:
        """Return the list on one line."""
        text = value if isinstance(value, str) else value.text
        return "[" + ", ".join(f'"{one}"' for one in text.split(WINDOW_END)) + "]"


@dataclass(frozen=True, slots=True)
class DayList:
    """A list of days; core.special_days has their grammar."""

    @property
    def allows(self) -> str:
        """How they are written."""
        return (
            f'a list of at most {DAY_TEXTS_MAX} days such as "2026-12-24", '
            '"2026-12-24 to 2026-12-31", or "12-25" for every year'
        )

    def read(self, raw: object) -> Days:
        """Return the days."""
        try:
            return Days.parse(_texts(raw, DAY_TEXTS_MAX, self.allows))
        except ConfigError as error:
            raise WrongValueError(f"is wrong: {str(error)[:-1]}") from None

    def write(self, value: Days | list[str]) -> str:
        """Return the list on one line."""
        texts = value if isinstance(value, list) else value.texts()
        return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


@dataclass(frozen=True, slots=True)
class Spans:
    """A list of spans of one day."""

    @property
    def allows(self) -> str:
        """How they are written."""
        return f'a list of at most {WINDOWS_MAX} spans such as "08:00-12:00"'

    def read(self, raw: object) -> tuple[tuple[int, int], ...]:
        """Return them in minutes of the day."""
        try:
            return day_windows(_texts(raw, WINDOWS_MAX, self.allows))
        except ConfigError as error:
            raise WrongValueError(f"is wrong: {str(error)[:-1]}") from None

    def write(self, value: tuple[tuple[int, int], ...]) -> str:
        """Return the list on one line."""
        spans = ", ".join(f'"{span_text(window)}"' for window in value)
        return f"[{spans}]"


def _texts(raw: object, count_max: int, allows: str) -> list[str]:
    """Return a list of short strings."""
    if not isinstance(raw, list) or len(raw) > count_max:
        raise WrongValueError(f"is {shown(raw)}; give {allows}")
    for index, text in enumerate(raw):
        if not isinstance(text, str) or len(text) > TEXT_CHARS_MAX:
            raise WrongValueError(f"holds {shown(text)}; give {allows}", index)
    return raw


def _is_zone(text: str) -> bool:
    if not re.fullmatch(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}", text):
        return False
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return True


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


IDENTIFIER: Final = Text(
    "an identifier: 1 to 64 lower-case letters, digits, dots, hyphens, underscores",
    is_identifier,
)
ZONE: Final = Text('an IANA time zone such as "Europe/Berlin"', _is_zone)
PATH: Final = Text(
    "an absolute path of letters, digits, dot, hyphen, underscore and slash",
    _matches(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+"),
)
SOCKET: Final = Text(PATH.shape, PATH.fits, chars_max=107)  # unix(7), sun_path
RP_ID: Final = Text(
    "a domain name in lower case, without scheme or port (WebAuthn L3 §4, RP ID)",
    _matches(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*"),
)
ADAPTER: Final = Text('a Bluetooth adapter such as "hci0"', _matches(r"hci[0-9]{1,3}"))
RECIPIENT: Final = Text(
    'an age recipient: "age1" and 58 lower-case letters and digits',
    _matches(r"age1[02-9ac-hj-np-z]{58}"),
)
AAGUID: Final = Text(
    "an AAGUID: 32 hex digits in lower case, as 8-4-4-4-12",
    _matches(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
)
