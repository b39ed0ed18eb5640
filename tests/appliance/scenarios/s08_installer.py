"""install.sh on a machine that is a door already."""

import re
from typing import Final

from tests.appliance.product import INSTALL, INSTALL_S_MAX, KEYRA, LEDGER_PATH
from tests.appliance.rig import Rig
from tests.appliance.tasks import KEY, opens, released

TITLE: Final = "install.sh twice, an upgrade that is broken, exposure, uninstall"
FULL: Final = True
UNITS: Final = ("keyra-gateway", "keyra-strike")
TREE: Final = "/srv/payload/tree"
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
    await _broken_upgrade(rig)
    rig.check(not released(rig), "no edge on the strike's line in all this")
    key = await rig.radio.key(KEY)
    rig.check(await opens(rig, key), "a touch opens")
    await _uninstall(rig)


async def _broken_upgrade(rig: Rig) -> None:
    before = await rig.machine.run("readlink /opt/keyra/current")
    await rig.machine.run(
        f"cp {TREE}/gateway/bootstrap/__init__.py /run/kept;"
        f" echo 'raise SystemExit(70)' >>{TREE}/gateway/bootstrap/__init__.py"
    )
    done = await rig.machine.attempt(
        f"{TREE}/install.sh --upgrade --unattended --offline /srv/payload/wheelhouse"
        " 2>&1",
        INSTALL_S_MAX,
    )
    await rig.machine.run(f"cp /run/kept {TREE}/gateway/bootstrap/__init__.py")
    rig.check(done.code != 0, f"a broken upgrade is said: {done.out[-120:]!r}")
    after = await rig.machine.run("readlink /opt/keyra/current")
    rig.check(after == before, "the version before runs again, by itself")
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
