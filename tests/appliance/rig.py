"""What a scenario works with: one machine, one air, one chip, and a report."""

import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.appliance.chip import Chip
from tests.appliance.machine import Machine
from tests.appliance.payload import make_payload
from tests.appliance.product import Product, Wires
from tests.appliance.radio import Radio

SEED: Final = 4
INSTALLED: Final = "installed"
ENROLLED: Final = "enrolled"


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured; `emulated` where the processor decides it."""

    what: str
    value: str
    emulated: bool


@dataclass(slots=True)
class Report:
    """What was found."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


class Rig:
    """What a scenario works with."""

    def __init__(self, image: Path, place: Path, *, full: bool) -> None:
        self.place: Final = place
        self.full: Final = full
        self.machine: Final = Machine(image, place)
        self.radio: Final = Radio(place, SEED)
        self.chip: Final = Chip(self.machine, place / "console.log")
        self.report: Final = Report()
        self._product: Product | None = None
        self._scenario = ""

    @property
    def product(self) -> Product:
        """The product; there is one once the radio runs."""
        if self._product is None:
            raise RuntimeError("The rig has not been set up.")
        return self._product

    async def set_up(self, wheels: Path) -> None:
        """Boot a new machine, install the product, and save that state."""
        await self._begin(wheels)
        started = time.monotonic()
        await self.machine.start()
        self.figure("boot to first command, s", time.monotonic() - started)
        started = time.monotonic()
        say(await self.product.install(Wires()))
        self.figure("install.sh, s", time.monotonic() - started)
        await self.machine.save(INSTALLED)

    async def resume(self, wheels: Path) -> None:
        """Go on where a rig of this place had the product installed."""
        await self._begin(wheels)
        await self.machine.start(INSTALLED)

    async def _begin(self, wheels: Path) -> None:
        make_payload(wheels, self.place / "payload")
        await self.radio.start()
        self._product = Product(self.machine, await self.radio.world.chain())

    async def tear_down(self) -> None:
        """Power off and end the world."""
        await self.machine.stop()
        await self.radio.stop()

    def check(self, holds: object, sentence: str) -> None:
        """Count whether something holds, and say so."""
        if holds:
            self.report.passed += 1
        else:
            self.report.failed.append(f"{self._scenario}: {sentence}")
        say(f"    {'ok    ' if holds else 'FAILED'} {sentence}")

    def figure(self, what: str, value: float | str, *, emulated: bool = True) -> None:
        """Note something that was measured."""
        text = value if isinstance(value, str) else f"{value:.1f}"
        self.report.figures.append(Figure(what, text, emulated))
        say(f"           {what}: {text}")

    async def play(self, scenario: "Scenario") -> None:
        """Load a scenario's state and run it; what it raises is a failure."""
        self._scenario = scenario.name
        say(f"{scenario.name}: {scenario.title}")
        started = time.monotonic()
        try:
            await self.load(scenario.state)
            await scenario.play(self)
        except Exception:  # noqa: BLE001 - one scenario's end is not the others'
            traceback.print_exc()
            self.check(holds=False, sentence="it ran to its end")
            await self._tell_why()
        say(f"    {time.monotonic() - started:.0f} s")

    async def load(self, state: str) -> None:
        """Go back to a saved state, with a controller as after its power-on."""
        await self.radio.disperse()
        await self.machine.load(state)
        self.chip.forget()
        await self.machine.run("systemctl restart rig-adapter rig-clock")
        await self.machine.until("bluetoothctl show | grep -q 'Powered: yes'")

    async def _tell_why(self) -> None:
        try:
            say(await self.product.log())
        except Exception as error:  # noqa: BLE001 - the machine may be off
            say(f"    no log: {error!r}")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A file of scenarios/."""

    name: str
    title: str
    state: str
    full: bool
    play: Callable[[Rig], Awaitable[None]]


def say(text: str) -> None:
    """Print, at once."""
    print(text, flush=True)  # noqa: T201 - it talks to a person
