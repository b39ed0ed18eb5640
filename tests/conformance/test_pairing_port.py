"""ports.Pairing, kept by the simulated adapter over real SMP packets."""

import asyncio
from typing import Any

import pytest

from gateway.core.ids import PeerAddress
from gateway.errors import LinkLostError, LinkTimeoutError, PairingRefusedError
from gateway.sim.key_model import KeyModel
from gateway.sim.key_pairing import KeyIo

NOBODY = PeerAddress("F0:00:00:00:00:01")


async def yes(_number: int) -> bool:
    return True


async def no(_number: int) -> bool:
    return False


async def test_numeric_comparison_shows_one_number_on_both_sides(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        bond = await r.pair(key)
        assert bond.method == "numeric-comparison"
        assert await r.adapter.bonds() == {key.address}
        assert (await key.state()).bonds == 1
        assert await r.seen(pairing=False) == key.address  # pairing mode has ended


async def test_passkey_entry_bonds_with_the_right_number_only(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a", KeyModel(io=KeyIo.KEYBOARD))
        await key.pairing_mode()

        async def type_it(number: int) -> bool:
            await key.type_passkey(number)
            return True

        async def mistype(number: int) -> bool:
            await key.type_passkey((number + 1) % 1_000_000)
            return True

        with pytest.raises(PairingRefusedError):
            await r.adapter.pair(PeerAddress(key.address), mistype)
        assert not await r.adapter.bonds()
        await key.pairing_mode()
        bond = await r.adapter.pair(PeerAddress(key.address), type_it)
        assert bond.method == "passkey"


async def test_just_works_only_where_the_site_allows_it(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a", KeyModel(io=KeyIo.NONE))
        await key.pairing_mode()
        with pytest.raises(PairingRefusedError, match="Just Works"):
            await r.adapter.pair(PeerAddress(key.address), yes)
        assert not await r.adapter.bonds()
    async with rig(just_works_allowed=True) as r:
        key = await r.place.add_key("a", KeyModel(io=KeyIo.NONE))
        await key.pairing_mode()
        bond = await r.adapter.pair(PeerAddress(key.address), no)  # nobody is asked
        assert bond.method == "just-works"


@pytest.mark.parametrize("refuser", ["gateway", "key", "not in pairing mode"])
async def test_a_refused_pairing_leaves_no_bond(rig: Any, refuser: str) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await key.refuse_pairing(refuse=refuser == "key")
        if refuser == "not in pairing mode":
            await key.present()
        else:
            await key.pairing_mode()
        compare = no if refuser == "gateway" else yes
        with pytest.raises(PairingRefusedError):
            await r.adapter.pair(PeerAddress(key.address), compare)
        assert not await r.adapter.bonds()
        assert (await key.state()).bonds == 0


async def test_pairing_with_nobody_ends_in_time(rig: Any) -> None:
    async with rig() as r:
        with pytest.raises(LinkTimeoutError):
            await r.adapter.pair(NOBODY, yes)


async def test_a_key_that_walks_away_while_pairing_is_a_lost_link(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await key.pairing_mode()

        async def think(_number: int) -> bool:
            await key.walk_away()
            await asyncio.sleep(5)
            return True

        with pytest.raises(LinkLostError):
            await r.adapter.pair(PeerAddress(key.address), think)
