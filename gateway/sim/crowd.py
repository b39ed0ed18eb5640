"""A busy door: strangers' keys all around, and holders who come in any order.

Which holder comes next and what they do is drawn from the seed; what must follow from
it is known, and checked.
"""

import random
from typing import Final

from gateway.core.facts import DenialReason
from gateway.sim.chapter import Chapter, StepAction
from gateway.sim.site import SimulatedSite
from gateway.sim.story import Story
from gateway.sim.telling import Step

VISITS: Final = 12
HOLDERS: Final = ("admin", "holder-1")
AWAKE_MS: Final = 600_000
DISTANCE_M_MAX: Final = 12.0


def crowd_chapter(story: Story, site: SimulatedSite, seed: int, keys: int) -> Chapter:
    """Return a chapter in which `keys` strangers advertise and holders come and go."""
    dice = random.Random(seed)  # noqa: S311 - a story, not a secret
    steps: list[tuple[str, StepAction]] = [
        (f"{keys} strangers' keys wake", _wake(site, dice, keys)),
        *(_visit(story, dice) for _ in range(VISITS)),
        ("The strangers leave", _leave(site, keys)),
    ]
    return Chapter(f"A busy door, seed {seed}", steps)


def _wake(site: SimulatedSite, dice: random.Random, keys: int) -> StepAction:
    async def action(step: Step) -> None:
        for number in range(1, keys + 1):
            await site.world.key(f"k{number:04}").present(
                distance_m=dice.uniform(1.0, DISTANCE_M_MAX), awake_ms=AWAKE_MS
            )
        step.said = "all of them advertise from here on"

    return action


def _leave(site: SimulatedSite, keys: int) -> StepAction:
    async def action(step: Step) -> None:
        stats = await site.world.stats()
        for number in range(1, keys + 1):
            await site.world.key(f"k{number:04}").sleep()
        step.said = (
            f"{stats.adverts_sent} adverts sent, {stats.adverts_heard} heard; the "
            f"world's process has {stats.rss_bytes / 2**20:.0f} MiB"
        )

    return action


def _visit(story: Story, dice: random.Random) -> tuple[str, StepAction]:
    name = dice.choice(HOLDERS)
    kind = dice.choice(("right", "right", "right", "wrong", "no"))
    if kind == "wrong":
        reason = DenialReason.FINGER_NOT_RECOGNISED
        return f"{name}, a wrong finger", story.denied(name, reason, finger="wrong")
    if kind == "no":
        return f"{name} declines", story.denied(
            name, DenialReason.DECLINED, finger="no"
        )
    return f"{name} opens", story.opens(name)
