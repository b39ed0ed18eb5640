"""What the machine says of itself: heat, disk, memory. What it lacks is left out."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

SYSTEM: Final = Path("/")
ZONES_MAX: Final = 16

_MILLI: Final = 1000
_KIB_PER_MIB: Final = 1024


class MachineSensors:
    """ports.Sensors from /sys, /proc and the file system of the state directory."""

    def __init__(self, state_dir: Path, system: Path = SYSTEM) -> None:
        """Read under `system`, which is the machine's own root but in a test."""
        self._state_dir: Final = state_dir
        self._system: Final = system

    def read(self) -> Mapping[str, int]:
        """Return the levels that can be read, by a name that ends in its unit."""
        return dict([*self._heat(), *self._disk(), *self._memory()])

    def _heat(self) -> Iterator[tuple[str, int]]:
        """The hottest zone; a Raspberry Pi has one."""
        zones = sorted((self._system / "sys/class/thermal").glob("thermal_zone*/temp"))
        celsius = [
            value // _MILLI for zone in zones[:ZONES_MAX] for value in _numbers(zone)
        ]
        if celsius:
            yield "temperature_celsius", max(celsius)

    def _disk(self) -> Iterator[tuple[str, int]]:
        try:
            disk = os.statvfs(self._state_dir)
        except OSError:
            return
        if disk.f_blocks:
            yield "disk_free_percent", disk.f_bavail * 100 // disk.f_blocks

    def _memory(self) -> Iterator[tuple[str, int]]:
        try:
            lines = (self._system / "proc/self/status").read_text().splitlines()
        except OSError:
            return
        for line in lines:
            name, _, rest = line.partition(":")
            words = rest.split()
            if name == "VmRSS" and words and words[0].isdecimal():
                yield "memory_mib", int(words[0]) // _KIB_PER_MIB


def _numbers(path: Path) -> Iterator[int]:
    try:
        yield int(path.read_text())
    except (OSError, ValueError):
        return
