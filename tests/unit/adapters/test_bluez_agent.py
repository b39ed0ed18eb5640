"""Pairing against a bluetoothd of our own, over a private D-Bus daemon."""

import asyncio
import gc
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.bluez_agent import BluezPairing, pairing
from gateway.adapters.bluez_agent.bus import Bus
from gateway.config import PairingMethod
from gateway.core.ids import PeerAddress
from gateway.errors import (
    HardwareMissingError,
    KeyraError,
    LinkError,
    LinkLostError,
    LinkTimeoutError,
    PairingRefusedError,
)
from tests.bluetoothd import (
    IDENTITY,
    KEY,
    KEY_PATH,
    OTHER,
    OTHER_PATH,
    Bluetoothd,
    DbusDaemon,
    People,
    Script,
    ask,
    authorised_just_works,
    comparison,
    connected,
    failing,
    just_works,
    no_bond,
    rpa_comparison,
    shown_passkey,
    started,
    typed_passkey,
)

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed"
    ),
]

ALL = tuple(PairingMethod)
WITH_DISPLAY = (PairingMethod.NUMERIC_COMPARISON, PairingMethod.PASSKEY)


@pytest.fixture
def bus_address(dbus: DbusDaemon) -> str:
    return dbus.address


@pytest.fixture
async def bluez(bus_address: str) -> AsyncIterator[Bluetoothd]:
    daemon = await started(bus_address)
    yield daemon
    await Bus(daemon.bus).close()


@pytest.fixture
async def bus(bus_address: str) -> AsyncIterator[Bus]:
    joined = await Bus.connect(bus_address)
    yield joined
    await joined.close()


Open = Callable[..., Awaitable[BluezPairing]]


@pytest.fixture
async def opened(bus: Bus, bluez: Bluetoothd) -> AsyncIterator[Open]:
    made: list[BluezPairing] = []

    async def open_it(
        allowed: tuple[PairingMethod, ...] = WITH_DISPLAY,
    ) -> BluezPairing:
        assert bluez.bus.connected
        made.append(await BluezPairing.open(bus, "hci0", allowed))
        return made[-1]

    yield open_it
    for one in made:
        await one.close()


async def test_opening_switches_on_and_registers_the_agent(
    bluez: Bluetoothd, opened: Open
) -> None:
    one = await opened()
    assert bluez.powered
    assert bluez.agent is not None
    assert bluez.agent[1:] == ("/keyra/agent", "KeyboardDisplay")
    assert await one.bonds() == frozenset()
    await one.close()
    assert bluez.agent is None


@pytest.mark.parametrize(
    ("script", "seen", "method"),
    [
        (comparison, [123_456], "numeric-comparison"),
        (shown_passkey, [42], "passkey"),
        (just_works, [], "just-works"),
        (authorised_just_works, [], "just-works"),
    ],
)
async def test_each_allowed_way_ends_with_a_bond_that_says_how(
    bluez: Bluetoothd, opened: Open, script: Script, seen: list[int], method: str
) -> None:
    one, people = await opened(ALL), People()
    bluez.script = script
    bond = await one.pair(KEY, people)
    assert (bond.address, bond.method) == (KEY, method)
    assert people.seen == seen
    assert await one.bonds() == {KEY}
    assert bluez.called[-2:] == ["Disconnect", "GetManagedObjects"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (just_works, "unseen"),
        (authorised_just_works, "just-works, which this site forbids"),
        (typed_passkey, "typed in here"),
        (failing("AuthenticationRejected"), "refused to pair"),
        (failing("AuthenticationFailed"), "refused to pair"),
    ],
)
async def test_what_is_refused_leaves_no_bond(
    bluez: Bluetoothd, opened: Open, script: Script, words: str
) -> None:
    one = await opened()
    bluez.script = script
    with pytest.raises(PairingRefusedError, match=words):
        await one.pair(KEY, People())
    assert KEY_PATH not in bluez.devices
    assert await one.bonds() == frozenset()


@pytest.mark.parametrize("script", [comparison, shown_passkey])
async def test_a_way_that_the_site_forbids_is_refused_before_anybody_is_asked(
    bluez: Bluetoothd, opened: Open, script: Script
) -> None:
    one, people = await opened((PairingMethod.JUST_WORKS,)), People()
    bluez.script = script
    with pytest.raises(PairingRefusedError, match="this site forbids"):
        await one.pair(KEY, people)
    assert people.seen == []


