"""keyra-strike from its arguments to its exit code, in this process."""

import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.strike.__main__ import main
from tests.pins_board import PinsBoard

Meanwhile = Callable[[Callable[[socket.socket], None]], Future[None]]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    handlers = [signal.getsignal(number) for number in SIGNALS]
    yield
    for number, handler in zip(SIGNALS, handlers, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[PinsBoard]:
    with PinsBoard(tmp_path / "pins") as board:
        yield board


def arguments(board: PinsBoard, *more: str) -> list[str]:
    return [
        f"--socket={board.path.parent}/s",
        f"--line=sim:{board.path}:strike",
        "--lock=fail-secure",
        "--relay=active-low",
        *more,
    ]


@pytest.fixture
def meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meanwhile]:
    """Be the peer, in another thread, once keyra-strike says that it is ready."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        ThreadPoolExecutor(1) as threads,
    ):
        manager.settimeout(20)
        manager.bind(str(tmp_path / "notify"))

        def run(act: Callable[[socket.socket], None]) -> None:
            assert manager.recv(100) == b"READY=1"
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(20)
                peer.connect(str(tmp_path / "s"))
                act(peer)

        def stop(done: Future[None]) -> None:
            if done.exception():
                os.kill(os.getpid(), signal.SIGTERM)

        def start(act: Callable[[socket.socket], None]) -> Future[None]:
            future = threads.submit(run, act)
            future.add_done_callback(stop)
            return future

        yield start


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_told_to_stop_it_secures_and_ends_well(
    board: PinsBoard, meanwhile: Meanwhile, number: signal.Signals
) -> None:
    def act(peer: socket.socket) -> None:
        path = board.path.parent / "s"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        peer.sendall(b"release 1 9000\n")
        assert peer.recv(100).endswith(b" released\n")
        os.kill(os.getpid(), number)
        assert peer.recv(100) == b""

    acting = meanwhile(act)
    assert main(arguments(board)) == 0
    acting.result(20)
    assert board.claims == [("strike", 1)]
    assert [level for _, level in board.trace] == [1, 0, 1]


def test_a_board_that_refuses_to_move_ends_it(
    board: PinsBoard, meanwhile: Meanwhile, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(peer: socket.socket) -> None:
        board.refuse = True
        peer.sendall(b"release 1 9000\n")
        assert peer.recv(100) == b""

    acting = meanwhile(act)
    assert main(arguments(board)) == 69
    acting.result(20)
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize(("on_fault", "level"), [("secure", 1), ("release", 0)])
def test_a_fault_of_its_own_drives_what_was_declared(
    board: PinsBoard,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    on_fault: str,
    level: int,
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gateway.strike.server.StrikeServer.serve", broken)
    assert main(arguments(board, f"--on-fault={on_fault}")) == 70
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert board.level == level


@pytest.mark.parametrize(
    "wrong",
    [
        ["--lock=locked"],
        ["--relay=high"],
        ["--momentary-ms-max=long"],
        ["--on-fault=open"],
        ["--unknown"],
    ],
)
def test_wrong_usage_is_said_and_is_64(
    board: PinsBoard, capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments(board, *wrong))
    assert end.value.code == 64
    assert "keyra-strike" in capsys.readouterr().err
    assert board.claims == []


@pytest.mark.parametrize(
    ("wrong", "code", "sentence"),
    [
        ("--momentary-ms-max=60001", 78, "momentary_ms_max"),
        ("--line=usb:1", 78, "neither"),
        ("--line=sim:/nowhere:strike", 69, "No pins board"),
        ("--socket=/nowhere/at/all/s", 69, "cannot be written"),
    ],
)
def test_what_cannot_work_is_said_in_one_sentence(
    board: PinsBoard,
    capsys: pytest.CaptureFixture[str],
    wrong: str,
    code: int,
    sentence: str,
) -> None:
    assert main(arguments(board, wrong)) == code
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_a_socket_that_cannot_be_bound(
    board: PinsBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    (board.path.parent / "s").mkdir()
    assert main(arguments(board)) == 69
    assert "cannot be made" in capsys.readouterr().err
    assert [level for _, level in board.trace] == [1]


def test_a_second_one_touches_neither_line_nor_socket(
    board: PinsBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    with (board.path.parent / "s.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(arguments(board)) == 73
    assert "Another keyra-strike" in capsys.readouterr().err
    assert board.claims == []


IMPORTED = """
import sys
before = set(sys.modules)
import gateway.strike.__main__
print(*set(sys.modules) - before)
"""


def test_it_is_standard_library_and_the_exception_tree() -> None:
    python = [sys.executable, "-c", IMPORTED]
    listing = subprocess.run(python, check=True, capture_output=True, text=True)
    names = set(listing.stdout.split())
    ours = {name for name in names if name.partition(".")[0] == "gateway"}
    others = {name.partition(".")[0] for name in names - ours}
    assert others <= set(sys.stdlib_module_names)
    assert {name.split(".")[1] for name in ours - {"gateway"}} == {"errors", "strike"}
