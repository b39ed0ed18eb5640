"""install.sh on a machine that is a door already."""

import re
import time
from typing import Final

from tests.appliance.product import INSTALL, INSTALL_S_MAX, KEYRA, LEDGER_PATH
from tests.appliance.rig import Rig
from tests.appliance.tasks import KEY, opens, released

TITLE: Final = (
    "install.sh twice, upgrade, rollback, an upgrade that is broken, uninstall"
)
FULL: Final = True
LIMIT_S: Final = 2_400
UNITS: Final = ("keyra-gateway", "keyra-strike")
TREE: Final = "/srv/payload/tree"
UPGRADE: Final = (
    f"{TREE}/install.sh --upgrade --unattended --offline /srv/payload/wheelhouse 2>&1"
)
BOOTSTRAP: Final = f"{TREE}/gateway/bootstrap/__init__.py"
CURRENT: Final = "readlink /opt/keyra/current"
_EXPOSURE: Final = re.compile(r"level for \S+: ([\d.]+)")


async def scenario(rig: Rig) -> None:
    """A whole life of an installation; the strike's line is watched all along."""
    await rig.product.start()
    await rig.product.ready()
    for unit in UNITS:
        said = await rig.machine.run(f"systemd-analyze security --no-pager {unit}")
        exposure = _EXPOSURE.search(said)
        value = float(exposure[1]) if exposure else 10.0
        rig.figure(f"{unit}: exposure", value, emulated=False)
        rig.check(value <= 1.5, f"{unit}: exposure {value} is 1.5 or better")

    said = await rig.machine.run(f"{INSTALL} 2>&1", INSTALL_S_MAX)
    rig.check("Nothing to do" in said, f"install.sh again: {said[-80:]!r}")
    rig.safety(not released(rig), "install.sh again: no edge")
    await _upgrade_and_back(rig)
    rig.safety(not released(rig), "upgrade and rollback: no edge")
    await _broken_upgrade(rig)
    rig.safety(not released(rig), "broken upgrade: no edge")
    key = await rig.radio.key(KEY)
    rig.check(await opens(rig, key), "a touch opens")
    await _uninstall(rig)


async def _upgrade_and_back(rig: Rig) -> None:
    before = await rig.machine.run(CURRENT)
    await rig.machine.run(f"cp {BOOTSTRAP} /run/kept; echo >>{BOOTSTRAP}")
    started = time.monotonic()
    done = await rig.machine.attempt(UPGRADE, INSTALL_S_MAX)
    rig.figure("upgrade, s", time.monotonic() - started)
    rig.check(done.code == 0, f"an upgrade is done: {done.out[-120:]!r}")
    rig.check(await rig.machine.run(CURRENT) != before, "the new version runs")
    await rig.product.ready()
    done = await rig.machine.attempt(
        f"{TREE}/install.sh --rollback --unattended 2>&1", INSTALL_S_MAX
    )
    rig.check(done.code == 0, f"a rollback is done: {done.out[-120:]!r}")
    rig.check(await rig.machine.run(CURRENT) == before, "the old version runs")
    await rig.product.ready()


async def _broken_upgrade(rig: Rig) -> None:
    """What is broken shows only once the new version has been switched to."""
    before = await rig.machine.run(CURRENT)
    await rig.machine.run(
        f"cp /run/kept {BOOTSTRAP};"
        f" echo 'import os, sys; \"run\" in sys.argv and os._exit(70)' >>{BOOTSTRAP}"
    )
    done = await rig.machine.attempt(UPGRADE, INSTALL_S_MAX)
    await rig.machine.run(f"cp /run/kept {BOOTSTRAP}")
    rig.check(done.code == 70, f"a broken upgrade is said: {done.out[-120:]!r}")
    rig.check("going back" in done.out, "it was switched to, and back")
    rig.check(await rig.machine.run(CURRENT) == before, "the version before runs again")
    await rig.product.ready()


async def _uninstall(rig: Rig) -> None:
    await rig.machine.run(f"{TREE}/install.sh --uninstall --unattended 2>&1", 300)
    left = await rig.machine.run(
        "find /etc /usr /opt /run /var -xdev -iname '*keyra*' 2>/dev/null"
        # The ledger's, the rig's own, and what systemd remembers until the next boot.
        " | grep -Ev '^/var/lib/keyra|rig.conf|keyra-root.pem|/log/|/run/systemd|"
        "gateway.service.d$' || true"
    )
    rig.check(not left, f"uninstall leaves nothing but the ledger: {left!r}")
    rig.check(
        (await rig.machine.attempt(f"test -s {LEDGER_PATH}")).code == 0,
        "the ledger is still there",
    )
    gone = (await rig.machine.attempt(f"test -e {KEYRA}")).code != 0
    rig.check(gone, "the command is gone")
