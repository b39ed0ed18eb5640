"""How long one touch takes, stage by stage, and the gateway's own share of it.

The gateway runs in this process, composed as `keyra run --simulated` composes it: real
ledger on a real disk, a real keyra-strike; air, keys and pins in the world's process.
The share is what stands between the key's answer and the pin: verify, decide, append
and the hand-over, until the world's process sees the line move. It is compared with the
least that such a door must do: one bare P-256 verification and one raw durable commit
of a row of the same size, made in the same run, by turns with the touches, so that
whatever else the machine does falls on both.
"""

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.bootstrap.setting import setting_of
from gateway.bootstrap.simulated import simulated
from gateway.config import load
from gateway.service.events import Event
from gateway.service.gateway import Gateway
from gateway.service.recovery import recover
from gateway.service.telemetry import MemoryTelemetry
from gateway.service.views import Actor, EnrolmentOrder, EnrolmentView
from gateway.sim.door import STRIKE, idle_level
from gateway.sim.remote import RemoteKey
from gateway.sim.site import SimulatedSite, SitePlan
from gateway.sim.story import STAGES
from ledger.reader import Reader
from ledger.store import PAGE_BYTES

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

KEYS = 24
"""Each rests for two seconds after a grant; by turns, nobody waits for that."""

WARM_UP = 10
RATIO_AIMED_AT = 3.0
RATIO_MAX = 6.0
"""Wide enough for a machine that does something else at the same time."""

MEMORY_FILE_SYSTEMS = frozenset({"tmpfs", "ramfs", "rootfs", "overlay"})
WAIT_S = 30
BY = Actor(uid=0)


class Floor:
    """The least that a door with a durable ledger must do; each call is timed.

    Attributes:
        verify_us, commit_us: one figure for each turn, in microseconds.
    """

    def __init__(self, folder: Path, row_bytes: int) -> None:
        self.verify_us: list[float] = []
        self.commit_us: list[float] = []
        key = ec.generate_private_key(ec.SECP256R1())
        self._message = os.urandom(69)  # authenticatorData and a hash
        self._signature = key.sign(self._message, ec.ECDSA(SHA256()))
        self._key = key.public_key()
        self._row = os.urandom(row_bytes)
        self._rows = 0
        path = folder / "floor.db"
        sqlite3.connect(path).close()
        self._connection = sqlite3.connect(
            f"file:{path}?psow=0", uri=True, isolation_level=None
        )
        self._connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("CREATE TABLE entry(n INTEGER PRIMARY KEY, body BLOB)")

    def turn(self) -> None:
        """Verify once and commit once."""
        self.verify_us.append(timed_us(self._verify))
        self.commit_us.append(timed_us(self._commit))

    @property
    def median_us(self) -> float:
        """Both together."""
        return median(self.verify_us) + median(self.commit_us)

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def _verify(self) -> None:
        self._key.verify(self._signature, self._message, ec.ECDSA(SHA256()))

    def _commit(self) -> None:
        self._rows += 1
        self._connection.execute(
            "INSERT INTO entry VALUES(?,?)", (self._rows, self._row)
        )


class Answers(MemoryTelemetry):
    """Also remembers when each answer had come, by the clock that times the pins.

    Attributes:
        up_us: one moment for each answer, in microseconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.up_us: list[float] = []

    def stage(self, name: str, duration_us: int) -> None:
        """Record how long one stage of a touch took."""
        super().stage(name, duration_us)
        if name == "answer":
            self.up_us.append(time.monotonic_ns() / 1000)


@dataclass
class Figures:
    """What the touches took.

    Attributes:
        stages_us: for each stage, one figure for each touch, in microseconds.
        own_us: from the answer to the pin.
    """

    stages_us: dict[str, list[float]] = field(
        default_factory=lambda: {name: [] for name in STAGES}
    )
    own_us: list[float] = field(default_factory=list)

    def add(self, stages_us: dict[str, int]) -> None:
        """Add one touch."""
        for name, kept in self.stages_us.items():
            kept.append(stages_us[name])


def timed_us(work: Callable[[], None]) -> float:
    """Time one call."""
    started_ns = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - started_ns) / 1000


def median(figures: list[float]) -> float:
    """The upper median."""
    return sorted(figures)[len(figures) // 2]


def p99(figures: list[float]) -> float:
    """What one in a hundred exceeds."""
    return sorted(figures)[len(figures) * 99 // 100]


def file_system(path: Path) -> str:
    """The kind of file system that a path lies on."""
    mounts = [
        line.split() for line in Path("/proc/self/mounts").read_text().splitlines()
    ]
    points = {point: kind for _, point, kind, *_ in mounts}
    resolved = path.resolve()
    return next(
        points[str(parent)]
        for parent in (resolved, *resolved.parents)
        if str(parent) in points
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder on a disk whose name is short enough for sockets."""
    for candidate in (tempfile.gettempdir(), "/var/tmp", Path.home()):  # noqa: S108 - asked for its disk
        if file_system(Path(candidate)) not in MEMORY_FILE_SYSTEMS:
            with tempfile.TemporaryDirectory(prefix="keyra-", dir=candidate) as name:
                yield Path(name)
            return
    pytest.skip("There is no disk here: /tmp, /var/tmp and the home lie in memory.")


