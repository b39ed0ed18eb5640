"""What the radio side of an appliance suffers, and that the next honest touch works."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.sim.misbehaviour import Misbehaviour
from tests.appliance.rig import Rig
from tests.appliance.tasks import KEY, enrol, opens, released, touch

TITLE: Final = "bluetoothd killed, adapter pulled, D-Bus restarted; keys that misbehave"
# The product's own limit is 30 s to notice; then come its steps, slowly emulated.
RECOVERY_S_MAX: Final = 180
STRANGERS: Final = 50
_BOND_LOST: Final = (
    "until curl --silent --unix-socket /run/keyra/gateway.sock --max-time 3"
    " http://localhost/v1/events?recent=50 | grep -q bond-; do sleep 1; done"
)
LIMIT_S: Final = 1_500


async def scenario(rig: Rig) -> None:
    """One fault after another on the same running product."""
    await rig.product.start()
    await rig.product.ready()
    for what, fault in FAULTS:
        await fault(rig)
        started = time.monotonic()
        key = await rig.radio.key(KEY)
        worked = await opens(rig, key, within_s=RECOVERY_S_MAX)
        rig.check(worked, f"{what}: the next honest touch opens")
        if worked:
            rig.figure(f"{what}: to the next opening, s", time.monotonic() - started)
        await rig.radio.disperse()
    await _lost_bond(rig)


async def _bluetoothd_killed(rig: Rig) -> None:
    await rig.machine.run("systemctl kill --signal=KILL bluetooth")


async def _adapter_pulled(rig: Rig) -> None:
    await rig.machine.run("systemctl stop rig-adapter; sleep 5")
    await rig.machine.run("systemctl start rig-adapter")


async def _bus_restarted(rig: Rig) -> None:
    await rig.machine.run("systemctl restart dbus")


async def _stalled(rig: Rig) -> None:
    key = await rig.radio.key(KEY)
    await key.misbehave(Misbehaviour.STALL)
    await touch(key)
    await rig.machine.run("sleep 5")
    await key.misbehave()
    await key.sleep()


async def _cut_off(rig: Rig) -> None:
    key = await rig.radio.key(KEY)
    await key.misbehave(Misbehaviour.DISCONNECT_MID_MESSAGE)
    await touch(key)
    await rig.machine.run("sleep 5")
    await key.misbehave()
    await key.sleep()


async def _crowd(rig: Rig) -> None:
    await rig.radio.crowd(STRANGERS)


FAULTS: Final[tuple[tuple[str, Callable[[Rig], Awaitable[None]]], ...]] = (
    ("a key that stalls mid-message", _stalled),
    ("a key that goes mid-message", _cut_off),
    (f"{STRANGERS} strangers' keys advertising", _crowd),
    ("bluetoothd killed", _bluetoothd_killed),
    ("adapter pulled out and put back", _adapter_pulled),
    ("D-Bus restarted", _bus_restarted),
)


async def _lost_bond(rig: Rig) -> None:
    """A key that forgot the door opens nothing, is said, and disturbs nobody."""
    # A second try needs another: this one may have forgotten its door already.
    number = len(await rig.radio.world.keys())
    name, holder = f"forgetful-{number}", "h-0002"
    enrolled = await enrol(rig, name, holder)
    rig.check(enrolled.code == 0, f"a second key is enrolled: {enrolled.said[-60:]!r}")
    if enrolled.code != 0:
        return
    forgetful = await rig.radio.key(name)
    rig.check(await opens(rig, forgetful), "the second key opens")
    await forgetful.lose_bond()
    before = len(released(rig))
    await touch(forgetful)
    said = await rig.machine.attempt(_BOND_LOST)
    await forgetful.sleep()
    rig.check(said.code == 0, "without its bond it is among the events")
    rig.safety(len(released(rig)) == before, "without its bond it opens nothing")
    key = await rig.radio.key(KEY)
    rig.check(await opens(rig, key), "the other key opens")
