"""What was measured reaches the store once, and the journal as fields."""

import logging
from pathlib import Path

import pytest

from gateway.adapters.telemetry_store import SqliteTelemetryStore
from gateway.service.telemetry import NAMES_MAX, MemoryTelemetry
from gateway.service.telemetry_keeper import TelemetryKeeper
from gateway.sim.clock import SimulatedClock

MINUTE_MS = 60_000


class Sensors:
    def read(self) -> dict[str, int]:
        return {"temperature_celsius": 47}


@pytest.fixture
def telemetry() -> MemoryTelemetry:
    return MemoryTelemetry()


@pytest.fixture
async def keeper(telemetry: MemoryTelemetry, tmp_path: Path) -> TelemetryKeeper:
    return TelemetryKeeper(
        telemetry,
        SqliteTelemetryStore(tmp_path / "telemetry.db", None),
        Sensors(),
        SimulatedClock(1_700_000_000_000),
    )


async def test_a_period_is_kept_once(
    keeper: TelemetryKeeper, telemetry: MemoryTelemetry
) -> None:
    telemetry.stage("verify", 300)
    telemetry.count("touch.granted")
    await keeper.keep()
    telemetry.count("touch.granted")
    telemetry.stage("verify", 500)
    found = await keeper.statistics(MINUTE_MS)
    assert [(one.name, one.count, one.max) for one in found.series] == [
        ("temperature_celsius", 1, 47),
        ("verify", 2, 502),  # within 1/128 of 500
    ]
    assert found.counts == {"touch.granted": 2}
    await keeper.keep()
    assert (await keeper.statistics(MINUTE_MS)).counts == {"touch.granted": 2}


async def test_the_journal_gets_fields(
    keeper: TelemetryKeeper,
    telemetry: MemoryTelemetry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    telemetry.stage("verify", 20)
    telemetry.count("touch.denied")
    with caplog.at_level(logging.INFO, "gateway.telemetry"):
        await keeper.keep()
    told = {record.getMessage(): vars(record)["fields"] for record in caplog.records}
    assert told["stage verify"] == {
        "kind": "stage",
        "name": "verify",
        "count": 1,
        "p50": 20,
        "p99": 20,
    }
    assert told["count touch.denied"]["count"] == 1


def test_names_are_bounded(telemetry: MemoryTelemetry) -> None:
    for number in range(NAMES_MAX + 5):
        telemetry.gauge(f"level {number}", 1)
    assert len(telemetry.take(0).figures) == NAMES_MAX
