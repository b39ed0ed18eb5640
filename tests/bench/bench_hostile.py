"""What ten hostile clients of the API, held to half a core together, do to a touch.

Air, strike and gateway are processes of their own, composed as `keyra run --simulated`
composes them. The clients run as the gateway's own user, who has every right and whose
connections the touches' own witness shares: the worst place that one can attack from.
They are held by stopping and continuing them all (SIGSTOP, SIGCONT) by what the
scheduler says that they used. Quiet and hostile stretches alternate; a stretch's figure
is how long a touch takes from the key's wish to the pin, both by the same clock.
"""

import asyncio
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.client import AsyncClient, Item
from gateway.schemas import EnrolmentOrder, Event
from gateway.sim.door import STRIKE, idle_level
from gateway.sim.remote import RemoteKey
from gateway.sim.site import API_SOCKET, SimulatedSite, SitePlan
from ledger.reader import Reader

pytestmark = [pytest.mark.processes, pytest.mark.timeout(1200)]

HERE: Final = Path(__file__).parent
TOUCH: Final[dict[str, Any]] = runpy.run_path(str(HERE / "bench_touch.py"))
KINDS: Final[tuple[str, ...]] = tuple(runpy.run_path(str(HERE / "hostile.py"))["KINDS"])
OWN_STAGES: Final = ("verify", "decide", "append", "strike")
folder = TOUCH["folder"]
median, p99 = TOUCH["median"], TOUCH["p99"]

KEYS: Final = 24
"""Each rests for two seconds after a grant; by turns, nobody waits for that."""
FEW_KEYS: Final = 6
CORE_SHARE_MAX: Final = 0.5
LOOK_S: Final = 0.005
SETTLE_S: Final = 1.0
WAIT_S: Final = 30
RATIO_AIMED_AT: Final = 2.0
RATIO_MAX: Final = 4.0
RUNS_JUDGED_MIN: Final = 5
"""Of fewer, noise decides."""


class Held:
    """Ten hostile clients, and the one who holds them to their share.

    Attributes:
        used_s: how much of a core they have used together, since they began.
    """

    def __init__(self, socket: Path) -> None:
        script = str(HERE / "hostile.py")
        self._clients: Final = [
            subprocess.Popen([sys.executable, script, str(socket), kind])
            for kind in KINDS
        ]
        self._began_s: Final = time.monotonic()
        self._stopped = False
        self.used_s = 0.0

    @property
    def share(self) -> float:
        """Of a core, on average."""
        return self.used_s / (time.monotonic() - self._began_s)

    async def hold(self) -> None:
        """Stop them whenever they have had more than their share."""
        while True:
            self.used_s = sum(self._cpu_s(one.pid) for one in self._clients)
            wanted = self.share > CORE_SHARE_MAX
            if wanted is not self._stopped:
                self._stopped = wanted
                self._signal(signal.SIGSTOP if wanted else signal.SIGCONT)
            await asyncio.sleep(LOOK_S)

    def end(self) -> None:
        """Kill them; each must have been there until now."""
        gone = [one.args for one in self._clients if one.poll() is not None]
        self._signal(signal.SIGKILL)
        for one in self._clients:
            one.wait()
        assert not gone, gone

    def _signal(self, number: int) -> None:
        for one in self._clients:
            one.send_signal(number)

    def _cpu_s(self, pid: int) -> float:
        text = Path(f"/proc/{pid}/schedstat").read_text()  # ns on a core, waiting, …
        return int(text.split()[0]) / 1e9


@contextmanager
def holding(socket: Path, group: asyncio.TaskGroup) -> Iterator[Held]:
    held = Held(socket)
    task = group.create_task(held.hold())
    try:
        yield held
    finally:
        task.cancel()
        held.end()


@dataclass
class Stretch:
    """What the touches of one stretch took, in microseconds; `lost` opened nothing."""

    lost: int = 0
    whole_us: list[float] = field(default_factory=list)
    own_us: list[float] = field(default_factory=list)


