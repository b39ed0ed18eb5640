"""Scenes of the door that need no key: it is commissioned, tries itself, and burns."""

from collections.abc import Sequence
from typing import Final, get_args

from gateway.client import AsyncClient
from gateway.core.facts import InputName
from gateway.errors import SimulationError
from gateway.schemas import CommissioningPoint
from gateway.sim.chapter import StepAction
from gateway.sim.site import SimulatedSite
from gateway.sim.telling import Step
from gateway.sim.watch import Watch


class DoorScenes:
    """Steps of a story, over one site."""

    def __init__(self, site: SimulatedSite, client: AsyncClient, watch: Watch) -> None:
        """Take a started site, a client of its gateway and a running watch."""
        self._site: Final = site
        self._client: Final = client
        self._watch: Final = watch

    def steps(self) -> Sequence[tuple[str, StepAction]]:
        """Return them, with their titles."""
        return (
            ("Commissioned", self.commission),
            ("Self-test", self.self_test),
            ("Fire", self.fire),
        )

    async def commission(self, step: Step) -> None:
        """Let the installer confirm what the gateway cannot find out."""
        points = get_args(CommissioningPoint)
        status = await self._client.commission(points)
        if not status.door.commissioned:
            raise SimulationError("All is confirmed, and the door is not commissioned.")
        step.said = f"confirmed: {', '.join(points)}"

    async def self_test(self, step: Step) -> None:
        """Release for a moment, by an order with its own entry."""
        found = await self._client.self_test()
        if not found.passed or (await self._site.world.door.state()).released:
            raise SimulationError(f"The self-test failed: {found.checks}.")
        await self._client.self_test_seen(found.entry, moved=True)
        step.said = f"passed, entry {found.entry}: {', '.join(found.checks)}"

    async def fire(self, step: Step) -> None:
        """A fire holds this door open, over lockdown too, while it burns."""
        await self._client.set_mode("LockedDown", for_ms=2_000)
        mark = self._watch.mark()
        await self._site.world.pins.set_input(InputName.FIRE, active=True)
        alarm = await self._watch.expect(mark, "alarm", detail="begun")
        status = await self._client.status()
        held = (await self._site.world.door.state()).released
        if not held or status.door.why != "fire":
            raise SimulationError("It burns, and the door is not held open.")
        await self._site.world.pins.set_input(InputName.FIRE, active=False)
        await self._watch.expect(mark, "alarm", detail="ended")
        if (await self._site.world.door.state()).released:
            raise SimulationError("The fire is out, and the door is still held open.")
        await self._watch.expect(mark, "door.over", mode="LockedDown")
        step.mark, step.style = "!", "bold red"
        entry = alarm.data["entry"]
        step.said = f"held open over LockedDown, alarm entry {entry}; locked after"
