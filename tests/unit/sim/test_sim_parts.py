import asyncio
from pathlib import Path

import pytest
from bumble.keys import PairingKeys
from bumble.transport.common import AsyncPipeSink
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.facts import InputName
from gateway.errors import SimulationError
from gateway.sim.air import Air, Radio
from gateway.sim.bond_file import BondFile
from gateway.sim.bumble_faults import RadioGoneError, uncancelled
from gateway.sim.chores import Chores, Timers
from gateway.sim.clock import SimulatedClock
from gateway.sim.entropy import SeededEntropy
from gateway.sim.place import Place
from gateway.sim.quick_host import QuickHost, Report
from gateway.sim.verbs import KEY_VERBS, VERBS, perform

ADDRESS = "F1:00:00:00:00:01"


def test_entropy_is_decided_by_seed_and_label() -> None:
    assert SeededEntropy(1, "a").token(100) == SeededEntropy(1, "a").token(100)
    assert SeededEntropy(1, "a").token(32) != SeededEntropy(1, "b").token(32)
    assert SeededEntropy(1, "a").token(32) != SeededEntropy(2, "a").token(32)
    stream = SeededEntropy(1)
    assert stream.token(32) != stream.token(32)
    assert stream.token(0) == b""


async def test_the_clock_runs_with_the_loop_and_is_set_at_will() -> None:
    clock = SimulatedClock(1_000_000, up_ms=5_000)
    start = clock.now()
    await clock.sleep_until(start.up_ms + 60_000)
    later = clock.now()
    assert later.up_ms - start.up_ms == 60_000
    assert later.wall_ms - start.wall_ms == 60_000
    assert later.wall_is_trusted
    clock.set_wall(7)
    clock.set_sync(-1)
    assert clock.now().wall_ms == 7
    assert not clock.now().wall_is_trusted
    await clock.sleep_until(0)
    assert clock.now().up_ms - later.up_ms <= 1
    assert clock.ticks_us() // 1_000 <= clock.now().up_ms


async def test_bonds_are_kept_in_a_file_that_is_never_half_written(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bonds.json"
    bonds = BondFile(path, ADDRESS)
    keys = PairingKeys(ltk=PairingKeys.Key(b"k" * 16, authenticated=True))
    await bonds.update("C0:00:00:00:00:01", keys)
    again = BondFile(path, "F1:00:00:00:00:02")
    assert again.address == ADDRESS
    kept = await again.get("C0:00:00:00:00:01")
    assert kept is not None
    assert kept.to_dict() == keys.to_dict()
    await again.delete("C0:00:00:00:00:01")
    await again.delete("C0:00:00:00:00:01")
    assert await BondFile(path, ADDRESS).get_all() == []
    assert not path.with_name("bonds.json.new").exists()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"address":1}', '{"address":"x","bonds":{"a":1}}']
)
def test_a_file_that_holds_no_bonds_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bonds.json"
    path.write_text(content)
    with pytest.raises(SimulationError, match=r"bonds\.json"):
        BondFile(path, ADDRESS)


async def test_a_cancellation_of_ours_stays_one_and_bumbles_becomes_an_error() -> None:
    with pytest.raises(RadioGoneError), uncancelled():
        raise asyncio.CancelledError

    async def wait() -> None:
        with uncancelled():
            await asyncio.get_running_loop().create_future()

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()


async def test_chores_run_in_turn_and_none_takes_for_ever() -> None:
    chores, done = Chores(), list[str]()

    async def stuck() -> None:
        done.append("stuck")
        await asyncio.get_running_loop().create_future()

    async def quick() -> None:
        done.append("quick")

    running = asyncio.ensure_future(chores.run())
    first = chores.later(stuck)
    await chores.submit(quick)
    assert first.is_set()
    assert done == ["stuck", "quick"]
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()


async def test_a_timer_fires_once_and_not_when_disarmed() -> None:
    timers, fired = Timers(), list[str]()
    timers.arm("a", 100, lambda: fired.append("early"))
    timers.arm("a", 200, lambda: fired.append("a"))
    timers.arm("b", 100, lambda: fired.append("b"))
    timers.disarm("b", "unknown")
    assert "a" in timers
    await asyncio.sleep(1)
    assert fired == ["a"]
    assert "a" not in timers


