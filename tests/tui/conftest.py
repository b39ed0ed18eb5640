"""The gateway that the console looks at, and what stands on its screen."""

import html
import re
import runpy
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FAKES: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[1] / "api" / "fake_gateway.py")
)
# Textual draws each run of one style as a text element.
PIECE = re.compile(
    r'<text [^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*clip-path[^>]*>(.*?)</text>'
)
COLUMN = 12.2
ROW = 24.4


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
        rows = [""] * app.size.height
        for x, y, text in PIECE.findall(app.export_screenshot()):
            at = int(float(y) / ROW)
            before = rows[at].ljust(round(float(x) / COLUMN))
            rows[at] = before + html.unescape(text).replace("\xa0", " ")
        return [row.rstrip() for row in rows]

    return read
