"""Somebody advertises without end under the address of an enrolled key.

Nobody answers a connection there. It costs the stranger nothing; so it must not fill
the ledger, frighten anybody, or keep the holder out.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

from gateway.core.facts import Pattern
from gateway.core.ids import PeerAddress
from gateway.errors import LinkLostError
from gateway.ports import Clock, Link, Radio, Sighting
from gateway.service.gateway import Adapters
from tests.virtual_site import VirtualSite

ADVERT_MS = 50
CONNECT_MS = 300
MINUTES = 10
HOLDER_WAITS_MS_MAX = 2_000


class SpoofedRadio:
    """A radio on which somebody advertises under another's address."""

    def __init__(self, radio: Radio, clock: Clock) -> None:
        self._radio = radio
        self._clock = clock
        self._heard: asyncio.Queue[Sighting] = asyncio.Queue()
        self._last: Sighting | None = None
        self.spoofs = False
        self.holder_is_there = False

    async def sightings(self) -> AsyncGenerator[Sighting, None]:
        """What the radio hears, and the stranger's adverts."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._spoof())
            while True:
                yield await self._heard.get()

    async def connect(self, address: PeerAddress) -> Link:
        """Reach the holder's key if it is there, else nobody."""
        if self.spoofs and not self.holder_is_there:
            await self._clock.sleep_until(self._clock.now().up_ms + CONNECT_MS)
            raise LinkLostError("Nobody answers.")
        return await self._radio.connect(address)

    async def _listen(self) -> None:
        async for sighting in self._radio.sightings():
            if not sighting.advert.pairing:
                self._last = sighting
            self._heard.put_nowait(sighting)

    async def _spoof(self) -> None:
        while True:
            now_ms = self._clock.now().up_ms
            if self.spoofs and self._last is not None:
                self._heard.put_nowait(replace(self._last, up_ms=now_ms))
            await self._clock.sleep_until(now_ms + ADVERT_MS)


async def test_a_stranger_under_a_known_address(site: VirtualSite) -> None:
    radios: list[SpoofedRadio] = []

    def spoofed(on: Adapters) -> Adapters:
        radios.append(SpoofedRadio(on.radio, site.clock))
        return replace(on, radio=radios[0])

    async with site.running(spoofed) as now:
        key = await site.enrol(now)
        await site.granted(now, key)
        size, shown = len(site.entries()), len(now.indicators.shown)
        radios[0].spoofs = True
        await site.sleep(MINUTES * 60_000)
        said = site.entries()[size:]
        assert len(said) <= 7 * (MINUTES + 1)
        patterns = [pattern for _, pattern in list(now.indicators.shown)[shown:]]
        assert patterns.count(Pattern.DENIED) <= 6 * (MINUTES + 1)
        tried = now.gateway.status().counts["touch.link-lost"]
        counted = sum(e.what["count"] for e in said if e.ev == "door.missed")
        alone = sum(e.ev == "door.deny" for e in said)
        assert tried - 100 <= counted + alone <= tried  # the last minute's are to come

        radios[0].holder_is_there = True
        begun_ms = site.clock.now().up_ms
        await key.touch()
        await key.present()

        async def passed() -> bool:
            return len(now.strike.serials) == 2

        await site.until(passed)
        assert site.clock.now().up_ms - begun_ms < HOLDER_WAITS_MS_MAX
