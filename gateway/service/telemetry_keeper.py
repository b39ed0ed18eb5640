"""Puts what was measured into the bounded store, and reads it back for people."""

import logging
from typing import Final

from gateway.core.measurement import Statistics, statistics
from gateway.ports import Clock, Sensors, TelemetryStore
from gateway.service.telemetry import MemoryTelemetry

KEEP_EVERY_MS: Final = 300_000

_LOG: Final = logging.getLogger("gateway.telemetry")


class TelemetryKeeper:
    """Reads the machine's sensors and stores a period; a chore calls it."""

    def __init__(
        self,
        telemetry: MemoryTelemetry,
        store: TelemetryStore,
        sensors: Sensors,
        clock: Clock,
    ) -> None:
        self._telemetry: Final = telemetry
        self._store: Final = store
        self._sensors: Final = sensors
        self._clock: Final = clock

    async def keep(self) -> None:
        """Store what was measured since the last time, and tell the journal."""
        for name, value in self._sensors.read().items():
            self._telemetry.gauge(name, value)
        period = self._telemetry.take(self._clock.now().wall_ms)
        for (kind, name), histogram in period.figures.items():
            fields = {
                "kind": kind.value,
                "name": name,
                "count": histogram.count,
                "p50": histogram.percentile(50),
                "p99": histogram.percentile(99),
            }
            _LOG.info("%s %s", kind.value, name, extra={"fields": fields})
        for name, count in period.counts.items():
            fields = {"kind": "count", "name": name, "count": count}
            _LOG.info("count %s", name, extra={"fields": fields})
        await self._store.save(period)

    async def statistics(self, since_ms: int) -> Statistics:
        """Sum up what was measured in the last `since_ms` milliseconds."""
        now_ms = self._clock.now().wall_ms
        kept = await self._store.load(now_ms - since_ms)
        waiting = self._telemetry.waiting(now_ms)
        return statistics([*kept, waiting], now_ms - since_ms, now_ms)