async def test_a_person_who_sees_another_number_ends_it(
    bluez: Bluetoothd, opened: Open
) -> None:
    one, people = await opened(), People(agree=False)
    with pytest.raises(PairingRefusedError, match="did not confirm"):
        await one.pair(KEY, people)
    assert people.seen == [123_456]
    assert KEY_PATH not in bluez.devices


async def test_a_console_that_breaks_counts_as_no(
    bluez: Bluetoothd, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: int) -> bool:
        raise OSError("the console is away")

    one = await opened()
    with pytest.raises(PairingRefusedError, match="did not confirm"):
        await one.pair(KEY, broken)
    assert "Nobody could be asked" in caplog.text
    assert KEY_PATH not in bluez.devices


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (failing("AuthenticationTimeout"), LinkTimeoutError),
        (failing("AuthenticationCanceled"), LinkLostError),  # it hung up
        (failing("ConnectionAttemptFailed"), LinkLostError),
        (failing("Failed"), LinkLostError),
        (failing("InProgress"), LinkLostError),
        (no_bond, LinkError),
    ],
)
async def test_a_link_that_fails_is_a_link_error_and_leaves_nothing(
    bluez: Bluetoothd, opened: Open, script: Script, error: type[LinkError]
) -> None:
    one = await opened()
    bluez.script = script
    with pytest.raises(error) as caught:
        await one.pair(KEY, People())
    assert type(caught.value) is error
    assert KEY_PATH not in bluez.devices


async def test_a_key_that_was_not_seen_is_out_of_reach(opened: Open) -> None:
    one = await opened()
    with pytest.raises(LinkLostError, match="was not seen"):
        await one.pair(PeerAddress("C0:FF:EE:00:00:99"), People())


async def test_a_bonded_key_is_never_paired_again_by_itself(
    bluez: Bluetoothd, opened: Open
) -> None:
    one = await opened()
    await one.pair(KEY, People())
    with pytest.raises(PairingRefusedError, match="bonded already"):
        await one.pair(KEY, People())
    assert await one.bonds() == {KEY}
    assert bluez.called.count("Pair") == 1


async def test_forgetting_removes_the_bond_and_twice_is_no_error(
    bluez: Bluetoothd, opened: Open
) -> None:
    one = await opened()
    await one.pair(KEY, People())
    await one.forget(KEY)
    await one.forget(KEY)
    assert await one.bonds() == frozenset()
    assert OTHER_PATH in bluez.devices


async def test_an_older_bluez_says_paired_only(bluez: Bluetoothd, opened: Open) -> None:
    bluez.old = True
    one = await opened()
    await one.pair(KEY, People())
    assert await one.bonds() == {KEY}


async def test_the_agent_refuses_outside_a_ceremony_and_other_devices_in_it(
    bluez: Bluetoothd, opened: Open
) -> None:
    answers: list[bool] = []

    async def script(bluez: Bluetoothd, path: str) -> str | None:
        answers.append(
            await bluez.ask("RequestConfirmation", "ou", OTHER_PATH, 123_456)
        )
        answers.append(await bluez.ask("RequestConfirmation", "ou", path, 1_000_000))
        answers.append(await bluez.ask("RequestPinCode", "o", path))
        answers.append(await bluez.ask("AuthorizeService", "os", path, "0000fffd"))
        answers.append(await bluez.ask("Nonsense", ""))
        return await comparison(bluez, path)

    one, people = await opened(), People()
    bluez.script = script
    await one.pair(KEY, people)
    assert answers == [False] * 5
    assert people.seen == [123_456]
    assert not await bluez.ask("RequestConfirmation", "ou", KEY_PATH, 1)
    assert not await bluez.ask("RequestAuthorization", "o", KEY_PATH)
    assert await bluez.ask("Cancel", "")
    assert await bluez.ask("Release", "")


async def test_somebody_else_on_the_bus_is_not_bluetoothd(
    bluez: Bluetoothd, opened: Open, bus_address: str
) -> None:
    stranger = await connected(bus_address)
    answers: list[bool] = []

    async def script(bluez: Bluetoothd, path: str) -> str | None:
        assert bluez.agent is not None
        sender, agent, _ = bluez.agent
        answers.append(
            await ask(stranger, sender, agent, "RequestConfirmation", "ou", path, 1)
        )
        return await comparison(bluez, path)

    one, people = await opened(), People()
    bluez.script = script
    await one.pair(KEY, people)
    await Bus(stranger).close()
    assert answers == [False]
    assert people.seen == [123_456]


