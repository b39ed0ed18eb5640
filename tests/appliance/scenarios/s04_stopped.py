"""Processes that stand still (SIGSTOP) while the strike is released."""

from typing import Final

from tests.appliance.chip import value_path
from tests.appliance.rig import Rig
from tests.appliance.tasks import (
    KEY,
    PLAIN,
    SLACK_MS,
    opens,
    released,
    secured_again,
    touch,
)

TITLE: Final = "SIGSTOP of each of the two processes while the strike is released"
# The unit's WatchdogSec=5, systemd's own turn, and a new process: the stated bound.
WATCHDOG_MS_MAX: Final = 40_000


async def scenario(rig: Rig) -> None:
    """Stop each while the strike is released; see who ends the release, and when."""
    await rig.product.start()
    await rig.product.ready()
    cases = [
        ("keyra-gateway", PLAIN.release_ms + SLACK_MS, "keyra-strike's timer"),
        ("keyra-strike", WATCHDOG_MS_MAX, "systemd's watchdog"),
    ]
    if rig.amount.full:
        both = "keyra-strike keyra-gateway"
        cases.append((both, WATCHDOG_MS_MAX, "systemd's watchdog"))
    for unit, bound_ms, by in cases:
        await touch(await rig.radio.key(KEY))
        await rig.machine.run(
            f"until [ $(cat {value_path(PLAIN.strike_line)}) = 1 ];"
            f" do sleep 0.05; done; systemctl kill --signal=STOP {unit}"
        )
        await rig.radio.disperse()
        rig.check(await secured_again(rig), f"{unit} stopped: the strike is secured")
        lasted_ms = released(rig)[-1].lasted_ms
        rig.figure(f"{unit} stopped: released for ms, ended by {by}", lasted_ms)
        rig.safety(lasted_ms <= bound_ms, f"{unit} stopped: within {bound_ms} ms")
        await rig.product.ready()
        await rig.machine.until(f"systemctl is-active --quiet {unit}")
        key = await rig.radio.key(KEY)
        rig.check(await opens(rig, key), f"{unit} stopped: the next touch opens")
