"""`kill -9` of the gateway: no acknowledged entry is lost, no opening lacks its own.

The world's process, with keys, air and pins, survives each kill and is the witness of
what the strike did. `killing.Killing.check` says what must hold after each restart.
"""

import asyncio
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.sim.site import SitePlan
from gateway.sim.story import STAGES
from gateway.strike.wiring import Relay
from tests.killing import RELEASE_MS, Killing, until

pytestmark = pytest.mark.processes

RANDOM_EACH = 5
MOMENT_MS_MAX = 1_500
EXITS_SHARE = 0.25
BOARDS = [
    # Relay, what a line does when its holder dies, and rounds through the stages.
    (Relay.ACTIVE_HIGH, "keep", 1),
    (Relay.ACTIVE_HIGH, "float", 1),
    (Relay.ACTIVE_LOW, "keep", 1),
    (Relay.ACTIVE_LOW, "float", 2),
]


def plan(
    folder: Path, seed: int, relay: Relay = Relay.ACTIVE_HIGH, outputs: str = "keep"
) -> SitePlan:
    return SitePlan(
        folder,
        seed=seed,
        relay=relay,
        outputs=outputs,
        door={"release_s": RELEASE_MS / 1000},
    )


async def die_in_each(killing: Killing, stages: Sequence[str]) -> None:
    """Kill the gateway at the end of each stage, one after the other."""
    for stage, following in zip(stages, [*stages[1:], None], strict=True):
        released = killing.figures.openings
        await killing.die(stage)
        await killing.restart(following)
        await killing.check()
        moved = killing.figures.openings - released
        assert moved == (1 if stage == "strike" else 0), f"{stage}: {moved} releases"


@pytest.mark.parametrize(
    ("relay", "outputs", "stages"),
    [
        (Relay.ACTIVE_HIGH, "keep", STAGES[:4]),
        (Relay.ACTIVE_LOW, "float", STAGES[4:]),
    ],
    ids=["before-the-decision", "after-the-decision"],
)
async def test_killed_once_in_each_stage(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    relay: Relay,
    outputs: str,
    stages: Sequence[str],
) -> None:
    killing = Killing(plan(folder, 9, relay, outputs))
    async with killing.site:
        await killing.begin(stages[0])
        await die_in_each(killing, stages)
        await a_touch_still_opens(killing)
    with capsys.disabled():
        sys.stdout.write(f"\n{relay.value}, {outputs}: {killing.figures}\n")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("relay", "outputs", "rounds"), BOARDS)
async def test_killed_in_each_stage_and_at_random_moments(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    relay: Relay,
    outputs: str,
    rounds: int,
) -> None:
    """Five times in each stage and twenty times at random, over all boards."""
    seed = 100 + BOARDS.index((relay, outputs, rounds))
    killing = Killing(plan(folder, seed, relay, outputs))
    async with killing.site:
        await killing.begin(STAGES[0])
        await die_in_each(killing, STAGES * rounds)
        await kill_at_random(killing, random.Random(seed))  # noqa: S311 - a test's dice
        await a_touch_still_opens(killing)
    with capsys.disabled():
        sys.stdout.write(
            f"\nseed {seed}, {relay.value}, {outputs}: {killing.figures}\n"
        )


async def kill_at_random(killing: Killing, dice: random.Random) -> None:
    """Kill the gateway at any moment of a touch or of an exit."""
    for _ in range(RANDOM_EACH):
        async with asyncio.TaskGroup() as group:
            if dice.random() < EXITS_SHARE:
                group.create_task(killing.press_exit())
            else:
                await killing.touch()
            await asyncio.sleep(dice.uniform(0, MOMENT_MS_MAX) / 1000)
            await killing.site.kill_gateway()
        killing.figures.killed("random")
        await killing.key.sleep()
        await killing.restart()
        await killing.check()


async def a_touch_still_opens(killing: Killing) -> None:
    """After all that, the door is as good as new."""
    door = killing.site.world.door
    before = killing.figures.openings
    await killing.touch()
    await until(killing.released)
    assert await door.open()
    await door.close()
    await killing.key.sleep()
    await killing.check()
    assert killing.figures.openings == before + 1
