"""A clock that is wrong, a disk that is full, a disk that cannot be written."""

import time
from typing import Final

from tests.appliance.rig import Rig
from tests.appliance.tasks import KEY, opens, released, verified

TITLE: Final = "Clock in 1970 and in 2038; disk full; disk read-only"
FULL: Final = True
RECOVERY_S_MAX: Final = 180
DENIED_S: Final = 15


async def scenario(rig: Rig) -> None:
    """One after another on the same product; each is put right again."""
    await rig.product.start()
    await rig.product.ready()
    await _clocks(rig)
    fill = (
        "fallocate -l $(($(stat -f -c '%f*%S' /) - 8192)) /fill; cat /dev/zero >>/fill"
    )
    await _unwritable(rig, "disk full", f"{fill} 2>/dev/null; true", "rm /fill")
    await _unwritable(
        rig,
        "disk read-only",
        "sync; echo u >/proc/sysrq-trigger; sleep 2",
        "mount -o remount,rw /",
    )


async def _clocks(rig: Rig) -> None:
    key = await rig.radio.key(KEY)
    for year in (1970, 2038):
        await rig.machine.run(f"date --utc --set {year}-01-19T12:00:00")
        rig.check(await opens(rig, key), f"{year}: a touch opens all the same")
    await rig.machine.run(f"date --utc --set @{int(time.time())}")
    rig.check(await opens(rig, key), "the right time again: a touch opens")
    holds, said = await verified(rig)
    rig.check(holds, f"the ledger of all these times verifies: {said!r}")


async def _unwritable(rig: Rig, what: str, spoil: str, repair: str) -> None:
    key = await rig.radio.key(KEY)
    await rig.machine.run(spoil)
    before = len(released(rig))
    await opens(rig, key, within_s=DENIED_S)
    grants = len(released(rig)) - before
    await rig.machine.run(repair)
    await rig.product.ready()
    worked = await opens(rig, key, within_s=RECOVERY_S_MAX)
    rig.check(worked, f"{what}, and put right: the next touch opens")
    holds, said = await verified(rig)
    rig.check(holds, f"{what}: the ledger verifies: {said!r}")
    rig.figure(f"{what}: touches that opened meanwhile", str(grants))
