"""What an installer and the first holder do."""

from typing import Final

from tests.appliance.rig import ENROLLED, INSTALLED, Rig
from tests.appliance.tasks import KEY, PLAIN, enrol, opens, released, verified

TITLE: Final = "After a reboot a key pairs, is enrolled, and opens the strike"
STATE: Final = INSTALLED


async def scenario(rig: Rig) -> None:
    """Boot into the product, enrol, open, verify; leave that as a state."""
    await rig.machine.reboot()
    await rig.product.ready()
    rig.check(holds=True, sentence="a reboot leads to a door that is ready")
    up_s = float((await rig.machine.run("cat /proc/uptime")).split()[0])
    rig.figure("the kernel's start to a door that is ready, s", up_s)

    enrolled = await enrol(rig)
    rig.check(enrolled.same_number, "key and terminal show the same six digits")
    rig.check(enrolled.code == 0, f"`keyra enrol` ends well: {enrolled.said[-60:]!r}")

    trace = rig.chip.trace(PLAIN.strike_line)
    rig.safety(not trace, "the strike's line never moved before the first touch")
    key = await rig.radio.key(KEY)
    rig.check(await opens(rig, key), "a touch releases the strike, by the chip's level")
    for opening in released(rig):
        rig.figure("the strike was released for, ms", opening.lasted_ms)
    rig.check(await rig.chip.level(PLAIN.strike_line) == 0, "it is secured again")

    holds, said = await verified(rig)
    rig.check(holds, f"the export verifies on another machine: {said!r}")
    await rig.product.stop()
    await rig.machine.save(ENROLLED)
