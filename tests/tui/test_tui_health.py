"""Radio and health on the screen: what is wrong stands first, and says what to do."""

from datetime import UTC
from typing import Any

from textual.widgets import Static

from gateway.schemas import Health, StageFigures
from gateway.schemas.users import Radio, Upkeep, Wellbeing
from tui.screens.health import HealthTold
from tui.view_models import health

WALL_MS = 1_700_000_000_000
DEAD = Wellbeing(
    up_ms=60_000,
    wall_ms=WALL_MS,
    health=Health(
        scanning=False,
        ledger_writable=False,
        strike_reachable=False,
        clock_synchronised=False,
    ),
    radio=Radio(
        scanning=False,
        scanning_changed_up_ms=0,
        heard_up_ms=None,
        signal_dbm=None,
        fault="adapter off\x1b[2J",
    ),
    clock_error_ms=-1,
    ledger_entries=7,
    upkeep=Upkeep(
        sealed_entries=-1,
        backup_ms=-1,
        backup_entries=-1,
        verified_ms=-1,
        disk_free_bytes=-1,
    ),
    stages={},
    gauges={},
)
FINE = Wellbeing(
    up_ms=60_000,
    wall_ms=WALL_MS,
    health=Health(
        scanning=True,
        ledger_writable=True,
        strike_reachable=True,
        clock_synchronised=True,
    ),
    radio=Radio(
        scanning=True,
        scanning_changed_up_ms=0,
        heard_up_ms=55_000,
        signal_dbm=-61,
        fault="",
    ),
    clock_error_ms=5,
    ledger_entries=7,
    upkeep=Upkeep(
        sealed_entries=6,
        backup_ms=WALL_MS - 1,
        backup_entries=5,
        verified_ms=WALL_MS,
        disk_free_bytes=3 * 1024**2,
    ),
    stages={},
    gauges={"core_temperature_celsius": 48},
)


def text(app: Any, where: str) -> str:
    return str(app.screen.query_one(where, Static).content)


def test_what_is_wrong_stands_first() -> None:
    report = health.report(DEAD, UTC)
    assert [line[:5] for line in report.splitlines()[:5]] == ["WRONG"] * 4 + ["NOT  "]
    assert "\x1b" not in report
    for word in ("none heard yet", "nobody vouches", "no seal", "never", "unknown"):
        assert word in report


def test_what_works_says_since_when() -> None:
    rows = health.report(FINE, UTC).splitlines()
    assert rows[0] == "ok   radio             scanning for 1 min"
    assert rows[1].endswith("heard 5 s ago at -61 dBm")
    assert "ok   verified          whole on 2023-11-14 22:13" in rows
    assert rows[-1].split() == ["core", "temperature", "48", "celsius"]
    assert not any(row.startswith("NOT") for row in rows)


def test_a_stale_backup_is_no_good_one() -> None:
    upkeep = FINE.upkeep.model_copy(update={"backup_ms": WALL_MS - 3 * 86_400_000})
    report = health.report(FINE.model_copy(update={"upkeep": upkeep}), UTC)
    assert "NOT  last backup" in report


def test_stages_share_one_scale() -> None:
    assert health.plot({}) == health.NO_STAGES
    drawn = health.plot(
        {
            "verify": StageFigures(count=9, p50_us=1_000, p99_us=2_000),
            "write": StageFigures(count=9, p50_us=4_000, p99_us=8_000),
        }
    )
    verify, write, legend = drawn.splitlines()
    assert (verify.count("█"), verify.count("░")) == (4, 4)
    assert (write.count("█"), write.count("░")) == (16, 16)
    assert write.endswith("4.0 / 8.0 ms")
    assert legend == health.LEGEND


async def test_what_arrives_is_shown(opened: Any) -> None:
    async with opened(keys=("0",)) as (app, pilot):
        app.screen.post_message(HealthTold(DEAD))
        await pilot.pause()
        assert "keyra doctor" in text(app, "#report")
        assert text(app, "#plot") == health.NO_STAGES


async def test_health_is_asked_again_as_time_goes_by(
    opened: Any, settled: Any, clock: Any, gateway: Any, until: Any
) -> None:
    async with opened(keys=("0",)) as (app, pilot):
        assert "ok   radio" in text(app, "#report")
        gateway.facade.health = gateway.facade.health.__class__(
            scanning=False,
            ledger_writable=True,
            strike_reachable=True,
            clock_synchronised=True,
        )
        app.screen.hear(app.model, None, clock.now_s + 1)
        await settled(app, pilot)
        assert "WRONG" not in text(app, "#report")
        app.screen.hear(app.model, None, clock.now_s + 11)
        await until(pilot, lambda: "WRONG" in text(app, "#report"))


async def test_health_looks_like_its_pictures(snap: Any) -> None:
    await snap("health", keys=("0",))
