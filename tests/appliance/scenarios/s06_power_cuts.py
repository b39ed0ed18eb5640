"""Power cuts at random moments of busy use."""

import asyncio
import json
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.sim.remote import RemoteKey
from tests.appliance.rig import Rig
from tests.appliance.tasks import KEY, opens, released, verified
from tests.killing import Opening

TITLE: Final = "Power cuts at random moments of busy use"
CUTS: Final = 100
CUTS_IN_SHORT: Final = 3
BUSY_S_MAX: Final = 20.0
# From the durable entry to the strike's edge; emulated, and on shared cores.
GRANT_AGE_MS_MAX: Final = 10_000


async def scenario(rig: Rig) -> None:
    """Cut, boot, compare with what was seen from outside; again and again."""
    dice = random.Random(time.time_ns())  # noqa: S311 - any moment will do
    await rig.product.start()
    await rig.product.ready()
    cuts = CUTS if rig.full else CUTS_IN_SHORT
    boots_s: list[float] = []
    for number in range(1, cuts + 1):
        witness = await _busy(rig, dice.uniform(1.0, BUSY_S_MAX))
        await rig.machine.cut_power()
        seen = released(rig)
        await rig.radio.disperse()
        rig.chip.forget()
        started = time.monotonic()
        await rig.machine.start()
        await rig.product.ready()
        boots_s.append(time.monotonic() - started)
        await _compare(rig, f"cut {number} of {cuts}", witness, seen)
    rig.figure("power to a door that is ready, s: longest", max(boots_s))


class _Witness:
    """What was known outside at the moment of a cut."""

    def __init__(self, boot: str) -> None:
        self.boot: Final = boot
        self.size = 0


async def _busy(rig: Rig, duration_s: float) -> _Witness:
    """Touch without pause, and note the ledger's size as often as possible."""
    boot = await rig.machine.run("cat /proc/sys/kernel/random/boot_id")
    witness = _Witness(boot.replace("-", "")[:16])
    key = await rig.radio.key(KEY)

    async def look() -> None:
        while True:
            witness.size = (await rig.product.status())["ledger_size"]

    tasks = [asyncio.ensure_future(look()), asyncio.ensure_future(_touches(rig, key))]
    await asyncio.sleep(duration_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return witness


async def _touches(rig: Rig, key: RemoteKey) -> None:
    while True:
        await opens(rig, key)


async def _compare(
    rig: Rig, what: str, witness: _Witness, seen: Sequence[Opening]
) -> None:
    holds, said = await verified(rig)
    rig.check(holds, f"{what}: the ledger verifies ({said.splitlines()[0]})")
    entries = _entries((rig.place / "export.jsonl").read_text())
    rig.check(
        len(entries) >= witness.size,
        f"{what}: {len(entries)} entries, {witness.size} were acknowledged",
    )
    grants_ms = [
        entry["up"]
        for entry in entries
        if entry["ev"] == "door.grant" and entry["boot"] == witness.boot
    ]
    unexplained = [
        opening
        for opening in seen
        if not any(
            0 <= opening.start_ns / 1e6 - up_ms <= GRANT_AGE_MS_MAX
            for up_ms in grants_ms
        )
    ]
    rig.check(
        not unexplained,
        f"{what}: {len(seen)} openings seen, each with its entry; {unexplained}",
    )


def _entries(export: str) -> Sequence[Mapping[str, Any]]:
    return [entry for entry in map(json.loads, export.splitlines()) if "ev" in entry]
