"""What the checks ask of a machine: looking only, and never waiting long."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PathFacts:
    """Whose a path is: names, or numbers where there is no name; mode without type."""

    mode: int
    owner: str
    group: str


@dataclass(frozen=True, slots=True)
class Space:
    """Room on a file system."""

    free_bytes: int
    free_files: int
    read_only: bool


@dataclass(frozen=True, slots=True)
class PinFacts:
    """What the kernel says of one line of a GPIO chip.

    Attributes:
        label: the chip's, such as pinctrl-bcm2711.
        user: what holds the line calls itself so; empty while nobody does.
    """

    label: str
    user: str


class Machine(Protocol):
    """A machine that is looked at."""

    def read(self, path: str) -> str | None:
        """Return a short text file, or None if it cannot be read."""

    def names(self, folder: str) -> tuple[str, ...]:
        """Return what lies in a folder, sorted; nothing if it cannot be listed."""

    def facts(self, path: str) -> PathFacts | None:
        """Return whose a path is, or None if it is not there."""

    def target(self, path: str) -> str | None:
        """Return where a symbolic link leads, or None if it is none."""

    def space(self, path: str) -> Space | None:
        """Return the room where a path lies."""

    def unit(self, name: str) -> Mapping[str, str]:
        """Return a unit's properties, as systemctl(1) shows them; empty if none."""

    def pin(self, chip: int, line: int) -> PinFacts | None:
        """Return what the kernel says of a line, or None if it says nothing."""

    def module(self, name: str) -> str | None:
        """Return the file that `import name` would load, or None; loads nothing."""

    def version(self, distribution: str) -> str | None:
        """Return the version of an installed distribution."""

    def uid(self, user: str) -> int | None:
        """Return a user's number."""

    def own_uid(self) -> int:
        """Return the number of the user who looks."""

    def clock_error_ms(self) -> int:
        """Return the bound of the clock's error, -1 if nobody vouches for it."""

    def wall_ms(self) -> int:
        """Return the wall clock, Unix milliseconds."""

    def strike_says(self, socket: str) -> str | None:
        """Return keyra-strike's refusal of a stranger; None if nobody answers."""

    def ledger_size(self, path: str) -> int:
        """Return how many entries a ledger has; opens it for reading alone.

        Raises:
            LedgerError: there is none, or it cannot be read.
        """
