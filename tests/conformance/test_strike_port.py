"""ports.Strike over the real keyra-strike process, whatever happens to either side.

The pins board is in the test's process and survives everybody. Times are asserted with
the slack that two busy cores need; what must never happen is asserted without any.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.adapters.strike_client import StrikeClient
from gateway.errors import StrikeError
from gateway.strike.wiring import Lock, Relay, Wiring
from tests.pins_board import PinsBoard

if TYPE_CHECKING:
    from gateway.ports import Strike

pytestmark = pytest.mark.processes

MOMENTARY_MS = 6_000
SILENCE_MS = 600
IMPATIENT = f"--silence-ms-max={SILENCE_MS}"  # else its default, which starves nobody
SLACK_MS = 4_000
WIRINGS = [Wiring(lock, relay) for lock in Lock for relay in Relay]
FIRST = WIRINGS[1]  # fail-secure, active-low: what most boards are

# A gateway that releases and stays alive, until something happens to it.
PEER = """
import asyncio, sys
from pathlib import Path
from gateway.adapters.strike_client import StrikeClient

async def main(path, serial, duration_ms):
    client = StrikeClient(path)
    await client.release(serial, duration_ms)
    print("released", flush=True)
    while True:
        await client.keep_alive()
        await asyncio.sleep(0.1)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
"""


class Rig:
    """One board, and the keyra-strike processes that come and go on it."""

    def __init__(self, folder: Path, board: PinsBoard, wiring: Wiring) -> None:
        self.path = folder / "strike"
        self.board = board
        self.wiring = wiring
        self.processes: list[subprocess.Popen[str]] = []
        self._notify = folder / "notify"
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.settimeout(60)
        self._manager.bind(str(self._notify))

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Start keyra-strike, and return when it says that it is ready."""
        process = self._run(
            ["-m", "gateway.strike"],
            f"--socket={self.path}",
            f"--line=sim:{self.board.path}:strike",
            f"--lock={self.wiring.lock.value}",
            f"--relay={self.wiring.relay.value}",
            f"--momentary-ms-max={MOMENTARY_MS}",
            *more,
        )
        while self._manager.recv(100) != b"READY=1":
            continue  # the one before said that it is stopping
        return process

    def peer(self, serial: int, duration_ms: int) -> subprocess.Popen[str]:
        """Start a gateway that has just released."""
        process = self._run(["-c", PEER], str(self.path), f"{serial}", f"{duration_ms}")
        assert process.stdout is not None
        assert process.stdout.readline() == "released\n"
        return process

    def _run(self, python: list[str], *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *python, *arguments],
            env={**os.environ, "NOTIFY_SOCKET": str(self._notify)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def raw(self) -> socket.socket:
        """A peer without manners."""
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(60)
        peer.connect(str(self.path))
        return peer

    def wait_secured(self) -> float:
        return self.board.wait_for(self.wiring.level(released=False), 60)

    def wait_released(self) -> float:
        return self.board.wait_for(self.wiring.level(released=True), 60)

    def released(self) -> bool:
        return self.wiring.released(self.board.level)

    def longest_release_ms(self) -> float:
        return self.board.longest_ms(self.wiring.level(released=True))

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.send_signal(signal.SIGCONT)
            process.communicate(timeout=60)
        self._manager.close()


@contextmanager
def installed(wiring: Wiring) -> Iterator[Rig]:
    with (
        tempfile.TemporaryDirectory(prefix="keyra-") as name,
        PinsBoard(Path(name) / "pins") as board,
        closing(Rig(Path(name), board, wiring)) as rig,
    ):
        yield rig
        # Whatever the test did: no release was ever longer than its budget.
        assert rig.longest_release_ms() <= MOMENTARY_MS + SLACK_MS
        assert board.claims
        assert {level for _, level in board.claims} == {wiring.safe_level}


@pytest.fixture
def rig() -> Iterator[Rig]:
    with installed(FIRST) as rig:
        yield rig


async def say_alive(path: Path) -> None:
    """Be a gateway for a moment."""
    with closing(StrikeClient(path)) as client:
        await client.keep_alive()
    await asyncio.sleep(0)


async def staying_alive(strike: "Strike", until: Callable[[], bool]) -> None:
    """Be an honest gateway until something is true."""
    while not until():
        await strike.keep_alive()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "wiring", WIRINGS, ids=lambda w: f"{w.lock.value}-{w.relay.value}"
)
async def test_a_release_begins_at_once_and_ends_by_itself(wiring: Wiring) -> None:
    with installed(wiring) as rig:
        rig.start()
        with closing(StrikeClient(rig.path)) as client:
            await client.release(1, 300)
            assert rig.released()  # the reply came after the line
            await staying_alive(client, lambda: not rig.released())
            await client.release(-1, 300)
            assert rig.released()
            await client.secure()
            assert not rig.released()
        levels = [wiring.released(level) for _, level in rig.board.trace]
        assert levels == [False, True, False, True, False]


async def test_a_lease_is_renewed_without_an_edge_and_ends_by_itself(rig: Rig) -> None:
    rig.start()
    with closing(StrikeClient(rig.path)) as client:
        for _ in range(3):
            await client.lease(300)
            assert rig.released()
        edges = len(rig.board.trace)
        await staying_alive(client, lambda: not rig.released())
        assert len(rig.board.trace) == edges + 1
        with pytest.raises(StrikeError, match="for so long at a time"):
            await client.lease(60_000)
        await client.lease(300)
        client.close()
        rig.wait_secured()


