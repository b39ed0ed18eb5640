"""Weekly windows by the clock on the wall: "Mon-Fri 08:00-18:00".

    schedule = "always" | window *( ";" window )
    window   = days SP time "-" time
    days     = part *( "," part )        part = day [ "-" day ]     (Sat-Mon wraps)
    day      = Mon | Tue | Wed | Thu | Fri | Sat | Sun
    time     = HH ":" MM, 00:00 to 23:59; 24:00 as an end

A window whose end is not after its start runs over midnight and belongs to the day on
which it starts. It is open while a correct clock at the door shows a time inside it:
when an hour is repeated in autumn both passes count, and one that spring leaves out is
never shown. That is what a guard with a watch expects, and it needs no history.

On special days (core.special_days) other windows count, or none; "always" has none.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.special_days import SpecialDays
from gateway.errors import ConfigError

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WINDOWS_MAX: Final = 64
ALWAYS: Final = "always"

_DAY_MIN: Final = 24 * 60
_WEEK_MIN: Final = 7 * _DAY_MIN
_DAY: Final = timedelta(days=1)
_TIMES: Final = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a group may pass.

    Attributes:
        text: as it was written.
        windows: (start, end) in minutes of the week from Monday 00:00; the end is
            exclusive and passes the week's end where a Sunday runs over midnight.
        special: days with windows of their own; the first that has a day decides.
    """

    text: str
    windows: tuple[tuple[int, int], ...]
    special: tuple[SpecialDays, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Return the schedule that `text` describes.

        Raises:
            ConfigError: one sentence that says which part is wrong.
        """
        if text.strip() == ALWAYS:
            return cls(ALWAYS, ((0, _WEEK_MIN),))
        parts = text.split(";")
        if len(parts) > WINDOWS_MAX:
            raise ConfigError(
                f"A schedule has {len(parts)} windows; {WINDOWS_MAX} are the most."
            )
        windows = [window for part in parts for window in _windows(part.strip())]
        return cls(text, tuple(windows))

    @property
    def needs_time(self) -> bool:
        """Whether the time of day matters at all."""
        return self.text != ALWAYS

    def is_open(self, wall_ms: int, zone: ZoneInfo) -> bool:
        """Tell whether `wall_ms` (Unix milliseconds) is inside a window in `zone`."""
        return self.day_of(wall_ms, zone) is not None

    def day_of(
        self, wall_ms: int, zone: ZoneInfo, *, special: bool = True
    ) -> date | None:
        """Return the day to which the window open at `wall_ms` belongs, or None.

        That of a window which runs over midnight is the day before.

        Args:
            wall_ms: Unix milliseconds.
            zone: where the windows are meant.
            special: False to ask what would be so if no day were special.
        """
        local = datetime.fromtimestamp(wall_ms // 1000, zone)
        today, minute = local.date(), local.hour * 60 + local.minute
        if not self.needs_time:
            return today
        for day, at in ((today, minute), (today - _DAY, minute + _DAY_MIN)):
            windows = self.windows_on(day, special=special)
            if any(start <= at < end for start, end in windows):
                return day
        return None

    def windows_on(self, day: date, *, special: bool = True) -> list[tuple[int, int]]:
        """Return the windows that begin on a day, in minutes from its midnight.

        Args:
            day: by the calendar on the wall.
            special: False to ask what would be so if no day were special.
        """
        for special_days in self.special if special else ():
            if day in special_days.days:
                return list(special_days.windows)
        midnight = day.weekday() * _DAY_MIN
        return [
            (start - midnight, end - midnight)
            for start, end in self.windows
            if midnight <= start < midnight + _DAY_MIN
        ]


def local_day(wall_ms: int, zone: ZoneInfo) -> date:
    """Return what a calendar in `zone` shows at `wall_ms` (Unix milliseconds)."""
    return datetime.fromtimestamp(wall_ms // 1000, zone).date()


def day_windows(spans: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """Return the windows of a special day, each as "08:00-12:00".

    Raises:
        ConfigError: one sentence that says which one is wrong.
    """
    return tuple(_times(span) for span in spans)


def span_text(window: tuple[int, int]) -> str:
    """Return a window of a special day as it is written; `day_windows` reads it."""
    start, end = window
    end = end if end <= _DAY_MIN else end - _DAY_MIN
    return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"


def _windows(part: str) -> list[tuple[int, int]]:
    days, separator, times = part.partition(" ")
    if not separator:
        raise ConfigError(
            f'"{part:.60}" is no window; write it as "Mon-Fri 08:00-18:00" or "always".'
        )
    start, end = _times(times.strip())
    return [
        (day * _DAY_MIN + start, day * _DAY_MIN + end)
        for piece in days.split(",")
        for day in _days(piece)
    ]


def _days(piece: str) -> list[int]:
    first, separator, last = piece.partition("-")
    for day in (first, last or first):
        if day not in DAYS or (separator and not last):
            raise ConfigError(
                f'"{piece:.60}" is no day or range of days; write Mon, Tue, Wed, Thu, '
                "Fri, Sat or Sun."
            )
    start = DAYS.index(first)
    count = (DAYS.index(last or first) - start) % len(DAYS) + 1
    return [(start + offset) % len(DAYS) for offset in range(count)]


def _times(text: str) -> tuple[int, int]:
    match = _TIMES.fullmatch(text)
    if match is None:
        raise ConfigError(f'"{text:.60}" is no time span; write it as "08:00-18:00".')
    from_h, from_min, to_h, to_min = map(int, match.groups())
    start, end = from_h * 60 + from_min, to_h * 60 + to_min
    if from_min > 59 or to_min > 59 or start >= _DAY_MIN or end > _DAY_MIN:  # noqa: PLR2004 - minutes
        raise ConfigError(
            f'"{text}" has a time that no clock shows; 00:00 to 23:59, and 24:00 as an '
            "end, are good."
        )
    if start == end:
        raise ConfigError(
            f'"{text}" is empty or a whole day; write 00:00-24:00 for the whole day.'
        )
    return start, end if end > start else end + _DAY_MIN