async def test_a_ceremony_that_is_cancelled_leaves_nothing(
    bluez: Bluetoothd, opened: Open
) -> None:
    asked = asyncio.Event()

    async def never(_: int) -> bool:
        asked.set()
        await asyncio.Event().wait()
        return True

    one = await opened()
    async with asyncio.TaskGroup() as group:
        under_way = group.create_task(one.pair(KEY, never))
        await asked.wait()
        under_way.cancel()
    assert under_way.cancelled()
    assert KEY_PATH not in bluez.devices
    assert "CancelPairing" in bluez.called


async def test_people_who_take_too_long_end_it(
    bluez: Bluetoothd, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: int) -> bool:
        await asyncio.Event().wait()
        return True

    one = await opened()
    monkeypatch.setattr(pairing, "PAIR_MS_MAX", 50)
    with pytest.raises(LinkTimeoutError, match="did not pair in time"):
        await one.pair(KEY, never)
    assert KEY_PATH not in bluez.devices


async def test_a_bluetoothd_that_came_back_gets_the_agent_again(
    bluez: Bluetoothd, opened: Open
) -> None:
    one = await opened()
    bluez.agent = None  # as a new process has it
    await one.pair(KEY, People())
    assert bluez.agent is not None


async def test_two_ceremonies_follow_one_another(
    bluez: Bluetoothd, opened: Open
) -> None:
    one, people = await opened(), People()
    async with asyncio.TaskGroup() as group:
        bonds = [group.create_task(one.pair(key, people)) for key in (KEY, OTHER)]
    assert [bond.result().address for bond in bonds] == [KEY, OTHER]
    assert bluez.bonded == {KEY_PATH, OTHER_PATH}


async def test_a_machine_without_d_bus_is_said(tmp_path: Path) -> None:
    with pytest.raises(HardwareMissingError, match="D-Bus cannot be reached"):
        await Bus.connect(f"unix:path={tmp_path}/nobody")
    gc.collect()  # a socket that was left open would be told here


async def test_a_d_bus_that_hangs_up_on_the_greeting_is_said(tmp_path: Path) -> None:
    """Dbus-next's own reader would never return from it, nor let anybody else run."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(hang_up, tmp_path / "bus"):
        with pytest.raises(HardwareMissingError, match=r"hung up|Broken|reset"):
            await Bus.connect(f"unix:path={tmp_path}/bus")


async def test_a_machine_without_bluetoothd_is_said(bus: Bus) -> None:
    with pytest.raises(HardwareMissingError, match="adapter hci0 cannot be used"):
        await BluezPairing.open(bus, "hci0", ALL)


async def test_an_adapter_that_is_not_there_is_said(
    bluez: Bluetoothd, bus: Bus
) -> None:
    assert bluez.bus.connected
    with pytest.raises(HardwareMissingError, match="adapter hci7"):
        await BluezPairing.open(bus, "hci7", ALL)


async def test_a_key_with_private_addresses_is_known_by_its_identity(
    bluez: Bluetoothd, opened: Open
) -> None:
    one = await opened()
    bluez.script = rpa_comparison
    bond = await one.pair(KEY, People())
    assert bond.address == IDENTITY
    assert await one.bonds() == {IDENTITY}
    assert await one.bonded(IDENTITY) == KEY_PATH
    assert await one.bonded(KEY) is None
    bluez.bonded.clear()  # while the object stays
    assert await one.bonded(IDENTITY) is None


async def test_a_bluetoothd_that_hangs_is_given_up(
    bluez: Bluetoothd, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await opened()
    slow = Bus.call

    async def hurried(self: Bus, *arguments: Any, **options: Any) -> list[Any]:
        return await slow(self, *arguments, **{**options, "within_ms": 50})

    monkeypatch.setattr(Bus, "call", hurried)
    bluez.silent = {"GetManagedObjects", "Pair"}
    with pytest.raises(LinkTimeoutError, match="did not answer GetManagedObjects"):
        await one.bonds()
    bluez.silent = {"Pair"}
    with pytest.raises(LinkTimeoutError, match="did not answer Pair"):
        await one.pair(KEY, People())


async def test_a_bus_that_goes_away_is_a_link_error(
    bluez: Bluetoothd, opened: Open
) -> None:
    one = await opened()
    await Bus(bluez.bus).close()
    for call in (one.bonds, lambda: one.pair(KEY, People()), lambda: one.forget(KEY)):
        with pytest.raises(KeyraError):
            await call()
