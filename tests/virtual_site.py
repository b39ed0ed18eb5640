"""A whole gateway in one process and in virtual time, over simulated air and pins.

Everything above the ports is the product's, and so are ledger, registry and people
database, on a real disk; keys, packets and signatures are real too. Only keyra-strike's
process is missing: its own machine moves the line here.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.adapters.bluez_radio import BleakRadio
from gateway.adapters.ledger_journal import LedgerHistory, LedgerJournal
from gateway.adapters.machine_sensors import MachineSensors
from gateway.adapters.people_store import SqlitePeopleStore
from gateway.adapters.policy_store import FilePolicyStore
from gateway.adapters.registry_store import SqliteRegistryStore
from gateway.adapters.telemetry_store import SqliteTelemetryStore
from gateway.adapters.upkeep_files import UpkeepFiles
from gateway.config import Config, Duress, Group, Limits, NamedSchedule, Rules, parse
from gateway.config.site_policy import SitePolicies
from gateway.core.attestation import Trust
from gateway.core.certificate_path import load_root
from gateway.core.challenge import Place as ChallengePlace
from gateway.core.door_policy import DoorRules
from gateway.core.door_timing import DoorTiming
from gateway.core.entries import ConfigFacts, Record
from gateway.core.ids import DoorId, GatewayId, GroupId, ScheduleId, SiteId
from gateway.core.orders import OnFire
from gateway.core.schedule import Schedule
from gateway.errors import (
    JournalError,
    JournalStateUnknownError,
    StrikeError,
)
from gateway.ports import Clock, Journal, PastEntry
from gateway.service.events import Event
from gateway.service.gateway import Adapters, Gateway, Setting
from gateway.service.new_credential import EnrolmentRules
from gateway.service.recovery import Recovered, recover
from gateway.service.telemetry import MemoryTelemetry
from gateway.service.views import Actor, EnrolmentOrder, EnrolmentView
from gateway.sim.adapter import SimulatedAdapter
from gateway.sim.attestation_ca import AttestationChain
from gateway.sim.clock import SimulatedClock
from gateway.sim.door import STRIKE
from gateway.sim.entropy import SeededEntropy
from gateway.sim.inputs import BoardInputs, TracedIndicators
from gateway.sim.key import KeyraDevice
from gateway.sim.pins import PinBoard
from gateway.sim.place import Place
from gateway.strike.machine import StrikeLimits, StrikeMachine
from gateway.strike.wire import Request, Word
from ledger.deep import Replay
from ledger.entry import Stamp
from ledger.keys import SigningKey
from ledger.prune import prune
from ledger.reader import Reader
from ledger.writer import Writer, initialise

WALL_MS: Final = 1_800_000_000_000
"""A Friday, 08:00 in UTC."""
RP_ID: Final = "door.example"
DOOR: Final = DoorId("front-door")
ADMIN: Final = Actor(uid=1000)
RELEASE_MS: Final = 2_000
CONFIG: Final = f"""
[site]
id = "site"
rp_id = "{RP_ID}"
zone = "UTC"
[gateway]
id = "gateway-1"
[door]
id = "{DOOR}"
lock = "fail-secure"
relay = "active-high"
contact = false
release_s = {RELEASE_MS // 1000}
[strike]
lease_s_max = 10
[pins]
strike = 17
"""
CHALLENGE_MS: Final = 3_000
BOOT: Final = "00000000c0ffee00"
SEAL_KEY: Final = bytes(range(32))
"""The seal's first key, which an auditor would hold."""


class FaultyJournal(Journal):
    """A journal that fails when told to, in each way in which one can.

    Attributes:
        ways: what the next writes do, one after another; "write" when it is empty.
            "refuse": nothing is written, and that is known.
            "lose": nothing is written, and that is not known.
            "keep": all is written, and that is not known.
        closed_gate: writes wait while this event is not set.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.ways: list[str] = []
        self.always = "write"
        self.open_gate = asyncio.Event()
        self.open_gate.set()
        self.writes = 0

    async def _write(self, records: Sequence[Record]) -> tuple[int, bytes]:
        await self.open_gate.wait()
        way = self.ways.pop(0) if self.ways else self.always
        self.writes += 1
        if way == "refuse":
            raise JournalError("The disk is full; nothing was written.")
        if way == "lose":
            raise JournalStateUnknownError("The disk is silent.")
        written = await self._journal._write(records)
        if way == "keep":
            raise JournalStateUnknownError("The disk fell silent after that.")
        return written

    def check(self) -> None:
        self._journal.check()

    async def close(self) -> None:
        await self._journal.close()


class PinStrike:
    """ports.Strike: keyra-strike's machine on the board's line, without its process.

    Attributes:
        fails: a sentence while it is out of reach.
    """

    def __init__(self, board: PinBoard, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._machine = StrikeMachine(StrikeLimits(), clock.now().up_ms)
        self._machine.connect(clock.now().up_ms)
        self.fails = ""
        self.serials: list[int] = []
        self.leases = 0
        board.claim(STRIKE, 0)

    async def release(self, serial: int, duration_ms: int) -> None:
        self._do(Request(Word.RELEASE, serial, duration_ms))
        self.serials.append(serial)

    async def lease(self, duration_ms: int) -> None:
        self._do(Request(Word.LEASE, duration_ms=duration_ms))
        self.leases += 1

    async def secure(self) -> None:
        self._do(Request(Word.SECURE))

    async def keep_alive(self) -> None:
        self._do(Request(Word.ALIVE))

    def _do(self, request: Request) -> None:
        if self.fails:
            raise StrikeError(self.fails)
        now_ms = self._clock.now().up_ms
        self._machine.connect(now_ms)  # anew, where it was given up as silent
        refusal = self._machine.request(request, now_ms)
        self._board.set(STRIKE, int(self._machine.released))
        if refusal is not None:
            raise StrikeError(refusal.sentence)

    def let_go(self) -> None:
        """Let the process be gone, at which the line is secured."""
        self._board.set(STRIKE, 0)
        self._board.let_go(STRIKE)


class QuietWatchdog:
    """ports.Watchdog that counts."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def ready(self) -> None:
        self.said.append("ready")

    def alive(self) -> None:
        self.said.append("alive")

    def stopping(self) -> None:
        self.said.append("stopping")


@dataclass
class Running:
    """One gateway from its start to its end."""

    gateway: Gateway
    recovered: Recovered
    journal: FaultyJournal
    strike: PinStrike
    indicators: TracedIndicators
    watchdog: QuietWatchdog
    telemetry: MemoryTelemetry
    died: list[BaseException]
    heard: list[Event] = field(default_factory=list)

    def kinds(self) -> list[str]:
        """What it told so far."""
        return [event.kind for event in self.heard]


class VirtualSite:
    """One door, its keys, and a gateway that can be started again and again."""

    def __init__(self, folder: Path, place: Place, adapter: SimulatedAdapter) -> None:
        self.folder = folder
        self.place = place
        self.adapter = adapter
        self.clock = SimulatedClock(WALL_MS, boot=BOOT)
        self.entropy = SeededEntropy(place.seed, "gateway")
        self.ledger_path = folder / "ledger.db"
        self.registry_path = folder / "registry.db"
        self.signing_key = SigningKey.generate()
        self.groups: dict[str, str] = {"staff": "always"}
        self.windows: dict[str, str] = {}
        self.rules = DoorRules()
        self.limits = Limits()
        self.on_fire = OnFire.OBSERVE
        self.unlocked: Schedule | None = None
        self.timing = DoorTiming(release_ms=RELEASE_MS, held_open_ms=5_000)
        initialise(
            self.ledger_path,
            f"{RP_ID}/gateway-1",
            self.signing_key,
            Stamp(WALL_MS, BOOT, 20, 0),
            SEAL_KEY,
        )

    def keep_head(self) -> None:
        """Keep a head of the closed ledger, as the hour does."""
        with closing(Writer.open(self.ledger_path, self.signing_key)) as writer:
            writer.checkpoint()

    def prune(self) -> int:
        """Prune the closed ledger at the newest kept head that is not its end.

        Returns how many entries were dropped.
        """
        replay = Replay()
        with Reader.open(self.ledger_path) as reader:
            first = reader.base()[0]
            base = max(n for n in reader.notes() if n < reader.size())
            if first:
                replay.foresee(first, reader.entries(first, reader.size()))
            for n, body in enumerate(reader.entries(first, base), first):
                replay.on_entry(n, body, b"")
        now = self.clock.now()
        stamp = Stamp(now.wall_ms, now.boot, now.err_ms, now.up_ms)
        return prune(self.ledger_path, self.signing_key, base, replay.live(), stamp)

    # The gateway.

    @asynccontextmanager
    async def running(
        self, wrap: Callable[[Adapters], Adapters] = lambda on: on
    ) -> AsyncIterator[Running]:
        """Start a gateway; kill it at the end, as a power cut would."""
        journal = FaultyJournal(
            LedgerJournal.open(self.ledger_path, self.signing_key, self.clock, None)
        )
        strike = PinStrike(self.place.pins, self.clock)
        indicators = TracedIndicators(self.clock)
        watchdog, telemetry = QuietWatchdog(), MemoryTelemetry()
        parts = (journal, strike, indicators, watchdog, telemetry)
        on = wrap(self._adapters(*parts))
        recovered = recover(on.history, on.registry_store)
        gateway = Gateway(self.setting(), on, recovered)
        died: list[BaseException] = []
        now = Running(gateway, recovered, *parts, died)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(_run(gateway, died))
            listening = group.create_task(_listen(gateway, now.heard))
            try:
                ready = group.create_task(gateway.ready())
                await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
                ready.cancel()
                if died:
                    raise died[0]
                yield now
            finally:
                task.cancel()
                listening.cancel()
                await asyncio.wait({task, listening})
                strike.let_go()
                await journal.close()

    def _adapters(
        self,
        journal: FaultyJournal,
        strike: PinStrike,
        indicators: TracedIndicators,
        watchdog: QuietWatchdog,
        telemetry: MemoryTelemetry,
    ) -> Adapters:
        return Adapters(
            clock=self.clock,
            entropy=self.entropy,
            radio=BleakRadio(
                self.clock,
                self.adapter.bonded,
                scanner_backend=self.adapter.scanner_backend,
                client_backend=self.adapter.client_backend,
            ),
            radio_control=self.adapter,
            pairing=self.adapter,
            strike=strike,
            inputs=BoardInputs(self.place.pins, self.clock),
            indicators=indicators,
            journal=journal,
            history=LedgerHistory(self.ledger_path),
            registry_store=SqliteRegistryStore(self.registry_path),
            people=SqlitePeopleStore(self.folder / "people.db", self.entropy),
            policies=FilePolicyStore(self.folder / "policies"),
            telemetry=telemetry,
            telemetry_store=SqliteTelemetryStore(self.folder / "telemetry.db", None),
            sensors=MachineSensors(self.folder),
            watchdog=watchdog,
            upkeep=UpkeepFiles(self.ledger_path, lambda: None),
        )

    def config(self) -> Config:
        """The config, as far as it says who may pass when."""
        parsed = parse(CONFIG, "gateway.toml")
        windows = {name: Schedule.parse(text) for name, text in self.windows.items()}
        if self.unlocked is not None:
            windows["unlocked"] = self.unlocked
        rules = {
            field.name: getattr(self.rules, field.name)
            for field in dataclasses.fields(Rules)
        }
        return dataclasses.replace(
            parsed,
            door=dataclasses.replace(
                parsed.door,
                unlocked=ScheduleId("unlocked") if self.unlocked else None,
            ),
            schedules=tuple(
                NamedSchedule(id=ScheduleId(name), windows=schedule)
                for name, schedule in windows.items()
            ),
            groups=tuple(
                Group(id=GroupId(group), doors=(DOOR,), schedule=ScheduleId(name))
                for group, name in self.groups.items()
            ),
            rules=Rules(**rules | {"passback_exits": tuple(rules["passback_exits"])}),
            duress=Duress(route=self.rules.duress_route),
        )

    def setting(self) -> Setting:
        """What the config would say."""
        chain = self.place.chain
        root = load_root(chain.root_der)
        return Setting(
            place=ChallengePlace(SiteId("site"), GatewayId("gateway-1"), DOOR, RP_ID),
            timing=self.timing,
            policies=SitePolicies(self.config(), {}),
            challenge_life_ms=CHALLENGE_MS,
            enrolment=EnrolmentRules(
                Trust(RP_ID, (root,), {chain.aaguid: "KEYRA One"}), site_name="Site"
            ),
            config_facts=ConfigFacts(
                "0" * 64, "just-works", (chain.aaguid,), (root.der,)
            ),
            limits=self.limits,
            on_fire=self.on_fire,
        )

    # People.

    async def enrol(
        self,
        now: Running,
        holder: str = "h1",
        group: str = "staff",
        name: str = "A name",
        duress: str = "",
    ) -> KeyraDevice:
        """Enrol a holder with a new key of that name; it sleeps afterwards.

        `duress` names a second key, for when the holder is forced.
        """
        key = await self.place.add_key(duress or holder)
        order = EnrolmentOrder(holder, name, (group,), duress=bool(duress))
        await now.gateway.enrol(order, ADMIN)
        await key.touch(times=2)
        await key.pairing_mode()
        shown = await self.ceremony(now, "comparing")
        agree = shown.number == (await key.state()).shown_number
        await now.gateway.answer_comparison(agree=agree)
        done = await self.ceremony(now, "registered")
        assert done.step == "registered", done
        await key.sleep()
        await self.sleep(1_000)
        return key

    async def ceremony(self, now: Running, step: str) -> EnrolmentView:
        """Wait until the ceremony is there, or over."""

        async def there() -> bool:
            view = now.gateway.enrolment()
            return view is not None and view.step in {step, "registered", "failed"}

        await self.until(there)
        view = now.gateway.enrolment()
        assert view is not None
        return view

    async def touch(self, now: Running, key: KeyraDevice) -> Event:
        """Wake a key, and return how its touch ended; it sleeps again."""
        mark = len(now.heard)
        await key.present()
        ended = await self.heard(now, "touch.ended", mark)
        await key.sleep()
        await key.misbehave()
        await self.sleep(6_000)
        return ended

    async def granted(self, now: Running, key: KeyraDevice) -> Event:
        """Touch with the right finger."""
        await key.touch()
        ended = await self.touch(now, key)
        assert ended.data["result"] == "granted", ended
        return ended

    # Waiting and looking.

    async def heard(self, now: Running, kind: str, mark: int = 0) -> Event:
        """Wait for an event and return it."""

        async def there() -> bool:
            return kind in now.kinds()[mark:]

        await self.until(there)
        return next(event for event in now.heard[mark:] if event.kind == kind)

    async def until(
        self, is_so: Callable[[], Awaitable[bool]], within_ms: int = 120_000
    ) -> None:
        """Look every 10 ms of virtual time."""
        end_ms = self.clock.now().up_ms + within_ms
        while not await is_so():
            assert self.clock.now().up_ms < end_ms, f"not within {within_ms} ms"
            await self.sleep(10)

    async def sleep(self, duration_ms: int) -> None:
        """Let virtual time pass."""
        await self.clock.sleep_until(self.clock.now().up_ms + duration_ms)

    def entries(self, *kinds: str) -> list[PastEntry]:
        """The ledger's entries, of these kinds or of all."""
        entries: Iterator[PastEntry] = LedgerHistory(self.ledger_path).entries(0)
        return [entry for entry in entries if not kinds or entry.ev in kinds]

    def reasons(self) -> list[str]:
        """The reasons of all denials in the ledger, oldest first."""
        return [entry.what["reason"] for entry in self.entries("door.deny")]

    async def releases(self) -> int:
        """How often the strike was released so far."""
        return sum(edge.level for edge in await self.place.pins.trace(STRIKE))


async def _run(gateway: Gateway, died: list[BaseException]) -> None:
    """Run a gateway; keep what ended it."""
    try:
        await gateway.run()
    except Exception as error:  # noqa: BLE001 - a test says whether it had to die
        died.append(error)


async def _listen(gateway: Gateway, heard: list[Event]) -> None:
    async for event in gateway.events(0):
        heard.append(event)  # noqa: PERF401 - read while it grows


@asynccontextmanager
async def virtual_site(
    folder: Path, chain: AttestationChain, seed: int = 1
) -> AsyncIterator[VirtualSite]:
    """A site whose gateway has not started yet."""
    async with (
        Place(seed, chain=chain) as place,
        await place.adapter(bond_file=folder / "bonds.json") as adapter,
    ):
        yield VirtualSite(folder, place, adapter)
