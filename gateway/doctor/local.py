"""This machine, looked at through its files, its kernel and its service manager."""

import fcntl
import grp
import importlib.util
import os
import pwd
import socket
import struct
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

from gateway.adapters.system_clock import SystemClock
from gateway.doctor.machine import PathFacts, PinFacts, Space
from ledger.reader import Reader

TEXT_BYTES_MAX: Final = 64 * 1024
NAMES_MAX: Final = 1_000
COMMAND_S_MAX: Final = 10
STRIKE_S_MAX: Final = 1.0
REPLY_BYTES_MAX: Final = 128

_PROPERTIES: Final = (
    "LoadState,ActiveState,SubState,Result,NRestarts,UnitFileState,RuntimeWatchdogUSec"
)
# linux/gpio.h: struct gpiochip_info, and struct gpio_v2_line_info up to its flags.
_CHIP_INFO: Final = struct.Struct("32s32sI")
_GET_CHIP_INFO: Final = 0x8044B401
_LINE_INFO: Final = struct.Struct("32s32sIIQ176x")
_GET_LINE_INFO: Final = 0xC100B405
_LINE_USED: Final = 1


class LocalMachine:
    """A Machine whose files lie below `root`, and whose rest is this machine's."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root: Final = root

    def _at(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def read(self, path: str) -> str | None:
        """See Machine."""
        try:
            with self._at(path).open("rb") as file:
                return file.read(TEXT_BYTES_MAX).decode(errors="replace")
        except OSError:
            return None

    def names(self, folder: str) -> tuple[str, ...]:
        """See Machine."""
        try:
            found = sorted(entry.name for entry in self._at(folder).iterdir())
        except OSError:
            return ()
        return tuple(found[:NAMES_MAX])

    def facts(self, path: str) -> PathFacts | None:
        """See Machine."""
        try:
            found = self._at(path).stat()
        except OSError:
            return None
        return PathFacts(
            found.st_mode & 0o7777, _user(found.st_uid), _group(found.st_gid)
        )

    def target(self, path: str) -> str | None:
        """See Machine."""
        try:
            return str(self._at(path).readlink())
        except OSError:
            return None

    def space(self, path: str) -> Space | None:
        """See Machine."""
        try:
            found = os.statvfs(self._at(path))
        except OSError:
            return None
        return Space(
            found.f_bavail * found.f_frsize,
            found.f_favail if found.f_files else 1 << 30,  # btrfs and vfat count none
            bool(found.f_flag & os.ST_RDONLY),
        )

    def unit(self, name: str) -> Mapping[str, str]:
        """See Machine."""
        # The manager's own watchdog is a property of no unit.
        names = [name] if name else []
        try:
            done = subprocess.run(  # noqa: S603 - fixed words and our own units' names
                ["systemctl", "show", f"--property={_PROPERTIES}", *names],  # noqa: S607 - where the machine has it
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_S_MAX,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return {}
        pairs = (line.partition("=") for line in done.stdout.splitlines())
        return {key: value for key, _, value in pairs}

    def pin(self, chip: int, line: int) -> PinFacts | None:
        """See Machine."""
        try:
            handle = os.open(self._at(f"/dev/gpiochip{chip}"), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        asked = _LINE_INFO.pack(b"", b"", line, 0, 0)
        try:
            told = fcntl.ioctl(handle, _GET_CHIP_INFO, bytes(_CHIP_INFO.size))
            found = fcntl.ioctl(handle, _GET_LINE_INFO, asked)
        except OSError:
            return None
        finally:
            os.close(handle)
        _, label, _ = _CHIP_INFO.unpack(told)
        _, user, _, _, flags = _LINE_INFO.unpack(found)
        return PinFacts(
            _text(label), (_text(user) or "?") if flags & _LINE_USED else ""
        )

    def module(self, name: str) -> str | None:
        """See Machine."""
        found = importlib.util.find_spec(name)
        return found.origin if found else None

    def version(self, distribution: str) -> str | None:
        """See Machine."""
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            return None

    def uid(self, user: str) -> int | None:
        """See Machine."""
        try:
            return pwd.getpwnam(user).pw_uid
        except KeyError:
            return None

    def own_uid(self) -> int:
        """See Machine."""
        return os.geteuid()

    def clock_error_ms(self) -> int:
        """See Machine."""
        return SystemClock().now().err_ms

    def wall_ms(self) -> int:
        """See Machine."""
        return SystemClock().now().wall_ms

    def strike_says(self, socket_path: str) -> str | None:
        """See Machine."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
            wire.settimeout(STRIKE_S_MAX)
            try:
                wire.connect(str(self._at(socket_path)))
                return wire.recv(REPLY_BYTES_MAX).decode("ascii", "replace").strip()
            except OSError:
                return None

    def ledger_size(self, path: str) -> int:
        """See Machine."""
        with Reader.open(self._at(path)) as reader:
            return reader.size()


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("ascii", "replace")
