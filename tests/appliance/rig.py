"""What a scenario works with: one machine, one air, one chip, and a report."""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.appliance.chip import Chip
from tests.appliance.kind import Kind
from tests.appliance.machine import Machine
from tests.appliance.payload import make_payload
from tests.appliance.product import Product, Wires
from tests.appliance.radio import Radio
from tests.appliance.report import Account, Figure, Report, say

SEED: Final = 4
INSTALLED: Final = "installed"
ENROLLED: Final = "enrolled"
LOG_S_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of each is wanted; the defaults are the short run's.

    Attributes:
        full: every combination, not only those that cost little.
        cuts_file: where the number of cuts that were made is kept from run to run.
    """

    full: bool = False
    touches: int = 20
    scan_s: float = 120
    cuts: int = 3
    cuts_file: Path | None = None


class Rig:
    """What a scenario works with.

    Args:
        kind: of machine.
        image: directory of the built guest.
        cache: directory of what is kept from run to run.
        place: directory of this run's own files.
    """

    def __init__(
        self, kind: Kind, image: Path, *, cache: Path, place: Path, amount: Amount
    ) -> None:
        self._kind: Final = kind
        self._cache: Final = cache
        self.place: Final = place
        self.amount: Final = amount
        self.machine: Final = Machine(kind, image, place)
        self.radio: Final = Radio(place, SEED)
        self.chip: Final = Chip(self.machine, place / "console.log")
        self.report: Final = Report()
        self._account = Account()
        self._product: Product | None = None

    @property
    def product(self) -> Product:
        """The product; there is one once the radio runs."""
        if self._product is None:
            raise RuntimeError("The rig has not been set up.")
        return self._product

    async def set_up(self) -> None:
        """Boot a new machine, install the product, and save that state."""
        await self._begin()
        await self.machine.forget()
        started = time.monotonic()
        await self.machine.start()
        self.figure("boot to first command, s", time.monotonic() - started)
        started = time.monotonic()
        say(await self.product.install(Wires()))
        self.figure("install.sh, s", time.monotonic() - started)
        await self.machine.save(INSTALLED)

    async def resume(self) -> None:
        """Go on where a rig of this place had the product installed."""
        await self._begin()
        await self.machine.start(INSTALLED)

    async def _begin(self) -> None:
        make_payload(self._kind, self._cache, self.place / "payload")
        await self.radio.start()
        self._product = Product(self.machine, await self.radio.world.chain())

    async def tear_down(self) -> None:
        """Power off and end the world."""
        await self.machine.stop()
        await self.radio.stop()

    def check(self, holds: object, sentence: str) -> bool:
        """Count whether something holds, say so, and return it."""
        if holds:
            self._account.passed += 1
        else:
            self._account.failed.append(sentence)
        say(f"    {'ok    ' if holds else 'FAILED'} {sentence}")
        return bool(holds)

    def safety(self, holds: object, sentence: str) -> bool:
        """Count something whose violation no second try makes good; return it."""
        if not self.check(holds, sentence):
            self._account.violated.append(sentence)
        return bool(holds)

    def figure(self, what: str, value: float | str, *, emulated: bool = True) -> None:
        """Note something that was measured."""
        text = value if isinstance(value, str) else f"{value:.1f}"
        self._account.figures.append(Figure(what, text, emulated))
        say(f"           {what}: {text}")

    async def play(self, scenario: "Scenario") -> None:
        """Play a scenario from its state; if it fails, once more, and say both."""
        say(f"{scenario.name}: {scenario.title}")
        first = await self._try(scenario)
        second = None
        if first.failed and not first.violated:
            say(f"{scenario.name}: a second try")
            second = await self._try(scenario)
        self.report.add(scenario.name, first, second)

    async def _try(self, scenario: "Scenario") -> Account:
        """Load a scenario's state and run it; what it raises is a failure."""
        self._account = Account()
        started = time.monotonic()
        try:
            async with asyncio.timeout(scenario.limit_s):
                await self.load(scenario.state)
                await scenario.play(self)
        except Exception:  # noqa: BLE001 - one scenario's end is not the others'
            say(traceback.format_exc().rstrip())
            took_s = time.monotonic() - started
            late = " in time" if took_s >= scenario.limit_s else ""
            self.check(holds=False, sentence=f"it ran to its end{late}")
        if self._account.failed:
            await self._tell_why()
        say(f"    {time.monotonic() - started:.0f} s")
        return self._account

    async def load(self, state: str) -> None:
        """Go back to a saved state, with a controller as after its power-on."""
        await self.radio.disperse()
        await self.machine.go_back(state)
        self.chip.forget()
        await self.machine.run("systemctl restart rig-adapter rig-clock")
        await self.machine.until("bluetoothctl show | grep -q 'Powered: yes'")

    async def _tell_why(self) -> None:
        try:
            async with asyncio.timeout(LOG_S_MAX):
                say(await self.product.log())
        except Exception as error:  # noqa: BLE001 - the machine may be off
            say(f"    no log: {error!r}")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A file of scenarios/.

    Attributes:
        limit_s: how long one try may take before it counts as failed.
    """

    name: str
    title: str
    state: str
    full: bool
    limit_s: float
    play: Callable[[Rig], Awaitable[None]]
