"""A site whose gateway is killed again and again, and what must hold after each kill.

The world's process survives, and with it the strike's trace; a witness file notes what
the ledger acknowledged. Both are compared with the ledger that the restarted gateway
goes on with.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from gateway.bootstrap.parts import KEY_NAME
from gateway.schemas import Enrolment, EnrolmentOrder
from gateway.sim.door import STRIKE, idle_level
from gateway.sim.faults import DIE_AFTER, WITNESS
from gateway.sim.pins import Edge
from gateway.sim.remote import RemoteKey
from gateway.sim.site import VKEY_NAME, SimulatedSite, SitePlan
from gateway.strike.wiring import Relay
from ledger.entry import Entry, parse_entry
from ledger.export import export_lines
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.seal_file import load_first_key
from ledger.tree import leaf_hash
from ledger.verdict import Exit, Expected
from ledger.verify import verify_lines

RELEASE_MS = 1_000
SLACK_MS = 300
"""What two busy cores may take to let a process run that is due."""
GRANT_AGE_MS = 3_000
WAIT_S = 30
HOLDER = "holder-1"


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something in another process."""
    async with asyncio.timeout(WAIT_S):
        while not await is_so():  # noqa: ASYNC110 - other processes have no events here
            await asyncio.sleep(0.01)


@dataclass
class Figures:
    """What one series of kills came to."""

    kills: int = 0
    by_stage: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    acknowledged: int = 0
    openings: int = 0
    longest_ms: float = 0.0

    def killed(self, when: str) -> None:
        """Count one."""
        self.kills += 1
        self.by_stage[when] = self.by_stage.get(when, 0) + 1

    def __str__(self) -> str:
        stages = " ".join(f"{name} {times}" for name, times in self.by_stage.items())
        return (
            f"{self.kills} kills ({stages}), {self.entries} entries of which "
            f"{self.acknowledged} were witnessed, {self.openings} releases, the "
            f"longest {self.longest_ms:.0f} ms of {RELEASE_MS} + {SLACK_MS}"
        )


@dataclass(frozen=True, slots=True)
class Opening:
    """One release of the strike, as the world's process saw it."""

    start_ns: int
    end_ns: int | None

    @property
    def lasted_ms(self) -> float:
        """How long; for ever if it has not ended."""
        if self.end_ns is None:
            return float("inf")
        return (self.end_ns - self.start_ns) / 1e6


def openings(trace: Sequence[Edge], relay: Relay) -> list[Opening]:
    """Read releases of a fail-secure lock from a trace of levels."""
    released: list[Opening] = []
    start_ns: int | None = None
    for edge in trace:
        if (edge.level != idle_level(relay)) is (start_ns is not None):
            continue
        if start_ns is None:
            start_ns = edge.up_ns
        else:
            released.append(Opening(start_ns, edge.up_ns))
            start_ns = None
    if start_ns is not None:
        released.append(Opening(start_ns, None))
    return released


