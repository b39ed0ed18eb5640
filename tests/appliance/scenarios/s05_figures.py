"""How long things take, and what the product costs at rest."""

import asyncio
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.service.session import QUIET_AFTER_GRANT_MS
from tests.appliance.rig import Rig
from tests.appliance.tasks import KEY, PLAIN, alone, opens

TITLE: Final = "Figures: start, rest, scan, touches and their stages"
# Of 200 touches, and a scan of ten minutes.
LIMIT_S: Final = 5_400
UNITS: Final = ("keyra-gateway", "keyra-strike")
_LOOK_S: Final = 0.5
# So each touch meets a door at rest, not what is left of the one before.
PAUSE_S: Final = QUIET_AFTER_GRANT_MS / 1000 + 1
_EVENTS_PATH: Final = "/run/rig-events"
_EVENTS: Final = (
    "curl --silent --no-buffer --unix-socket /run/keyra/gateway.sock"
    f" http://localhost/v1/events >{_EVENTS_PATH}"
)


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
        hole_s = max(hole_s, now - heard_at)
        if stats.adverts_heard != heard:
            heard, heard_at = stats.adverts_heard, now
    after = await rig.radio.world.stats()
    await rig.radio.disperse()
    sent = after.adverts_sent - before.adverts_sent
    missed = sent - (after.adverts_heard - before.adverts_heard)
    rig.figure(f"adverts missed in {duration_s:.0f} s, of {sent}", str(missed))
    rig.figure(
        "  blind for that share of the time, s", missed / max(1, sent) * duration_s
    )
    rig.figure("longest time without an advert heard, s: at most", hole_s)
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
    """Each time begins when the key's first advert is due: awake, a finger on it."""
    key = await rig.radio.key(KEY)
    offset_ns = await _offset_ns(rig)
    await rig.machine.spawn(_EVENTS)
    await rig.machine.until(f"test -s {_EVENTS_PATH}")
    started_ns: list[int] = []
    to_strike_ms: list[float] = []
    for _ in range(times):
        rig.chip.forget()
        await alone(key)
        await asyncio.sleep(PAUSE_S)
        now_ns = time.time_ns()
        if await opens(rig, key):
            edge = rig.chip.trace(PLAIN.strike_line)[0]
            started_ns.append(now_ns)
            to_strike_ms.append((edge.up_ns + offset_ns - now_ns) / 1e6)
    failures = times - len(started_ns)
    rig.check(not failures, f"{times} touches, {failures} of them did not open")
    await alone(key)
    noticed_ms = [
        (up_ns + offset_ns - began_ns) / 1e6
        for up_ns, began_ns in zip(await _noticed_ns(rig), started_ns, strict=True)
    ]
    for what, values_ms in (("notice", noticed_ms), ("strike's edge", to_strike_ms)):
        rig.figure(
            f"key wakes, finger on it, to the {what}, ms ({len(started_ns)} touches)",
            _median_and_p99(values_ms),
        )
    for name, stage in (await rig.product.status())["stages"].items():
        rig.figure(f"  stage {name}, ms", _stage(stage))


async def _noticed_ns(rig: Rig) -> Sequence[int]:
    """Return when the gateway took notice of each touch that it granted, since boot.

    That is when its first stage began: it tells the end, and how long each stage took.
    """
    said = (await rig.machine.get(_EVENTS_PATH)).decode()
    changes = [
        json.loads(line.removeprefix("data: "))
        for line in said.splitlines()
        if line.startswith("data: ")
    ]
    return [
        int(change["up_ms"] * 1e6 - sum(change["data"]["stages_us"].values()) * 1e3)
        for change in changes
        if change.get("kind") == "touch.ended" and change["data"]["result"] == "granted"
    ]


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
