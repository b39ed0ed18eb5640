"""Which machine is made: the suite of its userland, and its processor's architecture.

Everything that differs between one kind of machine and another is said here.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

# More by far than a build takes on quiet processors. A foreign root file system is set
# up by its own programs, each emulated.
BUILD_S_MAX: Final = 900
FOREIGN_BUILD_S_MAX: Final = 5_400


class Suite(StrEnum):
    """A release of Debian that Raspberry Pi OS is made from."""

    TRIXIE = "trixie"
    BOOKWORM = "bookworm"


class Architecture(StrEnum):
    """A processor's architecture, by Debian's name."""

    AMD64 = "amd64"
    ARM64 = "arm64"


_PYTHON: Final = {Suite.TRIXIE: "3.13", Suite.BOOKWORM: "3.11"}
_MACHINE: Final = {Architecture.AMD64: "x86_64", Architecture.ARM64: "aarch64"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of machine; one with Raspberry Pi OS as it is now, unless it says other.

    Attributes:
        suite: of the userland. The kernel is the same in both, as Raspberry Pi OS's is.
        processors: how many it has. Machines of one each can run side by side.
    """

    suite: Suite = Suite.TRIXIE
    architecture: Architecture = Architecture.AMD64
    processors: int = 2

    def __str__(self) -> str:
        """Return its name, as in trixie-amd64."""
        return f"{self.suite}-{self.architecture}"

    @property
    def python(self) -> str:
        """Python and machine, as install.sh wants them for a wheelhouse."""
        return f"{_PYTHON[self.suite]}-{_MACHINE[self.architecture]}"

    @property
    def emulator(self) -> str:
        """QEMU's program for it."""
        return f"qemu-system-{_MACHINE[self.architecture]}"

    @property
    def has_device_tree(self) -> bool:
        """Whether a device tree says what its board is, as on a Pi."""
        return self.architecture is Architecture.ARM64

    @property
    def build_s_max(self) -> int:
        """How long the guest may take to build, in seconds."""
        if self.architecture is Architecture.ARM64:
            return FOREIGN_BUILD_S_MAX
        return BUILD_S_MAX

    @property
    def build_more_min(self) -> float:
        """How much longer than the usual guest's its build may take, in minutes."""
        return (self.build_s_max - BUILD_S_MAX) / 60

    def board(self, dump: Path | None = None) -> tuple[str, ...]:
        """Return QEMU's arguments for board and processors.

        Args:
            dump: write the board's device tree to that file and do nothing else.
        """
        processors = ("-smp", str(self.processors))
        if self.architecture is Architecture.AMD64:
            return ("-M", "q35", "-cpu", "max", *processors)
        machine = "virt" if dump is None else f"virt,dumpdtb={dump}"
        return ("-M", machine, "-cpu", "cortex-a72", *processors)

    @property
    def command_line(self) -> str:
        """What only this kind's kernel is told: where its console is."""
        if self.architecture is Architecture.ARM64:
            return "console=ttyAMA0"
        # A loaded state finds that time has passed: no fault of the time stamp counter.
        return "console=ttyS0 tsc=reliable"
