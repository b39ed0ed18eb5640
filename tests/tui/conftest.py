"""The gateway that the console looks at, and what stands on its screen."""

import asyncio
import difflib
import runpy
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from gateway.client import AsyncClient
from tests.console_pictures import (
    THEMES,
    drawn_in_each_size,
    rows_of,
    settle,
    wait_until,
)
from tui.app import KeyraConsole

ROOT = Path(__file__).parents[2]
FAKES: dict[str, Any] = runpy.run_path(str(ROOT / "tests" / "api" / "fake_gateway.py"))
WORDS = Path(__file__).parent / "screens"


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


@pytest.fixture
def drawn() -> Callable[[Any], list[str]]:
    """Reads the lines of a console's screen out of its own SVG export."""

    def read(app: Any) -> list[str]:
        rows = rows_of(app.export_screenshot())
        return rows + [""] * (app.size.height - len(rows))

    return read


@pytest.fixture
def until() -> Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]:
    """Waits for what comes over a real socket."""
    return wait_until


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
    """Compares what a screen says with what is kept in `screens/NAME-COLUMNS.txt`.

    `await snap(NAME, keys=(…))` opens a console, presses the keys, and looks at it in
    every size and theme and without colour: its words are the same in all of them.
    Words count, not styles, so that a patch of the toolkit may draw the same
    differently; --update-screens writes them anew.
    """
    update = bool(request.config.getoption("--update-screens"))

    async def look(name: str, keys: Sequence[str] = (), **how: Any) -> None:
        for coloured in (True, False):
            if not coloured:
                monkeypatch.setenv("NO_COLOR", "1")
            async with opened(keys=keys, **how) as (app, pilot):
                pictures = drawn_in_each_size(app, pilot, coloured=coloured)
                async for kind, svg in pictures:
                    columns, _, theme = kind.partition("-")
                    first = coloured and theme == next(iter(THEMES))
                    compare(f"{name}-{columns}", rows_of(svg), update=update and first)

    return look


def compare(name: str, after: list[str], *, update: bool) -> None:
    path = WORDS / f"{name}.txt"
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join([*after, ""]))
    before = path.read_text().splitlines() if path.exists() else []
    lines = difflib.unified_diff(before, after, "kept", "now", lineterm="")
    assert before == after, (
        f"{name} shows something else; if it is to, write it anew with "
        "`pytest tests/tui --update-screens`:\n" + "\n".join(lines)
    )
