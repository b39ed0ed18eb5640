"""A clock that is wrong, a disk that is full, a disk that cannot be written."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from tests.appliance.product import EXIT_LINE
from tests.appliance.rig import Rig
from tests.appliance.tasks import (
    KEY,
    boot,
    check_openings,
    opened_again,
    opens,
    released,
    verified,
)
from tests.killing import Opening

TITLE: Final = "Clock in 1970 and in 2038; disk full; disk read-only"
FULL: Final = True
RECOVERY_S_MAX: Final = 240
PRESS_S: Final = 0.5
# A gateway whose watchdog starves is killed sooner (WatchdogSec=10).
STAYS_S: Final = 15
# Long enough for a touch that is granted, emulated.
DENIED_S: Final = 25
# Fills it to the last block, those of root included.
FILL: Final = (
    "fallocate -l $(($(stat -f -c '%f*%S' /) - 8192)) /fill;"
    " cat /dev/zero >>/fill; true"
)
READ_ONLY: Final = "sync; echo u >/proc/sysrq-trigger; sleep 2"


async def scenario(rig: Rig) -> None:
    """One after another on the same product; each is put right again."""
    await rig.product.start()
    await rig.product.ready()
    await _clocks(rig)
    exits = await _unwritable(rig, "disk full", FILL, "rm /fill", exits=True)
    # There the gateway ends, and begins again and again: the exit is in hardware.
    await _unwritable(rig, "disk read-only", READ_ONLY, "mount -o remount,rw /")
    holds, said = await verified(rig)
    rig.safety(holds, f"the ledger of all this verifies: {said.splitlines()[0]}")
    touched = [opening for opening in released(rig) if opening not in exits]
    check_openings(rig, "in all this", touched, await boot(rig))


async def _clocks(rig: Rig) -> None:
    key = await rig.radio.key(KEY)
    for year in (1970, 2038):
        await rig.machine.run(f"date --utc --set {year}-01-19T12:00:00")
        rig.check(await opens(rig, key), f"{year}: a touch opens all the same")
        health = (await rig.product.status())["health"]
        rig.check(not health["clock_synchronised"], f"{year}: the clock is doubted")
    await rig.machine.run(f"date --utc --set @{int(time.time())}")
    await rig.machine.run("systemctl restart rig-clock")
    rig.check(await opens(rig, key), "the right time again: a touch opens")


async def _unwritable(
    rig: Rig, what: str, spoil: str, repair: str, *, exits: bool = False
) -> Sequence[Opening]:
    """Return the openings by the exit button, which need no entry.

    Another one without its entry would be found at the end of the scenario.
    """
    key = await rig.radio.key(KEY)
    await rig.machine.run(spoil)
    before = len(released(rig))
    opened = await opens(rig, key, within_s=DENIED_S)
    rig.safety(
        not opened and len(released(rig)) == before, f"{what}: a touch opens nothing"
    )
    pressed: Sequence[Opening] = []
    if exits:
        await asyncio.sleep(STAYS_S)
        pressed = await _press_exit(rig)
        rig.safety(pressed, f"{what}: the exit button releases")
    await rig.machine.run(repair)
    await rig.product.ready()
    worked = await opens(rig, key, within_s=RECOVERY_S_MAX)
    rig.check(worked, f"{what}, and put right: the next touch opens")
    return pressed


async def _press_exit(rig: Rig) -> Sequence[Opening]:
    before = len(released(rig))
    await rig.chip.pull(EXIT_LINE, 0)
    await asyncio.sleep(PRESS_S)
    await rig.chip.pull(EXIT_LINE, 1)
    await opened_again(rig, before)
    return released(rig)[before:]