async def test_what_is_out_of_bounds_does_not_move_the_line(rig: Rig) -> None:
    rig.start()
    with closing(StrikeClient(rig.path)) as client:
        await client.release(5, 50)
        await staying_alive(client, lambda: not rig.released())
        edges = len(rig.board.trace)
        for serial, duration_ms in [(5, 50), (4, 50), (6, 0), (6, MOMENTARY_MS + 1)]:
            with pytest.raises(StrikeError):
                await client.release(serial, duration_ms)
        assert len(rig.board.trace) == edges


def test_a_killed_gateway_secures_at_once(rig: Rig) -> None:
    rig.start()
    peer = rig.peer(1, MOMENTARY_MS)
    killed_ms = time.monotonic() * 1000
    peer.kill()
    assert rig.wait_secured() - killed_ms < SLACK_MS
    asyncio.run(say_alive(rig.path))  # the next gateway is welcome


def test_a_gateway_that_stands_still_is_given_up(rig: Rig) -> None:
    rig.start(IMPATIENT, "--momentary-ms-max=60000")
    peer = rig.peer(1, 60_000)
    peer.send_signal(signal.SIGSTOP)
    stopped_ms = time.monotonic() * 1000
    assert rig.wait_secured() - stopped_ms < SILENCE_MS + SLACK_MS
    asyncio.run(say_alive(rig.path))  # there is room, though the old one lives


def test_a_gateway_that_only_listens_is_given_up(rig: Rig) -> None:
    rig.start(IMPATIENT)
    with rig.raw() as peer:
        peer.sendall(b"release 1 3000\n")
        assert b"released" in peer.recv(100)
        assert peer.recv(100) == b""
        assert not rig.released()


@pytest.mark.parametrize(
    "rubbish",
    [b"\0" * 50, b"release 2 100000000000\n", b"OPEN\n", os.urandom(5_000)],
    ids=["zeros", "long", "word", "noise"],
)
def test_rubbish_secures(rig: Rig, rubbish: bytes) -> None:
    process = rig.start()
    with rig.raw() as peer:
        peer.sendall(b"release 1 3000\n")
        assert b"released" in peer.recv(100)
        peer.sendall(rubbish)
        rig.wait_secured()
    assert process.poll() is None


async def test_a_second_gateway_is_told_so(rig: Rig) -> None:
    rig.start()
    with (
        closing(StrikeClient(rig.path)) as first,
        closing(StrikeClient(rig.path)) as second,
    ):
        await first.release(1, 2_000)
        with pytest.raises(StrikeError):
            await second.release(2, 2_000)
        with rig.raw() as third:
            assert third.recv(100) == b"error busy\n"
        await first.keep_alive()
        assert rig.released()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_told_to_stop_in_the_middle_it_secures(
    rig: Rig, number: signal.Signals
) -> None:
    process = rig.start()
    rig.peer(1, MOMENTARY_MS)
    process.send_signal(number)
    assert process.wait(60) == 0
    assert not rig.released()


def test_a_second_one_leaves_the_first_alone(rig: Rig) -> None:
    first = rig.start()
    rig.peer(1, 2_500)
    second = rig._run(
        ["-m", "gateway.strike"],
        f"--socket={rig.path}",
        f"--line=sim:{rig.board.path}:strike",
        "--lock=fail-secure",
        "--relay=active-low",
    )
    assert second.wait(60) == 73
    assert first.poll() is None
    assert len(rig.board.claims) == 1


def test_killed_itself_it_secures_with_the_next_start(rig: Rig) -> None:
    """What is left to the unit: this board keeps the level of a dead holder."""
    process = rig.start()
    rig.peer(1, MOMENTARY_MS)
    process.kill()
    process.wait(60)
    assert rig.released()
    rig.start()
    assert not rig.released()


def test_stood_still_itself_it_secures_first_and_obeys_nothing_old(rig: Rig) -> None:
    process = rig.start(IMPATIENT)
    with rig.raw() as peer:
        peer.sendall(b"release 1 500\n")
        assert b"released" in peer.recv(100)
        process.send_signal(signal.SIGSTOP)
        peer.sendall(b"release 2 3000\n")
        time.sleep((SILENCE_MS + 100) / 1000)
        edges = len(rig.board.trace)
        process.send_signal(signal.SIGCONT)
        rig.wait_secured()
        with suppress(ConnectionResetError):
            assert peer.recv(100) == b""
    assert len(rig.board.trace) == edges + 1


async def test_a_client_finds_a_strike_that_was_restarted(rig: Rig) -> None:
    process = rig.start()
    with closing(StrikeClient(rig.path)) as client:
        await client.keep_alive()
        process.terminate()
        process.wait(60)
        with pytest.raises(StrikeError):
            await client.release(1, 100)
        rig.start()
        await client.release(2, 100)
        assert rig.released()
        await staying_alive(client, lambda: not rig.released())


def test_a_board_that_goes_away_ends_it(rig: Rig) -> None:
    process = rig.start()
    rig.board.hang_up()
    with rig.raw() as peer:
        peer.sendall(b"release 1 100\n")
        assert process.wait(60) == 69
    assert process.stderr is not None
    assert "went away" in process.stderr.read()


@pytest.mark.parametrize("on_fault", ["secure", "release"])
def test_without_a_gateway_the_declared_state_holds(on_fault: str) -> None:
    with installed(FIRST) as rig:
        rig.start(IMPATIENT, f"--on-fault={on_fault}", f"--fault-ms={SILENCE_MS}")
        peer = rig.peer(1, 200)
        if on_fault == "release":
            peer.kill()
            rig.wait_secured()  # its own release ends first
            rig.wait_released()
            asyncio.run(say_alive(rig.path))
            rig.wait_secured()
        else:
            peer.kill()
            rig.wait_secured()
            time.sleep(2 * SILENCE_MS / 1000)
            assert not rig.released()
