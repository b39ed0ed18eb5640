"""How long things take, and what the product costs at rest."""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.appliance.rig import Rig
from tests.appliance.tasks import KEY, PLAIN, opens

TITLE: Final = "Figures: start, rest, scan, touches and their stages"
UNITS: Final = ("keyra-gateway", "keyra-strike")
_LOOK_S: Final = 0.5


async def scenario(rig: Rig) -> None:
    """Start, watch the scan, rest, and touch many times."""
    started = time.monotonic()
    await rig.product.start()
    rig.figure("start of both processes to ready, s", time.monotonic() - started)
    await rig.product.ready()
    await _scan(rig, rig.amount.scan_s)
    await _touches(rig, rig.amount.touches)


async def _scan(rig: Rig, duration_s: float) -> None:
    """Let a stranger's key advertise; see how much of it the controller listens to."""
    await rig.radio.crowd(1)
    before, cpu_ms = await rig.radio.world.stats(), await _cpu_ms(rig)
    heard, heard_at, hole_s = before.adverts_heard, time.monotonic(), 0.0
    end = heard_at + duration_s
    while (now := time.monotonic()) < end:
        await asyncio.sleep(_LOOK_S)
        stats = await rig.radio.world.stats()
        if stats.adverts_heard != heard:
            heard, heard_at = stats.adverts_heard, now
        hole_s = max(hole_s, now - heard_at)
    after = await rig.radio.world.stats()
    await rig.radio.disperse()
    sent = after.adverts_sent - before.adverts_sent
    missed = sent - (after.adverts_heard - before.adverts_heard)
    rig.figure(f"adverts missed in {duration_s:.0f} s, of {sent}", str(missed))
    rig.figure(
        "  blind for that share of the time, s", missed / max(1, sent) * duration_s
    )
    rig.figure("longest time without an advert heard, s", hole_s)
    rig.check(hole_s < 30, "the scan is never silent for 30 s")
    for unit, used_ms in (await _cpu_ms(rig)).items():
        share = (used_ms - cpu_ms[unit]) / duration_s / 10
        rig.figure(f"{unit} at rest, one stranger near: processor, %", share)
        pid = await rig.machine.run(f"systemctl show -P MainPID {unit}")
        kib = await rig.machine.run(f"awk '/VmRSS/ {{print $2}}' /proc/{pid}/status")
        rig.figure(f"{unit}: memory, MiB", int(kib) / 1024, emulated=False)


async def _cpu_ms(rig: Rig) -> Mapping[str, float]:
    said = await rig.machine.run(f"systemctl show -P CPUUsageNSec {' '.join(UNITS)}")
    return {u: int(ns) / 1e6 for u, ns in zip(UNITS, said.split(), strict=True)}


async def _touches(rig: Rig, times: int) -> None:
    key = await rig.radio.key(KEY)
    offset_ns = await _offset_ns(rig)
    to_strike_ms: list[float] = []
    failures = 0
    for _ in range(times):
        rig.chip.forget()
        started_ns = time.time_ns()
        if await opens(rig, key):
            edge = rig.chip.trace(PLAIN.strike_line)[0]
            to_strike_ms.append((edge.up_ns + offset_ns - started_ns) / 1e6)
        else:
            failures += 1
    rig.check(not failures, f"{times} touches, {failures} of them did not open")
    if to_strike_ms:
        rig.figure(
            f"key wakes, finger on it, to the strike's edge, ms ({times} touches)",
            _median_and_p99(to_strike_ms),
        )
    for name, stage in (await rig.product.status())["stages"].items():
        rig.figure(f"  stage {name}, ms", _stage(stage))


async def _offset_ns(rig: Rig) -> int:
    """Return what to add to the machine's time since boot for this machine's time.

    It is as good as the quicker half of a question and its answer.
    """
    best: tuple[int, int] | None = None
    up_to_wall_ns = int(
        await rig.machine.run(
            "python3 -c 'import time;"
            " print(time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME))'"
        )
    )
    for _ in range(20):
        before_ns = time.time_ns()
        wall_ns = await rig.machine.wall_ns()
        took_ns = time.time_ns() - before_ns
        here_to_there_ns = wall_ns - (before_ns + took_ns // 2)
        if best is None or took_ns < best[0]:
            best = took_ns, here_to_there_ns
    rig.figure("  its error is at most, ms", 0.0 if best is None else best[0] / 2e6)
    return up_to_wall_ns - (0 if best is None else best[1])


def _median_and_p99(values: Sequence[float]) -> str:
    p99 = sorted(values)[max(0, round(len(values) * 0.99) - 1)]
    return f"{statistics.median(values):.0f} / {p99:.0f}"


def _stage(stage: Mapping[str, Any]) -> str:
    return f"{stage['p50_us'] / 1000:.1f} / {stage['p99_us'] / 1000:.1f}"
