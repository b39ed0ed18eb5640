"""ports.Radio, Link and Pairing, kept by BleakRadio over the simulated air.

Real ATT, SMP and L2CAP packets; only the air and the time are simulated.
"""

import asyncio
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from fido2.webauthn import AuthenticatorData

from gateway.adapters.bluez_radio import BleakRadio, RadioLimits
from gateway.core.ids import PeerAddress
from gateway.ctap.command import CtapCommand, get_info
from gateway.ctap.response import parse_response
from gateway.errors import (
    AuthenticatorError,
    BondMissingError,
    FramingError,
    KeyraError,
    LinkError,
    LinkLostError,
    LinkTimeoutError,
    MessageError,
    SimulationError,
)
from gateway.sim.authenticator import ALG_EDDSA, ALG_ES256
from gateway.sim.key_model import KeyModel
from gateway.sim.key_pairing import KeyIo
from gateway.sim.misbehaviour import Misbehaviour

NOBODY = PeerAddress("F0:00:00:00:00:01")


# Scanning.


async def test_an_awake_key_is_sighted_and_a_sleeping_one_is_not(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await r.place.add_key("asleep")
        await key.present()
        heard = await r.heard(1)
        assert {s.address for s in heard} == {key.address}
        assert not any(s.advert.pairing for s in heard)
        assert all(-75 < s.rssi_dbm < -30 for s in heard)
        assert [s.up_ms for s in heard] == sorted(s.up_ms for s in heard)


async def test_a_key_falls_asleep_when_nobody_uses_it(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await key.present(awake_ms=2_000)
        heard = await r.heard(10)
        assert heard[-1].up_ms - heard[0].up_ms <= 2_000
        assert not (await key.state()).awake


async def test_pairing_mode_and_passkey_show_in_the_advert(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a", KeyModel(io=KeyIo.KEYBOARD))
        await key.pairing_mode()
        (advert,) = {s.advert for s in await r.heard(1)}
        assert advert.pairing
        assert advert.passkey
        assert advert.name == "KEYRA a"


async def test_rssi_falls_with_distance_and_ends_with_range(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        means = []
        for distance_m in (0.5, 2.0, 10.0):
            await key.present(distance_m)
            means.append(mean(s.rssi_dbm for s in await r.heard(3)))
        assert means == sorted(means, reverse=True)
        assert means[0] - means[2] > 20
        await key.move(20.0)
        await asyncio.sleep(0.1)  # what is on its way arrives
        assert await r.heard(3) == []


async def test_two_gateways_hear_one_key_each_from_its_own_distance(rig: Any) -> None:
    async with rig() as r, await r.place.adapter("far") as far:
        key = await r.place.add_key("a")
        r.place.air.set_distance("a", "far", 12.0)
        near_radio, r.radio = (
            r.radio,
            BleakRadio(
                r.clock,
                far.bonded,
                scanner_backend=far.scanner_backend,
                client_backend=far.client_backend,
            ),
        )
        await key.present()
        far_dbm = mean(s.rssi_dbm for s in await r.heard(2))
        r.radio = near_radio
        assert mean(s.rssi_dbm for s in await r.heard(2)) - far_dbm > 20


async def test_loss_swallows_its_share_of_adverts(rig: Any) -> None:
    async with rig(loss=0.5) as r:
        await (await r.place.add_key("a")).present()
        assert 0.35 < len(await r.heard(20)) / 200 < 0.65


async def test_the_same_seed_hears_the_same(rig: Any) -> None:
    async def once(seed: int) -> list[tuple[str, int]]:
        async with rig(seed, loss=0.2) as r:
            for name in ("a", "b", "c"):
                await (await r.place.add_key(name)).present()
            return [(s.address, s.rssi_dbm) for s in await r.heard(3)]

    assert await once(7) == await once(7)
    assert await once(8) != await once(7)


async def test_one_scan_at_a_time_and_again_after_it_was_closed(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await key.present()
        first = r.radio.sightings()
        await anext(first)
        with pytest.raises(LinkError):
            await anext(r.radio.sightings())
        await first.aclose()
        assert await r.seen(pairing=False) == key.address


async def test_200_keys_are_all_sighted_and_one_of_them_is_reached(rig: Any) -> None:
    async with rig() as r:
        keys = [await r.place.add_key(f"k{i}") for i in range(200)]
        await r.pair(keys[137])
        for key in keys:
            await key.present()
        heard = await r.heard(0.5)
        assert {s.address for s in heard} == {key.address for key in keys}
        link = await r.radio.connect(PeerAddress(keys[137].address))
        await link.close()


# Connecting.


async def test_without_a_bond_nothing_goes_on_air(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await key.present()
        with pytest.raises(BondMissingError):
            await r.radio.connect(PeerAddress(key.address))
        assert not (await key.state()).connected


async def test_a_link_tells_its_fragment_size_and_what_the_peer_is(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a", KeyModel(control_point_bytes=64))
        await r.pair(key)
        await key.charge(42)
        link = await r.connect(key)
        info = await link.info()
        assert link.fragment_bytes_max == 64
        assert (info.manufacturer, info.model) == ("KEYRA", "K1")
        assert info.battery_percent == 42
        await link.close()
        await link.close()  # never raises


@pytest.mark.parametrize("algorithm", [ALG_ES256, ALG_EDDSA])
@pytest.mark.parametrize("control_point_bytes", [20, 512])
async def test_a_credential_is_made_and_answers(
    rig: Any, algorithm: int, control_point_bytes: int
) -> None:
    async with rig() as r:
        model = KeyModel(algorithm=algorithm, control_point_bytes=control_point_bytes)
        key = await r.place.add_key("a", model)
        await r.pair(key)
        link = await r.connect(key)
        info = parse_response(
            CtapCommand.GET_INFO, await r.ask(link, get_info(), 1_000)
        )
        assert info.aaguid == r.place.chain.aaguid
        made = await r.enrol(link, key)
        credential = AuthenticatorData(made.auth_data).credential_data
        assert credential is not None
        counters = []
        for _ in range(3):
            await key.touch(after_ms=1_700)  # three keepalives later
            answer = await r.answer(link, credential.credential_id)
            credential.public_key.verify(answer.auth_data + b"x" * 32, answer.signature)
            counters.append(AuthenticatorData(answer.auth_data).counter)
        assert counters == sorted(set(counters))


async def test_a_key_sleeps_after_it_answered(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await r.pair(key)
        link = await r.connect(key)
        made = await r.enrol(link, key)
        credential = AuthenticatorData(made.auth_data).credential_data
        assert credential is not None
        await key.touch()
        await r.answer(link, credential.credential_id)
        await link.close()
        assert await r.heard(2) == []


async def test_bonds_outlive_the_gateway(rig: Any, tmp_path: Path) -> None:
    file = tmp_path / "bonds.json"
    async with rig(bond_file=file) as r:
        key = await r.place.add_key("a")
        await r.pair(key)
        await r.adapter.close()
        async with await r.place.adapter("restarted", bond_file=file) as adapter:
            assert await adapter.bonds() == {key.address}
            r.radio._bonded = adapter.bonded  # the same radio at the new adapter
            r.radio._scanner_backend = adapter.scanner_backend
            r.radio._client_backend = adapter.client_backend
            await (await r.connect(key)).close()


async def test_the_gatt_table_is_read_once(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await r.pair(key)
        await (await r.connect(key)).close()
        (table,) = r.adapter._central.tables.values()
        await (await r.connect(key)).close()
        assert list(r.adapter._central.tables.values()) == [table]


async def test_a_key_that_lost_the_bond_is_an_alarm_each_time(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await r.pair(key)
        await key.lose_bond()
        for _ in range(2):
            with pytest.raises(BondMissingError, match="alarm"):
                await r.connect(key)
        assert await r.adapter.bonds() == {key.address}  # nothing repairs itself


async def test_a_forgotten_bond_is_missing(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await r.pair(key)
        await r.adapter.forget(PeerAddress(key.address))
        await r.adapter.forget(PeerAddress(key.address))
        with pytest.raises(BondMissingError):
            await r.connect(key)


async def test_an_absent_key_is_given_up_in_time_and_the_next_is_reached(
    rig: Any,
) -> None:
    async with rig() as r:
        absent, present = await r.place.add_key("a"), await r.place.add_key("b")
        for key in (absent, present):
            await r.pair(key)
        await absent.walk_away()
        before_ms = r.clock.now().up_ms
        with pytest.raises(LinkTimeoutError):
            await r.radio.connect(PeerAddress(absent.address))
        waited_ms = r.clock.now().up_ms - before_ms
        limits = RadioLimits()
        assert waited_ms <= limits.connect_ms + limits.close_ms
        await (await r.connect(present)).close()


async def test_connections_wait_for_their_turn(rig: Any) -> None:
    async with rig() as r:
        keys = [await r.place.add_key(name) for name in "abcdef"]
        for key in keys:
            await r.pair(key)
        links = await asyncio.gather(*(r.connect(key) for key in keys))
        states = [await key.state() for key in keys]
        assert all(state.connected for state in states)
        for link in links:
            await link.close()


async def test_a_cancelled_connect_leaves_the_radio_usable(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await r.pair(key)
        await key.sleep()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await r.radio.connect(PeerAddress(key.address))
        await (await r.connect(key)).close()


async def test_scanning_goes_on_while_a_link_is_open(rig: Any) -> None:
    async with rig() as r:
        key, other = await r.place.add_key("a"), await r.place.add_key("b")
        await r.pair(key)
        await other.present()
        link = await r.connect(key)
        assert {s.address for s in await r.heard(1)} == {other.address}
        await link.close()


# Links that end.


async def test_a_key_that_walks_away_is_lost_after_the_supervision_timeout(
    rig: Any,
) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await r.pair(key)
        link = await r.connect(key)
        await key.walk_away()
        with pytest.raises(LinkLostError):
            await link.read()
        with pytest.raises((LinkLostError, LinkTimeoutError)):
            await link.write(b"\x83\x00\x01\x04")
        await link.close()


async def test_a_key_that_comes_back_in_time_keeps_its_link(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await r.pair(key)
        link = await r.connect(key)
        await key.walk_away()
        asking = asyncio.ensure_future(r.ask(link, get_info(), 3_000))
        await asyncio.sleep(0.5)
        await key.move(1.0)
        assert (await asking)[0] == 0
        await link.close()


async def test_a_key_whose_battery_dies_is_lost_and_stays_silent(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await r.pair(key)
        link = await r.connect(key)
        await key.run_flat()
        with pytest.raises(LinkLostError):
            await link.read()
        await link.close()
        with pytest.raises(SimulationError, match="flat"):
            await key.present()
        assert await r.heard(1) == []
        await key.charge()
        await (await r.connect(key)).close()


# Fingers and misbehaviour, through the whole stack.

BROKEN: list[tuple[Misbehaviour, type[KeyraError]]] = [
    (Misbehaviour.RUBBISH_FRAMES, FramingError),
    (Misbehaviour.STALL, LinkError),
    (Misbehaviour.DISCONNECT_MID_MESSAGE, LinkLostError),
    (Misbehaviour.NONCANONICAL_CBOR, MessageError),
    (Misbehaviour.TRUNCATED_CBOR, MessageError),
    (Misbehaviour.FLOOD, KeyraError),
]


@pytest.mark.parametrize(("way", "error"), BROKEN)
async def test_a_misbehaving_key_is_a_named_error_and_the_radio_goes_on(
    rig: Any, way: Misbehaviour, error: type[KeyraError]
) -> None:
    async with rig() as r:
        key, honest = await r.place.add_key("a"), await r.place.add_key("b")
        for each in (key, honest):
            await r.pair(each)
        link = await r.connect(key)
        made = await r.enrol(link, key)
        credential = AuthenticatorData(made.auth_data).credential_data
        assert credential is not None
        await key.misbehave(way)
        await key.touch()
        with pytest.raises(error):
            await r.answer(link, credential.credential_id, 4_000)
        await link.close()
        await (await r.connect(honest)).close()


async def test_a_wrong_finger_counts_until_the_key_blocks_itself(rig: Any) -> None:
    async with rig() as r:
        key = await r.place.add_key("a")
        await r.pair(key)
        link = await r.connect(key)
        made = await r.enrol(link, key)
        credential = AuthenticatorData(made.auth_data).credential_data
        assert credential is not None
        statuses = []
        await key.wrong_finger(times=5)
        for _ in range(6):
            with pytest.raises(AuthenticatorError) as refused:
                await r.answer(link, credential.credential_id)
            statuses.append(refused.value.status)
        assert statuses == [0x3F] * 4 + [0x3C] * 2
        await key.unblock()
        await key.touch(times=2)
        await r.answer(link, credential.credential_id)
        await link.close()
