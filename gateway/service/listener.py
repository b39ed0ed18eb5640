"""Listens for keys and gives each advert to whom it concerns.

The key of a holder begins a touch, which signs an order where that key was chosen for
one. One in pairing mode goes to the ceremony, and a stranger's is counted: at most one
entry a minute, however loud the street is.
"""

import asyncio
import logging
from typing import Final

from gateway.core import entries
from gateway.core.facts import DenialReason, Pattern
from gateway.core.ids import CredentialId, DoorId, PeerAddress
from gateway.errors import JournalStateUnknownError, LinkError
from gateway.ports import Clock, Indicators, Radio, Sighting
from gateway.service.addresses import KnownAddresses
from gateway.service.enroller import Enroller
from gateway.service.events import EventStream
from gateway.service.order_desk import OrderDesk
from gateway.service.recorder import Recorder
from gateway.service.session import Sessions
from gateway.service.sightings import SightingBook, Verdict

SCAN_RETRY_MS: Final = 2_000
SESSIONS_MAX: Final = 8

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
        desk: OrderDesk,
        addresses: KnownAddresses,
        clock: Clock,
        radio: Radio,
        indicators: Indicators,
        recorder: Recorder,
        events: EventStream,
    ) -> None:
        self._door: Final = door
        self._sightings: Final = sightings
        self._sessions: Final = sessions
        self._enroller: Final = enroller
        self._desk: Final = desk
        self._clock: Final = clock
        self._radio: Final = radio
        self._indicators: Final = indicators
        self._recorder: Final = recorder
        self._events: Final = events
        self._addresses: Final = addresses
        self._scanning = False
        self._lost = False

    @property
    def scanning(self) -> bool:
        """Whether a scan is under way."""
        return self._scanning

    async def run(self) -> None:
        """Listen until cancelled; touches under way end with it.

        Raises:
            JournalStateUnknownError: the process must stop and reopen the ledger.
        """
        async with asyncio.TaskGroup() as touches:
            while True:
                await self._scan(touches)
                await self._clock.sleep_until(self._clock.now().up_ms + SCAN_RETRY_MS)

    async def _scan(self, touches: asyncio.TaskGroup) -> None:
        try:
            self._scanning = True
            async for sighting in self._radio.sightings():
                self._lost = False
                self._sighted(sighting, touches)
        except LinkError as error:
            self._indicators.show(Pattern.FAULT)
            if not self._lost:  # one entry for one loss, however long it lasts
                self._recorder.note(entries.alarm_record("scan-lost", str(error)))
            self._lost = True
        finally:
            self._scanning = False

    def _sighted(self, sighting: Sighting, touches: asyncio.TaskGroup) -> None:
        address = sighting.address
        if address == self._enroller.address:
            return
        credential_id = self._addresses.credential_at(address)
        verdict = self._sightings.sort(sighting, bonded=credential_id is not None)
        if verdict is Verdict.PAIRING:
            self._enroller.sighted(sighting)
        elif verdict is Verdict.STRANGER:
            self._events.publish(
                "touch.stranger",
                self._clock.now(),
                {"result": DenialReason.KEY_UNKNOWN.value, "rssi": sighting.rssi_dbm},
            )
            self.summarise_strangers(sighting.up_ms)
        elif (
            verdict is Verdict.TOUCH
            and credential_id is not None
            and self._sightings.busy < SESSIONS_MAX
        ):
            self._sightings.started(address, sighting.up_ms)
            touches.create_task(self._touch(address, credential_id))

    async def _touch(self, address: PeerAddress, credential_id: CredentialId) -> None:
        quiet_ms, unreached = 0, False
        try:
            if self._desk.wants(credential_id):
                quiet_ms = await self._desk.touch(address, credential_id)
            else:
                outcome = await self._sessions.touch(address, credential_id)
                quiet_ms, unreached = outcome.quiet_ms, outcome.unreached
        except JournalStateUnknownError:
            raise
        except Exception as error:  # noqa: BLE001 - see the next line
            # What a stranger's bytes can provoke must not stop the door for everybody.
            _LOG.exception("A touch ended in an error that nobody foresaw")
            self._recorder.note(entries.alarm_record("internal", type(error).__name__))
        finally:
            quiet_until_ms = self._clock.now().up_ms + quiet_ms
            self._sightings.ended(address, quiet_until_ms, unreached=unreached)

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
