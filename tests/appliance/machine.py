"""The appliance as a machine: power, commands, files, and its saved states.

It is emulated in software (TCG), so that nothing depends on the host's processor. Its
only ways out are the serial console, which is a log, the agent's channel, through which
commands come, and the Bluetooth controller. There is no network at all.
"""

import asyncio
import base64
import shlex
import shutil
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.appliance.board import make_device_tree
from tests.appliance.channel import Channel, ChannelError, open_monitor
from tests.appliance.kind import Kind

BOOT_S_MAX: Final = 300
LOOK_AGAIN_S: Final = 0.05
# What asks the machine costs it time that its own work needs.
ASK_AGAIN_S_MAX: Final = 1.0
TRY_AGAIN_S: Final = 0.5
COMMAND_S_MAX: Final = 120
MEMORY_MIB: Final = 1024
_TIMED_OUT: Final = 124
_CHUNK_BYTES: Final = 1 << 20
_CMDLINE: Final = (
    "root=/dev/vda rw quiet loglevel=3 log_buf_len=8M mitigations=off "
    "nokaslr random.trust_cpu=on audit=0 selinux=0 apparmor=0 systemd.show_status=0"
)
_MEMORY: Final = ("-m", str(MEMORY_MIB))
# Files are in the directory where QEMU is started.
_HARDWARE: Final = """
-accel tcg,thread=multi,tb-size=512 -nodefaults -display none -no-reboot
-drive file=disk.qcow2,if=none,id=disk,format=qcow2,cache=unsafe
-device virtio-blk-pci,drive=disk
-drive file=payload,if=none,id=payload,format=raw,readonly=on
-device virtio-blk-pci,drive=payload
-device virtio-rng-pci -device virtio-serial-pci -device i6300esb
-chardev socket,id=hci,path=hci.sock,reconnect=1
-device virtconsole,chardev=hci
-chardev socket,id=agent,path=agent,server=on,wait=off
-device virtserialport,chardev=agent,name=org.qemu.guest_agent.0
-qmp unix:monitor,server=on,wait=off
-chardev file,id=console,path=console.log,append=on -serial chardev:console
"""