@asynccontextmanager
async def gateway_in_here(
    site: SimulatedSite, answers: Answers
) -> AsyncIterator[Gateway]:
    """Run the site's gateway in this process instead of its own."""
    await site.stop_gateway()
    config = load(site.config_path)
    async with simulated(config, site.plan.directory) as adapters:
        on = replace(adapters, telemetry=answers)
        gateway = Gateway(
            setting_of(config), on, recover(on.history, on.registry_store)
        )
        running = asyncio.create_task(gateway.run())
        await gateway.ready()
        try:
            yield gateway
        finally:
            running.cancel()
            await asyncio.wait([running])
            await on.journal.close()


async def enrolled(
    gateway: Gateway, site: SimulatedSite, name: str, events: AsyncIterator[Event]
) -> RemoteKey:
    """Enrol a key as people do."""
    key = site.world.key(name)
    await gateway.enrol(EnrolmentOrder(name, f"Holder of {name}", ("staff",)), BY)
    await key.touch(times=2)
    await key.pairing_mode()
    async with asyncio.timeout(WAIT_S):
        shown = await ceremony_at(gateway, "comparing", events)
        agree = shown.number == (await key.state()).shown_number
        await gateway.answer_comparison(agree=agree)
        await ceremony_at(gateway, "registered", events)
    await key.sleep()
    return key


async def ceremony_at(
    gateway: Gateway, step: str, events: AsyncIterator[Event]
) -> EnrolmentView:
    """Wait until the ceremony has come to a step."""
    while (now := gateway.enrolment()) is None or now.step != step:
        assert now is None or now.step != "failed", now
        await following(events, "enrolment")
    return now


async def opens(
    site: SimulatedSite, key: RemoteKey, events: AsyncIterator[Event]
) -> dict[str, int]:
    """Let a holder open and walk through; return the stages of the touch."""
    await key.touch()
    await key.present()
    async with asyncio.timeout(WAIT_S):
        ended = await following(events, "touch.ended")
        assert ended.data["result"] == "granted", ended
        assert await site.world.door.open()
        await site.world.door.close()
        await following(events, "door.closed")
    stages_us = ended.data["stages_us"]
    assert isinstance(stages_us, dict)
    return stages_us


async def following(events: AsyncIterator[Event], kind: str) -> Event:
    """Return the next event of that kind."""
    async for event in events:
        if event.kind == kind:
            return event
    raise AssertionError(f"The events ended before {kind}.")


def grant_bytes(ledger: Path) -> int:
    """How long the newest entry of a grant is."""
    with Reader.open(ledger) as reader:
        bodies = reader.entries(0, reader.size())
        return [len(body) for body in bodies if b'"ev":"door.grant"' in body][-1]


async def measured(site: SimulatedSite, touches: int) -> tuple[Figures, Floor]:
    """Enrol the keys and let them touch by turns, each with a turn of the floor."""
    figures, answers = Figures(), Answers()
    async with gateway_in_here(site, answers) as gateway:
        events = gateway.events(gateway.status().last_event_id)
        keys = [
            await enrolled(gateway, site, f"k{number:04}", events)
            for number in range(1, KEYS + 1)
        ]
        for key in keys[:WARM_UP]:
            await opens(site, key, events)
        floor = Floor(site.state_dir, grant_bytes(site.ledger_path))
        for turn in range(touches):
            started_s = time.monotonic()
            figures.add(await opens(site, keys[turn % KEYS], events))
            # A disk that others use too is as far behind for the floor as for a touch.
            await asyncio.sleep(time.monotonic() - started_s)
            floor.turn()
    floor.close()
    for answer_us, release_us in zip(
        answers.up_us[-touches:], (await releases_us(site))[-touches:], strict=True
    ):
        figures.own_us.append(release_us - answer_us)
    assert min(figures.own_us) > 0
    return figures, floor


async def releases_us(site: SimulatedSite) -> list[float]:
    """When the line moved to release the door, each time."""
    idle = idle_level(site.plan.relay)
    edges = await site.world.pins.trace(STRIKE)
    return [edge.up_ns / 1000 for edge in edges if edge.level != idle]


def table(figures: Figures, floor: Floor) -> str:
    """For people."""
    own_us = figures.own_us
    rows = [
        *figures.stages_us.items(),
        ("from answer to pin", own_us),
        ("bare P-256 verification", floor.verify_us),
        ("raw durable commit", floor.commit_us),
    ]
    lines = [f"\n{len(own_us)} touches        median µs     p99 µs"]
    lines += [f"{name:<24}{median(us):>10.0f} {p99(us):>10.0f}" for name, us in rows]
    ratio = median(own_us) / floor.median_us
    lines.append(f"ratio {ratio:.2f}; aimed at {RATIO_AIMED_AT}, at most {RATIO_MAX}\n")
    return "\n".join(lines)


@pytest.mark.parametrize("touches", [50, pytest.param(500, marks=pytest.mark.slow)])
async def test_the_gateways_own_share_of_a_touch(
    folder: Path, capsys: pytest.CaptureFixture[str], touches: int
) -> None:
    async with SimulatedSite(SitePlan(folder, keys=KEYS)) as site:
        figures, floor = await measured(site, touches)
    with capsys.disabled():
        sys.stdout.write(table(figures, floor))
    assert median(figures.own_us) <= RATIO_MAX * floor.median_us
