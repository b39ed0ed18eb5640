"""Power cuts at random moments of busy use.

What was known outside at the moment of a cut is compared with what the next boot has:
every entry that the gateway had acknowledged, and an entry for each opening that the
chip's trace shows. With --cuts, what was done is kept from run to run.
"""

import asyncio
import json
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from gateway.sim.remote import RemoteKey
from tests.appliance.report import say
from tests.appliance.rig import Rig
from tests.appliance.tasks import (
    EXPORT,
    KEY,
    boot,
    check_openings,
    opens,
    released,
    verified,
)

TITLE: Final = "Power cuts at random moments of busy use"
BUSY_S_MAX: Final = 20.0
# Of a hundred; each step of a cut has a limit of its own.
LIMIT_S: Final = 18_000


async def scenario(rig: Rig) -> None:
    """Cut, boot, compare with what was seen from outside; again and again."""
    dice = random.Random(time.time_ns())  # noqa: S311 - any moment will do
    kept = _Kept.load(rig.amount.cuts_file)
    await rig.product.start()
    await rig.product.ready()
    while kept.cuts < rig.amount.cuts:
        kept.cuts += 1
        try:
            await _one(rig, kept, dice.uniform(1.0, BUSY_S_MAX))
        except Exception:
            kept.unfinished += 1
            kept.save(rig.amount.cuts_file)
            raise
        # Not where the run was told to end: that cut was not looked at, and is no cut.
        kept.save(rig.amount.cuts_file)
    rig.safety(not kept.violated, f"none of {kept.cuts} cuts violated anything")
    rig.check(not kept.unfinished, "after each the door became ready by itself")
    rig.figure("power cuts", str(kept.cuts), emulated=False)
    rig.figure("  entries acknowledged before them", str(kept.acknowledged))
    rig.figure("  openings seen before them", str(kept.openings))
    rig.figure("  power to a door that is ready, s: longest", kept.boot_s_max)


@dataclass
class _Kept:
    """What all cuts came to, those of earlier runs too."""

    cuts: int = 0
    violated: int = 0
    unfinished: int = 0
    acknowledged: int = 0
    openings: int = 0
    boot_s_max: float = 0.0

    @classmethod
    def load(cls, file: Path | None) -> "_Kept":
        if file is None or not file.exists():
            return cls()
        kept = cls(**json.loads(file.read_text()))
        say(f"    {kept.cuts} cuts were made by earlier runs ({file})")
        return kept

    def save(self, file: Path | None) -> None:
        if file is not None:
            file.write_text(json.dumps(asdict(self)))


async def _one(rig: Rig, kept: _Kept, busy_s: float) -> None:
    what = f"cut {kept.cuts} of {rig.amount.cuts}"
    before = await boot(rig)
    size = await _busy(rig, busy_s)
    await rig.machine.cut_power()
    seen = released(rig)
    await rig.radio.disperse()
    rig.chip.forget()
    started = time.monotonic()
    await rig.machine.start()
    await rig.product.ready()
    kept.boot_s_max = max(kept.boot_s_max, time.monotonic() - started)
    holds, said = await verified(rig)
    whole = rig.safety(holds, f"{what}: the ledger verifies ({said.splitlines()[0]})")
    lines = map(json.loads, (rig.place / EXPORT).read_text().splitlines())
    entries = sum("ev" in line for line in lines)
    sentence = f"{what}: {entries} entries, {size} were acknowledged"
    none_lost = rig.safety(entries >= size, sentence)
    explained = check_openings(rig, what, seen, before)
    kept.violated += not (whole and none_lost and explained)
    kept.acknowledged += size
    kept.openings += len(seen)


async def _busy(rig: Rig, duration_s: float) -> int:
    """Touch without pause; return the greatest size the ledger was known to have."""
    size = 0
    key = await rig.radio.key(KEY)

    async def look() -> None:
        nonlocal size
        while True:
            size = (await rig.product.status())["ledger_size"]

    tasks = [asyncio.ensure_future(look()), asyncio.ensure_future(_touches(rig, key))]
    await asyncio.sleep(duration_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return size


async def _touches(rig: Rig, key: RemoteKey) -> None:
    while True:
        await opens(rig, key)
