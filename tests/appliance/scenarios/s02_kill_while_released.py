"""What becomes of a released strike when one of its two processes dies."""

from typing import Final

from gateway.strike.wiring import Relay
from tests.appliance.chip import value_path
from tests.appliance.product import Wires
from tests.appliance.rig import ENROLLED, Rig
from tests.appliance.tasks import (
    KEY,
    SLACK_MS,
    opens,
    released,
    secured_again,
    touch,
)

TITLE: Final = (
    "kill -9 while the strike is released; no edge at start, stop and restart"
)
# systemd sees the death, waits RestartSec=1 and starts a new one.
SUCCESSOR_MS_MAX: Final = 30_000
LIMIT_S: Final = 1_200


async def scenario(rig: Rig) -> None:
    """Go through both polarities, with outputs that are kept and not."""
    for relay in (Relay.ACTIVE_LOW, Relay.ACTIVE_HIGH):
        for keeps in (True, False):
            thorough = rig.amount.full or (keeps and relay is Relay.ACTIVE_LOW)
            await _combination(rig, Wires(relay), keeps=keeps, thorough=thorough)


async def _combination(rig: Rig, wires: Wires, *, keeps: bool, thorough: bool) -> None:
    what = f"{wires.relay.value}, outputs {'kept' if keeps else 'let go'}"
    await rig.load(ENROLLED)
    await rig.product.rewire(wires)
    await rig.chip.persist(keeps=keeps)
    rig.chip.forget()
    await rig.product.start()
    await rig.product.ready()
    rig.safety(not released(rig, wires), f"{what}: no edge at start")

    await _kill(rig, wires, "keyra-strike")
    rig.check(await secured_again(rig, wires), f"{what}: keyra-strike killed, secured")
    lasted_ms = released(rig, wires)[-1].lasted_ms
    rig.figure(f"{what}: keyra-strike killed, released for ms", lasted_ms)
    rig.safety(lasted_ms <= SUCCESSOR_MS_MAX, f"{what}: within systemd's bound")

    await rig.product.ready()
    await _kill(rig, wires, "keyra-gateway")
    rig.check(await secured_again(rig, wires), f"{what}: gateway killed, secured")
    lasted_ms = released(rig, wires)[-1].lasted_ms
    rig.figure(f"{what}: gateway killed, released for ms", lasted_ms)
    rig.safety(lasted_ms <= wires.release_ms + SLACK_MS, f"{what}: within its budget")
    if thorough:
        await _quiet_life(rig, wires, what)


async def _quiet_life(rig: Rig, wires: Wires, what: str) -> None:
    await rig.product.ready()
    key = await rig.radio.key(KEY)
    rig.check(await opens(rig, key, wires), f"{what}: the next touch opens")
    before = len(released(rig, wires))
    await rig.machine.run("systemctl restart keyra-gateway")
    await rig.machine.run("systemctl restart keyra-strike")
    await rig.product.ready()
    await rig.product.stop()
    await rig.product.start()
    same = len(released(rig, wires)) == before
    rig.safety(same, f"{what}: no edge at restart, stop and start")


async def _kill(rig: Rig, wires: Wires, unit: str) -> None:
    """Have the door opened, and kill a unit's process while it is released."""
    key = await rig.radio.key(KEY)
    await touch(key)
    level = 1 if wires.relay is Relay.ACTIVE_HIGH else 0
    value = value_path(wires.strike_line)
    await rig.machine.run(
        f"until [ $(cat {value}) = {level} ]; do sleep 0.05; done;"
        f" systemctl kill --signal=KILL {unit}"
    )
    await key.sleep()
