"""Listens for keys and gives each advert to whom it concerns.

The key of a holder begins a touch, which signs an order or goes to a trial where that
key was chosen for one. One in pairing mode goes to the ceremony, and a stranger's is
counted: at most one entry a minute, however loud the street is.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from gateway.core import entries
from gateway.core.facts import DenialReason
from gateway.core.ids import CredentialId, DoorId, PeerAddress
from gateway.errors import JournalStateUnknownError, LinkError
from gateway.ports import Clock, Radio, Sighting, Telemetry
from gateway.service.addresses import KnownAddresses
from gateway.service.enroller import Enroller
from gateway.service.events import EventStream
from gateway.service.front_views import RadioView
from gateway.service.liveness import Stint
from gateway.service.radio_watch import RadioWatch
from gateway.service.recorder import Recorder
from gateway.service.session import Sessions
from gateway.service.sightings import SightingBook, Verdict
from gateway.service.touch import Errand, Stage, TouchOutcome
from gateway.service.turns import Turns

SCAN_RETRY_MS: Final = 2_000
QUIET_AFTER_YIELD_MS: Final = 5_000

_LOG: Final = logging.getLogger(__name__)


class Listener:
    """Owns the scan, and the touches that it leads to."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        *,
        door: DoorId,
        sightings: SightingBook,
        sessions: Sessions,
        enroller: Enroller,
        errands: Sequence[Errand],
        addresses: KnownAddresses,
        clock: Clock,
        radio: Radio,
        recorder: Recorder,
        events: EventStream,
        watch: RadioWatch,
        telemetry: Telemetry,
    ) -> None:
        self._door: Final = door
        self._sightings: Final = sightings
        self._sessions: Final = sessions
        self._enroller: Final = enroller
        self._errands: Final = errands
        self._clock: Final = clock
        self._radio: Final = radio
        self._recorder: Final = recorder
        self._events: Final = events
        self._addresses: Final = addresses
        self._watch: Final = watch
        self._telemetry: Final = telemetry
        self._turns: Final = Turns()
        self._touches: Final[dict[PeerAddress, asyncio.Task[None]]] = {}
        self._yielding: Final[set[PeerAddress]] = set()
        self._scan_task: asyncio.Task[None] | None = None
        self._scanning = False
        self._changed_up_ms = clock.now().up_ms
        self.ending: Final = Stint(clock)

    @property
    def scanning(self) -> bool:
        """Whether a scan is under way, and not known to be dead."""
        return self._scanning and not self._watch.lost

    @property
    def busy(self) -> bool:
        """Whether a touch is under way."""
        return bool(self._touches)

    def radio_view(self) -> RadioView:
        """Return how the radio is now."""
        watch = self._watch
        changed_up_ms = watch.changed_up_ms
        if not watch.lost:
            changed_up_ms = max(changed_up_ms, self._changed_up_ms)
        heard_up_ms, signal_dbm = watch.last_heard or (None, None)
        return RadioView(
            self.scanning, changed_up_ms, heard_up_ms, signal_dbm, watch.fault
        )

    def restart_scan(self) -> None:
        """Begin the scan anew; touches under way go on."""
        if self._scan_task is not None:
            self.ending.begin()
            self._scan_task.cancel()

    async def run(self) -> None:
        """Listen until cancelled; touches under way end with it.

        Raises:
            JournalStateUnknownError: the process must stop and reopen the ledger.
        """
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._scan_task = tasks.create_task(self._scan(tasks))
                await asyncio.wait({self._scan_task})
                self.ending.end()
                if not self._scan_task.cancelled():
                    retry_ms = self._clock.now().up_ms + SCAN_RETRY_MS
                    await self._clock.sleep_until(retry_ms)

    async def _scan(self, tasks: asyncio.TaskGroup) -> None:
        try:
            self._scanning = True
            self._changed_up_ms = self._clock.now().up_ms
            async for sighting in self._radio.sightings():
                self._watch.heard(sighting.up_ms, sighting.rssi_dbm)
                self._sighted(sighting, tasks)
        except LinkError as error:
            self._watch.ended(str(error))
        finally:
            self._scanning = False
            self._changed_up_ms = self._clock.now().up_ms

    def _sighted(self, sighting: Sighting, tasks: asyncio.TaskGroup) -> None:
        address = sighting.address
        if address == self._enroller.address:
            return
        known = self._addresses.credential_at(address)
        verdict = self._sightings.sort(sighting, bonded=known is not None)
        if verdict is Verdict.PAIRING:
            self._enroller.sighted(sighting)
        elif verdict is Verdict.STRANGER:
            self._events.publish(
                "touch.stranger",
                self._clock.now(),
                {"result": DenialReason.KEY_UNKNOWN.value, "rssi": sighting.rssi_dbm},
            )
            self.summarise_strangers(sighting.up_ms)
        elif known is not None:
            may_ask = verdict is Verdict.TOUCH
            if may_ask:
                self._telemetry.gauge("signal_dbm", sighting.rssi_dbm)
            self._turns.heard(address, sighting.up_ms, may_ask=may_ask)
            self._serve(tasks)

    def _serve(self, tasks: asyncio.TaskGroup) -> None:
        """Give out what turns there are; where there are none, have one made."""
        now_ms = self._clock.now().up_ms
        while (address := self._turns.next(now_ms)) is not None:
            self._sightings.started(address, now_ms)
            touch = tasks.create_task(self._touch(address, tasks))
            self._touches[address] = touch
        idle = self._turns.to_yield(now_ms)
        if idle is not None and idle not in self._yielding:
            self._yielding.add(idle)
            self._touches[idle].cancel()

    async def _touch(self, address: PeerAddress, tasks: asyncio.TaskGroup) -> None:
        quiet_ms, unreached, vain = 0, False, True
        try:
            known = self._addresses.credential_at(address)
            errand = self._errand(known)
            if known is not None and errand is not None:
                # It holds no turn: an errand asks one key at a time.
                self._turns.connected(address, self._clock.now().up_ms)
                quiet_ms, vain = await errand.touch(address, known), False
            elif known is not None:
                outcome = await self._ask(address, known)
                quiet_ms, unreached = outcome.quiet_ms, outcome.unreached
                vain = outcome.reason is DenialReason.NO_TOUCH
        except JournalStateUnknownError:
            raise
        except asyncio.CancelledError:
            if address not in self._yielding:
                raise
            # Counted, not written: a busy door fills no ledger.
            self._recorder.count(DenialReason.NO_TOUCH)
            self._telemetry.count("touch.yielded")
            quiet_ms = QUIET_AFTER_YIELD_MS
        except Exception as error:  # noqa: BLE001 - see the next line
            # What a stranger's bytes can provoke must not stop the door for everybody.
            _LOG.exception("A touch ended in an error that nobody foresaw")
            self._recorder.note(entries.alarm_record("internal", type(error).__name__))
        finally:
            now_ms = self._clock.now().up_ms
            self._yielding.discard(address)
            self._touches.pop(address, None)
            self._turns.ended(address, now_ms, unreached=unreached, vain=vain)
            self._sightings.ended(address, now_ms + quiet_ms, unreached=unreached)
        tasks.create_task(self._listen_again(now_ms + quiet_ms))
        self._serve(tasks)

    async def _listen_again(self, up_ms: int) -> None:
        """Have the adverts told again that a controller told while they meant nothing.

        So whoever tries once more at once need not wait for the next look at the radio.
        """
        await self._clock.sleep_until(up_ms)
        await self._watch.refresh()

    def _errand(self, known: CredentialId | None) -> Errand | None:
        """Return who but the door waits for this key."""
        if known is None:
            return None
        return next((one for one in self._errands if one.wants(known)), None)

    async def _ask(
        self, address: PeerAddress, credential_id: CredentialId
    ) -> TouchOutcome:
        def on_stage(stage: Stage) -> None:
            now_ms = self._clock.now().up_ms
            if stage is Stage.CONNECTED:
                self._turns.connected(address, now_ms)
            else:
                waits = stage is Stage.AT_FINGER
                self._turns.at_finger(address, now_ms, waits=waits)

        return await self._sessions.touch(
            address,
            credential_id,
            self._turns.connect_ms(address),
            on_stage,
        )

    def summarise_strangers(self, now_ms: int) -> None:
        """Note the strangers so far, if a summary is due."""
        summary = self._sightings.stranger_summary(now_ms)
        if summary is not None:
            self._recorder.note(
                entries.strangers_record(
                    self._door,
                    addresses=summary.addresses,
                    adverts=summary.adverts,
                    seconds=summary.seconds,
                )
            )
