"""The loop: who is let in, what is obeyed, and what a stranger cannot do."""

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import HardwareMissingError
from gateway.strike.line import Output
from gateway.strike.machine import StrikeLimits, StrikeMachine
from gateway.strike.notify import Notifier
from gateway.strike.server import INBOX_BYTES_MAX, StrikeServer
from gateway.strike.wiring import Level, Lock, Relay, Wiring

WIRING = Wiring(Lock.FAIL_SECURE, Relay.ACTIVE_LOW)
LIMITS = StrikeLimits(momentary_ms_max=10_000, silence_ms_max=2_000)


@dataclass
class Line:
    """One pin of the test's own; `lost` makes the next move fail."""

    trace: list[int] = field(default_factory=lambda: [WIRING.safe_level])
    lost: bool = False

    def set(self, level: Level) -> None:
        if self.lost:
            raise HardwareMissingError("The line is lost.")
        self.trace.append(level)

    def close(self) -> None:
        """Never."""


class Bench:
    """A server in a thread of its own, with a clock that the test moves."""

    def __init__(
        self,
        path: Path,
        uids: frozenset[int] | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        self.path = path
        self.now_ms = 1_000
        self.line = Line()
        self.error: HardwareMissingError | None = None
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        self.bell, wakeup = socket.socketpair()
        self._closing = [listener, wakeup, self.bell]
        self.server = StrikeServer(
            StrikeMachine(LIMITS, self.now_ms),
            Output(self.line, WIRING),
            listener,
            wakeup,
            uids=frozenset([os.geteuid()]) if uids is None else uids,
            clock_ms=lambda: self.now_ms,
            notifier=notifier or Notifier({}),
        )
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        try:
            self.server.serve()
        except HardwareMissingError as error:
            self.error = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bell.send(b"\x0f")
        self.join()
        self.server.close()
        for source in self._closing:
            source.close()

    def join(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()

    def peer(self) -> socket.socket:
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(10)
        peer.connect(str(self.path))
        return peer


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path / "s") as bench:
        yield bench


def ask(peer: socket.socket, line: bytes) -> bytes:
    peer.sendall(line)
    return peer.recv(200)


def gone(peer: socket.socket) -> bool:
    """Wait for the end of the connection."""
    try:
        while peer.recv(200):
            pass
    except ConnectionResetError:
        return True
    return True


def test_a_command_is_answered_once_the_line_has_moved(bench: Bench) -> None:
    with bench.peer() as peer:
        assert ask(peer, b"status\n") == b"ok 1000 secured\n"
        assert bench.line.trace == [1]
        assert ask(peer, b"release 1 500\n") == b"ok 1000 released\n"
        assert bench.line.trace == [1, 0]
        assert ask(peer, b"alive\n") == b"ok 1000 released\n"
        assert ask(peer, b"secure\n") == b"ok 1000 secured\n"
        assert bench.line.trace == [1, 0, 1]


def test_a_release_ends_without_a_word_from_the_peer(bench: Bench) -> None:
    with bench.peer() as peer:
        ask(peer, b"release 1 500\n")
        bench.now_ms += 500
        assert ask(peer, b"status\n") == b"ok 1500 secured\n"
        assert bench.line.trace == [1, 0, 1]


def test_a_peer_that_goes_takes_its_release_with_it(bench: Bench) -> None:
    with bench.peer() as peer:
        ask(peer, b"release 1 5000\n")
    with bench.peer() as peer:
        assert ask(peer, b"status\n") == b"ok 1000 secured\n"
    assert bench.line.trace == [1, 0, 1]


def test_words_of_a_peer_that_has_left_are_not_obeyed(bench: Bench) -> None:
    with bench.peer() as first, bench.peer() as late:
        # Busy, so the server has seen both; now the first speaks and leaves at once.
        assert gone(late)
        first.sendall(b"release 1 5000\n" * 40)
    with bench.peer() as peer:
        assert ask(peer, b"status\n").endswith(b"secured\n")


def test_a_second_peer_is_told_that_there_is_one(bench: Bench) -> None:
    with bench.peer() as peer, bench.peer() as second:
        ask(peer, b"release 1 500\n")
        assert second.recv(200) == b"error busy\n"
        assert gone(second)
        assert ask(peer, b"alive\n") == b"ok 1000 released\n"


def test_a_silent_peer_makes_room(bench: Bench) -> None:
    with bench.peer() as peer:
        ask(peer, b"release 1 5000\n")
        bench.now_ms += 2_000
        with bench.peer() as second:
            assert ask(second, b"alive\n") == b"ok 3000 secured\n"
        assert gone(peer)
    assert bench.line.trace == [1, 0, 1]


def test_a_command_that_waited_is_not_obeyed(bench: Bench) -> None:
    with bench.peer() as peer:
        ask(peer, b"alive\n")
        bench.now_ms += 2_000
        peer.sendall(b"release 1 5000\n")
        assert gone(peer)
    assert bench.line.trace == [1]


def test_another_user_is_not_served(tmp_path: Path) -> None:
    with Bench(tmp_path / "s", uids=frozenset([os.geteuid() + 1])) as bench:
        with bench.peer() as peer:
            assert peer.recv(200) == b"error forbidden\n"
            assert gone(peer)
        assert bench.line.trace == [1]


def test_a_refusal_names_its_reason(bench: Bench) -> None:
    with bench.peer() as peer:
        ask(peer, b"release 5 500\n")
        assert ask(peer, b"release 5 500\n") == b"error serial-not-rising\n"
        assert ask(peer, b"release 6 10001\n") == b"error duration-out-of-bounds\n"


@pytest.mark.parametrize(
    "rubbish",
    [b"open\n", b"x" * 65, b"x" * 65 + b"\n", b"\n", b"secure\0\n", b"y" * 10_000],
)
def test_rubbish_costs_the_connection(bench: Bench, rubbish: bytes) -> None:
    with bench.peer() as peer:
        ask(peer, b"release 1 5000\n")
        peer.sendall(rubbish)
        assert gone(peer)
    with bench.peer() as peer:
        assert ask(peer, b"status\n") == b"ok 1000 secured\n"


def test_a_peer_that_does_not_read_is_dropped(bench: Bench) -> None:
    def talk(peer: socket.socket) -> None:
        while True:
            peer.sendall(b"alive\n" * (INBOX_BYTES_MAX // 6))

    with bench.peer() as peer, pytest.raises(OSError, match=r"Broken pipe|reset"):
        talk(peer)
    with bench.peer() as peer:
        assert ask(peer, b"status\n") == b"ok 1000 secured\n"


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=80),
            st.sampled_from([b"alive\n", b"secure\n", b"status\n", b"release 0 10001"]),
        ),
        max_size=6,
    )
)
def test_no_rubbish_moves_the_strike_or_ends_the_server(
    bench: Bench, chunks: list[bytes]
) -> None:
    with bench.peer() as peer:
        try:
            for chunk in chunks:
                peer.sendall(chunk)
            peer.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, OSError):
            pass
        assert gone(peer)
    with bench.peer() as peer:
        assert ask(peer, b"status\n") == b"ok 1000 secured\n"
    assert bench.line.trace == [1]


def test_a_lost_line_ends_the_server(tmp_path: Path) -> None:
    with Bench(tmp_path / "s") as bench, bench.peer() as peer:
        bench.line.lost = True
        peer.sendall(b"release 1 500\n")
        bench.join()
        assert isinstance(bench.error, HardwareMissingError)


def test_readiness_and_life_are_said_to_the_manager(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(10)
        manager.bind(str(tmp_path / "notify"))
        notifier = Notifier(
            {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        )
        assert notifier.watchdog_ms == 500
        notifier.say("READY=1")
        assert manager.recv(100) == b"READY=1"
        with Bench(tmp_path / "s", notifier=notifier) as bench:
            assert manager.recv(100) == b"WATCHDOG=1"
            bench.now_ms += 499
            with bench.peer() as peer:
                ask(peer, b"alive\n")
                bench.now_ms += 1
                ask(peer, b"alive\n")
            assert manager.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/nowhere/at/all"},
        {"NOTIFY_SOCKET": "@keyra-test-that-nobody-binds"},
    ],
)
def test_without_a_manager_nothing_is_said(environment: dict[str, str]) -> None:
    notifier = Notifier(environment)
    notifier.say("READY=1")
    assert notifier.watchdog_ms == 0
