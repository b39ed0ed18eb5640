"""The world's three sockets, served by this process in real time."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from bumble import hci
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.facts import InputName
from gateway.core.ids import PeerAddress
from gateway.errors import HardwareMissingError, LinkError, SimulationError
from gateway.sim.adapter import SimulatedAdapter
from gateway.sim.clock import SimulatedClock
from gateway.sim.door import STRIKE
from gateway.sim.inputs import SocketInputs
from gateway.sim.misbehaviour import Misbehaviour
from gateway.sim.place import Place
from gateway.sim.remote import RemoteWorld
from gateway.sim.wire import BadLineError, encode, read_message
from gateway.sim.world import LISTENERS_MAX
from gateway.strike.sim_line import SimLine


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another task brings about."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


async def test_the_strike_s_own_client_holds_and_moves_the_line(
    served: Place, folder: Path
) -> None:
    path = str(folder / "pins.sock")
    line = await asyncio.to_thread(SimLine, path, STRIKE, 0)
    with pytest.raises(HardwareMissingError, match="in use"):
        await asyncio.to_thread(SimLine, path, STRIKE, 0)
    await asyncio.to_thread(line.set, 1)
    assert served.pins.level(STRIKE) == 1
    line.close()
    await until(lambda: not served.pins._lines[STRIKE].held)
    assert served.pins.level(STRIKE) == 1  # kept, as on Raspberry Pi OS
    with pytest.raises(HardwareMissingError, match="no output"):
        await asyncio.to_thread(SimLine, path, "siren", 0)


async def test_inputs_come_over_the_socket(served: Place, folder: Path) -> None:
    changes = SocketInputs(folder / "pins.sock", SimulatedClock(0)).changes()
    first = {(await anext(changes)).name for _ in InputName}
    assert first == set(InputName)
    await served.pins.set_input(InputName.CONTACT_OPEN, active=True)
    change = await anext(changes)
    assert (change.name, change.active) == (InputName.CONTACT_OPEN, True)
    await changes.aclose()
    with pytest.raises(SimulationError, match="No simulated pins"):
        await anext(SocketInputs(folder / "none.sock", SimulatedClock(0)).changes())


async def test_the_remote_world_does_what_the_place_does(
    served: Place, folder: Path
) -> None:
    async with await RemoteWorld.connect(folder) as world:
        assert await world.keys() == ["a"]
        key = world.key("a")
        await key.present(distance_m=2.0, awake_ms=5_000)
        await key.touch(2)
        await key.slow_touch()
        await key.wrong_finger()
        await key.decline()
        await key.move(1.0)
        await key.misbehave(Misbehaviour.STALL, Misbehaviour.FLOOD)
        assert served.key("a").authenticator.misbehaviour == {
            Misbehaviour.STALL,
            Misbehaviour.FLOOD,
        }
        assert (await key.state()).awake

        await key.refuse_pairing()
        await key.type_passkey(1)
        await key.walk_away()
        await key.pairing_mode()
        await key.sleep()
        await key.lose_bond()
        await key.reset()
        await key.unblock()
        await key.run_flat()
        with pytest.raises(SimulationError, match="flat"):
            await key.present()
        await key.charge(50)
        assert (await key.state()).battery_percent == 50
        assert (await (await world.add_key("b")).state()).name == "b"
    with pytest.raises(SimulationError, match="No simulated world"):
        await RemoteWorld.connect(folder / "nowhere")


async def test_an_answer_that_nobody_waits_for_any_more_is_no_other_s(
    served: Place, folder: Path
) -> None:
    assert served.keys
    async with await RemoteWorld.connect(folder) as world:
        for _ in range(2):
            given_up = asyncio.ensure_future(world.keys())
            await asyncio.sleep(0)
            given_up.cancel()
        assert (await world.stats()).keys == 1
        assert await world.keys() == ["a"]


async def test_the_remote_world_shows_maker_pins_and_door(
    served: Place, folder: Path
) -> None:
    async with await RemoteWorld.connect(folder) as world:
        root, aaguid = await world.chain()
        assert (root, aaguid) == (served.chain.root_der, served.chain.aaguid)
        assert (await world.stats()).keys == 1
        assert (await world.pins.trace(STRIKE))[0].level == 0
        await world.pins.set_input(InputName.FIRE, active=True)
        assert served.pins.inputs()[InputName.FIRE]
        assert not await world.door.open()
        await world.door.force()
        assert (await world.door.state()).open
        await world.door.close()
        await world.door.press_exit()
        with pytest.raises(SimulationError, match="no key named"):
            await world.key("z").touch()


async def test_an_adapter_comes_and_goes_as_often_as_it_likes(
    served: Place, folder: Path
) -> None:
    for _ in range(3):
        adapter = await SimulatedAdapter.over_socket(folder / "hci.sock")
        assert served.air.listeners == 1
        await adapter.close()
        await until(lambda: served.air.listeners == 0)
    with pytest.raises(SimulationError, match="No simulated air"):
        await SimulatedAdapter.over_socket(folder / "none.sock")


async def public_address(folder: Path) -> tuple[str, asyncio.StreamWriter]:
    """Ask a new controller for its address, as a kernel does."""
    reader, writer = await asyncio.open_unix_connection(str(folder / "hci.sock"))
    writer.write(bytes(hci.HCI_Read_BD_ADDR_Command()))
    answer = hci.HCI_Packet.from_bytes(await reader.read(64))
    assert isinstance(answer, hci.HCI_Command_Complete_Event)
    return str(answer.return_parameters.bd_addr), writer


async def test_each_controller_has_an_address_and_who_comes_back_has_the_same(
    served: Place, folder: Path
) -> None:
    first, one = await public_address(folder)
    second, other = await public_address(folder)
    assert first != second
    one.close()
    await until(lambda: served.air.listeners == 1)
    again, back = await public_address(folder)
    assert again == first
    other.close()
    back.close()


async def test_a_controller_that_is_reset_has_no_links(
    served: Place, folder: Path
) -> None:
    key = served.key("a")
    async with await SimulatedAdapter.over_socket(folder / "hci.sock") as adapter:
        await key.pairing_mode()

        async def compare(_: int) -> bool:
            assert (await key.state()).connected
            (radio,) = (r for r in served.air.controllers if r.name == "gateway-1")
            radio.on_packet(bytes(hci.HCI_Reset_Command()))
            return True

        with pytest.raises(LinkError):
            await adapter.pair(PeerAddress(key.address), compare)
    assert not (await key.state()).connected


async def test_a_place_has_room_for_so_many_controllers(
    served: Place, folder: Path
) -> None:
    writers = [(await public_address(folder))[1] for _ in range(LISTENERS_MAX)]
    reader, late = await asyncio.open_unix_connection(str(folder / "hci.sock"))
    assert await reader.read() == b""
    assert served.air.listeners == LISTENERS_MAX
    for writer in (*writers, late):
        writer.close()


@pytest.mark.parametrize("socket", ["pins.sock", "world.sock", "hci.sock"])
@pytest.mark.parametrize(
    "rubbish",
    [
        b"\n",
        b"{}\n",
        b"[]\n",
        b"\xff\xfe\n",
        b'{"claim":7}\n',
        b'{"do":{}}\n',
        b"x" * 99,
    ],
)
async def test_rubbish_on_a_socket_hurts_nobody(
    served: Place, folder: Path, socket: str, rubbish: bytes
) -> None:
    reader, writer = await asyncio.open_unix_connection(str(folder / socket))
    writer.write(rubbish)
    writer.write_eof()
    said = await reader.read()
    assert all(isinstance(json.loads(line), dict) for line in said.splitlines())
    writer.close()
    assert served.pins.level(STRIKE) == 0
    async with await RemoteWorld.connect(folder) as world:
        assert await world.keys() == ["a"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100))
def test_a_line_is_a_message_or_a_named_error(line: bytes) -> None:
    async def read() -> object:
        reader = asyncio.StreamReader()
        reader.feed_data(line + b"\n")
        reader.feed_eof()
        try:
            return await read_message(reader)
        except BadLineError:
            return {}

    assert isinstance(asyncio.run(read()), dict)


def test_a_message_is_one_line() -> None:
    assert encode({"a": "x\ny"}).count(b"\n") == 1
