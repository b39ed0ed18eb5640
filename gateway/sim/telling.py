"""How a story is told: live on a terminal, in plain lines without one.

The words are the same. A picture (SVG) of what was told can be kept.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.errors import SimulationError

COLUMNS: Final = 100
PICTURE_COLUMNS: Final = 150
TITLE_CHARS: Final = 30
_FETCHED_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Telling:
    """Says what happens, step by step."""

    def __init__(self, steps: int, *, plain: bool, picture: bool = False) -> None:
        """Prepare.

        Args:
            steps: how many there will be.
            plain: lines without colour or motion, whatever the output is.
            picture: remember everything for `save_picture`.
        """
        columns = PICTURE_COLUMNS if picture else COLUMNS if plain else None
        console = Console(width=columns, record=picture)
        self._live: Final = console.is_terminal and not plain
        self._console: Final = (
            console
            if self._live or picture
            else Console(width=COLUMNS, no_color=True, highlight=False)
        )
        self._steps: Final = steps
        self._wraps: Final = picture  # elsewhere the terminal does it, and copies whole
        self._done = 0

    def heading(self, text: str) -> None:
        """Begin a chapter."""
        self._console.print()
        self._console.print(Text(text, style="bold cyan"))

    def line(self, text: str) -> None:
        """Say something beside the steps."""
        self._console.print(
            Text(f"       {text}", style="dim"), soft_wrap=not self._wraps
        )

    @contextmanager
    def step(self, title: str) -> Iterator["Step"]:
        """Tell one step; it fails with the error that leaves the block."""
        self._done += 1
        step = Step()
        spinner = self._console.status(f"[{self._done}/{self._steps}] {title} …")
        if self._live:
            spinner.start()
        try:
            yield step
        except (SimulationError, AssertionError) as error:
            step.said = str(error)
            step.mark, step.style = "✗", "bold red"
            raise
        finally:
            spinner.stop()
            self._tell(title, step)

    def _tell(self, title: str, step: "Step") -> None:
        text = Text(f"{self._done:>3} ")
        text.append(f"{step.mark} ", style=step.style)
        text.append(f"{title:<{TITLE_CHARS}} ", style="bold")
        text.append(step.said)
        self._console.print(text, soft_wrap=not self._wraps)
        for more in step.more:
            self.line(more)

    def command(self, command: str) -> None:
        """Show a command in full, unbroken and with nothing before it, to be copied."""
        self._console.print(Text(command, style="bold"), soft_wrap=not self._wraps)

    def table(self, title: str, rows: Mapping[str, str]) -> None:
        """Show figures."""
        table = Table(title=title, title_justify="left", show_header=False)
        for name, value in rows.items():
            table.add_row(name, value)
        self._console.print(table)

    def save_picture(self, path: Path) -> None:
        """Write an SVG of what was told, which fetches nothing from anywhere."""
        svg = self._console.export_svg(title="keyra demo")
        path.write_text(_FETCHED_FONTS.sub("", svg))


class Step:
    """What is to be said of one step, filled while it runs."""

    def __init__(self) -> None:
        """Begin a step that will end well."""
        self.mark = "✓"
        self.style = "bold green"
        self.said = ""
        self.more: Final[list[str]] = []

    def denied(self, said: str) -> None:
        """Say that the door stayed shut, as it must."""
        self.mark, self.style, self.said = "⊘", "bold yellow", said
