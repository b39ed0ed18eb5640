"""keyra-strike --secure: what it drives, and how long it waits for a busy line."""

import fcntl
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import HardwareMissingError
from gateway.strike.__main__ import main
from gateway.strike.line import OutputLine
from gateway.strike.machine import OnFault
from gateway.strike.secure import TRIES_MAX, drive_once, level_without_strike
from gateway.strike.wiring import Level, Lock, Relay, Wiring
from tests.pins_board import PinsBoard

EVERY_WIRING = [Wiring(lock, relay) for lock, relay in itertools.product(Lock, Relay)]


class Line:
    """A claimed line that counts how often it was let go."""

    closed = 0

    def set(self, _level: Level) -> None:
        raise AssertionError("the claim itself drives the line")

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def board(tmp_path: Path) -> Iterator[PinsBoard]:
    with PinsBoard(tmp_path / "pins") as board:
        yield board


def words(board: PinsBoard, *more: str) -> list[str]:
    return [
        "--secure",
        f"--socket={board.path.parent}/s",
        f"--line=sim:{board.path}:strike",
        "--lock=fail-secure",
        "--relay=active-low",
        *more,
    ]


@pytest.mark.parametrize("wiring", EVERY_WIRING)
@pytest.mark.parametrize("result", ["success", "signal", "watchdog", "exit-code"])
def test_a_door_stays_secured_unless_release_was_declared(
    wiring: Wiring, result: str
) -> None:
    seen = {"SERVICE_RESULT": result}
    secured = level_without_strike(wiring, OnFault.SECURE, seen)
    declared = level_without_strike(wiring, OnFault.RELEASE, seen)
    assert not wiring.released(secured)
    assert wiring.released(declared) == (result != "success")


def test_by_hand_it_secures() -> None:
    for wiring in EVERY_WIRING:
        assert not wiring.released(level_without_strike(wiring, OnFault.RELEASE, {}))


def test_a_line_that_is_busy_for_a_while_is_driven_once_it_is_free() -> None:
    pauses_s: list[float] = []
    line = Line()

    def claim() -> OutputLine:
        if len(pauses_s) < 3:
            raise HardwareMissingError("busy")
        return line

    drive_once(claim, pauses_s.append)
    assert len(pauses_s) == 3
    assert line.closed == 1


def test_a_line_that_stays_busy_is_said_after_a_bounded_time() -> None:
    pauses_s: list[float] = []

    def claim() -> OutputLine:
        raise HardwareMissingError("busy")

    with pytest.raises(HardwareMissingError, match="busy"):
        drive_once(claim, pauses_s.append)
    assert len(pauses_s) == TRIES_MAX - 1
    assert sum(pauses_s) < 5


def test_it_drives_the_line_and_ends(board: PinsBoard) -> None:
    assert main(words(board)) == 0
    assert board.claims == [("strike", 1)]


def test_after_a_kill_it_drives_what_was_declared(
    board: PinsBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_RESULT", "signal")
    assert main(words(board, "--on-fault=release")) == 0
    assert board.claims == [("strike", 0)]


def test_beside_a_living_keyra_strike_it_touches_nothing(
    board: PinsBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = os.open(board.path.parent / "s.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert main(words(board)) == 73
    os.close(lock)
    assert "Another keyra-strike" in capsys.readouterr().err
    assert board.claims == []
