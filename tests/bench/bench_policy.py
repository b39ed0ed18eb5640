"""100,000 credentials of 10,000 holders beside 100 of 10; `-s` shows the figures.

Start, memory and decisions are ratios within one run, since machines differ.
"""

import gc
import statistics
import time
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.adapters.registry_store import SqliteRegistryStore
from gateway.core.entries import grant_record, registry_record
from gateway.core.facts import CredentialState
from gateway.core.ids import CredentialId, GroupId, HolderId, ScheduleId
from gateway.core.policy import (
    Access,
    DoorPolicy,
    DoorRules,
    Grant,
    Passback,
    decide,
    explain,
)
from gateway.core.registry import Credential, Holder, Registry
from gateway.core.schedule import Schedule
from gateway.core.special_days import Days, SpecialDays
from tests.desk import FRONT, Desk, SoftKey, at, key_number

SMALL = (10, 100)
LARGE = (10_000, 100_000)
DECISIONS = 400
PASSED = 0.5
"""How many of the holders have passed before."""

GROUPS = tuple(GroupId(f"group-{n}") for n in range(50))
OFFICE = ScheduleId("office")
RATIO_MAX = 3.0
"""A decision's time at the large site beside the small one; it should be 1."""


def show(name: str, value: float) -> None:
    print(f"{name}: {value:.2f}")  # noqa: T201 - a measurement is for people


def policy() -> DoorPolicy:
    special = SpecialDays(Days.parse(["12-25", "2026-01-01 to 2026-07-29"]))
    return DoorPolicy(
        door=FRONT,
        access=tuple(Access(group, OFFICE) for group in GROUPS),
        schedules={
            OFFICE: replace(
                Schedule.parse("Mon-Fri 06:00-18:00; Sat 09:00-13:00"),
                special=(special,),
            )
        },
        zone=ZoneInfo("Europe/Berlin"),
        release_ms=5_000,
        rules=DoorRules(passback=Passback.SOFT, passback_forgiven_ms=3_600_000),
    )


@dataclass
class Site:
    """A registry of some size, and the desk at which its holders touch."""

    desk: Desk
    keys: list[SoftKey]
    kib: float

    @property
    def registry(self) -> Registry:
        return self.desk.registry


def filled(holders: int, credentials: int) -> Site:
    """Fold as many enrolments, and passages, as if read from a ledger."""
    desk = Desk()
    template = desk.enrolled()
    keys = [
        SoftKey(CredentialId(n.to_bytes(32, "big")), key_number(1))
        for n in range(0, credentials, max(1, credentials // 100))
    ]
    gc.collect()
    tracemalloc.start()
    registry = Registry()
    for n in range(holders):
        groups = (GROUPS[n % 50], GROUPS[(n + 7) % 50])
        holder = Holder(HolderId(f"h-{n}"), f"{n:064x}", groups, 0, 0, suspended=False)
        registry.apply(registry.entries, "holder", holder.row())
    row = template.row()
    for n in range(credentials):
        key = Credential(
            CredentialId(n.to_bytes(32, "big")),
            HolderId(f"h-{n % holders}"),
            template.public_key,
            template.aaguid,
            template.model,
            0,
            CredentialState.ACTIVE,
        )
        registry.apply(registry.entries, "enrol", {**row, **key.row()})
    decided = {"at": 1, "boot": "b", "err": 0, "up": 1}
    for n in range(int(holders * PASSED)):
        what = {"decided": decided, "door": FRONT, "holder": f"h-{n}"}
        registry.apply(registry.entries, "door.grant", what)
    kib = tracemalloc.get_traced_memory()[0] / 1024
    tracemalloc.stop()
    desk.registry, desk.policy = registry, policy()
    return Site(desk, keys, kib)


@pytest.fixture(scope="module")
def sites() -> tuple[Site, Site]:
    return filled(*SMALL), filled(*LARGE)


def one_decision(site: Site, turn: int) -> float:
    """Microseconds of processor from answer to grant; then its entry is folded."""
    desk = site.desk
    desk.key = site.keys[turn % len(site.keys)]
    now = at(1_000 + turn)
    verified = desk.verified(now)
    start = time.thread_time_ns()
    outcome = decide(verified, desk.registry, desk.policy, now)
    taken = (time.thread_time_ns() - start) / 1_000
    assert isinstance(outcome, Grant), outcome
    desk.tell("door.grant", grant_record(outcome).what)
    return taken


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_decision_takes_the_same_time_at_any_size(sites: tuple[Site, Site]) -> None:
    times: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    gc.disable()
    try:
        for turn in range(DECISIONS):
            for site, taken in zip(sites, times, strict=True):
                taken.append(one_decision(site, turn))
    finally:
        gc.enable()
    small, large = times
    ratio = statistics.median(large) / statistics.median(small)
    show("decision, median in microseconds, 100 credentials", statistics.median(small))
    show("decision, p99 in microseconds, 100 credentials", p99(small))
    show("decision, median, 100,000 / 100", ratio)
    show("decision, p99, 100,000 / 100", p99(large) / p99(small))
    assert ratio <= RATIO_MAX
    assert p99(large) <= 2 * RATIO_MAX * p99(small)  # of 400: four, on shared cores


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_memory_follows_the_number_of_credentials(sites: tuple[Site, Site]) -> None:
    small, large = (site.kib for site in sites)
    show("registry, KiB for 100 credentials", small)
    show("registry, MiB for 100,000 credentials", large / 1024)
    show("memory, 100,000 / 100 (1,000 times the rows)", large / small)
    assert large / small <= 1_500


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_start_from_a_snapshot_follows_it_too(
    sites: tuple[Site, Site], tmp_path: Path
) -> None:
    seconds = []
    for name, site in zip(("small", "large"), sites, strict=True):
        store = SqliteRegistryStore(tmp_path / f"{name}.db")
        snapshot = site.registry.snapshot()
        store.save(snapshot)
        what = registry_record(snapshot).what
        start = time.perf_counter()
        loaded = store.load()
        assert loaded is not None
        registry = Registry.restored(loaded, what)
        seconds.append(time.perf_counter() - start)
        assert registry.entries == site.registry.entries
    small, large = seconds
    show("start from a snapshot, ms for 100 credentials", small * 1_000)
    show("start from a snapshot, seconds for 100,000 credentials", large)
    show("start, 100,000 / 100 (1,000 times the rows)", large / small)
    assert large / small <= 1_500


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_explaining_takes_the_same_time_too(sites: tuple[Site, Site]) -> None:
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(DECISIONS):
        for site, taken in zip(sites, times, strict=True):
            holder = HolderId(f"h-{turn % 10}")
            start = time.perf_counter_ns()
            explain(holder, site.registry, site.desk.policy, at(1_000 + turn))
            taken.append((time.perf_counter_ns() - start) / 1_000)
    small, large = map(statistics.median, times)
    show("explain, median, 100,000 / 100", large / small)
    assert large <= RATIO_MAX * small
