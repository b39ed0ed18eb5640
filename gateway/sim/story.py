"""The story of one door: what a site admin sees in the first weeks, in a minute.

Each chapter is a list of steps; each step does something with real processes and checks
what the gateway says of it and what the pin did. A step that ends otherwise than it
must raises, and the story ends there.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from gateway.client import AsyncClient
from gateway.core.facts import DenialReason
from gateway.errors import SimulationError
from gateway.order_schemas import EraseOrder, ModeOrder, PolicyOrder
from gateway.schemas import Event
from gateway.sim.ceremonies import Ceremonies
from gateway.sim.chapter import Chapter, StepAction
from gateway.sim.door_scenes import DoorScenes
from gateway.sim.fingers import Fingers
from gateway.sim.misbehaviour import Misbehaviour
from gateway.sim.remote import RemoteKey
from gateway.sim.scenes import SCENES
from gateway.sim.site import SimulatedSite
from gateway.sim.telling import Step
from gateway.sim.watch import Watch

CLEANER: Final = "The night's cleaner"
RELEASE_S: Final = 2
HELD_OPEN_S: Final = 1
_LOOK_AGAIN_S: Final = 0.02
_SETTLE_S_MAX: Final = 10.0
_QUIET_S: Final = 0.6

STAGES: Final = (
    "connect",
    "challenge",
    "answer",
    "verify",
    "decide",
    "append",
    "strike",
)

FINGERS: Final[Mapping[str, Callable[..., Awaitable[None]]]] = {
    "right": RemoteKey.touch,
    "wrong": RemoteKey.wrong_finger,
    "no": RemoteKey.decline,
}


class Story:
    """One telling, over one site."""

    def __init__(self, site: SimulatedSite, client: AsyncClient, watch: Watch) -> None:
        """Take a started site, a client of its gateway and a running watch."""
        self._site: Final = site
        self._client: Final = client
        self._watch: Final = watch
        self._scenes: Final = DoorScenes(site, client, watch)
        self._fingers: Final = Fingers(site, client)
        self._ceremonies: Final = Ceremonies(site, client, self._fingers)
        self.enrols: Final = self._ceremonies.enrols
        self.openings = 0
        self.denials: Final[set[str]] = set()
        self.stages_us: Final[dict[str, list[int]]] = {name: [] for name in STAGES}

    def chapters(self) -> Sequence[Chapter]:
        """Return the whole story."""
        return (
            Chapter(
                "Enrolment: the key proves its model, a person compares the numbers",
                (
                    (
                        "First administrator",
                        self.enrols("admin", "Administrator", role="admin"),
                    ),
                    (
                        "Second administrator",
                        self.enrols("admin-2", "Her deputy", role="admin"),
                    ),
                    ("First holder", self.enrols("holder-1", "First holder")),
                    ("Second holder", self.enrols("holder-2", "Second holder")),
                    ("A spare key", self.enrols("spare", "Second holder's spare")),
                    (
                        "A cleaner, nights only",
                        self.enrols("night", CLEANER, "night"),
                    ),
                ),
            ),
            Chapter(
                "Openings: verified, decided, durable, released",
                tuple(
                    (f"{name} opens", self.opens(name))
                    for name in ("admin", "holder-1", "holder-2", "spare")
                ),
            ),
            Chapter("Denials: one reason each", self._denials()),
            Chapter("The door itself", self._door()),
            Chapter("A person leaves, and the ledger goes on", self._leaving()),
            Chapter(
                "Power cut in the middle of an opening",
                (
                    ("The power goes", self._power_cut),
                    ("The power is back", self._recovery),
                    ("holder-1 opens", self.opens("holder-1")),
                ),
            ),
        )

    def _leaving(self) -> Sequence[tuple[str, StepAction]]:
        revoked = DenialReason.CREDENTIAL_REVOKED
        return (
            ("The cleaner is erased", self._erased),
            ("The cleaner's key", self.denied("night", revoked)),
        )

    def _door(self) -> Sequence[tuple[str, StepAction]]:
        return (
            ("Request to exit", self._exit),
            ("Forced open", self._forced),
            ("Held open", self._held),
            *self._scenes.steps(),
        )

    def _denials(self) -> Sequence[tuple[str, StepAction]]:
        by_keys = [
            (
                scene.title,
                self.denied(
                    scene.name,
                    scene.reason,
                    scene.misbehaviour,
                    scene.finger,
                    scene.after_ms,
                ),
            )
            for scene in SCENES
        ]
        return (
            ("A stranger's key", self._stranger),
            ("A revoked key", self._revoked),
            *by_keys,
            ("Lockdown", self._lockdown),
        )

    # Openings.

    def opens(self, name: str) -> StepAction:
        """Return a step in which a holder opens the door and walks through."""

        async def action(step: Step) -> None:
            async with self._touching(name) as mark:
                ended = await self._watch.expect(mark, "touch.ended")
                if ended.data["result"] != "granted":
                    raise SimulationError(f"Denied: {ended.data['result']}.")
                await self._walk_through()
                await self._watch.expect(mark, "door.opened", after="grant")
                await self._watch.expect(mark, "door.closed")
            self.openings += 1
            step.said = f"granted, entry {ended.data['entry']}; {self._stages(ended)}"
            await self._secured()

        return action

    @asynccontextmanager
    async def _touching(
        self, name: str, finger: str = "right", after_ms: int = 0
    ) -> AsyncIterator[int]:
        """Wake a key and put a finger on it; let it sleep afterwards."""
        key = self._site.world.key(name)
        mark = self._watch.mark()
        await FINGERS[finger](key, after_ms=after_ms)
        await key.present(distance_m=0.4)
        try:
            yield mark
        finally:
            await key.sleep()
            await key.misbehave()

    async def _walk_through(self) -> None:
        door = self._site.world.door
        if not await door.open():
            raise SimulationError("The strike was not released: the door held.")
        await door.close()

    async def _secured(self) -> None:
        async with asyncio.timeout(_SETTLE_S_MAX):
            while (await self._site.world.door.state()).released:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_AGAIN_S)  # noqa: TID251 - other processes

    def _stages(self, ended: Event) -> str:
        """Say how long each stage took, and remember it."""
        stages = ended.data["stages_us"]
        if not isinstance(stages, dict):
            raise SimulationError("The gateway told no stages.")
        for name, kept in self.stages_us.items():
            kept.append(int(str(stages[name])))
        return (
            "  ".join(
                f"{name} {kept[-1] / 1000:.1f}" for name, kept in self.stages_us.items()
            )
            + " ms"
        )

    # Denials.

    def denied(
        self,
        name: str,
        reason: DenialReason,
        misbehaviour: Sequence[Misbehaviour] = (),
        finger: str = "right",
        after_ms: int = 0,
    ) -> StepAction:
        """Return a step in which a key is denied for this reason, and no other."""

        async def action(step: Step) -> None:
            key = self._site.world.key(name)
            await key.misbehave(*misbehaviour)
            async with self._touching(name, finger, after_ms) as mark:
                denial = await self._watch.expect(mark, "door.deny")
            await self._stayed_shut(denial, reason, step)
            await asyncio.sleep(_QUIET_S)  # noqa: TID251 - the key's quiet time

        return action

    async def _stayed_shut(
        self, denial: Event, reason: DenialReason, step: Step
    ) -> None:
        if denial.data.get("reason") != reason.value:
            raise SimulationError(
                f"Denied for {denial.data.get('reason')}, not {reason.value}."
            )
        if (await self._site.world.door.state()).released:
            raise SimulationError("Denied, and the strike is released.")
        self.denials.add(reason.value)
        step.denied(f"{reason.value}: {reason.sentence} (entry {denial.data['entry']})")

    async def _stranger(self, step: Step) -> None:
        key = await self._site.world.add_key("stranger")
        mark = self._watch.mark()
        await key.touch()
        await key.present()
        seen = await self._watch.expect(mark, "touch.stranger")
        summary = await self._watch.expect(mark, "door.strangers")
        await key.sleep()
        if (await self._site.world.door.state()).released:
            raise SimulationError("A stranger's key released the strike.")
        reason = DenialReason.KEY_UNKNOWN
        self.denials.add(str(seen.data["result"]))
        step.denied(
            f"{reason.value}: {reason.sentence} (entry {summary.data['entry']})"
        )

    async def _revoked(self, step: Step) -> None:
        await self._client.set_credential_state(
            self._ceremonies.credentials["spare"], "revoked"
        )
        await self.denied("spare", DenialReason.CREDENTIAL_REVOKED)(step)

    async def _lockdown(self, step: Step) -> None:
        await self._client.set_mode("LockedDown")
        await self.denied("admin", DenialReason.LOCKDOWN)(step)
        order = ModeOrder(kind="mode", mode="Locked")
        _, name = await self._fingers.sign(order)
        step.more.append(f"lifted by {name}'s touch")

    # The door.

    async def _exit(self, step: Step) -> None:
        mark = self._watch.mark()
        await self._site.world.door.press_exit()
        await self._watch.expect(mark, "door.exit")
        await self._walk_through()
        await self._watch.expect(mark, "door.opened", after="exit")
        await self._watch.expect(mark, "door.closed")
        await self._secured()
        self.openings += 1
        step.said = "released at once, recorded after"

    async def _forced(self, step: Step) -> None:
        mark = self._watch.mark()
        await self._site.world.door.force()
        alarm = await self._watch.expect(mark, "door.forced")
        await self._site.world.door.close()
        await self._watch.expect(mark, "door.clear", alarm="forced")
        step.mark, step.style = "!", "bold red"
        step.said = f"alarm, entry {alarm.data['entry']}; cleared when it closed"

    async def _held(self, step: Step) -> None:
        async with self._touching("admin") as mark:
            await self._watch.expect(mark, "touch.ended", result="granted")
            if not await self._site.world.door.open():
                raise SimulationError("The strike was not released: the door held.")
            alarm = await self._watch.expect(mark, "door.held")
            await self._site.world.door.close()
            await self._watch.expect(mark, "door.clear", alarm="held")
        self.openings += 1
        await self._secured()
        step.mark, step.style = "!", "bold red"
        step.said = (
            f"alarm after {alarm.data['open_ms']} ms, entry {alarm.data['entry']}"
        )

    # Policy.

    async def policy(self) -> str:
        """Return the text of the policy in force."""
        return (await self._client.policy()).text

    async def put_in_force(self, text: str) -> str:
        """Have another policy signed; return by whose touches."""
        _, names = await self._fingers.sign(PolicyOrder(kind="policy", text=text))
        return names

    # People.

    async def _erased(self, step: Step) -> None:
        mark = self._watch.mark()
        before = self._files_with(CLEANER)
        _, name = await self._fingers.sign(EraseOrder(kind="erase", holder_id="night"))
        order = await self._watch.expect(mark, "erase")
        after = self._files_with(CLEANER)
        if not before or after:
            raise SimulationError(f"The name was in {before} and is in {after}.")
        step.said = (
            f"signed by {name}'s touch, entry {order.data['entry']}; the name was in "
            f"{', '.join(before)} and is in no file now"
        )

    def _files_with(self, name: str) -> list[str]:
        """Return the gateway's files whose raw bytes hold a name."""
        files = [one for one in self._site.state_dir.iterdir() if one.is_file()]
        return [one.name for one in files if name.encode() in one.read_bytes()]

    # Power.

    async def _power_cut(self, step: Step) -> None:
        async with self._touching("admin") as mark:
            granted = await self._watch.expect(mark, "door.grant")
            await self._site.cut_power()
        state = await self._site.world.door.state()
        if state.released:
            raise SimulationError("Without power the strike is released.")
        self._last_entry = granted.data["entry"]
        step.said = (
            f"right after entry {self._last_entry}; gateway and strike are gone, "
            "the lock holds"
        )

    async def _recovery(self, step: Step) -> None:
        times = self._watch.connections + 1
        await self._site.start_strike()
        await self._site.start_gateway()
        await self._watch.connected(times)
        status = await self._client.status()
        entry = self._last_entry
        if not isinstance(entry, int) or status.ledger_size <= entry:
            raise SimulationError(f"Entry {entry} is lost.")
        step.said = (
            f"entry {entry} is there, {status.ledger_size} entries in all; "
            f"door {status.door.phase}"
        )

    _last_entry: object = None