class MachineError(Exception):
    """The machine did not do what was asked of it."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


class Machine:
    """One virtual machine over one disk; powered off at first.

    Args:
        kind: what it is.
        image: directory of the built guest: vmlinuz, initrd.img, disk.ext4.
        place: directory of this machine's own files. There are `hci.sock`, where the
            Bluetooth controller listens, and `payload`, the second disk, read-only.
    """

    def __init__(self, kind: Kind, image: Path, place: Path) -> None:
        self._kind: Final = kind
        self._image: Final = image
        self._place: Final = place
        self._disk: Final = place / "disk.qcow2"
        self._tree: Final = place / "board.dtb"
        self._qemu: Process | None = None
        self._monitor: Channel | None = None
        self._agent: Channel | None = None

    # Power.

    async def start(self, state: str | None = None) -> None:
        """Power on and wait until commands are taken.

        Args:
            state: a saved state to go on from, instead of booting.
        """
        if not self._disk.exists():
            await self._make_disk()
        if self._kind.has_device_tree and not self._tree.exists():
            await make_device_tree(self._kind, _MEMORY, self._tree)
        for name in ("monitor", "agent"):
            (self._place / name).unlink(missing_ok=True)
        with (self._place / "qemu.log").open("ab") as log:
            self._qemu = await asyncio.create_subprocess_exec(
                *self._arguments(state),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._place,
            )
        async with asyncio.timeout(BOOT_S_MAX):
            self._monitor = await open_monitor(await self._socket("monitor"))
            self._agent = await Channel.connect(await self._socket("agent"))
            await self._answers()

    async def cut_power(self) -> None:
        """Kill QEMU: what the guest had not written to its disk is lost."""
        await self._gone(kill=True)

    async def reboot(self) -> None:
        """Let the guest shut down in good order, and power on again."""
        await self.spawn("systemctl reboot")
        async with asyncio.timeout(BOOT_S_MAX):
            await self._gone(kill=False)
        await self.start()

    async def resets(self, within_s: float) -> bool:
        """Wait for a reset from inside, which ends QEMU; tell whether it came."""
        try:
            async with asyncio.timeout(within_s):
                await self._gone(kill=False)
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Power off, whatever the state."""
        await self._gone(kill=True)

    async def forget(self) -> None:
        """Be a machine that was never switched on."""
        await self.stop()
        self._disk.unlink(missing_ok=True)

    # States.

    async def save(self, name: str) -> None:
        """Save memory and disk under a name."""
        await self._human("stop", f"savevm {name}", "cont")

    async def load(self, name: str) -> None:
        """Go on from a saved state, as if nothing had happened since."""
        await self._human("stop", f"loadvm {name}", "cont")
        async with asyncio.timeout(BOOT_S_MAX):
            await self._answers()

    async def go_back(self, state: str) -> None:
        """Go on from a saved state, whatever became of the machine since."""
        if self._qemu is not None and self._qemu.returncode is None:
            with suppress(ChannelError, MachineError, TimeoutError):
                await self.load(state)
                return
        await self.stop()
        await self.start(state)

    # Commands.

    async def attempt(self, command: str, within_s: float = COMMAND_S_MAX) -> Done:
        """Run a shell command as root; return how it ended.

        Raises:
            MachineError: it did not end in time.
        """
        agent = self._the(self._agent)
        arguments = {
            "path": "/usr/bin/timeout",
            "arg": ["--kill-after=5", str(within_s), "/bin/sh", "-c", command],
            "capture-output": True,
        }
        pid = (await agent.ask("guest-exec", arguments))["pid"]
        pause_s = 0.01
        while not (state := await agent.ask("guest-exec-status", {"pid": pid}))[
            "exited"
        ]:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, ASK_AGAIN_S_MAX)
        done = Done(
            state.get("exitcode", -state.get("signal", 0)),
            _text(state.get("out-data", "")),
            _text(state.get("err-data", "")),
        )
        if done.code == _TIMED_OUT:
            raise MachineError(f"`{command}` did not end within {within_s} s.\n{done}")
        return done

    async def run(self, command: str, within_s: float = COMMAND_S_MAX) -> str:
        """Run a shell command as root; return its output.

        Raises:
            MachineError: it failed.
        """
        done = await self.attempt(command, within_s)
        if done.code != 0:
            raise MachineError(
                f"`{command}` failed ({done.code}):\n{done.out}{done.err}".rstrip()
            )
        return done.out.strip()

    async def spawn(self, command: str) -> None:
        """Start a shell command that goes on by itself."""
        quoted = shlex.quote(command)
        await self.run(f"systemd-run --quiet --collect /bin/sh -c {quoted}")

    async def until(self, command: str, within_s: float = COMMAND_S_MAX) -> None:
        """Wait until a shell command succeeds.

        Raises:
            MachineError: it never did.
        """
        again = f"do sleep {TRY_AGAIN_S}; done"
        await self.run(f"until {command}; {again} >/dev/null", within_s)

    async def put(self, path: str, content: str | bytes) -> None:
        """Write a file."""
        data = content.encode() if isinstance(content, str) else content
        agent = self._the(self._agent)
        handle = await agent.ask("guest-file-open", {"path": path, "mode": "w"})
        for start in range(0, len(data), _CHUNK_BYTES):
            chunk = base64.b64encode(data[start : start + _CHUNK_BYTES]).decode()
            await agent.ask("guest-file-write", {"handle": handle, "buf-b64": chunk})
        await agent.ask("guest-file-close", {"handle": handle})

    async def get(self, path: str) -> bytes:
        """Read a file."""
        agent = self._the(self._agent)
        handle = await agent.ask("guest-file-open", {"path": path, "mode": "r"})
        data = b""
        while True:
            piece = await agent.ask(
                "guest-file-read", {"handle": handle, "count": _CHUNK_BYTES}
            )
            data += base64.b64decode(piece["buf-b64"])
            if piece["eof"]:
                break
        await agent.ask("guest-file-close", {"handle": handle})
        return data

    async def wall_ns(self) -> int:
        """Return the machine's wall clock, in nanoseconds of Unix time."""
        return int(await self._the(self._agent).ask("guest-get-time"))

    # Inside.

    async def _human(self, *commands: str) -> None:
        """Give commands of the human monitor; what they say is an error."""
        monitor = self._the(self._monitor)
        for command in commands:
            said = await monitor.ask("human-monitor-command", {"command-line": command})
            if said.strip():
                raise MachineError(f"{command}: {said.strip()}")

    def _the(self, channel: Channel | None) -> Channel:
        if channel is None:
            raise MachineError("The machine is off.")
        return channel

    async def _answers(self) -> None:
        while not await self._the(self._agent).sync(within_s=1):
            if self._qemu is None or self._qemu.returncode is not None:
                raise MachineError(f"QEMU ended; see {self._place}/qemu.log.")

    async def _socket(self, name: str) -> Path:
        path = self._place / name
        while not path.is_socket():
            if self._qemu is None or self._qemu.returncode is not None:
                raise MachineError(f"QEMU did not start; see {self._place}/qemu.log.")
            await asyncio.sleep(LOOK_AGAIN_S)
        return path

    async def _gone(self, *, kill: bool) -> None:
        if self._qemu is not None:
            with suppress(ProcessLookupError):
                if kill:
                    self._qemu.kill()
            await self._qemu.wait()
        for channel in (self._monitor, self._agent):
            if channel is not None:
                channel.close()
        self._qemu = self._monitor = self._agent = None

    async def _make_disk(self) -> None:
        qemu_img = shutil.which("qemu-img")
        if qemu_img is None:
            raise MachineError("qemu-img is not installed.")
        process = await asyncio.create_subprocess_exec(
            *(qemu_img, "create", "-q", "-f", "qcow2"),
            *("-b", str(self._image / "disk.ext4"), "-F", "raw", str(self._disk)),
        )
        if await process.wait() != 0:
            raise MachineError(f"{self._disk} cannot be made.")

    def _arguments(self, state: str | None) -> list[str]:
        return [
            # It ends with the rig, however that ends.
            *("setpriv", "--pdeathsig", "KILL", self._kind.emulator),
            *self._kind.board(),
            *_MEMORY,
            *_HARDWARE.split(),
            *(("-dtb", str(self._tree)) if self._kind.has_device_tree else ()),
            *("-kernel", str(self._image / "vmlinuz")),
            *("-initrd", str(self._image / "initrd.img")),
            *("-append", f"{self._kind.command_line} {_CMDLINE}"),
            *(() if state is None else ("-loadvm", state)),
        ]


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode(errors="replace")
