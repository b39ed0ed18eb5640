"""What a touch is to those around it: how far it is, how long it took, how it ended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from gateway.core.facts import DenialReason
from gateway.core.ids import CredentialId, PeerAddress
from gateway.ports import Clock, Telemetry


class Stage(Enum):
    """How far a touch has come, as far as others who wait must know."""

    CONNECTED = auto()
    AT_FINGER = auto()
    ANSWERED = auto()


OnStage = Callable[[Stage], None]


def untold(_stage: Stage) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class TouchOutcome:
    """How a touch ended.

    Attributes:
        reason: why not, or None for a grant that released the door.
        entry: the grant's entry, or None.
        stages_us: how long each stage took, in microseconds.
        quiet_ms: how long this key's adverts mean nothing now.
    """

    reason: DenialReason | None
    entry: int | None
    stages_us: Mapping[str, int]
    quiet_ms: int

    @property
    def unreached(self) -> bool:
        """Whether nothing was heard but an advert, which anybody can send."""
        return self.reason is DenialReason.LINK_LOST and not self.stages_us


class Errand(Protocol):
    """Something else than the door that a key may be wanted for; one key at a time."""

    def wants(self, credential_id: CredentialId) -> bool:
        """Tell whether this key's next touch is for it."""

    async def touch(self, address: PeerAddress, credential_id: CredentialId) -> int:
        """Ask the key; return how long its adverts mean nothing, milliseconds."""


class Stopwatch:
    """Durations of the stages of one touch, also told to telemetry as they end."""

    def __init__(self, clock: Clock, telemetry: Telemetry) -> None:
        """Begin the first stage."""
        self._clock: Final = clock
        self._telemetry: Final = telemetry
        self._lap_us = clock.ticks_us()
        self.stages_us: Final[dict[str, int]] = {}

    def lap(self, stage: str) -> None:
        """End one stage, and begin the next."""
        now_us = self._clock.ticks_us()
        self.stages_us[stage] = now_us - self._lap_us
        self._telemetry.stage(stage, now_us - self._lap_us)
        self._lap_us = self._clock.ticks_us()
