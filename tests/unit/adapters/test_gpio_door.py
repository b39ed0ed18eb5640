"""Inputs and indicators over gpiozero's own simulated pins."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing

import pytest
from gpiozero.pins.mock import MockFactory

from gateway.adapters.gpio_door import (
    CHANGES_MAX,
    GpioIndicators,
    GpioInputs,
    open_factory,
)
from gateway.adapters.system_clock import SystemClock
from gateway.config import Active, Pins
from gateway.core.facts import InputName, Pattern
from gateway.core.patterns import PLAYED, parse
from gateway.errors import HardwareMissingError
from gateway.ports import InputChanged

CONTACT, EXIT, TAMPER = 27, 22, 23
GREEN, RED, BUZZER = 5, 6, 13
PINS = Pins(strike=17, contact=CONTACT, exit=EXIT)


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory()
    yield factory
    factory.reset()


Drive = Callable[[int, bool], None]


@pytest.fixture
def drive(factory: MockFactory) -> Drive:
    """Move a line from another thread, as lgpio does."""

    def move(bcm: int, level: bool) -> None:  # noqa: FBT001 - the line's level
        pin = factory.pin(bcm)
        thread = threading.Thread(target=pin.drive_high if level else pin.drive_low)
        thread.start()
        thread.join()

    return move


async def take(changes: AsyncIterator[InputChanged], count: int) -> list[InputChanged]:
    async with asyncio.timeout(10):
        return [await anext(changes) for _ in range(count)]


def said(changes: list[InputChanged]) -> list[tuple[InputName, bool]]:
    return [(change.name, change.active) for change in changes]


async def test_the_present_state_comes_first_then_every_change(
    factory: MockFactory, drive: Drive
) -> None:
    clock = SystemClock()
    inputs = GpioInputs(factory, PINS, clock)
    async with aclosing(inputs.changes()) as changes:
        # Nothing connected: pulled up. An open contact is active high, a button low.
        assert said(await take(changes, 2)) == [
            (InputName.CONTACT_OPEN, True),
            (InputName.EXIT_REQUEST, False),
        ]
        drive(CONTACT, False)
        drive(EXIT, False)
        drive(EXIT, True)
        changed = await take(changes, 3)
    assert said(changed) == [
        (InputName.CONTACT_OPEN, False),
        (InputName.EXIT_REQUEST, True),
        (InputName.EXIT_REQUEST, False),
    ]
    times = [change.up_ms for change in changed]
    assert times == sorted(times)
    assert 0 <= clock.now().up_ms - times[-1] < 10_000


async def test_polarity_is_the_configs(factory: MockFactory, drive: Drive) -> None:
    pins = Pins(strike=17, tamper=TAMPER, tamper_active=Active.LOW, fire=24)
    async with aclosing(GpioInputs(factory, pins, SystemClock()).changes()) as changes:
        assert said(await take(changes, 2)) == [
            (InputName.TAMPER, False),
            (InputName.FIRE, True),
        ]
        drive(TAMPER, False)
        drive(24, False)
        assert said(await take(changes, 2)) == [
            (InputName.TAMPER, True),
            (InputName.FIRE, False),
        ]


async def test_lines_are_pulled_up_and_debounced(factory: MockFactory) -> None:
    async with aclosing(GpioInputs(factory, PINS, SystemClock()).changes()) as changes:
        await take(changes, 2)
        pin = factory.pin(CONTACT)
        assert (pin.function, pin.pull, pin.bounce) == ("input", "up", 0.03)


async def test_no_debounce_is_none(factory: MockFactory) -> None:
    pins = Pins(strike=17, exit=EXIT, debounce_ms=0)
    async with aclosing(GpioInputs(factory, pins, SystemClock()).changes()) as changes:
        await take(changes, 1)
        assert factory.pin(EXIT).bounce is None


async def test_a_line_that_chatters_ends_with_its_true_state(
    factory: MockFactory, drive: Drive
) -> None:
    async with aclosing(GpioInputs(factory, PINS, SystemClock()).changes()) as changes:
        await take(changes, 2)
        for n in range(2 * CHANGES_MAX + 1):
            factory.pin(EXIT).drive_low() if n % 2 == 0 else factory.pin(
                EXIT
            ).drive_high()
        await asyncio.sleep(0)  # all arrive before the first is taken
        told = await take(changes, CHANGES_MAX + 1)
        assert said(told)[-1] == (InputName.EXIT_REQUEST, True)
        drive(CONTACT, False)
        assert said(await take(changes, 1)) == [(InputName.CONTACT_OPEN, False)]


async def test_a_line_in_other_hands_is_said_and_the_others_are_let_go(
    factory: MockFactory,
) -> None:
    # Two inputs on one line cannot come out of a config file.
    pins = Pins(strike=17, contact=CONTACT, exit=CONTACT)
    with pytest.raises(HardwareMissingError, match="Line 27 for exit-request"):
        await anext(GpioInputs(factory, pins, SystemClock()).changes())
    async with aclosing(GpioInputs(factory, PINS, SystemClock()).changes()) as changes:
        assert len(await take(changes, 2)) == 2


def test_a_change_after_the_loop_is_gone_harms_nothing(
    factory: MockFactory, drive: Drive
) -> None:
    loop = asyncio.new_event_loop()
    changes = GpioInputs(factory, PINS, SystemClock()).changes()
    loop.run_until_complete(anext(changes))
    loop.close()
    drive(EXIT, False)
    assert factory.pin(EXIT).state is False
    # The generator is closed by hand, since its loop cannot do it any more.
    with pytest.raises(StopIteration):
        changes.aclose().send(None)


def test_without_lgpio_or_a_chip_it_says_what_is_missing() -> None:
    with pytest.raises(HardwareMissingError, match=r"lgpio|/dev/gpiochip97"):
        open_factory(97)


ALL = Pins(strike=17, led_green=GREEN, led_red=RED, buzzer=BUZZER)


class Lights:
    """Waits for what the indicators' thread does."""

    def __init__(self, factory: MockFactory) -> None:
        self.factory = factory

    def wait(self, condition: Callable[[], bool]) -> None:
        waited = threading.Event()
        for _ in range(1_000):
            if condition():
                return
            waited.wait(0.01)
        raise AssertionError("the lights did not change")

    def are(self, green: bool, red: bool, buzzer: bool) -> bool:  # noqa: FBT001 - levels
        pins = [self.factory.pin(bcm) for bcm in (GREEN, RED, BUZZER)]
        return [pin.state for pin in pins] == [green, red, buzzer]