class Witness:
    """Lets keys touch by turns and follows what the gateway tells."""

    def __init__(
        self, site: SimulatedSite, client: AsyncClient, items: AsyncIterator[Item]
    ) -> None:
        self.site = site
        self.client = client
        self.items = items
        self.keys: list[RemoteKey] = []
        self.touches = 0

    async def event(self, kind: str) -> Event:
        """Return the next event of that kind."""
        async with asyncio.timeout(WAIT_S):
            async for item in self.items:
                if isinstance(item, Event) and item.kind == kind:
                    return item
        raise AssertionError(f"The events ended before {kind}.")

    async def enrol(self, name: str) -> RemoteKey:
        """Enrol a key as people do."""
        key = self.site.world.key(name)
        await self.client.enrol(
            EnrolmentOrder(holder_id=name, name=f"Holder of {name}", groups=("staff",))
        )
        await key.touch(times=2)
        await key.pairing_mode()
        now = await self._ceremony_at("comparing")
        shown = (await key.state()).shown_number
        await self.client.answer_comparison(agree=now == shown)
        await self._ceremony_at("registered")
        await key.sleep()
        return key

    async def _ceremony_at(self, step: str) -> int | None:
        while (now := await self.client.enrolment()) is None or now.step != step:
            assert now is None or now.step != "failed", now
            await self.event("enrolment")
        return now.number

    async def touch(self) -> tuple[float, float] | None:
        """Let the next key open; return the touch's length and the gateway's share.

        None where it came to nothing.
        """
        key = self.keys[self.touches % len(self.keys)]
        self.touches += 1
        await key.touch()
        began_us = time.monotonic_ns() / 1000
        await key.present()
        ended = await self.event("touch.ended")
        if ended.data["result"] != "granted":
            return None
        assert await self.site.world.door.open()
        await self.site.world.door.close()
        await self.event("door.closed")
        stages_us = ended.data["stages_us"]
        assert isinstance(stages_us, dict)
        own_us = sum(float(str(stages_us[name])) for name in OWN_STAGES)
        return await self._released_us() - began_us, own_us

    async def _released_us(self) -> float:
        idle = idle_level(self.site.plan.relay)
        edges = await self.site.world.pins.trace(STRIKE)
        return [edge.up_ns / 1000 for edge in edges if edge.level != idle][-1]

    async def stretch(self, touches: int) -> Stretch:
        """Touch so often."""
        made = Stretch()
        for _ in range(touches):
            took_us = await self.touch()
            if took_us is None:
                made.lost += 1
                continue
            made.whole_us.append(took_us[0])
            made.own_us.append(took_us[1])
        return made


@asynccontextmanager
async def witnessing(site: SimulatedSite, keys: int) -> AsyncIterator[Witness]:
    async with site.client() as client, aclosing(client.events()) as items:
        witness = Witness(site, client, items)
        await anext(items)
        for number in range(1, keys + 1):
            witness.keys.append(await witness.enrol(f"k{number:04}"))
        for _ in range(keys // 2):
            await witness.touch()
        yield witness


def grants(ledger: Path) -> int:
    with Reader.open(ledger) as reader:
        bodies = reader.entries(0, reader.size())
        return sum(b'"ev":"door.grant"' in body for body in bodies)


def ratios(pairs: list[tuple[Stretch, Stretch]], figure: str) -> list[float]:
    return [
        p99(getattr(hostile, figure)) / p99(getattr(quiet, figure))
        for quiet, hostile in pairs
    ]


def table(pairs: list[tuple[Stretch, Stretch]], share: float, hostile_s: float) -> str:
    """For people."""
    touches = sum(len(hostile.whole_us) for _, hostile in pairs)
    head = (
        f"\n{touches} touches under {len(KINDS)} hostile clients in {hostile_s:.0f} s, "
        f"who used {share:.2f} of a core ({os.cpu_count()} there, load "
        f"{os.getloadavg()[0]:.1f}); lost touches, quiet: "
        f"{sum(quiet.lost for quiet, _ in pairs)}, hostile: "
        f"{sum(hostile.lost for _, hostile in pairs)}"
    )
    lines = [
        head,
        f"{'':<24}{'quiet p99 ms':>14}{'hostile p99 ms':>16}",
    ]
    for name, figure in (("wish to pin", "whole_us"), ("gateway's share", "own_us")):
        lines += [
            f"{name:<24}{p99(getattr(quiet, figure)) / 1000:>14.1f}"
            f"{p99(getattr(hostile, figure)) / 1000:>16.1f}"
            for quiet, hostile in pairs
        ]
        lines.append(f"{name}: median ratio {median(ratios(pairs, figure)):.2f}")
    lines.append(f"from wish to pin: aimed at {RATIO_AIMED_AT}, {RATIO_MAX} at most\n")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("runs", "touches", "keys"),
    [(1, 12, FEW_KEYS), pytest.param(5, 100, KEYS, marks=pytest.mark.slow)],
)
async def test_hostile_clients_delay_no_touch(
    folder: Path, capsys: pytest.CaptureFixture[str], runs: int, touches: int, keys: int
) -> None:
    pairs, shares, hostile_s = [], [], 0.0
    async with SimulatedSite(SitePlan(folder, keys=keys)) as site:
        async with witnessing(site, keys) as witness, asyncio.TaskGroup() as group:
            for _ in range(runs):
                quiet = await witness.stretch(touches)
                began_s = time.monotonic()
                with holding(folder / API_SOCKET, group) as held:
                    await asyncio.sleep(SETTLE_S)
                    pairs.append((quiet, await witness.stretch(touches)))
                    shares.append(held.share)
                hostile_s += time.monotonic() - began_s
                await asyncio.sleep(SETTLE_S)
            made = witness.touches
        written = grants(site.ledger_path)
    with capsys.disabled():
        sys.stdout.write(table(pairs, sum(shares) / len(shares), hostile_s))
    lost = sum(one.lost for pair in pairs for one in pair)
    assert lost == 0
    assert written == made
    if runs >= RUNS_JUDGED_MIN:
        assert median(ratios(pairs, "whole_us")) <= RATIO_MAX
