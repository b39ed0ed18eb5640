"""What scenarios do again and again: enrol somebody, have a door opened, verify."""

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.sim.remote import RemoteKey
from tests.appliance.product import KEYRA, LEDGER_PATH, SEAL_KEY_PATH, VKEY_PATH, Wires
from tests.appliance.rig import Rig
from tests.killing import Opening, openings

HOLDER: Final = "h-0001"
KEY: Final = "first"
TOUCH_S_MAX: Final = 60
ENROL_S_MAX: Final = 240
PLAIN: Final = Wires()
# "Emulated, busy": such a processor lets a timer that is due wait for its turn.
SLACK_MS: Final = 4_000
# From the durable entry to the strike's edge; emulated, busy.
GRANT_AGE_MS_MAX: Final = 10_000
EXPORT: Final = "export.jsonl"
_QUESTION: Final = re.compile(r"Does the key show (\d{3}) (\d{3})\?")


async def until(holds: Callable[[], Awaitable[object]], within_s: float) -> None:
    """Wait for something outside this process.

    Raises:
        TimeoutError: it did not come.
    """
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - other machines have no events here
            await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """How `keyra enrol` ended.

    Attributes:
        said: what it printed.
        same_number: whether key and terminal showed the same six digits.
    """

    code: int
    said: str
    same_number: bool


async def enrol(rig: Rig, name: str = KEY, holder: str = HOLDER) -> Enrolled:
    """Enrol a key with the product's own command, as a person at a terminal would."""
    key = await rig.radio.key(name)
    await rig.machine.run("rm -rf /run/enrol; mkdir /run/enrol; mkfifo /run/enrol/in")
    await rig.machine.spawn(
        "cd /run/enrol; exec 3<>in; "
        f"{KEYRA} enrol {holder} --name 'A holder' --group staff <&3 >out 2>err; "
        "echo $? >code.new; mv code.new code"
    )
    await rig.machine.until("grep -q '^armed' /run/enrol/out", ENROL_S_MAX)
    await key.touch(times=2)
    await key.pairing_mode()
    await rig.machine.until(
        "grep -q 'y/N' /run/enrol/err || test -e /run/enrol/code", ENROL_S_MAX
    )
    question = _QUESTION.search(await rig.machine.run("cat /run/enrol/err"))
    shown = (await key.state()).shown_number
    same = question is not None and int(question[1] + question[2]) == shown
    await rig.machine.run(f"echo {'y' if same else 'n'} >/run/enrol/in")
    await rig.machine.until("test -e /run/enrol/code", ENROL_S_MAX)
    code = int(await rig.machine.run("cat /run/enrol/code"))
    said = await rig.machine.run("cat /run/enrol/out /run/enrol/err")
    await key.sleep()
    return Enrolled(code, said, same)


def released(rig: Rig, wires: Wires = PLAIN) -> Sequence[Opening]:
    """Return the openings of the strike in the chip's trace, oldest first.

    A trace that begins in the middle of an opening is no valid question.
    """
    return openings(rig.chip.trace(wires.strike_line), wires.relay)


async def boot(rig: Rig) -> str:
    """Return this boot's name in the ledger."""
    name = await rig.machine.run("cat /proc/sys/kernel/random/boot_id")
    return name.replace("-", "")[:16]


def check_openings(rig: Rig, what: str, seen: Sequence[Opening], boot: str) -> bool:
    """Each opening in the chip's trace has a grant of its own, and ended in time.

    Args:
        what: begins the sentences.
        seen: openings of one boot.
        boot: the name of that boot in the ledger, whose export `verified` has made.
    """
    lines = map(json.loads, (rig.place / EXPORT).read_text().splitlines())
    grants_ms = [
        line["up"]
        for line in lines
        if line.get("ev") == "door.grant" and line["boot"] == boot
    ]
    unexplained = []
    for opening in seen:
        fitting = [
            up_ms
            for up_ms in grants_ms
            if 0 <= opening.start_ns / 1e6 - up_ms <= GRANT_AGE_MS_MAX
        ]
        if fitting:
            grants_ms.remove(fitting[0])
        else:
            unexplained.append(opening)
    sentence = f"{what}: {len(seen)} openings seen, each with its entry"
    explained = rig.safety(not unexplained, f"{sentence}{unexplained or ''}")
    longest_ms = max((o.lasted_ms for o in seen if o.end_ns is not None), default=0.0)
    bound_ms = PLAIN.release_ms + SLACK_MS
    in_time = f"{what}: none was longer than {bound_ms} ms"
    return rig.safety(longest_ms <= bound_ms, in_time) and explained


async def alone(key: RemoteKey) -> None:
    """Wait until the door has let go of a key."""

    async def free() -> bool:
        return not (await key.state()).connected

    await until(free, TOUCH_S_MAX)


async def touch(key: RemoteKey) -> None:
    """Put a finger on a key and hold it before the door."""
    await alone(key)
    await key.touch()
    await key.present()


async def opens(
    rig: Rig, key: RemoteKey, wires: Wires = PLAIN, within_s: float = TOUCH_S_MAX
) -> bool:
    """Touch; tell whether the strike was released within that time, and secured again.

    A touch that the door did not take in time is taken back.
    """
    before = len(released(rig, wires))
    await touch(key)
    try:
        return await opened_again(rig, before, wires, within_s)
    finally:
        await key.sleep()


async def opened_again(
    rig: Rig, before: int, wires: Wires = PLAIN, within_s: float = TOUCH_S_MAX
) -> bool:
    """Wait for one opening more than there were; tell whether it came and ended."""

    async def one_more() -> bool:
        found = released(rig, wires)
        return len(found) > before and found[-1].end_ns is not None

    try:
        await until(one_more, within_s)
    except TimeoutError:
        return False
    return True


async def secured_again(
    rig: Rig, wires: Wires = PLAIN, within_s: float = TOUCH_S_MAX
) -> bool:
    """Wait for the end of the newest opening; tell whether it came."""

    async def ended() -> bool:
        found = released(rig, wires)
        return bool(found) and found[-1].end_ns is not None

    try:
        await until(ended, within_s)
    except TimeoutError:
        return False
    return True


async def verified(rig: Rig) -> tuple[bool, str]:
    """Take an export out of the machine; verify it here, each opening anew.

    Returns:
        Whether it verifies, and what the verifier said.
    """
    await rig.machine.run(
        f"rm -f /run/export; {KEYRA}-ledger export {LEDGER_PATH} --output /run/export"
    )
    export, seal_key = rig.place / EXPORT, rig.place / "seal-key"
    export.write_bytes(await rig.machine.get("/run/export"))
    seal_key.write_bytes(await rig.machine.get(SEAL_KEY_PATH))
    vkey = (await rig.machine.get(VKEY_PATH)).decode().strip()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ledger", "verify", "--deep", "--vkey", vkey),
        *("--seal-key", str(seal_key), str(export)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode == 0, said.decode().strip()
