"""A door is commissioned when all was confirmed, of the wiring that is there."""

from typing import Any

import pytest

from gateway.core.commissioning import Point, is_commissioned

ALL = [point.value for point in Point]
WIRING = "fail-secure active-high 17"


def test_all_of_this_wiring() -> None:
    assert is_commissioned({"confirmed": ALL, "wiring": WIRING}, WIRING)
    assert all(point.sentence.endswith(".") for point in Point)


@pytest.mark.parametrize(
    "row",
    [
        None,
        {},
        {"confirmed": ALL, "wiring": "fail-safe active-high 17"},
        {"confirmed": ALL[1:], "wiring": WIRING},
        {"confirmed": 7, "wiring": WIRING},
        {"wiring": WIRING},
    ],
    ids=str,
)
def test_nothing_less(row: Any) -> None:
    assert not is_commissioned(row, WIRING)
