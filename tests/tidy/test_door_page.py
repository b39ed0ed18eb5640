"""docs/door.md says what the code does: tables, precedence, patterns, settings."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config import defaults_text
from gateway.core.door_events import Phase
from gateway.core.door_table import (
    HOLD_TRANSITIONS,
    LEAF_TRANSITIONS,
    LOCK_TRANSITIONS,
)
from gateway.core.facts import Pattern
from gateway.core.orders import PRECEDENCE

PAGE = (Path(__file__).parents[2] / "docs" / "door.md").read_text()
REGIONS = {
    "lock": LOCK_TRANSITIONS,
    "hold": HOLD_TRANSITIONS,
    "leaf": LEAF_TRANSITIONS,
}


def rows(head: str) -> list[list[str]]:
    """The rows of the table that begins with this heading."""
    _, _, rest = PAGE.partition(f"\n| {head} |")
    lines = rest.split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]


def said(say: Any) -> str:
    if callable(say):
        return str(getattr(say, "__name__", "")).strip("_").replace("_", " ")
    return type(say).__name__


@pytest.mark.parametrize("region", REGIONS)
def test_the_picture_is_the_machine(region: str) -> None:
    table: Any = REGIONS[region]
    expected = [
        [state.name, happening.name, to.name, ", ".join(map(said, says))]
        for (state, happening), (to, says) in table.items()
    ]
    assert [row + [""] * (4 - len(row)) for row in rows(region)] == expected


def test_the_precedence_is_the_codes() -> None:
    shown = [(by, mode) for by, mode, *_ in rows("by")]
    assert shown == [(why.value, mode.value) for why, mode in PRECEDENCE]


def test_every_pattern_and_state_is_there() -> None:
    assert {row[0] for row in rows("pattern")} == {one.value for one in Pattern}
    assert {row[0] for row in rows("word")} == {phase.value for phase in Phase}


def test_the_settings_are_ones() -> None:
    text = defaults_text()
    for names, _ in rows("setting"):
        for name in names.split(","):
            assert f"{name.strip(' `')} = " in text
