"""What somebody before the simulated door sees, hears and presses."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from gateway.core.facts import InputName, Pattern
from gateway.core.patterns import TABLE, parse
from gateway.errors import SimulationError
from gateway.sim.inputs import LAMP_BYTES_MAX, SocketIndicators
from gateway.sim.key_pairing import KeyIo, KeyPairing
from gateway.sim.lamp import Lamp, step_at
from gateway.sim.look import Look
from gateway.sim.place import Place
from gateway.sim.remote import RemoteWorld

MS = 1_000_000


class Now:
    """A clock that stands until it is set."""

    ns = 0

    def __call__(self) -> int:
        return self.ns


def test_a_lamp_is_dark_until_a_pattern_is_played() -> None:
    state = Lamp(Now()).glance(250)
    assert (state.pattern, state.green, state.red, state.buzzer) == ("", 0, 0, 0)


def test_a_glance_sees_what_was_lit_at_any_instant_of_it() -> None:
    now = Now()
    lamp = Lamp(now)
    lamp.show(Pattern.TOUCH_NOW)  # gb60 | g500 -500
    now.ns = 200 * MS
    seen = lamp.glance(250)
    assert (seen.pattern, seen.green, seen.buzzer) == ("touch-now", True, True)
    now.ns = (60 + 500 + 400) * MS
    later = lamp.glance(250)
    assert (later.green, later.red, later.buzzer) == (False, False, False)


def test_the_same_pattern_plays_on_and_another_one_begins() -> None:
    now = Now()
    lamp = Lamp(now)
    lamp.show(Pattern.GRANTED)
    now.ns = 1_000 * MS
    lamp.show(Pattern.GRANTED)
    assert not lamp.glance(250).buzzer
    lamp.show(Pattern.DENIED)
    assert lamp.glance(250).buzzer
    lamp.show(None)
    assert lamp.glance(250).pattern == ""


@pytest.mark.parametrize(
    ("at_ms", "duration_ms"), [(0, 10), (9, 10), (10, 20), (29, 20), (30, 30), (60, 20)]
)
def test_a_pattern_is_played_once_and_then_again_and_again(
    at_ms: int, duration_ms: int
) -> None:
    assert step_at(parse("g10 | r20 -30"), at_ms).duration_ms == duration_ms


async def until(world: RemoteWorld, pattern: str) -> Look:
    for _ in range(500):
        look = await world.look("a")
        if look.lamp.pattern == pattern:
            return look
        await asyncio.sleep(0.01)
    raise AssertionError("the lamp never showed it")


async def test_a_gateway_s_patterns_are_seen_in_the_world(
    served: Place, folder: Path
) -> None:
    indicators = await SocketIndicators.connect(folder / "pins.sock")
    async with (
        contextlib.aclosing(indicators),
        await RemoteWorld.connect(folder) as world,
    ):
        indicators.show(Pattern.ALARM)
        assert (await until(world, "alarm")).lamp.red
        indicators.show(Pattern.READY)
        await until(world, "ready")
        await indicators.aclose()
        assert not (await until(world, "")).lamp.green
    assert served.lamp.glance(250).pattern == ""
    with pytest.raises(SimulationError, match="No simulated pins"):
        await SocketIndicators.connect(folder / "none.sock")


class Stalled:
    """A connection to a world that reads no more."""

    def __init__(self) -> None:
        self.sent = b""

    @property
    def transport(self) -> "Stalled":
        return self

    def get_write_buffer_size(self) -> int:
        return len(self.sent)

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        self.sent += data


def test_nobody_waits_for_a_world_that_reads_no_more() -> None:
    stalled: Any = Stalled()
    indicators = SocketIndicators(stalled, TABLE)
    for _ in range(1_000):
        indicators.show(Pattern.READY)
    assert LAMP_BYTES_MAX <= len(stalled.sent) < LAMP_BYTES_MAX + 100


@pytest.mark.parametrize(
    "line",
    [
        b'{"show":"disco"}\n',
        b'{"show":7}\n',
        b'{"show":"ready"}\n{"show":[]}\n',
        b'{"plays":"| x1","show":"ready"}\n',
    ],
)
async def test_a_pattern_that_is_none_is_refused(
    served: Place, folder: Path, line: bytes
) -> None:
    reader, writer = await asyncio.open_unix_connection(str(folder / "pins.sock"))
    writer.write(line)
    assert b"no such pattern" in await reader.read()
    writer.close()
    assert served.lamp.glance(0).pattern == ""


@pytest.mark.usefixtures("served")
async def test_a_site_has_a_pattern_of_its_own_played(folder: Path) -> None:
    texts = {**TABLE, Pattern.READY: "| rb3600000"}
    async with (
        contextlib.aclosing(
            await SocketIndicators.connect(folder / "pins.sock", texts)
        ) as lamp,
        await RemoteWorld.connect(folder) as world,
    ):
        lamp.show(Pattern.READY)
        seen = (await until(world, "ready")).lamp
    assert (seen.green, seen.red, seen.buzzer) == (False, True, True)


async def test_one_glance_tells_everything(served: Place, folder: Path) -> None:
    async with await RemoteWorld.connect(folder) as world:
        await world.add_key("b", by_hand=True)
        await world.pins.set_input(InputName.FIRE, active=True)
        await world.door.force()
        look = await world.look("b")
        assert (look.keys, look.inputs) == (("a", "b"), ("contact-open", "fire"))
        assert look.door == await served.door.state()
        assert look.key == await served.key("b").state()
        assert (await world.look("nobody")).key is None
        with pytest.raises(SimulationError, match="does not take"):
            await world.ask("look")


@pytest.mark.parametrize("agree", [True, False])
async def test_a_holder_compares_by_hand_and_presses(*, agree: bool) -> None:
    pairing = KeyPairing(KeyIo.COMPARE, by_hand=True)
    asked = [pairing.asks]
    comparing = asyncio.ensure_future(pairing.compare_numbers(42, 6))
    await asyncio.sleep(0)
    asked.append(pairing.asks)
    assert pairing.shown_number == 42
    pairing.press(agree=agree)
    assert await comparing is agree
    assert [*asked, pairing.asks] == [False, True, False]


async def test_others_agree_at_once() -> None:
    pairing = KeyPairing(KeyIo.COMPARE)
    assert await pairing.compare_numbers(7, 6)
    assert pairing.shown_number == 7
    assert not pairing.asks
