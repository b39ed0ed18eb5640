"""The door's inputs, light and buzzer on the pin header; never the strike.

gpiozero's and lgpio's threads end here: a change is handed to the event loop, and a
pattern is played by one thread of our own that owns the output lines. Inputs are only
observed: the exit button and the fire alarm cut the lock's power in hardware.
"""

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from itertools import chain, cycle
from typing import Final

from gpiozero import DigitalInputDevice, DigitalOutputDevice
from gpiozero.pins import Factory

from gateway.config import Active, Pins
from gateway.core.facts import InputName, Pattern
from gateway.core.patterns import PLAYED, Played, Step
from gateway.errors import HardwareMissingError
from gateway.ports import Clock, InputChanged

CHANGES_MAX: Final = 256
"""Changes that wait for the loop; beyond that only the present states are told."""


_SETTINGS: Final = {
    InputName.CONTACT_OPEN: "contact",
    InputName.EXIT_REQUEST: "exit",
    InputName.TAMPER: "tamper",
    InputName.FIRE: "fire",
    InputName.INTERLOCK: "interlock",
}
"""What [pins] calls each input; its level and debounce are named after it."""


def open_factory(chip: int) -> Factory:
    """Reach the pin header through lgpio.

    Args:
        chip: N of /dev/gpiochipN.

    Raises:
        HardwareMissingError: lgpio, the chip or the board is not there; says which.
    """
    try:
        # Its import starts a thread and makes a pipe in the working directory.
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415
    except (ImportError, AttributeError) as error:
        raise HardwareMissingError(
            f"lgpio cannot be used ({error}); install Raspberry Pi OS's python3-lgpio."
        ) from error
    try:
        return LGPIOFactory(chip=chip)
    except Exception as error:
        raise HardwareMissingError(
            f"/dev/gpiochip{chip} cannot be opened ({error}); see [pins] chip, and "
            "whether this user may write to it."
        ) from error


class GpioInputs:
    """ports.Inputs on lines that are pulled up and switch to ground.

    Args:
        factory: from `open_factory`.
        pins: as configured; what has no line is never told of.
        clock: says when a change arrived.
    """

    def __init__(self, factory: Factory, pins: Pins, clock: Clock) -> None:
        self._factory: Final = factory
        self._clock: Final = clock
        self._lines: Final = {
            name: (
                bcm,
                getattr(pins, f"{setting}_active"),
                _first(getattr(pins, f"{setting}_debounce_ms"), pins.debounce_ms),
            )
            for name, setting in _SETTINGS.items()
            if (bcm := getattr(pins, setting)) is not None
        }

    async def changes(self) -> AsyncGenerator[InputChanged, None]:
        """Yield the present state of each input once, then every change.

        Raises:
            HardwareMissingError: a line cannot be claimed.
        """
        arrived = _Arrivals(asyncio.get_running_loop(), self._clock)
        with ExitStack() as stack:
            inputs = {name: self._claim(name, arrived, stack) for name in self._lines}
            told: dict[InputName, bool] = {}
            for name, is_active in inputs.items():
                arrived.put(name, active=is_active())
            while True:
                change = await arrived.next(inputs)
                # The first state and a change at the same moment are one.
                if told.get(change.name) is not change.active:
                    told[change.name] = change.active
                    yield change

    def _claim(
        self, name: InputName, arrived: "_Arrivals", stack: ExitStack
    ) -> Callable[[], bool]:
        """Claim a line until the stack ends; return how to ask whether it is active."""
        bcm, active, debounce_ms = self._lines[name]
        try:
            device = DigitalInputDevice(
                bcm,
                pull_up=True,  # so that gpiozero's "active" is a low level
                bounce_time=debounce_ms / 1000 or None,
                pin_factory=self._factory,
            )
        except Exception as error:
            raise HardwareMissingError(
                f"Line {bcm} for {name.value} cannot be claimed ({error}); does "
                "another program hold it?"
            ) from error
        stack.callback(device.close)
        is_low = active is Active.LOW
        device.when_activated = lambda: arrived.put_from_thread(name, active=is_low)
        device.when_deactivated = lambda: arrived.put_from_thread(
            name, active=not is_low
        )
        return lambda: bool(device.is_active) is is_low


def _first(own_ms: int | None, common_ms: int) -> int:
    return common_ms if own_ms is None else own_ms


class _Arrivals:
    """Changes on their way from the pin library's thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        self._loop: Final = loop
        self._clock: Final = clock
        self._queue: Final[asyncio.Queue[InputChanged]] = asyncio.Queue(CHANGES_MAX)
        self._lost: Final[set[InputName]] = set()

    def put_from_thread(self, name: InputName, *, active: bool) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know
            self._loop.call_soon_threadsafe(partial(self.put, name, active=active))

    def put(self, name: InputName, *, active: bool) -> None:
        try:
            self._queue.put_nowait(InputChanged(name, active, self._clock.now().up_ms))
        except asyncio.QueueFull:
            self._lost.add(name)

    async def next(
        self, inputs: Mapping[InputName, Callable[[], bool]]
    ) -> InputChanged:
        """Return the next change; once behind, the present state of what was lost."""
        if self._queue.empty() and self._lost:
            name = self._lost.pop()
            return InputChanged(name, inputs[name](), self._clock.now().up_ms)
        return await self._queue.get()


class GpioIndicators:
    """ports.Indicators: one thread owns the lines and plays the newest pattern.

    Args:
        factory: from `open_factory`.
        pins: as configured; what has no line stays dark and silent.
        played: what each pattern is.

    Raises:
        HardwareMissingError: a line cannot be claimed.
    """

    def __init__(
        self,
        factory: Factory,
        pins: Pins,
        played: Mapping[Pattern, Played] = PLAYED,
    ) -> None:
        self._played: Final = played
        self._wishes: Final[queue.SimpleQueue[Pattern | None]] = queue.SimpleQueue()
        self._lines: Final = [
            (name, _output(factory, bcm, name))
            for name, bcm in (
                ("green", pins.led_green),
                ("red", pins.led_red),
                ("buzzer", pins.buzzer),
            )
            if bcm is not None
        ]
        self._thread: Final = threading.Thread(
            target=self._play, name="indicators", daemon=True
        )
        self._thread.start()

    def show(self, pattern: Pattern) -> None:
        """Show a pattern until the next one; never raises, never blocks."""
        self._wishes.put(pattern)

    def close(self) -> None:
        """Go dark and silent, and give the lines back."""
        self._wishes.put(None)
        self._thread.join()

    def _play(self) -> None:
        wish: Pattern | None = self._wishes.get()
        while wish is not None:
            once, again = self._played[wish]
            for step in chain(once, cycle(again)):
                self._set(step)
                try:
                    wish = self._wishes.get(timeout=step.duration_ms / 1000)
                except queue.Empty:
                    continue
                break
        for _, line in self._lines:
            line.close()

    def _set(self, step: Step) -> None:
        for name, line in self._lines:
            # A light that fails is no reason to stop the others.
            with suppress(Exception):
                line.value = getattr(step, name)


def _output(factory: Factory, bcm: int, name: str) -> DigitalOutputDevice:
    try:
        return DigitalOutputDevice(bcm, pin_factory=factory)
    except Exception as error:
        raise HardwareMissingError(
            f"Line {bcm} for the {name} indicator cannot be claimed ({error}); does "
            "another program hold it?"
        ) from error
