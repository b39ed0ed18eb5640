"""When the strike is released, as a pure machine: time is an argument, in milliseconds.

Theory. Whatever the gateway does, is or becomes, a momentary release ends:

    at its own time     `duration_ms`, never above `momentary_ms_max`
    when told           secure
    when nobody asks    the peer is gone, or silent for `silence_ms_max`: also in the
                        middle of a release, since a gateway that hangs cannot relock
                        when the door is opened

Before anything else, each call lets pass what was due by then: a command that waited
in the socket while this process stood still finds its peer given up, and moves nothing.

A mode of the door (a scheduled unlock, say) holds it by leases: each lasts seconds, at
most `lease_ms_max`, and the peer asks again before one is over. So a hold too ends when
nobody asks. The door is released while a release or a lease runs; secure ends both.

A grant's serial must rise for as long as this process lives, so no peer can play one
twice. Exits have no serial (-1), so their number in a minute is bounded instead.

`OnFault.RELEASE` is for doors where a locked door endangers life, and is declared by
the installer: when no gateway has been heard for `fault_ms`, the door is released until
one is heard again. A restart of the gateway is shorter than that, and is no fault.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.errors import ConfigError
from gateway.strike.wire import EXIT_SERIAL, Refusal, Request, Word

MOMENTARY_MS_CEILING: Final = 60_000
SILENCE_MS_CEILING: Final = 10_000
LEASE_MS_CEILING: Final = 10_000
FAULT_MS_CEILING: Final = 600_000
EXITS_PER_MINUTE_MAX: Final = 60
_MINUTE_MS: Final = 60_000


class OnFault(Enum):
    """What becomes of the door while no gateway is there."""

    SECURE = "secure"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class StrikeLimits:
    """The budget of one strike.

    Attributes:
        momentary_ms_max: the longest release of one command.
        silence_ms_max: how long a peer may say nothing.
        lease_ms_max: the longest hold of one command; 0 where no mode holds this door.
        fault_ms: how long nobody may be there before `on_fault` holds.

    Raises:
        ConfigError: a limit is out of its bounds.
    """

    momentary_ms_max: int = 10_000
    silence_ms_max: int = 2_000
    lease_ms_max: int = 5_000
    fault_ms: int = 30_000
    on_fault: OnFault = OnFault.SECURE

    def __post_init__(self) -> None:
        for name, low, high in (
            ("momentary_ms_max", 1, MOMENTARY_MS_CEILING),
            ("silence_ms_max", 1, SILENCE_MS_CEILING),
            ("lease_ms_max", 0, LEASE_MS_CEILING),
            ("fault_ms", self.silence_ms_max, FAULT_MS_CEILING),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(
                    f"The strike's {name} is {value}; it must be {low} to {high}."
                )


class StrikeMachine:
    """One strike with at most one peer. Secured at birth."""

    def __init__(self, limits: StrikeLimits, now_ms: int) -> None:
        self._limits: Final = limits
        self._until_ms: int | None = None
        self._lease_until_ms: int | None = None
        self._serial_max = EXIT_SERIAL
        self._peer = False
        self._heard_ms = now_ms
        self._fault = False
        self._exits_ms: Final[deque[int]] = deque(maxlen=EXITS_PER_MINUTE_MAX)

    @property
    def released(self) -> bool:
        """Whether the line is to release the door."""
        return self._fault or bool(self._ends)

    @property
    def _ends(self) -> list[int]:
        """When the release and the lease that run are over."""
        return [
            until_ms
            for until_ms in (self._until_ms, self._lease_until_ms)
            if until_ms is not None
        ]

    @property
    def has_peer(self) -> bool:
        """Whether a peer is connected that was not given up as silent."""
        return self._peer

    @property
    def deadline_ms(self) -> int | None:
        """When to call `pass_time` next, or None."""
        dues = self._ends
        if self._peer:
            dues.append(self._heard_ms + self._limits.silence_ms_max)
        elif self._limits.on_fault is OnFault.RELEASE and not self._fault:
            dues.append(self._heard_ms + self._limits.fault_ms)
        return min(dues, default=None)

    def pass_time(self, now_ms: int) -> None:
        """Let happen what is due by now."""
        silent_ms = now_ms - self._heard_ms
        if self._until_ms is not None and now_ms >= self._until_ms:
            self._until_ms = None
        if self._lease_until_ms is not None and now_ms >= self._lease_until_ms:
            self._lease_until_ms = None
        if self._peer and silent_ms >= self._limits.silence_ms_max:
            self.disconnect()
        if (
            not self._peer
            and self._limits.on_fault is OnFault.RELEASE
            and silent_ms >= self._limits.fault_ms
        ):
            self._fault = True

    def connect(self, now_ms: int) -> bool:
        """Take a peer, unless there is one."""
        self.pass_time(now_ms)
        if self._peer:
            return False
        self._peer = True
        self._heard_ms = now_ms
        return True

    def disconnect(self) -> None:
        """Lose the peer, and with it every release and lease."""
        self._peer = False
        self._secure()

    def request(self, request: Request, now_ms: int) -> Refusal | None:
        """Do as the peer says, or return why not; a refusal changes nothing."""
        self.pass_time(now_ms)
        if not self._peer:
            return Refusal.SILENT
        if request.word is Word.STATUS:
            return None  # a question is no sign of life
        self._heard_ms = now_ms
        self._fault = False
        if request.word is Word.RELEASE:
            return self._release(request, now_ms)
        if request.word is Word.LEASE:
            return self._lease(request, now_ms)
        if request.word is Word.SECURE:
            self._secure()
        return None

    def _secure(self) -> None:
        self._until_ms = self._lease_until_ms = None

    def _lease(self, request: Request, now_ms: int) -> Refusal | None:
        if not 1 <= request.duration_ms <= self._limits.lease_ms_max:
            return Refusal.LEASE
        self._lease_until_ms = now_ms + request.duration_ms
        return None

    def _release(self, request: Request, now_ms: int) -> Refusal | None:
        if not 1 <= request.duration_ms <= self._limits.momentary_ms_max:
            return Refusal.DURATION
        if request.serial == EXIT_SERIAL:
            if self._too_many_exits(now_ms):
                return Refusal.EXIT_RATE
            self._exits_ms.append(now_ms)
        elif request.serial <= self._serial_max:
            return Refusal.SERIAL
        else:
            self._serial_max = request.serial
        self._until_ms = now_ms + request.duration_ms
        return None

    def _too_many_exits(self, now_ms: int) -> bool:
        return (
            len(self._exits_ms) == EXITS_PER_MINUTE_MAX
            and now_ms - self._exits_ms[0] < _MINUTE_MS
        )
