"""`keyra demo`: the real gateway over simulated keys, air and pins, and its story.

The story ends by itself: with exit code 0 only if every step ended as it must, with an
export of the ledger, and with the command that verifies it.
"""

import asyncio
import shlex
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from statistics import median
from typing import Final

from gateway.errors import KeyraError, SimulationError
from gateway.sim.chapter import tell
from gateway.sim.crowd import crowd_chapter
from gateway.sim.live import ask, hand_over, live, slow_down
from gateway.sim.rule_scenes import RuleScenes
from gateway.sim.scenes import CHALLENGE_S
from gateway.sim.site import VKEY_NAME, SimulatedSite, SitePlan
from gateway.sim.story import (
    HELD_OPEN_S,
    RELEASE_S,
    Story,
)
from gateway.sim.telling import Telling
from gateway.sim.watch import Watch

OPENINGS_MIN: Final = 4
LEDGER_STEPS: Final = 3
DENIALS_MIN: Final = 9
NIGHTS_DAYS_AWAY: Final = 3
OFFER: Final = "The site still runs. Open its console, and play the holder yourself?"
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Console(Enum):
    """When the site is given into a person's hands."""

    NEVER = "never"
    OFFERED = "offered"  # at the story's end
    AT_ONCE = "at once"  # instead of the story


def demo(
    keys: int,
    seed: int,
    out: Path | None,
    *,
    plain: bool,
    picture: Path | None = None,
    console: Console = Console.NEVER,
) -> int:
    """Tell the story; return 0 if every step ended as it must.

    Args:
        keys: how many further keys advertise around the door.
        seed: decides everything that is left to chance.
        out: where to leave the export and the site; a new directory if None.
        plain: lines without colour or motion.
        picture: where to write an SVG of what was told.
        console: whether the site is given into a person's hands.
    """
    directory = (out or Path(tempfile.mkdtemp(prefix="keyra-"))).resolve()
    telling = (
        live(directory, seed, plain=plain)
        if console is Console.AT_ONCE
        else _demo(directory, keys, seed, picture, plain=plain, console=console)
    )
    try:
        asyncio.run(_stoppable(telling))
    except* KeyraError as errors:
        error = first_of(errors)
        print(  # noqa: T201 - the demonstration talks to people
            f"keyra demo: {error} Seed {seed}; logs are in {directory}.",
            file=sys.stderr,
        )
        ended = 1
    except* Exception:
        print(f"keyra demo: seed {seed}, logs in {directory}.", file=sys.stderr)  # noqa: T201 - as above
        raise
    else:
        ended = 0
    return ended


def first_of(errors: BaseExceptionGroup[KeyraError]) -> BaseException:
    """Return the first error inside a group of groups."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _stoppable(telling: Coroutine[None, None, None]) -> None:
    """Tell a story; `kill` and the terminal's end are a reason to clean up, too."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    task = asyncio.current_task()

    def stop() -> None:
        stopped.set()
        if task is not None:
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        await telling
    except asyncio.CancelledError:
        if stopped.is_set():
            raise SimulationError("Told to stop; everything is taken down.") from None
        raise


async def _demo(
    directory: Path,
    keys: int,
    seed: int,
    picture: Path | None,
    *,
    plain: bool,
    console: Console,
) -> None:
    plan = SitePlan(
        directory,
        seed=seed,
        keys=keys,
        outputs="float",  # without power a relay lets go
        door={
            "release_s": RELEASE_S,
            "held_open_s": HELD_OPEN_S,
            "challenge_ttl_s": CHALLENGE_S,
            "on_fire": "release",
        },
        schedules={"nights": [_far_from_now()]},
        groups={"staff": None, "night": "nights"},
    )
    async with SimulatedSite(plan) as site, site.client() as client:
        watch = Watch(client)
        story = Story(site, client, watch)
        chapters = [*story.chapters()]
        if keys:
            chapters.insert(3, crowd_chapter(story, site, seed, keys))
        chapters.insert(-2, RuleScenes(story, site, watch).chapter())
        steps = sum(len(chapter.steps) for chapter in chapters) + LEDGER_STEPS
        telling = Telling(steps, plain=plain, picture=picture is not None)
        telling.heading("KEYRA gateway: one door, simulated keys, air and pins")
        telling.line(f"seed {seed}; everything lives in {directory}")
        async with asyncio.TaskGroup() as group:
            following = group.create_task(watch.run())
            await watch.connected()
            try:
                await tell(telling, chapters)
                await _finish(telling, story, site)
            finally:
                following.cancel()
        if picture is not None:
            telling.save_picture(picture)
        if console is Console.OFFERED and await ask(OFFER):
            await slow_down(site)
            await hand_over(site, telling)


async def _finish(telling: Telling, story: Story, site: SimulatedSite) -> None:
    """Export the ledger, verify it as a stranger would, and sum up."""
    telling.heading("The ledger, taken away and verified")
    export = site.plan.directory / "ledger.jsonl"
    export.unlink(missing_ok=True)
    vkey = (site.state_dir / VKEY_NAME).read_text().strip()
    with telling.step("A checkpoint, kept elsewhere") as step:
        _origin, size, root, *_ = await _ledger("checkpoint", str(site.ledger_path))
        step.said = f"{size} entries, {root}"
    verify = ["verify", str(export), "--vkey", vkey]
    verify += ["--seal-key", str(site.seal_key_path), "--expect", f"{size}:{root}"]
    with telling.step("Export") as step:
        await _ledger("export", str(site.ledger_path), "--output", str(export))
        step.said = f"{export} ({export.stat().st_size} bytes)"
    with telling.step("Verify") as step:
        said = await _ledger(*verify)
        step.said = said[0]
        step.more.extend(said[1:])
    telling.heading("Figures")
    telling.table("Stages of a touch, median", _stage_figures(story))
    telling.line(
        f"{story.openings} openings, {len(story.denials)} kinds of denial; "
        f"the gateway's peak memory was {site.gateway_peak_rss_kib() / 1024:.1f} MiB"
    )
    if story.openings < OPENINGS_MIN or len(story.denials) < DENIALS_MIN:
        raise SimulationError("The story had too few openings or denials.")
    telling.line("Verify it again, anywhere, with what the auditor was given:")
    telling.command(shlex.join(["keyra-ledger", *verify]))


def _stage_figures(story: Story) -> Mapping[str, str]:
    return {
        name: f"{median(story.stages_us[name]) / 1000:.2f} ms"
        for name in story.stages_us
    }


async def _ledger(*arguments: str) -> Sequence[str]:
    """Run keyra-ledger as its own process; return what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ledger", *arguments, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()
    lines = output.decode().strip().splitlines()
    if process.returncode != 0:
        raise SimulationError(
            f"keyra-ledger {arguments[0]} ended with {process.returncode}: "
            f"{' '.join(lines)}"
        )
    return lines or [""]


def _far_from_now() -> str:
    """Return an hour of the week that is days away from now, in UTC."""
    day = datetime.now(UTC) + timedelta(days=NIGHTS_DAYS_AWAY)  # noqa: TID251 - a story's date
    return f"{_DAYS[day.weekday()]} 01:00-02:00"
