"""The gateway as a whole: starts, runs and stops its parts, and answers the API.

At a start: recover the registry from the ledger, say so in a `boot` entry, secure the
strike, then listen. Every task is owned by one group: when a part dies for a reason
that nobody foresaw, the process ends, keyra-strike secures, and the service manager
starts it anew through the normal open path.
"""

import asyncio
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Final

from gateway.core import entries
from gateway.core.challenge import ChallengeBook
from gateway.core.facts import CredentialState, Mode, Pattern
from gateway.core.measurement import Statistics
from gateway.core.orders import DENYING
from gateway.service.addresses import KnownAddresses
from gateway.service.administration import Administration
from gateway.service.bonds import Bonds
from gateway.service.composition import Adapters, Setting
from gateway.service.door_orders import DoorOrders, left_over
from gateway.service.enroller import Enroller
from gateway.service.events import Event, EventStream
from gateway.service.front import Front, open_front
from gateway.service.listener import Listener
from gateway.service.office import open_office
from gateway.service.order_desk import OrderDesk
from gateway.service.parts import (
    make_book,
    make_checks,
    make_doorkeeper,
    make_recorder,
    make_telemetry,
)
from gateway.service.policy_keeper import PolicyKeeper
from gateway.service.radio_watch import RadioWatch
from gateway.service.recovery import Recovered
from gateway.service.roll import Roll
from gateway.service.rtc_watch import RtcWatch
from gateway.service.session import Sessions
from gateway.service.sightings import SightingBook
from gateway.service.timekeeper import Timekeeper
from gateway.service.trials import Trials
from gateway.service.views import (
    Actor,
    CredentialStateWish,
    CredentialView,
    DoorView,
    EnrolmentOrder,
    EnrolmentView,
    EraseWish,
    HealthView,
    HolderView,
    ModeWish,
    StatusView,
)
from gateway.service.watchdog import feed_watchdog

__all__ = ["Adapters", "Gateway", "Setting"]


