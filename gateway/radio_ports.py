"""What keeps the radio itself going, as a small contract; see gateway.ports."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RadioHealth:
    """How the radio beneath the scan is.

    Attributes:
        fault: what is wrong, one sentence for a person; empty for nothing.
        life: changes when the radio's service was restarted, and forgot our scan.
    """

    fault: str
    life: str


class RadioControl(Protocol):
    """What keeps the radio going beneath a scan, and mends it. Bounded in time.

    Raises:
        LinkError: each of them, where it could not be done.
    """

    async def health(self) -> RadioHealth:
        """Ask the radio's service; what does not answer is a fault, never an error."""

    async def refresh(self) -> None:
        """Scan anew at once, without a hole, so that repeated adverts are told."""

    async def probe(self) -> bool:
        """Listen to everything for a moment; tell whether anything was heard."""

    async def power_cycle(self) -> None:
        """Switch the adapter off and on."""

    async def reset(self) -> None:
        """Have the kernel close and open the controller."""

    async def restart_service(self) -> None:
        """Ask the service manager to restart the radio's service."""
