"""Bonds of revoked keys: tried again while the radio is away, or a ceremony runs."""

import asyncio
from typing import Any, cast

import pytest

from gateway.core.ids import PeerAddress
from gateway.errors import LinkLostError
from gateway.service.bonds import RETRY_MS, Bonds
from gateway.sim.clock import SimulatedClock

HERE, THERE = PeerAddress("AA:BB:CC:DD:EE:01"), PeerAddress("AA:BB:CC:DD:EE:02")


class Place:
    """Everything around the bonds: hints, radio, recorder and ceremony."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.revoked: frozenset[PeerAddress] = frozenset()
        self.kept = {HERE, THERE}
        self.away = False
        self.asked = 0
        self.ceremony: PeerAddress | None = None
        self.credentials_changed = asyncio.Event()
        me = cast("Any", self)
        self.them = Bonds(me, me, me, clock, lambda: self.ceremony)

    async def bonds(self) -> frozenset[PeerAddress]:
        self.asked += 1
        if self.away:
            raise LinkLostError("There is no radio.")
        return frozenset(self.kept)

    async def forget(self, address: PeerAddress) -> None:
        self.kept.discard(address)


@pytest.fixture
async def place(clock: SimulatedClock) -> Place:
    return Place(clock)


async def test_without_a_revoked_key_the_radio_is_not_asked(place: Place) -> None:
    assert await place.them.remove()
    assert (place.asked, place.kept) == (0, {HERE, THERE})


async def test_only_bonds_that_are_there_and_revoked_go(place: Place) -> None:
    place.revoked = frozenset({HERE, PeerAddress("AA:BB:CC:DD:EE:03")})
    assert await place.them.remove()
    assert place.kept == {THERE}


async def test_it_is_tried_again_until_it_works(
    place: Place, clock: SimulatedClock
) -> None:
    place.revoked, place.away = frozenset({HERE}), True
    work = asyncio.create_task(place.them.run())
    await clock.sleep_until(clock.now().up_ms + 3 * RETRY_MS - 1)
    assert (place.asked, place.kept) == (3, {HERE, THERE})
    place.away, place.ceremony = False, HERE
    await clock.sleep_until(clock.now().up_ms + RETRY_MS)
    assert place.kept == {HERE, THERE}
    place.ceremony = None
    await clock.sleep_until(clock.now().up_ms + RETRY_MS)
    assert place.kept == {THERE}
    place.revoked |= {THERE}
    place.credentials_changed.set()
    await clock.sleep_until(clock.now().up_ms + 1)
    assert place.kept == set()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_an_address_enrolled_anew_meanwhile_keeps_its_bond(place: Place) -> None:
    place.revoked = frozenset({HERE, THERE})
    forget = place.forget

    async def slow(address: PeerAddress) -> None:
        await forget(address)
        place.revoked = frozenset({HERE})

    place.forget = slow  # type: ignore[method-assign] # this test's own fake
    assert await place.them.remove()
    assert place.kept == {THERE}
