"""Statistics add up what fell into their stretch of time, and nothing else."""

import pytest

from gateway.core.histogram import Histogram
from gateway.core.measurement import POINTS_MAX, Kind, Period, statistics

FROM_MS, UNTIL_MS = 1_000, 1_000 + 600 * POINTS_MAX


def period(until_ms: int, *values: int, **counts: int) -> Period:
    figures = Histogram()
    for value in values:
        figures.add(value)
    measured = {(Kind.STAGE, "verify"): figures} if values else {}
    return Period(until_ms, measured, counts)


def test_only_what_ended_inside_counts() -> None:
    found = statistics(
        [
            period(FROM_MS, 1),
            period(FROM_MS + 1, 10, granted=1),
            period(UNTIL_MS, 12, granted=2, denied=1),
            period(UNTIL_MS + 1, 1, granted=9),
        ],
        FROM_MS,
        UNTIL_MS,
    )
    (series,) = found.series
    assert (series.kind, series.name) == ("stage", "verify")
    assert (series.count, series.p50, series.p99) == (2, 10, 12)
    assert (series.min, series.max) == (10, 12)
    assert [point.count for point in series.points] == [1, *[0] * (POINTS_MAX - 2), 1]
    assert (series.points[0].p99, series.points[-1].p50) == (10, 12)
    assert series.points[-1].until_ms == UNTIL_MS
    assert found.counts == {"denied": 1, "granted": 3}


def test_a_stretch_shorter_than_its_points_has_fewer() -> None:
    (series,) = statistics([period(3, 7), period(4, 9)], 2, 4).series
    assert [point.p50 for point in series.points] == [7, 9]


def test_a_stretch_needs_a_length() -> None:
    with pytest.raises(ValueError, match="no length"):
        statistics([], 5, 5)


def test_percentiles_are_those_of_the_words() -> None:
    values = [1, *[10] * 99, *[1_000] * 98, *[100_000] * 2]
    found = statistics([period(3, *values)], 2, 4)
    assert (found.from_ms, found.until_ms) == (2, 4)
    (series,) = found.series
    exact = Histogram()
    for value in (1, 10, 1_000, 100_000):
        exact.add(value)
    lowest, low, high, highest = (exact.percentile(part) for part in (0, 50, 75, 100))
    assert lowest < low < high < highest
    assert (series.min, series.p50, series.p99, series.max) == (
        lowest,
        low,
        high,
        highest,
    )
    assert (series.points[0].p50, series.points[0].p99) == (low, high)
