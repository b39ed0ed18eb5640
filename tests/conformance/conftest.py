"""A gateway's radio beside a simulated place, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import async_solipsism
import pytest

from gateway.adapters.bluez_radio import BleakLink, BleakRadio
from gateway.core.ids import PeerAddress
from gateway.ctap.command import (
    CtapCommand,
    RelyingParty,
    UserEntity,
    get_assertion,
    make_credential,
)
from gateway.ctap.response import Assertion, MadeCredential, parse_response
from gateway.ports import Bond, Sighting
from gateway.service.conversation import converse
from gateway.sim.adapter import SimulatedAdapter
from gateway.sim.clock import SimulatedClock
from gateway.sim.key import KeyraDevice
from gateway.sim.place import Place

WALL_MS = 1_800_000_000_000
RP_ID = "site.example"
ASKED_MS = 15_000


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Real time only where processes are real."""
    if item.get_closest_marker("processes") is not None:
        return {"real": asyncio.new_event_loop}
    return {"virtual": async_solipsism.EventLoop}


@dataclass
class Rig:
    """One gateway at one place."""

    place: Place
    adapter: SimulatedAdapter
    radio: BleakRadio
    clock: SimulatedClock

    async def seen(self, *, pairing: bool) -> PeerAddress:
        """Scan until a key announces itself so."""
        async with aclosing(self.radio.sightings()) as scan:
            async for sighting in scan:
                if sighting.advert.pairing is pairing:
                    return sighting.address
        raise AssertionError("the scan ended")

    async def heard(self, span_s: float) -> list[Sighting]:
        """Scan for so long."""
        heard = []
        async with aclosing(self.radio.sightings()) as scan:
            try:
                async with asyncio.timeout(span_s):
                    while True:
                        heard.append(await anext(scan))
            except TimeoutError:
                return heard

    async def pair(self, key: KeyraDevice) -> Bond:
        """Pair by numeric comparison, as two honest people do."""

        async def compare(number: int) -> bool:
            return number == (await key.state()).shown_number

        await key.pairing_mode()
        return await self.adapter.pair(PeerAddress(key.address), compare)

    async def connect(self, key: KeyraDevice) -> BleakLink:
        """Wake a bonded key and connect."""
        await key.present()
        return await self.radio.connect(PeerAddress(key.address))

    async def ask(self, link: BleakLink, request: bytes, asked_ms: int) -> bytes:
        """Carry one request."""
        deadline_ms = self.clock.now().up_ms + asked_ms
        return await converse(link, self.clock, request, deadline_ms)

    async def enrol(self, link: BleakLink, key: KeyraDevice) -> MadeCredential:
        """Make a credential."""
        await key.touch()
        request = make_credential(
            client_data_hash=b"h" * 32,
            rp=RelyingParty(RP_ID, "Site"),
            user=UserEntity(b"u" * 32, "n", "d"),
            algorithms=[-7, -8],
        )
        answer = await self.ask(link, request, ASKED_MS)
        return parse_response(CtapCommand.MAKE_CREDENTIAL, answer)

    async def answer(
        self, link: BleakLink, credential_id: bytes, asked_ms: int = ASKED_MS
    ) -> Assertion:
        """Ask for an assertion; the key's holder does what was planned."""
        request = get_assertion(
            rp_id=RP_ID, client_data_hash=b"x" * 32, credential_id=credential_id
        )
        answer = await self.ask(link, request, asked_ms)
        return parse_response(CtapCommand.GET_ASSERTION, answer)


@asynccontextmanager
async def at_place(
    seed: int = 1,
    *,
    bond_file: Path | None = None,
    just_works_allowed: bool = False,
    **place: Any,
) -> AsyncIterator[Rig]:
    """A place with one gateway."""
    clock = SimulatedClock(WALL_MS)
    async with (
        Place(seed, **place) as somewhere,
        await somewhere.adapter(
            bond_file=bond_file, just_works_allowed=just_works_allowed
        ) as adapter,
    ):
        radio = BleakRadio(
            clock,
            adapter.bonded,
            scanner_backend=adapter.scanner_backend,
            client_backend=adapter.client_backend,
        )
        yield Rig(somewhere, adapter, radio, clock)


@pytest.fixture
def rig() -> Callable[..., Any]:
    """How to open a rig: `async with rig(seed) as r`."""
    return at_place