class Killing:
    """One site with one holder."""

    def __init__(self, plan: SitePlan) -> None:
        self.plan = plan
        self.site = SimulatedSite(plan)
        self.witness = plan.directory / "witness"
        self.figures = Figures()
        self.pressed_ns: list[int] = []
        self._held: Expected | None = None

    @property
    def key(self) -> RemoteKey:
        """The holder's key."""
        return self.site.world.key(HOLDER)

    async def begin(self, stage: str | None = None) -> None:
        """Enrol the holder, then go on with a gateway that dies after a stage."""
        key = await self.site.world.add_key(HOLDER)
        async with self.site.client() as client:
            order = EnrolmentOrder(holder_id=HOLDER, name="A holder", groups=("staff",))
            await client.enrol(order)
            await key.touch(times=2)
            await key.pairing_mode()

            async def seen(*steps: str) -> Enrolment:
                async with asyncio.timeout(WAIT_S):
                    while True:
                        now = await client.enrolment()
                        if now is not None and now.step in {*steps, "failed"}:
                            return now
                        await asyncio.sleep(0.02)

            shown = (await seen("comparing")).number
            same = shown == (await key.state()).shown_number
            await client.answer_comparison(agree=same)
            done = await seen("registered")
            assert done.step == "registered", done
        await key.sleep()
        await self.site.kill_gateway()
        await self.restart(stage)

    async def restart(self, stage: str | None = None) -> None:
        """Start the gateway anew; with a stage, it will die at the end of the next."""
        dying = {} if stage is None else {DIE_AFTER: stage}
        await self.site.start_gateway({WITNESS: str(self.witness), **dying})

    async def touch(self) -> None:
        """Wake the key, with a finger on it."""

        async def left() -> bool:
            return not (await self.key.state()).connected

        await until(left)
        await self.key.touch()
        await self.key.present()

    async def die(self, stage: str) -> None:
        """Touch a gateway that will die after that stage, and see it die."""
        await self.touch()
        async with asyncio.timeout(WAIT_S):
            assert await self.site.gateway_died() == -9
        self.figures.killed(stage)
        await self.key.sleep()

    async def press_exit(self) -> None:
        """Ask to get out."""
        self.pressed_ns.append(int(asyncio.get_running_loop().time() * 1e9))
        await self.site.world.door.press_exit()

    async def released(self) -> bool:
        """Tell whether the strike is released."""
        return (await self.site.world.door.state()).released

    async def secured(self) -> bool:
        """Tell whether it is not."""
        return not await self.released()

    # What must hold.

    async def check(self) -> None:
        """Compare witness, ledger and trace, after a restart."""
        await until(self.secured)
        with Reader.open(self.site.ledger_path) as reader:
            self._verified(reader)
            bodies = list(reader.entries(0, reader.size()))
        acknowledged_ns = self._nothing_lost(bodies)
        entries = [parse_entry(body) for body in bodies]
        trace = await self.site.world.pins.trace(STRIKE)
        released = openings(trace, self.plan.relay)
        self._each_has_its_entry(released, entries, acknowledged_ns)
        for opening in released:
            assert opening.lasted_ms <= RELEASE_MS + SLACK_MS, opening
        self.figures.entries = len(entries)
        self.figures.openings = len(released)
        self.figures.longest_ms = max((one.lasted_ms for one in released), default=0)

    def _nothing_lost(self, bodies: Sequence[bytes]) -> dict[int, int]:
        """Return when each entry was acknowledged, by its number."""
        acknowledged: dict[int, int] = {}
        if self.witness.exists():
            for line in self.witness.read_text().splitlines():
                n, leaf, up_ns = line.split()
                assert int(n) < len(bodies), f"entry {n} was acknowledged and is lost"
                assert leaf_hash(bodies[int(n)]).hex() == leaf, f"entry {n} is another"
                acknowledged[int(n)] = int(up_ns)
        self.figures.acknowledged = len(acknowledged)
        return acknowledged

    def _each_has_its_entry(
        self,
        released: Sequence[Opening],
        entries: Sequence[Entry],
        acknowledged_ns: dict[int, int],
    ) -> None:
        """Give each release its own durable grant, or a press of the exit button."""
        grants = [acknowledged_ns.get(e.n) for e in entries if e.ev == "door.grant"]
        causes = sorted([*(ns for ns in grants if ns is not None), *self.pressed_ns])
        for opening in released:
            fitting = [
                ns
                for ns in causes
                if 0 <= opening.start_ns - ns <= (GRANT_AGE_MS + SLACK_MS) * 1e6
            ]
            assert fitting, f"{opening} has neither a durable grant nor a press"
            causes.remove(fitting[0])

    def _verified(self, reader: Reader) -> None:
        """Verify as the seal's auditor who kept the head seen after the last kill."""
        vkey = (self.site.state_dir / VKEY_NAME).read_text().strip()
        key = SigningKey.load(self.site.state_dir / KEY_NAME)
        verdict = verify_lines(
            export_lines(reader, key=key),
            vkey=vkey,
            expect=self._held,
            seal_key=load_first_key(self.site.seal_key_path),
        )
        assert verdict.exit is Exit.VERIFIED, verdict
        assert verdict.sealed, verdict
        self._held = Expected(verdict.entries, verdict.root)
