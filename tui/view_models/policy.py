"""The policy, its week as a picture, and its answers, in words."""

from collections.abc import Iterator
from datetime import date, timedelta, tzinfo
from typing import Final

from gateway.client import printable
from gateway.schemas.policy import (
    DayHours,
    Explanation,
    PolicyRules,
    Question,
    Schedule,
    WeekLine,
)
from tui.view_models.frame import instant

HEAD: Final = ("GROUP", "SCHEDULE", "AFTER SOMEBODY OF")
NO_LINE: Final = (
    "No line of the policy lets anybody in at this door. A policy is written in a file "
    "and put in force with `keyra policy propose FILE`."
)
NOT_READ: Final = "Reading the policy ..."
ASK_EXPLAIN: Final = (
    "Who, and when? Such as: h-0042, for now; h-0042 2026-12-24 23:00, for another "
    "moment, gone or to come."
)
ASK_WHOSE: Final = "Whose week? A pseudonym such as h-0042; nothing shows every line."
OPEN: Final = "█"
PARTLY: Final = "▒"
CLOSED: Final = "·"
LEGEND: Final = (
    f"{OPEN} open  {PARTLY} a part of the half hour  {CLOSED} closed  "
    "* day with hours of its own"
)
GRANTED: Final = "granted"

_CELL_MIN: Final = 30
_CELLS: Final = 48
_RULED_CELLS: Final = 6
_MINUTES_PER_HOUR: Final = 60
_MS_PER_MIN: Final = 60_000
_MS_PER_S: Final = 1000
_LABEL_CHARS: Final = 11
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEK: Final = timedelta(days=7)


def row(line: WeekLine) -> tuple[str, ...]:
    """Lay a line of the policy out in the columns of HEAD."""
    first = printable(line.first_person) or "-"
    return printable(line.group), printable(line.schedule), first


def picture(line: WeekLine) -> str:
    """Draw a line's week: a row for each day, a cell for each half hour."""
    hours = (
        str(at * _CELL_MIN // _MINUTES_PER_HOUR)
        for at in range(0, _CELLS, _RULED_CELLS)
    )
    ruler = "".join(f"{hour:<{_RULED_CELLS}}" for hour in hours) + "24"
    rows = [" " * _LABEL_CHARS + ruler, *(_day(one) for one in line.days), LEGEND]
    return "\n".join(rows)


def _day(hours: DayHours) -> str:
    day = hours.day
    mark = "*" if hours.special else " "
    label = f"{_DAYS[day.weekday()]} {day.day:02}.{day.month:02}{mark}"
    cells = "".join(_cell(hours, at * _CELL_MIN) for at in range(_CELLS))
    return f"{label:<{_LABEL_CHARS}}{cells}  {_spans(hours)}"


def _cell(hours: DayHours, begin_min: int) -> str:
    end_min = begin_min + _CELL_MIN
    open_min = sum(
        max(0, min(end, end_min) - max(start, begin_min)) for start, end in hours.spans
    )
    if open_min == 0:
        return CLOSED
    return OPEN if open_min == _CELL_MIN else PARTLY


def _spans(hours: DayHours) -> str:
    if not hours.spans:
        return "closed"
    (start, end), more = hours.spans[0], len(hours.spans) - 1
    return f"{_time(start)}-{_time(end)}" + (f" +{more}" if more else "")


def _time(minute: int) -> str:
    return f"{minute // _MINUTES_PER_HOUR:02}:{minute % _MINUTES_PER_HOUR:02}"


def heading(first: date, zone: str, holder_id: str) -> str:
    """Name a week."""
    whose = f" of {printable(holder_id)}" if holder_id else ""
    return f"Week{whose} from {first.isoformat()} ({printable(zone)})"


def week_after(first: date, weeks: int) -> date:
    """Return the first day of another week; the same where no calendar reaches."""
    try:
        return first + weeks * _WEEK
    except OverflowError:
        return first


def rules(found: PolicyRules) -> str:
    """Write out what the policy asks beside its hours."""
    return "\n".join((*_rules(found), "", "Schedules", *_schedules(found)))


def _rules(found: PolicyRules) -> Iterator[str]:
    yield f"Policy {found.sha256[:16] or 'none yet'}, door {printable(found.door)}"
    two = f"within {found.two_person_ms // _MS_PER_S} s"
    yield f"  two persons     {two if found.two_person_ms else 'one will do'}"
    forgiven = f"forgiven after {found.passback_forgiven_ms // _MS_PER_MIN} min"
    forgiven = f", {forgiven}" if found.passback_forgiven_ms else ""
    yield f"  passback        {found.passback}{forgiven}"
    step = f"during {found.step_up}: a second touch within "
    step += f"{found.step_up_ms // _MS_PER_S} s"
    step += f" by {found.step_up_group}" if found.step_up_group else ""
    yield f"  step up         {printable(step) if found.step_up else 'never'}"
    yield f"  untrusted time  {found.on_untrusted_time}"
    yield f"  under duress    {printable(found.duress_route)}"


def _schedules(found: PolicyRules) -> Iterator[str]:
    for one in found.schedules:
        yield f"  {printable(one.id)}: {printable(one.windows)}"
        yield from _special(one)


def _special(schedule: Schedule) -> Iterator[str]:
    for special in schedule.special:
        windows = printable(" ".join(special.windows)) or "closed"
        yield f"    on {printable(' '.join(special.days))}: {windows}"


def question(typed: str) -> Question | None:
    """Return what is asked by "HOLDER [MOMENT]", or None where it asks nobody."""
    holder_id, _, at = typed.partition(" ")
    if not holder_id:
        return None
    try:
        return Question(holder_id=holder_id, at=at.strip().replace(" ", "T"))
    except ValueError:
        return None


def explained(found: Explanation, zone: tzinfo | None) -> str:
    """Write out every rule's answer, and what comes of them."""
    let_in = found.outcome == GRANTED
    outcome = "would be let in" if let_in else f"would be DENIED: {found.outcome}"
    when = instant(found.wall_ms, zone)
    lines = [f"{printable(found.holder_id)} at {found.door}, {when}: {outcome}."]
    if found.is_past:
        lines.append(f"As it was then, told by {found.told_entries} ledger entries.")
    lines += [
        f"  {'ok ' if one.denial is None else 'NO '} {one.rule}: {one.sentence}"
        for one in found.rules
    ]
    return "\n".join(lines)
