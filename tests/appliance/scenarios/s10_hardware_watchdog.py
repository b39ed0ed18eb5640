"""The last bound: the kernel itself stands still while the strike is released."""

import time
from typing import Final

from tests.appliance.chip import value_path
from tests.appliance.rig import Rig
from tests.appliance.tasks import KEY, PLAIN, opens, released, touch, until

TITLE: Final = "The kernel stands still while the strike is released"
FULL: Final = True
# RuntimeWatchdogSec=15 in keyra.watchdog.conf.
WATCHDOG_S: Final = 15
# "Emulated, busy": the panic takes its own time before the device counts.
SLACK_S: Final = 15


async def scenario(rig: Rig) -> None:
    """Panic; see the hardware watchdog reset the machine, and the door work again."""
    await rig.machine.run("modprobe i6300esb")
    await rig.product.start()
    await rig.product.ready()
    await rig.machine.until("fuser --silent /dev/watchdog0 /dev/watchdog")
    await touch(await rig.radio.key(KEY))
    await rig.machine.spawn(
        f"until [ $(cat {value_path(PLAIN.strike_line)}) = 1 ]; do sleep 0.05; done;"
        " echo c >/proc/sysrq-trigger"
    )

    async def is_released() -> bool:
        return bool(released(rig))

    await until(is_released, 60)
    started = time.monotonic()
    reset = await rig.machine.resets(WATCHDOG_S + SLACK_S)
    took_s = time.monotonic() - started
    rig.safety(reset, f"the machine is reset within {WATCHDOG_S} s, and slack")
    open_ended = released(rig)[-1].end_ns is None
    rig.check(open_ended, "nothing else had ended the release")
    rig.figure("the kernel stands still: released for s, at most", took_s)
    await rig.machine.stop()
    await rig.radio.disperse()
    rig.chip.forget()
    await rig.machine.start()
    await rig.product.ready()
    rig.safety(not released(rig), "no edge from the reset to a door that is ready")
    key = await rig.radio.key(KEY)
    rig.check(await opens(rig, key), "the next touch opens")