@pytest.fixture
def lights(factory: MockFactory) -> Lights:
    return Lights(factory)


def test_the_newest_pattern_is_played_at_once(
    factory: MockFactory, lights: Lights
) -> None:
    indicators = GpioIndicators(factory, ALL)
    try:
        indicators.show(Pattern.GRANTED)
        lights.wait(lambda: lights.are(True, False, True))
        lights.wait(lambda: lights.are(True, False, False))
        indicators.show(Pattern.DENIED)
        lights.wait(lambda: lights.are(False, True, True))
    finally:
        indicators.close()


def test_a_site_plays_patterns_of_its_own(factory: MockFactory, lights: Lights) -> None:
    played = {**PLAYED, Pattern.READY: parse("| rb3600000")}
    indicators = GpioIndicators(factory, ALL, played)
    try:
        indicators.show(Pattern.READY)
        lights.wait(lambda: lights.are(False, True, True))
    finally:
        indicators.close()


def test_closing_goes_dark_and_silent_at_once(
    factory: MockFactory, lights: Lights
) -> None:
    indicators = GpioIndicators(factory, ALL)
    indicators.show(Pattern.GRANTED)
    lights.wait(lambda: lights.are(True, False, True))
    indicators.close()
    again = GpioIndicators(factory, ALL)  # the lines are free
    assert lights.are(False, False, False)
    again.close()


def test_what_has_no_line_is_not_missed(factory: MockFactory) -> None:
    indicators = GpioIndicators(factory, Pins(strike=17, led_red=RED))
    for pattern in Pattern:
        indicators.show(pattern)
    indicators.close()
    assert factory.pin(RED).function == "input"


def test_a_light_that_fails_stops_nothing(factory: MockFactory, lights: Lights) -> None:
    indicators = GpioIndicators(factory, ALL)
    vars(indicators)["_lines"][0][1].close()  # the green one is lost
    indicators.show(Pattern.DENIED)
    lights.wait(lambda: factory.pin(BUZZER).state is True)
    indicators.close()


def test_an_indicator_on_a_taken_line_is_said(factory: MockFactory) -> None:
    pins = Pins(strike=17, led_green=GREEN, led_red=GREEN)
    with pytest.raises(HardwareMissingError, match="red indicator"):
        GpioIndicators(factory, pins)


def test_patterns_differ_by_more_than_colour() -> None:
    def rhythm(pattern: Pattern) -> tuple[tuple[tuple[bool, bool, int], ...], ...]:
        return tuple(
            tuple((s.green or s.red, s.buzzer, s.duration_ms) for s in part)
            for part in PLAYED[pattern]
        )

    assert set(PLAYED) == set(Pattern)
    assert len({rhythm(pattern) for pattern in Pattern}) == len(Pattern)
    assert all(again for _, again in PLAYED.values())
