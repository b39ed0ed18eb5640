"""Pictures of the console: drawn in every size and theme, and read again as lines."""

import html
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input

from tui import themes
from tui.app import KeyraConsole

SCREENS = Path(__file__).parents[1] / "docs" / "screens"
SIZES = ((80, 24), (120, 40))
THEMES = {"dark": themes.DARK, "light": themes.LIGHT, "contrast": themes.CONTRAST}
# Textual draws each run of one style as a text element.
PIECE = re.compile(
    r'<text [^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*clip-path[^>]*>(.*?)</text>'
)
ELSEWHERE = re.compile(r"@font-face \{.*?\}\s*|<!--.*?-->", re.DOTALL)
COLUMN = 12.2
ROW = 24.4
TRIES = 500
QUIET_ROUNDS = 3


def rows_of(svg: str) -> list[str]:
    """The lines that a picture shows."""
    rows: dict[int, str] = {}
    for x, y, text in PIECE.findall(svg):
        at = int(float(y) / ROW)
        before = rows.get(at, "").ljust(round(float(x) / COLUMN))
        rows[at] = before + html.unescape(text).replace("\xa0", " ")
    return [rows.get(at, "").rstrip() for at in range(max(rows, default=-1) + 1)]


async def wait_until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait for what comes over a real socket."""
    for _ in range(TRIES):
        if holds():
            await pilot.pause()
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came to that")


async def settle(app: KeyraConsole, pilot: Pilot[None]) -> None:
    """Wait until the console asks nobody anything any more, but follows."""

    def idle() -> bool:
        return measured(app) and (
            isinstance(app.screen, ModalScreen)
            or all(
                worker.name == "feed" or worker.is_finished for worker in app.workers
            )
        )

    # An answer is drawn after its job has ended, and may begin the next job.
    quiet = 0
    while quiet < QUIET_ROUNDS:
        await wait_until(pilot, idle)
        quiet = quiet + 1 if idle() else 0


def measured(app: KeyraConsole) -> bool:
    """Tell whether every table knows how wide its new rows are; it looks when idle."""
    return not any(
        table._require_update_dimensions  # it has no other word for it
        for screen in app.screen_stack
        for table in screen.query(DataTable)
    )


async def still(app: KeyraConsole, pilot: Pilot[None]) -> None:
    """Nothing blinks, nothing is on its way."""
    for screen in app.screen_stack:
        for field in screen.query(Input):
            field.cursor_blink = False
    await settle(app, pilot)
    await pilot.pause()


async def drawn_in_each_size(
    app: Any, pilot: Pilot[None], *, coloured: bool
) -> AsyncIterator[tuple[str, str]]:
    """Yield "COLUMNS-THEME" and a picture, for every size; without colour, one each."""
    for size in SIZES:
        await pilot.resize_terminal(*size)
        for theme, known in THEMES.items() if coloured else [("nocolor", app.theme)]:
            app.theme = known
            yield f"{size[0]}-{theme}", await picture(app, pilot)


async def picture(app: Any, pilot: Pilot[None]) -> str:
    """The picture, once a second look shows the same: on a busy machine answers lag."""
    before = ""
    for _ in range(TRIES):
        await still(app, pilot)
        now: str = app.export_screenshot(title="keyra console", simplify=True)
        if now == before and measured(app):
            return now
        before = now
    raise AssertionError("it never stood still")


def portable(svg: str, name: str) -> str:
    """The same picture on each machine: stable ids, and nothing from elsewhere."""
    svg = re.sub(r"terminal-\d+-", f"{name}-", ELSEWHERE.sub("", svg))
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"