class Gateway:
    """One door's gateway; implements service.facade.Facade."""

    def __init__(
        self, setting: Setting, adapters: Adapters, recovered: Recovered
    ) -> None:
        self._setting: Final = setting
        door, clock = setting.place.door, adapters.clock
        self._on: Final = adapters
        rtc = RtcWatch(adapters.rtc, recovered.last_trusted, clock.now())
        self._edited: Final = recovered.edited
        self._registry: Final = recovered.registry
        self._events: Final = EventStream()
        self._timekeeper: Final = Timekeeper(clock)
        self._started_up_ms: Final = clock.now().up_ms
        self._ready: Final = asyncio.Event()
        self._saved_entries = -1
        self.telemetry: Final = make_telemetry(adapters)
        self._recorder: Final = make_recorder(
            setting, adapters, self._registry, self._events
        )
        self._standing, self._over = left_over(recovered.orders, door, clock.now())
        self.policies: Final = PolicyKeeper(
            setting.policies, adapters.policies, self._registry, self._recorder
        )
        self._doorkeeper: Final = make_doorkeeper(
            setting,
            adapters,
            self._recorder,
            self._timekeeper,
            self._events,
            tuple(one for one in self._standing if one.mode in DENYING),
        )
        zone = setting.policies.own.door.zone
        self._orders: Final = DoorOrders(
            door,
            self._doorkeeper,
            self._recorder,
            clock,
            self.policies.unlocked,
            zone,
            rtc,
        )
        self.checks: Final = make_checks(
            setting, adapters, self._doorkeeper, self._recorder, recovered.commissioned
        )
        self._roll: Final = Roll(self._registry, self._recorder, adapters.people, clock)
        book = make_book(setting)
        self._addresses: Final = KnownAddresses(adapters.registry_store, self._registry)
        self._radio_watch: Final = RadioWatch(adapters, self._recorder, self._events)
        self._enroller: Final = self._make_enroller(book)
        self._bonds: Final = Bonds(
            self._addresses,
            adapters.pairing,
            self._recorder,
            clock,
            lambda: self._enroller.address,
        )
        self._desk, self._administration = self._open_office(book, recovered)
        self.trials: Final = Trials(book, self._registry, adapters, self._events)
        self._listener: Final = self._make_listener(book)
        self.front: Final = self._open_front()

    def _make_enroller(self, book: ChallengeBook) -> Enroller:
        on = self._on
        return Enroller(
            rules=self._setting.enrolment,
            book=book,
            registry=self._registry,
            clock=on.clock,
            entropy=on.entropy,
            radio=on.radio,
            pairing=on.pairing,
            people=on.people,
            recorder=self._recorder,
            events=self._events,
            keys=self._addresses,
        )

    def _open_office(
        self, book: ChallengeBook, recovered: Recovered
    ) -> tuple[OrderDesk, Administration]:
        on = self._on
        return open_office(
            book=book,
            registry=self._registry,
            clock=on.clock,
            entropy=on.entropy,
            radio=on.radio,
            indicators=on.indicators,
            people=on.people,
            recorder=self._recorder,
            events=self._events,
            set_mode=self._orders.set_mode,
            arm=self._enroller.arm_ordered,
            roll=self._roll,
            policies=self.policies,
            glass_broken=recovered.glass_broken,
        )

    def _make_listener(self, book: ChallengeBook) -> Listener:
        on, limits = self._on, self._setting.limits
        sessions = Sessions(
            book=book,
            registry=self._registry,
            policy=self.policies.door,
            challenge_life_ms=self._setting.challenge_life_ms,
            clock=on.clock,
            entropy=on.entropy,
            radio=on.radio,
            indicators=on.indicators,
            recorder=self._recorder,
            doorkeeper=self._doorkeeper,
            telemetry=on.telemetry,
            events=self._events,
        )
        return Listener(
            door=self._setting.place.door,
            sightings=SightingBook(
                addresses_max=limits.addresses_max,
                sessions_per_minute_max=limits.sessions_per_address_per_minute_max,
            ),
            sessions=sessions,
            enroller=self._enroller,
            errands=(self._desk, self.trials),
            addresses=self._addresses,
            clock=on.clock,
            radio=on.radio,
            recorder=self._recorder,
            events=self._events,
            watch=self._radio_watch,
            telemetry=on.telemetry,
        )

    def _open_front(self) -> Front:
        return open_front(
            self._setting,
            self._on,
            registry=self._registry,
            policies=self.policies,
            roll=self._roll,
            administration=self._administration,
            mode=lambda: self._doorkeeper.door.mode,
            health=self._health,
            radio=self._listener.radio_view,
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
                group.create_task(self._orders.watch())
                group.create_task(self._watch_inputs())
                group.create_task(self._listener.run())
                group.create_task(self._radio_watch.run(self._listener.restart_scan))
                group.create_task(self._feed_watchdog())
                group.create_task(self._enroller.run())
                group.create_task(self._bonds.run())
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
        """Store a snapshot of the registry, which the ledger vouches for, if it is due.

        Mode and alarm are said again: a recovery reads only what follows a snapshot.
        """
        if self._registry.entries == self._saved_entries:
            return
        snapshot = self._registry.snapshot()
        await self._orders.say_again(
            lambda: [
                entries.registry_record(snapshot),
                *self._administration.still_open(),
                *self.checks.said_again(),
                *self.policies.said_again(),
            ]
        )
        self._on.registry_store.save(snapshot)
        self._saved_entries = self._registry.entries

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
        await self._recorder.append(*records, *self.policies.begin())
        self._roll.finish_erasures()
        self._roll.forget_strangers()
        self._on.indicators.show(Pattern.READY)
        await self._orders.resume(self._standing, self._over)

    async def _watch_inputs(self) -> None:
        async for change in self._on.inputs.changes():
            await self._doorkeeper.input_changed(change)
            self._events.publish(
                "input",
                self._on.clock.now(),
                {"name": change.name.value, "active": change.active},
            )

    async def _feed_watchdog(self) -> None:
        loops = (self._recorder, self._doorkeeper, self._listener, self._radio_watch)
        await feed_watchdog(self._on, *loops)

    # The façade.

    def at_door(self) -> bool:
        """Tell whether a touch is under way."""
        return self._listener.busy

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
            door=DoorView.of(door, now, commissioned=self.checks.is_commissioned),
            health=self._health(),
            ledger_size=self._registry.entries,
            last_event_id=self._events.last_id,
            stages=self._on.telemetry.stages(),
            counts=self._on.telemetry.counts(),
            unacknowledged=self._administration.unacknowledged,
        )

    def _health(self) -> HealthView:
        return HealthView(
            scanning=self._listener.scanning,
            ledger_writable=self._recorder.writable,
            strike_reachable=self._doorkeeper.strike_reachable,
            clock_synchronised=self._on.clock.now().wall_is_trusted,
        )

    async def statistics(self, since_ms: int) -> Statistics:
        """Sum up what was measured in the last `since_ms` milliseconds."""
        return await self.telemetry.statistics(since_ms)

    @property
    def administration(self) -> Administration:
        """Orders and their signatures."""
        return self._administration

    def holders(self, after: str = "", limit: int = 0) -> list[HolderView]:
        """Return holders by id, from after one on; with 0 all of them."""
        return self._roll.holders(after, limit)

    def credentials(self) -> list[CredentialView]:
        """Return all credentials, by id."""
        return self._roll.credentials()

    def enrolment(self) -> EnrolmentView | None:
        """Return the ceremony under way, or the last one."""
        return self._enroller.view

    async def enrol(self, order: EnrolmentOrder, actor: Actor) -> EnrolmentView:
        """Arm the ceremony; it goes on by itself and tells its steps as events."""
        await self._administration.do_now(order, actor)
        view = self._enroller.view
        assert view is not None  # noqa: S101 - it was armed just now
        return view

    async def answer_comparison(self, *, agree: bool) -> EnrolmentView:
        """Say whether the number on the key equals the one shown."""
        return self._enroller.answer_comparison(agree=agree)

    async def cancel_enrolment(self) -> EnrolmentView:
        """End the ceremony without a credential."""
        return await self._enroller.cancel()

    async def erase_holder(self, holder_id: str, actor: Actor) -> HolderView:
        """Remove a holder's name for good, and revoke their keys."""
        await self._administration.do_now(EraseWish(holder_id), actor)
        return self._roll.holder(holder_id)

    async def finish_erasures(self) -> None:
        """Carry out what the ledger ordered to be erased and is still there."""
        self._roll.finish_erasures()

    async def set_credential_state(
        self, credential_id: str, state: CredentialState, actor: Actor
    ) -> CredentialView:
        """Suspend, resume or revoke; holds for the very next touch."""
        wish = CredentialStateWish(credential_id, state)
        await self._administration.do_now(wish, actor)
        return self._roll.credential(credential_id)

    async def set_mode(self, mode: Mode, actor: Actor, for_ms: int = 0) -> StatusView:
        """Order a mode, or return to normal; see DoorOrders.set_mode."""
        await self._administration.do_now(ModeWish(mode, for_ms), actor)
        return self.status()

    async def look_at_clock(self) -> None:
        """Follow the schedule now; see DoorOrders.look."""
        await self._orders.look()

    def events(self, after_id: int | None = None) -> AsyncIterator[Event]:
        """Follow what happens; see EventStream.subscribe."""
        return self._events.subscribe(after_id)
