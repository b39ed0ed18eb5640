"""`keyra stats`: what the gateway measured of itself, as a table and as curves."""

import argparse
from collections.abc import Sequence
from typing import Final

from gateway.cli.texts import duration, instant, say, say_json, table
from gateway.client import Client
from gateway.printing import printable
from gateway.schemas import Statistics, StatisticsSeries

BARS: Final = " ▁▂▃▄▅▆▇█"

_US_PER_MS: Final = 1_000


def stats(options: argparse.Namespace) -> int:
    """Show how long each stage of a touch took, levels, and counts."""
    with Client(options.socket) as client:
        found = client.statistics(options.minutes)
    if options.json:
        say_json(found)
    else:
        say("\n".join(statistics_lines(found)))
    return 0


def statistics_lines(found: Statistics) -> list[str]:
    """Lay statistics out: a table, a curve for each series, then the counts."""
    length = duration(found.until_ms - found.from_ms)
    lines = [f"The last {length}, up to {instant(found.until_ms)}.", ""]
    if not found.series and not found.counts:
        return [*lines, "Nothing was measured yet; the first touch begins it."]
    if found.series:
        head = ("WHAT", "UNIT", "COUNT", "MIN", "P50", "P99", "MAX", "P99 OVER TIME")
        lines += table(head, [_row(series) for series in found.series])
        lines.append("")
    lines += [f"{count:>8}  {printable(name)}" for name, count in found.counts.items()]
    return lines


def curve(values: Sequence[int]) -> str:
    """Draw values as bars between their least and greatest; a gap is a space.

    Args:
        values: 0 where there was none.
    """
    seen = [value for value in values if value]
    if not seen:
        return ""
    least, span = min(seen), max(seen) - min(seen)
    steps = len(BARS) - 2
    return "".join(
        BARS[1 + ((value - least) * steps // span if span else 0)] if value else BARS[0]
        for value in values
    )


def _row(series: StatisticsSeries) -> tuple[str, ...]:
    stage = series.kind == "stage"
    name, _, unit = (series.name, "", "ms") if stage else series.name.rpartition("_")
    figures = (series.min, series.p50, series.p99, series.max)
    return (
        name,
        unit,
        str(series.count),
        *(f"{one / _US_PER_MS:.1f}" if stage else str(one) for one in figures),
        curve([point.p99 for point in series.points]),
    )
