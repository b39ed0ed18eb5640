"""What no single value shows: pins used twice, limits at odds, names of nothing."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from gateway.config.config import Config
from gateway.config.lines import Place
from gateway.config.patterns import attribute_of
from gateway.config.pins import strike_pin_fault
from gateway.core.door_timing import LEASE_MS
from gateway.core.orders import OnFire
from gateway.core.schedule import ALWAYS

Fault: TypeAlias = tuple[Place, str]
"""Where, and half a sentence: what is wrong and what to do."""

LINES: Final = (
    "strike",
    "contact",
    "exit",
    "tamper",
    "fire",
    "interlock",
    "led_green",
    "led_red",
    "buzzer",
)
"""The settings of [pins] that name a line."""


def faults(config: Config) -> Iterator[Fault]:
    """Yield what is wrong with values that are each right by themselves."""
    for check in _CHECKS:
        yield from check(config)


def _pins_used_twice(config: Config) -> Iterator[Fault]:
    users: dict[int, str] = {}
    for name in LINES:
        bcm = getattr(config.pins, name)
        if bcm is None:
            continue
        if bcm in users:
            yield (
                ("pins", name),
                f"is {bcm}, which {users[bcm]} uses already; give each its own pin",
            )
        users[bcm] = name


def _strike_pin(config: Config) -> Iterator[Fault]:
    says = strike_pin_fault(config.pins.strike, config.wiring)
    if says is not None:
        yield ("pins", "strike"), says


def _contact(config: Config) -> Iterator[Fault]:
    wanted, pin = config.door.contact, config.pins.contact
    if wanted and pin is None:
        yield (
            ("door", "contact"),
            "is true and [pins] contact is not set; name its pin",
        )
    if pin is not None and not wanted:
        yield (
            ("pins", "contact"),
            "is set and [door] contact is false; remove one of the two",
        )


def _patterns_alike(config: Config) -> Iterator[Fault]:
    names: dict[object, str] = {}
    for pattern, played in config.patterns.played.items():
        name = attribute_of(pattern)
        if played in names:
            yield (
                ("patterns", name),
                f"is played as {names[played]} is; let people tell them apart",
            )
        names[played] = name


def _times(config: Config) -> Iterator[Fault]:
    if config.door.release_ms > config.strike.momentary_ms_max:
        yield (
            ("door", "release_s"),
            "is longer than [strike] momentary_s_max; shorten it, or raise the other",
        )
    if config.strike.fault_ms < config.strike.silence_ms_max:
        yield (
            ("strike", "fault_s"),
            "is shorter than silence_s_max; make it longer",
        )
    if 0 < config.strike.lease_ms_max < LEASE_MS:
        yield (
            ("strike", "lease_s_max"),
            f"is shorter than {LEASE_MS / 1000:g}; make it longer, or 0",
        )
    holds = config.door.unlocked is not None or config.door.on_fire is OnFire.RELEASE
    if holds and not config.strike.lease_ms_max:
        yield (
            ("strike", "lease_s_max"),
            "is 0, and [door] unlocked or on_fire wants to hold the door; raise it",
        )


def _names(config: Config) -> Iterator[Fault]:
    for table, names in (
        ("schedule", [schedule.id for schedule in config.schedules]),
        ("holiday", [holiday.id for holiday in config.holidays]),
        ("exception", [special.id for special in config.special_hours]),
        ("group", [group.id for group in config.groups]),
    ):
        for index, name in enumerate(names):
            if name in names[:index]:
                yield (
                    (table, index, "id"),
                    f'is "{name}", which another one has; rename one of them',
                )


def _named_schedules(config: Config) -> Iterator[Fault]:
    written = {schedule.id for schedule in config.schedules}
    uses: list[tuple[Place, str]] = [
        (("group", index, "schedule"), group.schedule)
        for index, group in enumerate(config.groups)
        if group.schedule != ALWAYS
    ]
    uses += [
        (("exception", index, "schedules", at), name)
        for index, special in enumerate(config.special_hours)
        for at, name in enumerate(special.schedules)
    ]
    if config.door.unlocked not in {None, ALWAYS}:
        uses.append((("door", "unlocked"), str(config.door.unlocked)))
    if config.rules.step_up is not None:
        uses.append((("rules", "step_up"), config.rules.step_up))
    for place, name in uses:
        if name not in written:
            yield place, f'is "{name}", which no [[schedule]] is called; add one'


def _named_groups(config: Config) -> Iterator[Fault]:
    known = {group.id for group in config.groups}
    uses: list[tuple[Place, str | None]] = [
        (("group", index, "first_person"), group.first_person)
        for index, group in enumerate(config.groups)
    ]
    uses.append((("rules", "step_up_group"), config.rules.step_up_group))
    for place, name in uses:
        if name is not None and name not in known:
            yield place, f'is "{name}", which no [[group]] is called; add one'


def _rules(config: Config) -> Iterator[Fault]:
    if config.rules.step_up_group is not None and config.rules.step_up is None:
        yield (
            ("rules", "step_up_group"),
            "is set and [rules] step_up is not; say when it counts",
        )
    if config.door.id in config.rules.passback_exits:
        yield (
            ("rules", "passback_exits"),
            "names this door, which is the way in; name the reader of the way out",
        )


def _reserved_name(config: Config) -> Iterator[Fault]:
    for index, schedule in enumerate(config.schedules):
        if schedule.id == ALWAYS:
            yield (
                ("schedule", index, "id"),
                f'is "{ALWAYS}", which is there without being written; rename it',
            )


_CHECKS: Final[tuple[Callable[[Config], Iterator[Fault]], ...]] = (
    _pins_used_twice,
    _strike_pin,
    _contact,
    _times,
    _patterns_alike,
    _names,
    _named_schedules,
    _named_groups,
    _rules,
    _reserved_name,
)
