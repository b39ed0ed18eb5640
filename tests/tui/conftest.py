"""The gateway that the console looks at, what stands on its screen, and pictures."""

import asyncio
import difflib
import html
import re
import runpy
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input

from gateway.client import AsyncClient
from tui import themes
from tui.app import KeyraConsole

ROOT = Path(__file__).parents[2]
FAKES: dict[str, Any] = runpy.run_path(str(ROOT / "tests" / "api" / "fake_gateway.py"))
SCREENS = ROOT / "docs" / "screens"
SIZES = ((80, 24), (120, 40))
THEMES = {"dark": themes.DARK, "light": themes.LIGHT, "contrast": themes.CONTRAST}
# Textual draws each run of one style as a text element.
PIECE = re.compile(
    r'<text [^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*clip-path[^>]*>(.*?)</text>'
)
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
COLUMN = 12.2
ROW = 24.4
TRIES = 500
QUIET_ROUNDS = 3


class StandingClock:
    """Stands until somebody sets it."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def gateway() -> Iterator[Any]:
    """A running gateway without a door."""
    with tempfile.TemporaryDirectory(prefix="keyra-") as folder:
        made = FAKES["FakeGateway"](Path(folder) / "gateway.sock")
        made.start()
        yield made
        made.stop()


def rows_of(svg: str) -> list[str]:
    """The lines that a picture shows."""
    rows: dict[int, str] = {}
    for x, y, text in PIECE.findall(svg):
        at = int(float(y) / ROW)
        before = rows.get(at, "").ljust(round(float(x) / COLUMN))
        rows[at] = before + html.unescape(text).replace("\xa0", " ")
    return [rows.get(at, "").rstrip() for at in range(max(rows, default=-1) + 1)]


@pytest.fixture
def drawn() -> Callable[[Any], list[str]]:
    """Reads the lines of a console's screen out of its own SVG export."""

    def read(app: Any) -> list[str]:
        rows = rows_of(app.export_screenshot())
        return rows + [""] * (app.size.height - len(rows))

    return read


async def wait_until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    for _ in range(TRIES):
        if holds():
            await pilot.pause()
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came to that")


@pytest.fixture
def until() -> Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]:
    """Waits for what comes over a real socket."""
    return wait_until


async def settle(app: KeyraConsole, pilot: Pilot[None]) -> None:
    """Wait until the console asks nobody anything any more, but follows."""

    def idle() -> bool:
        return isinstance(app.screen, ModalScreen) or all(
            worker.name == "feed" or worker.is_finished for worker in app.workers
        )

    # An answer is drawn after its job has ended, and may begin the next job.
    quiet = 0
    while quiet < QUIET_ROUNDS:
        await wait_until(pilot, idle)
        quiet = quiet + 1 if idle() else 0


@pytest.fixture
def settled() -> Callable[[KeyraConsole, Pilot[None]], Awaitable[None]]:
    """Waits until all that was asked has been answered and drawn."""
    return settle


@pytest.fixture
def opened(gateway: Any, clock: StandingClock) -> Any:
    """Opens a console on the gateway; it has heard it."""

    @asynccontextmanager
    async def open_console(
        size: tuple[int, int] = (80, 24), keys: Sequence[str] = (), **how: Any
    ) -> AsyncIterator[tuple[KeyraConsole, Pilot[None]]]:
        async def no_pause(_: float) -> None:
            await asyncio.sleep(0.01)

        client = AsyncClient(str(gateway.path), pause=no_pause)
        app = KeyraConsole(client, clock=clock, zone=UTC, **how)
        app.animation_level = "none"
        async with app.run_test(size=size) as pilot:
            await wait_until(pilot, lambda: app.model.status is not None)
            await settle(app, pilot)
            for key in keys:
                await pilot.press(key)
                await settle(app, pilot)
            yield app, pilot

    return open_console


@pytest.fixture
def snap(
    opened: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[..., Awaitable[None]]:
    """Compares what a screen says with its pictures in docs/screens.

    `await snap(NAME, keys=(…))` opens a console, presses the keys, and looks at it in
    every size and theme and without colour. Words count, not styles, so that a patch of
    the toolkit may draw the same differently; --update-screens draws the pictures anew.
    """
    update = bool(request.config.getoption("--update-screens"))

    async def look(name: str, keys: Sequence[str] = (), **how: Any) -> None:
        async with opened(keys=keys, **how) as (app, pilot):
            for size in SIZES:
                await pilot.resize_terminal(*size)
                for theme, known in THEMES.items():
                    app.theme = known
                    await still(app, pilot)
                    compare(app, f"{name}-{size[0]}-{theme}", update=update)
        monkeypatch.setenv("NO_COLOR", "1")
        async with opened(keys=keys, **how) as (app, pilot):
            for size in SIZES:
                await pilot.resize_terminal(*size)
                await still(app, pilot)
                compare(app, f"{name}-{size[0]}-nocolor", update=update)

    return look


async def still(app: KeyraConsole, pilot: Pilot[None]) -> None:
    """Nothing blinks, nothing is on its way."""
    for screen in app.screen_stack:
        for field in screen.query(Input):
            field.cursor_blink = False
    await settle(app, pilot)
    await pilot.pause()


def compare(app: KeyraConsole, name: str, *, update: bool) -> None:
    path = SCREENS / f"{name}.svg"
    drawing = portable(
        app.export_screenshot(title="keyra console", simplify=True), name
    )
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(drawing)
    before = rows_of(path.read_text()) if path.exists() else []
    after = rows_of(drawing)
    lines = difflib.unified_diff(before, after, "picture", "now", lineterm="")
    assert before == after, (
        f"{path.name} shows something else; if it is to, draw it anew with "
        "`pytest --update-screens`:\n" + "\n".join(lines)
    )


def portable(svg: str, name: str) -> str:
    """The same picture on each machine: stable ids, and no font from elsewhere."""
    svg = re.sub(r"terminal-\d+-", f"{name}-", FONTS.sub("", svg))
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"
