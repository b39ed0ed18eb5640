"""The gateway as a whole: starts, runs and stops its parts, and answers the API.

At a start: recover the registry from the ledger, say so in a `boot` entry, secure the
strike, then listen. Every task is owned by one group: when a part dies for a reason
that nobody foresaw, the process ends, keyra-strike secures, and the service manager
starts it anew through the normal open path.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from gateway.config import Limits
from gateway.core import entries
from gateway.core.challenge import ChallengeBook, Place
from gateway.core.door import Door
from gateway.core.door_timing import DoorTiming
from gateway.core.encoding import from_base64url, to_base64url
from gateway.core.facts import CredentialState, DenialReason, Mode, Pattern
from gateway.core.ids import CredentialId, PeerAddress
from gateway.core.policy import DoorPolicy
from gateway.core.registry import Credential, Registry
from gateway.errors import JournalStateUnknownError, LinkError, RegistryError
from gateway.ports import (
    Clock,
    Entropy,
    History,
    Indicators,
    Inputs,
    Journal,
    Pairing,
    PeopleStore,
    Radio,
    RegistryStore,
    Sighting,
    Strike,
    Watchdog,
)
from gateway.service.doorkeeper import Doorkeeper
from gateway.service.enroller import Enroller, EnrolmentRules
from gateway.service.events import Event, EventStream
from gateway.service.recorder import Recorder
from gateway.service.recovery import Recovered
from gateway.service.session import Sessions
from gateway.service.sightings import SightingBook, Verdict
from gateway.service.telemetry import MemoryTelemetry
from gateway.service.timekeeper import Timekeeper
from gateway.service.views import (
    Actor,
    CredentialView,
    DoorView,
    EnrolmentOrder,
    EnrolmentView,
    HealthView,
    HolderView,
    StatusView,
)

_LOG: Final = logging.getLogger(__name__)

SCAN_RETRY_MS: Final = 2_000
SCAN_SILENT_MS_MAX: Final = 30_000
WATCHDOG_MS: Final = 1_000
SESSIONS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Adapters:
    """Everything outside the gateway, behind its ports."""

    clock: Clock
    entropy: Entropy
    radio: Radio
    pairing: Pairing
    strike: Strike
    inputs: Inputs
    indicators: Indicators
    journal: Journal
    history: History
    registry_store: RegistryStore
    people: PeopleStore
    telemetry: MemoryTelemetry
    watchdog: Watchdog


@dataclass(frozen=True, slots=True)
class Setting:
    """What the configuration says, in the core's own words.

    Attributes:
        config_facts: what the `config` entry holds.
    """

    place: Place
    timing: DoorTiming
    policy: DoorPolicy
    challenge_life_ms: int
    enrolment: EnrolmentRules
    limits: Limits
    config_facts: entries.ConfigFacts


class Gateway:
    """One door's gateway; implements service.facade.Facade."""

    def __init__(
        self, setting: Setting, adapters: Adapters, recovered: Recovered
    ) -> None:
        self._setting: Final = setting
        self._on: Final = adapters
        self._edited: Final = recovered.edited
        self._registry: Final[Registry] = recovered.registry
        self._events: Final = EventStream()
        self._timekeeper: Final = Timekeeper(adapters.clock)
        self._started_up_ms: Final = adapters.clock.now().up_ms
        self._addresses: Final[dict[PeerAddress, CredentialId]] = {
            address: CredentialId(credential_id)
            for address, credential_id in adapters.registry_store.addresses().items()
        }
        self._sightings: Final = SightingBook(
            addresses_max=setting.limits.addresses_max,
            sessions_per_minute_max=setting.limits.sessions_per_address_per_minute_max,
        )
        self._heard_up_ms: int | None = None
        self._scanning = False
        self._ready: Final = asyncio.Event()
        door_id = setting.place.door
        self._recorder: Final = Recorder(
            adapters.journal, self._registry, adapters.clock, door_id, self._events
        )
        self._doorkeeper: Final = Doorkeeper(
            Door(door_id, mode=recovered.mode),
            setting.timing,
            clock=adapters.clock,
            strike=adapters.strike,
            indicators=adapters.indicators,
            recorder=self._recorder,
            timekeeper=self._timekeeper,
            events=self._events,
        )
        book = ChallengeBook(
            setting.place,
            open_max=setting.limits.open_challenges_max,
            answers_max=setting.limits.answers_remembered_max,
        )
        self._sessions: Final = Sessions(
            book=book,
            registry=self._registry,
            policy=setting.policy,
            challenge_life_ms=setting.challenge_life_ms,
            clock=adapters.clock,
            entropy=adapters.entropy,
            radio=adapters.radio,
            indicators=adapters.indicators,
            recorder=self._recorder,
            doorkeeper=self._doorkeeper,
            telemetry=adapters.telemetry,
            events=self._events,
        )
        self._enroller: Final = Enroller(
            rules=setting.enrolment,
            book=book,
            registry=self._registry,
            clock=adapters.clock,
            entropy=adapters.entropy,
            radio=adapters.radio,
            pairing=adapters.pairing,
            people=adapters.people,
            recorder=self._recorder,
            events=self._events,
            on_enrolled=self._remember,
        )

    # Running.

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            JournalError: the ledger cannot be opened for writing.
            JournalStateUnknownError: it is unknown what is on disk; start anew.
        """
        await self._begin()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._timekeeper.run())
                group.create_task(self._recorder.run())
                group.create_task(self._doorkeeper.keep_strike_alive())
                group.create_task(self._watch_inputs())
                group.create_task(self._scan(group))
                group.create_task(self._feed_watchdog())
                group.create_task(self._enroller.run())
                self._ready.set()
                self._on.watchdog.ready()
                self._events.publish("gateway.ready", self._on.clock.now(), {})
        finally:
            self._on.watchdog.stopping()
            await self._doorkeeper.close()

    async def ready(self) -> None:
        """Return once the door works."""
        await self._ready.wait()

    async def stop(self, why: str) -> None:
        """Write the closing entries, after `run` has ended."""
        await self._recorder.flush()
        await self.save_registry()
        await self._recorder.append(entries.stop_record(why))

    async def save_registry(self) -> None:
        """Store a snapshot of the registry that the ledger vouches for.

        The mode is said again, since a recovery reads only what follows a snapshot.
        """
        snapshot = self._registry.snapshot()
        door = self._doorkeeper.door
        await self._recorder.append(
            entries.registry_record(snapshot),
            entries.mode_record(door.id, door.mode, entries.BY_GATEWAY),
        )
        self._on.registry_store.save(snapshot)

    async def _begin(self) -> None:
        place = self._setting.place
        records = [
            entries.boot_record(version("keyra-gateway"), place),
            entries.config_record(place, self._setting.config_facts),
        ]
        if self._edited:
            records.append(
                entries.alarm_record(
                    "registry-edited", "The stored registry is not the ledger's."
                )
            )
        await self._recorder.append(*records)
        self._on.indicators.show(Pattern.READY)

    async def _watch_inputs(self) -> None:
        async for change in self._on.inputs.changes():
            await self._doorkeeper.input_changed(change)
            self._events.publish(
                "input",
                self._on.clock.now(),
                {"name": change.name.value, "active": change.active},
            )

    async def _feed_watchdog(self) -> None:
        while True:
            now_ms = self._on.clock.now().up_ms
            await self._summarise_strangers(now_ms)
            if self._recorder.writable and self._doorkeeper.strike_reachable:
                self._on.watchdog.alive()
            await self._on.clock.sleep_until(now_ms + WATCHDOG_MS)

    # Sightings.

    async def _scan(self, group: asyncio.TaskGroup) -> None:
        while True:
            try:
                self._scanning = True
                async for sighting in self._on.radio.sightings():
                    self._heard_up_ms = sighting.up_ms
                    await self._sighted(sighting, group)
            except LinkError as error:
                self._scanning = False
                self._on.indicators.show(Pattern.FAULT)
                self._recorder.note(entries.alarm_record("scan-lost", str(error)))
            await self._on.clock.sleep_until(self._on.clock.now().up_ms + SCAN_RETRY_MS)

    async def _sighted(self, sighting: Sighting, group: asyncio.TaskGroup) -> None:
        credential_id = self._addresses.get(sighting.address)
        if sighting.address == self._enroller.address:
            return
        verdict = self._sightings.sort(sighting, bonded=credential_id is not None)
        if verdict is Verdict.PAIRING:
            self._enroller.sighted(sighting)
        elif verdict is Verdict.STRANGER:
            self._events.publish(
                "touch.stranger",
                self._on.clock.now(),
                {"result": DenialReason.KEY_UNKNOWN.value, "rssi": sighting.rssi_dbm},
            )
            await self._summarise_strangers(sighting.up_ms)
        elif (
            verdict is Verdict.TOUCH
            and credential_id is not None
            and self._sightings.busy < SESSIONS_MAX
        ):
            self._sightings.started(sighting.address, sighting.up_ms)
            group.create_task(self._touch(sighting.address, credential_id))

    async def _touch(self, address: PeerAddress, credential_id: CredentialId) -> None:
        quiet_ms = 0
        try:
            outcome = await self._sessions.touch(address, credential_id)
            quiet_ms = outcome.quiet_ms
        except JournalStateUnknownError:
            raise
        except Exception as error:  # noqa: BLE001 - see the next line
            # What a stranger's bytes can provoke must not stop the door for everybody.
            _LOG.exception("A touch ended in an error that nobody foresaw")
            self._recorder.note(entries.alarm_record("internal", type(error).__name__))
        finally:
            now_ms = self._on.clock.now().up_ms
            self._sightings.ended(address, now_ms + quiet_ms)

    async def _summarise_strangers(self, now_ms: int) -> None:
        summary = self._sightings.stranger_summary(now_ms)
        if summary is not None:
            self._recorder.note(
                entries.strangers_record(
                    self._setting.place.door,
                    addresses=summary.addresses,
                    adverts=summary.adverts,
                    seconds=summary.seconds,
                )
            )

    def _remember(self, address: PeerAddress, credential_id: CredentialId) -> None:
        self._addresses[address] = credential_id
        self._on.registry_store.remember_address(address, credential_id)

    # The façade.

    def status(self) -> StatusView:
        """Return the gateway at a glance; never waits."""
        now = self._on.clock.now()
        door = self._doorkeeper.door
        return StatusView(
            version=version("keyra-gateway"),
            site=self._setting.place.site,
            gateway=self._setting.place.gateway,
            up_ms=now.up_ms,
            wall_ms=now.wall_ms,
            started_up_ms=self._started_up_ms,
            door=DoorView(door.id, door.phase.value, door.mode, door.deadline_up_ms),
            health=HealthView(
                scanning=self._scanning,
                ledger_writable=self._recorder.writable,
                strike_reachable=self._doorkeeper.strike_reachable,
                clock_synchronised=now.wall_is_trusted,
            ),
            ledger_size=self._registry.entries,
            last_event_id=self._events.last_id,
            stages=self._on.telemetry.stages(),
            counts=self._on.telemetry.counts(),
        )

    def holders(self) -> list[HolderView]:
        """Return all holders, by id."""
        return [
            HolderView(
                holder.id,
                self._on.people.reveal(holder.name_commitment),
                holder.groups,
                holder.from_ms,
                holder.until_ms,
                holder.suspended,
            )
            for holder in sorted(self._registry.holders(), key=lambda one: one.id)
        ]

    def credentials(self) -> list[CredentialView]:
        """Return all credentials, by id."""
        now = self._on.clock.now()
        return [
            _credential_view(credential, now.wall_ms)
            for credential in sorted(
                self._registry.credentials(), key=lambda one: one.id
            )
        ]

    def enrolment(self) -> EnrolmentView | None:
        """Return the ceremony under way, or the last one."""
        return self._enroller.view

    async def enrol(self, order: EnrolmentOrder, actor: Actor) -> EnrolmentView:
        """Arm the ceremony; it goes on by itself and tells its steps as events."""
        return self._enroller.arm(order, actor)

    async def answer_comparison(self, *, agree: bool, actor: Actor) -> EnrolmentView:
        """Say whether the number on the key equals the one shown."""
        return self._enroller.answer_comparison(agree=agree, actor=actor)

    async def cancel_enrolment(self, actor: Actor) -> EnrolmentView:
        """End the ceremony without a credential."""
        return await self._enroller.cancel(actor)

    async def set_credential_state(
        self, credential_id: str, state: CredentialState, actor: Actor
    ) -> CredentialView:
        """Suspend, resume or revoke; holds for the very next touch."""
        raw = from_base64url(credential_id)
        if raw is None or self._registry.credential(CredentialId(raw)) is None:
            raise RegistryError("No credential has this id; list them with their ids.")
        key = CredentialId(raw)
        await self._recorder.append(
            entries.credential_state_record(
                key, state, "administration", entries.by_uid(actor.uid)
            )
        )
        changed = self._registry.credential(key)
        if changed is None:
            raise RegistryError("This credential is gone.")
        return _credential_view(changed, self._on.clock.now().wall_ms)

    async def set_mode(self, mode: Mode, actor: Actor) -> StatusView:
        """Lock down, or return to normal."""
        record = entries.mode_record(
            self._setting.place.door, mode, entries.by_uid(actor.uid)
        )
        if mode is Mode.LOCKED_DOWN:  # what protects does not wait for the ledger
            await self._doorkeeper.set_mode(mode)
            self._recorder.note(record)
        else:
            await self._recorder.append(record)
            await self._doorkeeper.set_mode(mode)
        return self.status()

    def events(self, after_id: int | None = None) -> AsyncIterator[Event]:
        """Follow what happens; see EventStream.subscribe."""
        return self._events.subscribe(after_id)


def _credential_view(credential: Credential, wall_ms: int) -> CredentialView:
    return CredentialView(
        id=to_base64url(credential.id),
        holder_id=credential.holder_id,
        state=credential.state_at(wall_ms),
        aaguid=credential.aaguid.hex(),
        model=credential.model,
        counter=credential.counter,
        until_ms=credential.until_ms,
    )
