"""Watches the radio: keeps the scan going, notices when it is dead, has it mended.

What it means and what to do says radio_ladder; this only asks, tells and acts. Each
call beneath is bounded, so a look is never later than a few seconds.
"""

import logging
from collections.abc import Callable
from typing import Final

from gateway.core import entries
from gateway.core.facts import Pattern
from gateway.errors import KeyraError, LinkError
from gateway.service.composition import Adapters
from gateway.service.events import EventStream
from gateway.service.liveness import Stint
from gateway.service.radio_ladder import (
    Action,
    Alarm,
    Clear,
    Climb,
    Ladder,
    Seen,
    Step,
    step,
)
from gateway.service.recorder import Recorder

LOOK_EACH_MS: Final = 2_000

ENDED_COUNTS_MS: Final = 8_000
"""A scan that ended has begun anew by then, or has said again why it cannot."""

_LOG: Final = logging.getLogger(__name__)


class RadioWatch:
    """Owns the `scan-lost` alarm. The scan tells it what it heard, and how it ended.

    Attributes:
        changed_up_ms: since when the scan counts as dead, or as alive.
    """

    def __init__(self, on: Adapters, recorder: Recorder, events: EventStream) -> None:
        self._control: Final = on.radio_control
        self._clock: Final = on.clock
        self._indicators: Final = on.indicators
        self._telemetry: Final = on.telemetry
        self._recorder: Final = recorder
        self._events: Final = events
        self.looking: Final = Stint(on.clock)
        self._ladder = Ladder(on.clock.now().up_ms)
        self._heard_ms: int | None = None
        self._signal_dbm: int | None = None
        self.changed_up_ms = on.clock.now().up_ms
        self._ended: tuple[str, int] | None = None
        self._life = ""

    @property
    def lost(self) -> bool:
        """Whether the scan counts as dead, and nothing was heard since."""
        since_ms = self._ladder.quiet_since_ms
        return self._ladder.lost and (self._heard_ms or 0) <= since_ms

    @property
    def fault(self) -> str:
        """What is wrong, one sentence; empty for nothing, or mere silence."""
        return self._ladder.fault

    @property
    def last_heard(self) -> tuple[int, int] | None:
        """When an advert was last heard (up_ms), and how well (dBm), or None."""
        if self._heard_ms is None or self._signal_dbm is None:
            return None
        return self._heard_ms, self._signal_dbm

    def heard(self, up_ms: int, signal_dbm: int) -> None:
        """Hear of an advert: the scan works."""
        self._heard_ms = up_ms
        self._signal_dbm = signal_dbm
        self._ended = None

    def ended(self, why: str) -> None:
        """Hear that the scan ended in an error, one sentence."""
        self._ended = why, self._clock.now().up_ms + ENDED_COUNTS_MS

    async def refresh(self) -> None:
        """Have adverts told anew that a controller has told, and hides since."""
        try:
            await self._control.refresh()
        except LinkError as error:
            _LOG.info("The scan was not refreshed: %s", error)

    async def run(self, restart_scan: Callable[[], None]) -> None:
        """Look after the radio until cancelled."""
        while True:
            with self.looking:
                await self._look(restart_scan)
            await self._clock.sleep_until(self._clock.now().up_ms + LOOK_EACH_MS)

    async def _look(self, restart_scan: Callable[[], None]) -> None:
        fault = await self._fault(restart_scan)
        actions = self._step(Seen(fault, self._heard_ms))
        while actions:
            probed = None
            for action in actions:
                probed = await self._do(action, restart_scan)
            if probed is None:
                break
            actions = self._step(Seen(fault, self._heard_ms, probed))
        if not fault:
            await self.refresh()

    async def _fault(self, restart_scan: Callable[[], None]) -> str:
        """Return what is wrong now; restart a scan that a new service knows not of."""
        health = await self._control.health()
        if health.life:
            if self._life not in {"", health.life}:
                self._telemetry.count("radio.service-restarted")
                self.ended("The radio's service was restarted, and forgot the scan.")
                restart_scan()
            self._life = health.life
        if health.fault:
            return health.fault
        if self._ended is not None and self._clock.now().up_ms < self._ended[1]:
            return self._ended[0]
        return ""

    def _step(self, seen: Seen) -> tuple[Action, ...]:
        before, now_ms = self._ladder.lost, self._clock.now().up_ms
        self._ladder, actions = step(self._ladder, seen, now_ms)
        if before is not self._ladder.lost:
            self.changed_up_ms = now_ms
        return actions

    async def _do(
        self, action: Action, restart_scan: Callable[[], None]
    ) -> bool | None:
        """Carry out one action; return what a probe heard, None for another action."""
        match action:
            case Alarm(detail):
                self._indicators.show(Pattern.FAULT)
                self._tell("scan-lost", detail)
            case Clear(detail):
                self._indicators.show(Pattern.READY)
                self._tell("scan-lost", f"ended: {detail}")
            case Climb(rung, recorded):
                self._telemetry.count(f"radio.{rung.value}")
                if recorded:
                    self._tell("scan-recovery", rung.value)
                await self._climb(rung, restart_scan)
            case _:
                return await self._probe()
        return None

    async def _probe(self) -> bool:
        self._telemetry.count("radio.probe")
        try:
            return await self._control.probe()
        except LinkError as error:
            _LOG.info("Nothing could be listened to: %s", error)
            return False

    async def _climb(self, rung: Step, restart_scan: Callable[[], None]) -> None:
        mend = {
            Step.POWER_CYCLE: self._control.power_cycle,
            Step.RESET: self._control.reset,
            Step.RESTART_SERVICE: self._control.restart_service,
        }.get(rung)
        try:
            if mend is not None:
                await mend()
        except KeyraError as error:
            _LOG.warning("%s did not help: %s", rung.value, error)
        restart_scan()

    def _tell(self, kind: str, detail: str) -> None:
        self._recorder.note(entries.alarm_record(kind, detail))
        self._events.publish(
            "radio", self._clock.now(), {"kind": kind, "detail": detail}
        )
