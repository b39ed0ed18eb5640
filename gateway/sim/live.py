"""`keyra demo --live`: the console on a simulated site, and a newcomer as its holder.

The console is a process of its own and gets the terminal; this one keeps the site, and
takes everything down again whichever way it ends.
"""

import asyncio
import re
import sys
import termios
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from gateway.errors import SimulationError
from gateway.sim.site import API_SOCKET, SimulatedSite, SitePlan
from gateway.sim.story import Story
from gateway.sim.telling import Telling
from gateway.sim.watch import Watch

# A story is quick; a person who reads takes their time.
LEISURE: Final[Mapping[str, int]] = {
    "release_s": 6,
    "held_open_s": 20,
    "challenge_ttl_s": 20,
}
ADMINISTRATOR: Final = ("admin", "Administrator")
HOLDER: Final = ("holder-1", "First holder")
DRAWER: Final = ("new-1", "new-2")
CONSOLE: Final = "tui.stage"
STOP_S_MAX: Final = 10
# What a console that was killed could not undo any more: mouse, other screen, cursor.
_UNDO: Final = b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b[m"


async def live(directory: Path, seed: int, *, plain: bool) -> None:
    """Enrol an administrator and a holder; hand over until the console is closed.

    Raises:
        SimulationError: the site did not start, or the console failed.
    """
    telling = Telling(2, plain=plain)
    telling.heading("KEYRA gateway: one door, simulated keys, air and pins")
    telling.line(f"seed {seed}; everything lives in {directory}")
    async with inhabited(plan_of(directory, seed), telling) as site:
        await hand_over(site, telling)


def plan_of(directory: Path, seed: int) -> SitePlan:
    """Return what the live demonstration builds."""
    return SitePlan(
        directory,
        seed=seed,
        outputs="float",  # without power a relay lets go
        door={**LEISURE, "on_fire": "release"},
    )


@asynccontextmanager
async def inhabited(
    plan: SitePlan, telling: Telling
) -> AsyncGenerator[SimulatedSite, None]:
    """Run a site where an administrator and a holder are enrolled.

    Raises:
        SimulationError: it did not start, or a ceremony failed.
    """
    async with SimulatedSite(plan) as site:
        async with site.client() as client, asyncio.TaskGroup() as group:
            watch = Watch(client)
            following = group.create_task(watch.run())
            await watch.connected()
            story = Story(site, client, watch)
            try:
                with telling.step("A key for the administrator") as step:
                    await story.enrols(*ADMINISTRATOR, role="admin")(step)
                with telling.step("A key for a holder") as step:
                    await story.enrols(*HOLDER)(step)
            finally:
                following.cancel()
        yield site


async def hand_over(site: SimulatedSite, telling: Telling) -> None:
    """Open the console on a started site; return when it was closed.

    Raises:
        SimulationError: it failed.
    """
    await fill_drawer(site)
    directory = site.plan.directory
    async with _console(directory) as console:
        code = await console.wait()
    if code != 0:
        raise SimulationError(f"The console ended with {code}.")
    telling.heading("The site is taken down; what happened stays written")
    telling.line(f"ledger: {site.ledger_path}")


async def fill_drawer(site: SimulatedSite) -> None:
    """Have keys at hand that nobody was enrolled with."""
    there = await site.world.keys()
    for name in DRAWER:
        if name not in there:
            await site.world.add_key(name, by_hand=True)


async def slow_down(site: SimulatedSite) -> None:
    """Give a site's door a person's time: its config anew, its gateway anew."""
    config = site.config_path.read_text()
    for name, seconds in LEISURE.items():
        config = re.sub(rf"(?m)^{name} = .*$", f"{name} = {seconds}", config)
    await site.stop_gateway()
    site.config_path.write_text(config)
    await site.start_gateway()


async def ask(question: str) -> bool:
    """Ask on the terminal; Enter is yes, and so is anything but n."""
    sys.stdout.write(f"\n{question} [Y/n] ")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        if not answered.done():
            answered.set_result(sys.stdin.readline())

    loop.add_reader(sys.stdin, read)  # input() in a thread would outlive a ctrl-c
    try:
        answer = await answered
    finally:
        loop.remove_reader(sys.stdin)
    return bool(answer) and not answer.strip().lower().startswith("n")


@asynccontextmanager
async def _console(directory: Path) -> AsyncGenerator[Process, None]:
    """Run the console on our terminal; afterwards both are as they were."""
    before = termios.tcgetattr(sys.stdin)
    console = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        *("-m", CONSOLE),
        f"--socket={directory / API_SOCKET}",
        f"--world={directory}",
    )
    try:
        yield console
    finally:
        await _ended(console)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        if console.returncode is not None and console.returncode < 0:
            sys.stdout.buffer.write(_UNDO)
            sys.stdout.flush()


async def _ended(console: Process) -> None:
    with suppress(ProcessLookupError):
        if console.returncode is None:
            console.terminate()
    try:
        async with asyncio.timeout(STOP_S_MAX):
            await console.wait()
    except TimeoutError:
        console.kill()
        await console.wait()
