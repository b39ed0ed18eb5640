"""A door whose keys are simulated, to the strike: real sessions over real packets.

What goes to the key is listened to on its link, so that a test can say what was asked.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from gateway.core import entries
from gateway.core.attestation import Trust
from gateway.core.certificate_path import load_root
from gateway.core.challenge import ChallengeBook, Place
from gateway.core.door import Door
from gateway.core.door_timing import DoorTiming
from gateway.core.facts import Pattern
from gateway.core.ids import (
    CredentialId,
    DoorId,
    GatewayId,
    GroupId,
    HolderId,
    PeerAddress,
    ScheduleId,
    SiteId,
)
from gateway.core.policy import Access, DoorPolicy
from gateway.core.registry import Holder, Registry
from gateway.core.schedule import Schedule
from gateway.ctap import cbor
from gateway.ctap.command import CtapCommand
from gateway.ctap.framing import TO_KEY, FrameCommand, Reassembler
from gateway.ports import Link, PeerInfo, Radio, Sighting
from gateway.service.doorkeeper import Doorkeeper
from gateway.service.events import EventStream
from gateway.service.new_credential import CredentialMaker, EnrolmentRules
from gateway.service.recorder import Recorder
from gateway.service.session import Sessions
from gateway.service.telemetry import MemoryTelemetry
from gateway.service.timekeeper import Timekeeper
from gateway.service.touch import TouchOutcome
from gateway.sim.clock import SimulatedClock
from gateway.sim.entropy import SeededEntropy
from gateway.sim.inputs import TracedIndicators
from gateway.sim.key import KeyraDevice
from gateway.sim.place import Place as SimulatedPlace
from tests.touches import MemoryJournal

RP_ID = "site.example"
FRONT = DoorId("front")
HOLDER = HolderId("h-1")
STAFF = GroupId("staff")
ALWAYS = ScheduleId("always")
CHALLENGE_MS = 15_000
MESSAGE_BYTES_MAX = 2048
WORDS: Mapping[object, str] = {2: "agreement", 6: "token", 7: "retries"}


class OverheardLink:
    """A link that tells what is asked on it: "info", "retries", "assertion" …"""

    def __init__(self, link: Link, asked: list[str]) -> None:
        self._link = link
        self._asked = asked
        self._frames = Reassembler(MESSAGE_BYTES_MAX, TO_KEY)

    @property
    def fragment_bytes_max(self) -> int:
        """As the link's."""
        return self._link.fragment_bytes_max

    async def write(self, fragment: bytes) -> None:
        """Listen, then write."""
        frame = self._frames.feed(fragment)
        if frame is not None and frame.command is FrameCommand.MSG:
            self._asked.append(_word(frame.data))
        await self._link.write(fragment)

    async def read(self) -> bytes:
        """As the link's."""
        return await self._link.read()

    async def info(self) -> PeerInfo:
        """As the link's."""
        return await self._link.info()

    async def close(self) -> None:
        """As the link's."""
        await self._link.close()


def _word(request: bytes) -> str:
    command = CtapCommand(request[0])
    if command is CtapCommand.CLIENT_PIN:
        return WORDS[cbor.decode_map(request[1:]).get(2)]
    proved = {CtapCommand.GET_ASSERTION: 6, CtapCommand.MAKE_CREDENTIAL: 8}
    if command not in proved:
        return "info"
    with_proof = proved[command] in cbor.decode_map(request[1:])
    name = "assertion" if command is CtapCommand.GET_ASSERTION else "creation"
    return f"proved {name}" if with_proof else name


class OverheardRadio:
    """A radio whose links are overheard."""

    def __init__(self, radio: Radio, asked: list[str]) -> None:
        self._radio = radio
        self._asked = asked

    def sightings(self) -> AsyncIterator[Sighting]:
        """As the radio's."""
        return self._radio.sightings()

    async def connect(self, address: PeerAddress) -> Link:
        """Connect, and listen."""
        return OverheardLink(await self._radio.connect(address), self._asked)