async def heard(packet: bytes) -> list[Report]:
    reports: list[Report] = []
    radio = Radio("r", Air(1), listens=True)
    host = QuickHost(radio, AsyncPipeSink(radio))
    host.on_report = reports.append
    host.on_packet(packet)
    return reports


def report(data: bytes) -> bytes:
    body = (
        bytes.fromhex("0d010100")
        + b"\x01"
        + bytes.fromhex("060504030201")
        + bytes.fromhex("0100ff7f")
        + b"\xc5"
        + bytes(9)
        + bytes((len(data),))
        + data
    )
    return b"\x04\x3e" + bytes((len(body),)) + body


async def test_a_report_is_read_by_hand() -> None:
    data = bytes.fromhex("020104 0303fdff 0416fdff80 0309") + b"Hi"
    (seen,) = await heard(report(data))
    fido = "0000fffd-0000-1000-8000-00805f9b34fb"
    assert (seen.address, seen.rssi_dbm) == ("01:02:03:04:05:06", -59)
    assert seen.payload.uuids == (fido,)
    assert dict(seen.payload.service_data) == {fido: b"\x80"}
    assert (seen.payload.flags, seen.payload.name) == (4, "Hi")


@given(st.binary(max_size=120))
def test_rubbish_in_a_report_is_harmless(data: bytes) -> None:
    (seen,) = asyncio.run(heard(report(data)))
    assert len(seen.payload.uuids) <= len(data)


async def test_a_place_names_what_is_wrong() -> None:
    async with Place(1) as place:
        await place.add_key("a")
        with pytest.raises(SimulationError, match="already"):
            await place.add_key("a")
        with pytest.raises(SimulationError, match="no key named"):
            place.key("b")
        assert place.stats().keys == 1
        assert place.stats().rss_bytes > 1_000_000


async def test_what_a_story_raises_leaves_the_place_as_it_is() -> None:
    async def story() -> None:
        async with Place(1) as place:
            await place.add_key("a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await story()


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("no-such-verb", {}),
        ("key", {}),
        ("key", {"key": "a", "verb": "explode"}),
        ("key", {"key": "a", "verb": "touch", "how": {"times": "many"}}),
        ("key", {"key": "a", "verb": "touch", "how": {"toes": 1}}),
        ("key", {"key": "a", "verb": "touch", "how": {"times": 1_000}}),
        ("key", {"key": "b", "verb": "touch"}),
        ("key.misbehave", {"key": "a", "ways": ["politely"]}),
        ("key.add", {"key": "b", "io": "telepathy"}),
        ("input.set", {"input": "weather", "active": True}),
        ("pins.trace", {"line": "siren"}),
    ],
)
async def test_a_verb_that_makes_no_sense_is_named(
    verb: str, arguments: dict[str, object]
) -> None:
    async with Place(1) as place:
        await place.add_key("a")
        with pytest.raises(SimulationError):
            await perform(place, verb, arguments)


async def test_every_verb_can_be_performed() -> None:
    async with Place(1) as place:
        await place.add_key("a")
        how: dict[str, dict[str, object]] = {
            "move": {"distance_m": 1.0},
            "type_passkey": {"number": 1},
            "press": {"agree": True},
        }
        for verb in KEY_VERBS:
            await perform(place, "key", {"key": "a", "verb": "charge"})
            arguments = {"key": "a", "verb": verb, "how": how.get(verb, {})}
            await perform(place, "key", arguments)
        given_: dict[str, dict[str, object]] = {
            "key.misbehave": {"key": "a", "ways": ["stall"]},
            "key.add": {"key": "b"},
            "look": {"key": "a"},
            "pins.trace": {"line": "strike"},
            "input.set": {"input": InputName.FIRE.value, "active": True},
        }
        for verb in set(VERBS) - {"key"}:
            await perform(place, verb, given_.get(verb, {}))
        assert set(place.keys) == {"a", "b"}
