"""What the gateway measures of itself: apart from the ledger, bounded, never personal.

Names of stages, counters and gauges, durations and values: no holder, credential or
address goes in. The last samples of each stage are kept for `status`; everything since
the last `take` waits, as histograms, for the store.
"""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Final

from gateway.core.histogram import Histogram
from gateway.core.measurement import Kind, Period

SAMPLES_PER_STAGE_MAX: Final = 4096
NAMES_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class StageFigures:
    """Figures of one stage over the samples kept, in microseconds."""

    count: int
    p50_us: int
    p99_us: int


class MemoryTelemetry:
    """Keeps the last samples of each stage; implements ports.Telemetry."""

    def __init__(self) -> None:
        self._samples: Final[dict[str, deque[int]]] = {}
        self._counts: Final[Counter[str]] = Counter()
        self._taken: Final[Counter[str]] = Counter()
        self._waiting: dict[tuple[Kind, str], Histogram] = {}

    def stage(self, name: str, duration_us: int) -> None:
        """Record how long one stage of a touch took."""
        if name not in self._samples:
            if len(self._samples) >= NAMES_MAX:
                return
            self._samples[name] = deque(maxlen=SAMPLES_PER_STAGE_MAX)
        self._samples[name].append(duration_us)
        self._add(Kind.STAGE, name, duration_us)

    def gauge(self, name: str, value: int) -> None:
        """Record a level; its unit is the name's last word."""
        self._add(Kind.GAUGE, name, value)

    def count(self, name: str) -> None:
        """Count one event."""
        if name in self._counts or len(self._counts) < NAMES_MAX:
            self._counts[name] += 1

    def counts(self) -> dict[str, int]:
        """Return what was counted so far."""
        return dict(self._counts)

    def stages(self) -> dict[str, StageFigures]:
        """Return the figures of every stage seen."""
        return {name: _figures(list(kept)) for name, kept in self._samples.items()}

    def waiting(self, until_ms: int) -> Period:
        """Return what was measured since the last `take`."""
        counts = self._counts - self._taken
        return Period(until_ms, dict(self._waiting), dict(counts))

    def take(self, until_ms: int) -> Period:
        """Return what was measured since the last call, and begin anew."""
        period = self.waiting(until_ms)
        self._waiting = {}
        self._taken.update(period.counts)
        return period

    def _add(self, kind: Kind, name: str, value: int) -> None:
        waiting = self._waiting
        if (kind, name) not in waiting:
            if len(waiting) >= NAMES_MAX:
                return
            waiting[kind, name] = Histogram()
        waiting[kind, name].add(value)


def _figures(samples: list[int]) -> StageFigures:
    ordered = sorted(samples)
    return StageFigures(
        count=len(ordered),
        p50_us=ordered[len(ordered) // 2],
        p99_us=ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
    )