class MemoryStrike:
    """Remembers how often it released."""

    def __init__(self) -> None:
        self.releases = 0

    async def release(self, serial: int, duration_ms: int) -> None:
        """Count a release that says which entry it is for."""
        assert serial >= 0
        assert duration_ms > 0
        self.releases += 1

    async def lease(self, duration_ms: int) -> None:
        """No mode holds this door."""

    async def secure(self) -> None:
        """Hold already."""

    async def keep_alive(self) -> None:
        """Live."""


@dataclass
class UvDoor:
    """One door in a simulated place, whose clock and radio a rig brings."""

    clock: SimulatedClock
    radio: Radio
    place: SimulatedPlace
    challenge_ms: int = CHALLENGE_MS
    asked: list[str] = field(default_factory=list)
    strike: MemoryStrike = field(default_factory=MemoryStrike)

    def __post_init__(self) -> None:
        self.entropy = SeededEntropy(1, "uv-door")
        self.book = ChallengeBook(
            Place(SiteId("site"), GatewayId("gw-1"), FRONT, RP_ID)
        )
        self.registry = Registry()
        self.overheard = OverheardRadio(self.radio, self.asked)
        self.indicators = TracedIndicators(self.clock)
        events = EventStream()
        self.recorder = Recorder(
            MemoryJournal(), self.registry, self.clock, FRONT, events
        )
        doorkeeper = Doorkeeper(
            Door(FRONT),
            DoorTiming(),
            clock=self.clock,
            strike=self.strike,
            indicators=self.indicators,
            recorder=self.recorder,
            timekeeper=Timekeeper(self.clock),
            events=events,
        )
        shared: dict[str, Any] = {"clock": self.clock, "entropy": self.entropy}
        self.sessions = Sessions(
            book=self.book,
            registry=self.registry,
            policy=_policy,
            challenge_life_ms=self.challenge_ms,
            radio=self.overheard,
            indicators=self.indicators,
            recorder=self.recorder,
            doorkeeper=doorkeeper,
            telemetry=MemoryTelemetry(),
            events=events,
            **shared,
        )
        self.maker = CredentialMaker(_rules(self.place), self.book, **shared)

    async def enrol(self, key: KeyraDevice, touches: int = 2) -> CredentialId:
        """Make a credential on a bonded key, prove it, and register it."""
        await key.touch(times=touches)
        await key.present()
        link = await self.overheard.connect(PeerAddress(key.address))
        creation = await self.maker.create(link, HOLDER, ())
        credential, proof = await self.maker.prove(link, HOLDER, creation, 0)
        await link.close()
        holder = Holder(HOLDER, "0" * 64, (STAFF,), 0, 0, suspended=False)
        if self.registry.holder(HOLDER) is None:
            await self.recorder.append(
                entries.holder_record(holder, entries.BY_GATEWAY)
            )
        await self.recorder.append(
            entries.enrol_record(
                credential,
                entries.BY_GATEWAY,
                "numeric-comparison",
                creation.challenge,
                creation.made.attestation_object,
                proof,
            )
        )
        return credential.id

    async def touch(
        self, key: KeyraDevice, credential_id: CredentialId
    ) -> TouchOutcome:
        """Wake a key before the door; the plan of its sensor was made before."""
        await key.present()
        return await self.sessions.touch(PeerAddress(key.address), credential_id)

    def heard(self) -> list[str]:
        """Return what was asked since the last look."""
        asked, self.asked[:] = list(self.asked), []
        return asked

    def touches_wanted(self) -> int:
        """Count how often the light asked for a finger."""
        return sum(p is Pattern.TOUCH_NOW for _, p in self.indicators.shown)


def _rules(place: SimulatedPlace) -> EnrolmentRules:
    trust = Trust(
        rp_id=RP_ID,
        roots=(load_root(place.chain.root_der),),
        models={place.chain.aaguid: "KEYRA One"},
    )
    return EnrolmentRules(trust, "site")


def _policy() -> DoorPolicy:
    return DoorPolicy(
        door=FRONT,
        access=(Access(STAFF, ALWAYS),),
        schedules={ALWAYS: Schedule.parse("always")},
        zone=ZoneInfo("UTC"),
        release_ms=1_000,
    )
