"""The ledger on a disk that loses and reorders what was not flushed.

Busy use is recorded by dm-log-writes; here the disks that a power cut could have left
are made from the record, repaired as a boot would, and their ledgers verified.
"""

import asyncio
import gzip
import random
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.appliance.product import VKEY_PATH
from tests.appliance.rig import Rig
from tests.appliance.tasks import KEY, opens
from tests.appliance.write_log import Write, after_cut, last_mark, read_log

TITLE: Final = "Power cuts on a disk that reorders (dm-log-writes)"
FULL: Final = True
LIMIT_S: Final = 2_400
TOUCHES: Final = 12
CUTS: Final = 200
SEED: Final = 4
_PREPARE: Final = """
set -e
modprobe loop; modprobe dm-log-writes
cd /srv
truncate -s 64M base.img
mkfs.ext4 -q base.img
mount -o loop base.img /mnt; cp -a /var/lib/keyra/. /mnt/; umount /mnt
cp base.img data.img
truncate -s 512M log.img
data=$(losetup --find --show data.img); log=$(losetup --find --show log.img)
dmsetup create logged --table \
    "0 $(blockdev --getsz $data) log-writes $data $log"
mount /dev/mapper/logged /var/lib/keyra
"""
_MARKING: Final = """
while sleep 0.2; do
    size=$(curl --silent --max-time 5 --unix-socket /run/keyra/gateway.sock \
        http://localhost/v1/status | sed -n 's/.*"ledger_size": *\\([0-9]*\\).*/\\1/p')
    [ -z "$size" ] || dmsetup message logged 0 mark "$size" || exit 0
done
"""
_FINISH: Final = """
set -e
systemctl stop rig-marking keyra-gateway keyra-strike
umount /var/lib/keyra; dmsetup remove logged; losetup --detach-all
cd /srv; gzip -1 base.img log.img
"""
_VERIFIED: Final = re.compile(r"VERIFIED: (\d+) entries")


async def scenario(rig: Rig) -> None:
    """Record, and try the cuts on this side."""
    await rig.machine.run(_PREPARE, 300)
    await rig.product.start()
    await rig.product.ready()
    await rig.machine.put("/run/marking", _MARKING)
    await rig.machine.run("systemd-run --quiet --unit rig-marking sh /run/marking")
    key = await rig.radio.key(KEY)
    for _ in range(TOUCHES):
        rig.check(await opens(rig, key), "a touch opens")
    vkey = (await rig.machine.get(VKEY_PATH)).decode().strip()
    await rig.machine.run(_FINISH, 300)
    for name in ("base.img", "log.img"):
        packed = await rig.machine.get(f"/srv/{name}.gz")
        (rig.place / name).write_bytes(gzip.decompress(packed))
    writes = read_log(rig.place / "log.img")
    await _cuts(rig, writes, vkey)


async def _cuts(rig: Rig, writes: Sequence[Write], vkey: str) -> None:
    dice = random.Random(SEED)  # noqa: S311 - any moment will do
    lost, broken = [], []
    for _ in range(CUTS):
        cut = dice.randrange(1, len(writes) + 1)
        disk = rig.place / "cut.img"
        shutil.copyfile(rig.place / "base.img", disk)
        with disk.open("r+b") as file:
            for write in after_cut(writes, cut, dice):
                file.seek(write.at)
                file.write(write.data)
        said = await _verify(rig.place, disk, vkey)
        found = _VERIFIED.search(said)
        promised = int(last_mark(writes, cut) or 0)
        if found is None:
            broken.append(f"{cut}: {said[:200]}")
        elif int(found[1]) < promised:
            lost.append(f"{cut}: {found[1]} of {promised}")
    flushes = sum(write.flushes for write in writes)
    rig.figure(f"reordered cuts, of {len(writes)} writes, {flushes} flushes", str(CUTS))
    rig.safety(not broken, f"every ledger verifies {broken[:3] or ''}")
    rig.safety(not lost, f"no acknowledged entry is lost {lost[:3] or ''}")


async def _verify(place: Path, disk: Path, vkey: str) -> str:
    """Repair a disk as a boot does, take the ledger out of it, and verify it."""
    out = place / "cut"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    said = await _said("e2fsck", "-fy", str(disk))
    said += await _said("debugfs", "-R", f"rdump / {out}", str(disk))
    ledger = out / "ledger.db"
    if not ledger.exists():
        return said
    return await _said(
        *(sys.executable, "-m", "ledger", "verify", "--vkey", vkey, str(ledger))
    )


async def _said(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return said.decode(errors="replace")
