"""docs/screens: each screen of the console, on the running demonstration.

The site is that of `keyra demo --live`, by its processes; what is drawn here happened
on it. Times, numbers and measured lengths differ from run to run, so that only the rest
is compared with the pictures that are kept; --update-screens draws them anew.
"""

import asyncio
import difflib
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from gateway.client import AsyncClient
from gateway.order_schemas import KeyOrder, Order
from gateway.schemas import Enrolment
from gateway.schemas.ledger import LedgerQuery
from gateway.schemas.trials import Trial
from gateway.sim.live import (
    ADMINISTRATOR,
    DRAWER,
    HOLDER,
    fill_drawer,
    inhabited,
    plan_of,
)
from gateway.sim.remote import RemoteKey
from gateway.sim.site import SimulatedSite
from gateway.sim.telling import Telling
from tests.console_pictures import (
    SCREENS,
    drawn_in_each_size,
    portable,
    rows_of,
    settle,
    wait_until,
)
from tui.app import KeyraConsole

SEED = 5
WAIT_S = 120
REACH_M = 0.4
FRESH = {
    "door": "1",
    "approvals": "4",  # soon, for its order runs out
    "people": "2",
    "ledger": "5",
    "policy": "6",
    "users": "7",
    "purposes": "8",
    "settings": "9",
    "health": "0",
    "playground": "P",
    "start": "S",
    "enrol": "3",  # at last: there, other keys are letters
}
# What differs from run to run, and from machine to machine.
MASKS = (
    (re.compile(r"(?<![\w-])(?=[\w-]*\d)([\w-]{16,}|[\w-]{10,}…)"), "#"),
    (re.compile(r"\d+"), "0"),
    (re.compile(r"([█░▒·─ ])\1*"), r"\1"),
    (re.compile(r"[█░]+( [█░]+)*"), "█"),
)
# Panels, from the first such row on, of which only the frame is compared: what the
# machine measured, and bytes.
PANELS = {
    "health": re.compile("│"),
    "playground": re.compile("│ challenge +[0-9a-f]{8}"),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="keyra-") as name:
        yield Path(name)


@pytest.fixture
async def site(folder: Path) -> AsyncIterator[SimulatedSite]:
    """The demonstration's site, as it is handed over."""
    telling = Telling(2, plain=True)
    async with inhabited(plan_of(folder / "site", SEED), telling) as made:
        await fill_drawer(made)
        yield made


async def until(asked: Any, holds: Any) -> Any:
    """Ask the gateway until it is so."""
    async with asyncio.timeout(WAIT_S):
        while not holds(said := await asked()):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.05)
    return said


@asynccontextmanager
async def finger_on(key: RemoteKey, *, right: bool = True) -> AsyncIterator[None]:
    """Wake a key with a finger on it; let it sleep afterwards."""
    await (key.touch() if right else key.wrong_finger())
    await key.present(distance_m=REACH_M)
    yield
    await key.sleep()


async def written(client: AsyncClient, kind: str) -> None:
    """Wait for the first entry of a kind."""
    query = LedgerQuery(kind=kind, limit=1)
    await until(lambda: client.ledger.page(query), lambda page: page.items)


async def use(site: SimulatedSite, client: AsyncClient) -> None:
    """What a newcomer does: open, use a wrong finger, try a key, order something."""
    key, door = site.world.key(HOLDER[0]), site.world.door
    async with finger_on(key):
        await until(client.status, lambda now: now.door.phase == "released")
    assert await door.open()
    await until(client.status, lambda now: now.door.phase == "open")
    await door.close()
    await written(client, "door.closed")
    async with finger_on(key, right=False):
        await written(client, "door.deny")
    keys = [key async for key in client.credentials(HOLDER[0])]
    await client.begin_trial(keys[0].id)

    def is_over(trial: Trial | None) -> bool:
        return trial is not None and trial.is_over

    async with finger_on(key):
        await until(client.trial, is_over)
    await client.propose(registration("guest-1", "A guest"))


def registration(holder_id: str, name: str) -> KeyOrder:
    return KeyOrder(kind="enrol", holder_id=holder_id, name=name, groups=("staff",))


async def compare_numbers(site: SimulatedSite, client: AsyncClient) -> None:
    """Bring an enrolment as far as the number that is to be compared."""
    order = await client.propose(registration("holder-2", "Second holder"))
    await client.choose(order.id, order.code, ADMINISTRATOR[0])

    async def signed() -> Order:
        return await client.order(order.id)

    async with finger_on(site.world.key(ADMINISTRATOR[0])):
        await until(signed, lambda now: now.is_over)
    key = site.world.key(DRAWER[0])
    await key.pairing_mode()

    def compares(now: Enrolment | None) -> bool:
        return now is not None and now.step == "comparing"

    await until(client.enrolment, compares)


class Album:
    """Draws anew what docs/screens keeps, or compares with it."""

    def __init__(self, site: SimulatedSite, *, update: bool) -> None:
        self._site = site
        self._update = update
        self.wrong: list[str] = []

    async def take(self, screens: dict[str, str], *, coloured: bool) -> None:
        """Open a console on the site, go to each screen, and draw it."""
        app = KeyraConsole(self._site.client(), zone=UTC)
        app.animation_level = "none"
        async with app.run_test(size=(80, 24)) as pilot:
            await wait_until(pilot, lambda: app.model.status is not None)
            for name, key in screens.items():
                await pilot.press(key)
                await settle(app, pilot)
                assert app.place.key == key
                pictures = drawn_in_each_size(app, pilot, coloured=coloured)
                async for kind, svg in pictures:
                    self._keep(name, f"{name}-{kind}", svg)

    def _keep(self, screen: str, name: str, svg: str) -> None:
        path = SCREENS / f"{name}.svg"
        drawing = portable(svg, name)
        if self._update:
            path.write_text(drawing)
        before = same(screen, rows_of(path.read_text())) if path.exists() else []
        after = same(screen, rows_of(drawing))
        if before != after:
            self.wrong += [name, *difflib.unified_diff(before, after, lineterm="", n=0)]


def same(screen: str, rows: Sequence[str]) -> list[str]:
    """What is the same in each run."""
    masked, inside = [], False
    for row in rows:
        inside |= screen in PANELS and PANELS[screen].match(row) is not None
        if row.startswith("│") and inside:
            continue
        told = row
        for pattern, instead in MASKS:
            told = pattern.sub(instead, told)
        masked.append(told)
    return masked


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_the_pictures_show_the_running_demonstration(
    site: SimulatedSite,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    album = Album(site, update=bool(request.config.getoption("--update-screens")))
    async with site.client() as client:
        await use(site, client)
        await album.take(FRESH, coloured=True)
        with monkeypatch.context() as patch:
            patch.setenv("NO_COLOR", "1")
            await album.take(FRESH, coloured=False)
        await compare_numbers(site, client)
        await album.take({"enrol-comparing": "3"}, coloured=True)
        with monkeypatch.context() as patch:
            patch.setenv("NO_COLOR", "1")
            await album.take({"enrol-comparing": "3"}, coloured=False)
    assert not album.wrong, (
        "docs/screens shows something else; if it is to, draw it anew with "
        "`pytest -m slow --update-screens`:\n" + "\n".join(album.wrong)
    )


def test_no_picture_fetches_anything() -> None:
    for path in SCREENS.glob("*.svg"):
        drawing = path.read_text()
        addresses = set(re.findall(r"https?://[^\s\"'<)]*", drawing))
        assert addresses == {"http://www.w3.org/2000/svg"}, path.name
        assert not re.search(r"href|@import|<image|<script", drawing), path.name
