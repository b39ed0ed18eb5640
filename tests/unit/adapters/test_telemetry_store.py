"""Measurements are kept within bounds, and a broken file stops nothing."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from gateway.adapters import telemetry_store
from gateway.adapters.telemetry_store import SqliteTelemetryStore
from gateway.core.histogram import Histogram
from gateway.core.measurement import Kind, Period


def period(until_ms: int, value: int = 5) -> Period:
    figures = Histogram()
    figures.add(value)
    return Period(
        until_ms,
        {(Kind.STAGE, "verify"): figures, (Kind.GAUGE, "signal_dbm"): figures},
        {"touch.granted": 3},
    )


def told(periods: list[Period]) -> list[object]:
    return [
        (
            one.until_ms,
            {key: figures.pack() for key, figures in one.figures.items()},
            dict(one.counts),
        )
        for one in periods
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "telemetry.db"


async def test_what_was_saved_is_loaded(path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        store = SqliteTelemetryStore(path, executor)
        assert await store.load(0) == []
        for at in (30, 10, 20):
            await store.save(period(at, -at))
        assert told(await store.load(10)) == told([period(20, -20), period(30, -30)])


def test_nobody_else_reads_the_file(path: Path) -> None:
    asyncio.run(SqliteTelemetryStore(path, None).save(period(10)))
    assert path.stat().st_mode & 0o777 == 0o600


async def test_an_empty_period_is_nothing(path: Path) -> None:
    store = SqliteTelemetryStore(path, None)
    await store.save(Period(10))
    assert await store.load(0) == []


async def test_the_oldest_go_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry_store, "ROWS_MAX", 9)
    store = SqliteTelemetryStore(path, None)
    for at in range(1, 8):
        await store.save(period(at))
    assert [one.until_ms for one in await store.load(0)] == [5, 6, 7]


@pytest.mark.parametrize("rubbish", [b"", b"\0" * 5000, b"SQLite format 3\0" * 300])
def test_a_file_of_rubbish_is_begun_anew(path: Path, rubbish: bytes) -> None:
    path.write_bytes(rubbish)

    async def use() -> list[int]:
        store = SqliteTelemetryStore(path, None)
        assert await store.load(0) == []
        await store.save(period(10))
        return [one.until_ms for one in await store.load(0)]

    assert asyncio.run(use()) == [10]


async def test_rows_of_somebody_else_are_not_believed(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteTelemetryStore(path, None)
    await store.save(period(10))
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE measured SET buckets = '[[\"x\"]]'")
        database.commit()
    assert await store.load(0) == []
    assert "cannot be read" in caplog.text


async def test_a_disk_that_does_not_take_them_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteTelemetryStore(tmp_path / "missing" / "telemetry.db", None)
    await store.save(period(10))
    assert "were not stored" in caplog.text
