"""What was measured over a stretch of time, and its sum for people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from gateway.core.histogram import Histogram

POINTS_MAX: Final = 60


class Kind(Enum):
    """What a figure is: a duration in microseconds, or a level in its name's unit."""

    STAGE = "stage"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Period:
    """What was measured in one stretch of time.

    Attributes:
        until_ms: when it ended, Unix milliseconds.
        figures: what was measured, by kind and name.
        counts: how often each event came, by name.
    """

    until_ms: int
    figures: Mapping[tuple[Kind, str], Histogram] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a curve; p50 and p99 are 0 where nothing was measured in it."""

    until_ms: int
    count: int
    p50: int
    p99: int


@dataclass(frozen=True, slots=True)
class Series:
    """One stage or gauge over the whole stretch.

    Attributes:
        kind: "stage" (microseconds) or "gauge" (the unit is the name's last word).
        points: POINTS_MAX or fewer, oldest first.
    """

    kind: str
    name: str
    count: int
    p50: int
    p99: int
    min: int
    max: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Everything measured from `from_ms` to `until_ms`, Unix milliseconds."""

    from_ms: int
    until_ms: int
    series: tuple[Series, ...]
    counts: dict[str, int]


def statistics(periods: Iterable[Period], from_ms: int, until_ms: int) -> Statistics:
    """Sum up the periods that ended after `from_ms`, up to `until_ms`.

    Raises:
        ValueError: the stretch has no length.
    """
    if from_ms >= until_ms:
        raise ValueError("The stretch of time has no length.")
    step_ms = max(1, -(-(until_ms - from_ms) // POINTS_MAX))
    steps = -(-(until_ms - from_ms) // step_ms)
    figures: dict[tuple[str, str], list[Histogram]] = {}
    counts: dict[str, int] = {}
    for period in periods:
        if not from_ms < period.until_ms <= until_ms:
            continue
        step = (period.until_ms - from_ms - 1) // step_ms
        for (kind, name), histogram in period.figures.items():
            curve = figures.setdefault(
                (kind.value, name), [Histogram() for _ in range(steps)]
            )
            curve[step].merge(histogram)
        for name, count in period.counts.items():
            counts[name] = counts.get(name, 0) + count
    return Statistics(
        from_ms,
        until_ms,
        tuple(
            _series(kind, name, figures[kind, name], from_ms, step_ms)
            for kind, name in sorted(figures)
        ),
        dict(sorted(counts.items())),
    )


def _series(
    kind: str, name: str, curve: Sequence[Histogram], from_ms: int, step_ms: int
) -> Series:
    total = Histogram()
    for histogram in curve:
        total.merge(histogram)
    points = (
        Point(
            from_ms + (at + 1) * step_ms,
            histogram.count,
            histogram.percentile(50),
            histogram.percentile(99),
        )
        for at, histogram in enumerate(curve)
    )
    return Series(
        kind,
        name,
        total.count,
        total.percentile(50),
        total.percentile(99),
        total.percentile(0),
        total.percentile(100),
        tuple(points),
    )
