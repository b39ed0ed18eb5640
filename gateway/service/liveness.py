"""Whether work comes to an end: what tells a wedged loop from an idle one."""

from typing import Final

from gateway.ports import Clock

STALLED_MS: Final = 120_000
"""Every call beneath is bounded: the slowest round of any loop, in which the radio's
service is restarted, takes less than half as long."""


class Stint:
    """Work that must come to an end: a loop's round, or one write. Use it with `with`.

    It counts from the first `begin` that no `end` followed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self._since_up_ms: int | None = None

    def begin(self) -> None:
        """Say that work is under way."""
        if self._since_up_ms is None:
            self._since_up_ms = self._clock.now().up_ms

    def end(self) -> None:
        """Say that it came to an end, whichever."""
        self._since_up_ms = None

    def __enter__(self) -> None:
        self.begin()

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def is_under_way(self) -> bool:
        """Whether it began and did not end yet."""
        return self._since_up_ms is not None

    @property
    def is_alive(self) -> bool:
        """Whether nothing has been under way for STALLED_MS."""
        since = self._since_up_ms
        return since is None or self._clock.now().up_ms - since < STALLED_MS
