"""How long each stage of a touch takes, and what was counted: in memory, bounded.

Nothing personal goes in: names of stages and counters, and durations.
"""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Final

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

    def stage(self, name: str, duration_us: int) -> None:
        """Record how long one stage of a touch took."""
        if name not in self._samples:
            if len(self._samples) >= NAMES_MAX:
                return
            self._samples[name] = deque(maxlen=SAMPLES_PER_STAGE_MAX)
        self._samples[name].append(duration_us)

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


def _figures(samples: list[int]) -> StageFigures:
    ordered = sorted(samples)
    return StageFigures(
        count=len(ordered),
        p50_us=ordered[len(ordered) // 2],
        p99_us=ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
    )
