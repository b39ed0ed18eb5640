"""A real gateway that is killed, and started again, under a console on a terminal."""

import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.sim.live import HOLDER, inhabited, plan_of
from gateway.sim.site import API_SOCKET, SimulatedSite
from gateway.sim.telling import Telling
from tests.tmux import Tmux

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(900)]

RELEASE_S = 10
AGE = re.compile(r"CONNECTION LOST. What you see is (\d+) (s|min) old")
ENTRY = re.compile(r"entry (\d+) of \d+  (NOT LIVE \(last known\)|live)")
UNREAD = "CONNECTION LOST. Nothing was read here yet."


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="keyra-") as name:
        yield Path(name)


@pytest.fixture
async def site(folder: Path) -> AsyncIterator[SimulatedSite]:
    """The demonstration's site; its door is released so long that one can kill it."""
    plan = plan_of(folder / "site", 6)
    plan = replace(plan, door={**plan.door, "release_s": RELEASE_S})
    async with inhabited(plan, Telling(2, plain=True)) as made:
        yield made


def age_s(shown: str) -> int:
    found = AGE.search(shown)
    assert found is not None, shown
    return int(found[1]) * (60 if found[2] == "min" else 1)


def newest(shown: str) -> int:
    found = ENTRY.search(shown)
    return -1 if found is None else int(found[1])


async def touch(site: SimulatedSite) -> None:
    key = site.world.key(HOLDER[0])
    await key.sleep()
    await key.touch()
    await key.present(distance_m=0.4)


async def test_killed_and_started_again_under_a_console(
    site: SimulatedSite, folder: Path
) -> None:
    socket = site.plan.directory / API_SOCKET
    with Tmux(folder, ("-m", "tui", f"--socket={socket}"), 120, 40) as console:
        console.sees("[1 Door]", "SECURED")
        console.press("2")
        console.sees("[2 People]", HOLDER[1])
        console.press("5")
        before = newest(console.until(lambda shown: newest(shown) > 0, "live"))
        console.press("1")
        await touch(site)
        console.sees("RELEASED, ", " s left", "there   OPENED")
        await site.kill_gateway()
        gone(console)
        await site.start_gateway()
        back(console, before)
        await touch(site)
        opened_anew(console)
        console.press("q")
        assert console.ended() == 0


def gone(console: Tmux) -> None:
    """It says so on every screen, and nothing passes for fresh."""
    shown = console.sees("RELEASED (last known)", "Door (last known)")
    assert "Health (last known)" in shown
    assert "there   nobody" in shown
    assert " s left" not in shown
    first_s = age_s(shown)
    console.until(lambda shown: age_s(shown) > first_s, "a greater age")
    console.press("2")
    assert age_s(console.sees("[2 People]", HOLDER[1], "CONNECTION LOST")) > first_s
    console.press("0")
    console.sees("[0 Health]", UNREAD)
    console.press("5")
    shown = console.sees("[5 Ledger]", "NOT LIVE (last known)")
    assert age_s(shown) > first_s
    assert "  live" not in shown


def back(console: Tmux, before: int) -> None:
    """It comes back by itself; the opening that it could not see any more is there."""
    shown = console.until(
        lambda shown: "CONNECTION LOST" not in shown and "  live" in shown, "live"
    )
    assert "last known" not in shown
    assert "boot" in shown
    assert newest(shown) > before
    console.press("0")
    console.sees("[0 Health]", "entries")
    console.misses(UNREAD, "is being read anew")
    console.press("1")
    shown = console.sees("[1 Door]", "START     gateway started")
    assert "last known" not in shown
    assert "OPENED" not in shown  # that was in another run of it; the ledger has it


def opened_anew(console: Tmux) -> None:
    """What happens from now on is shown as it happens."""
    shown = console.sees(f"OPENED    {HOLDER[0]}", "RELEASED, ", " s left")
    assert "CONNECTION LOST" not in shown
    console.press("5")
    console.sees("door.grant", "  live")
