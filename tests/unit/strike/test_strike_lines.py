"""Output lines: the simulator's and the real one, behind the same promise."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError, HardwareMissingError
from gateway.strike.gpio_line import GpioLine, open_gpio
from gateway.strike.line import Output, open_line
from gateway.strike.sim_line import SimLine
from gateway.strike.wiring import Level, Lock, Relay, Wiring
from tests.pins_board import PinsBoard


@pytest.fixture
def board(tmp_path: Path) -> Iterator[PinsBoard]:
    with PinsBoard(tmp_path / "pins") as board:
        yield board


@pytest.mark.parametrize("level", [0, 1])
def test_a_simulated_line_is_claimed_at_its_level(
    board: PinsBoard, level: Level
) -> None:
    line = open_line(f"sim:{board.path}:strike", level)
    assert board.claims == [("strike", level)]
    line.set(0)
    line.set(1)
    line.set(0)
    line.close()
    assert [at for _, at in board.trace][-2:] == [1, 0]


def test_a_board_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HardwareMissingError, match="No pins board answers"):
        open_line(f"sim:{tmp_path}/none:strike", 0)


def test_a_board_that_refuses(board: PinsBoard) -> None:
    board.refuse = True
    with pytest.raises(HardwareMissingError, match="refused"):
        SimLine(str(board.path), "strike", 0)


def test_a_board_that_goes_away(board: PinsBoard) -> None:
    line = SimLine(str(board.path), "strike", 0)
    board.hang_up()
    with pytest.raises(HardwareMissingError, match="went away"):
        line.set(1)
    line.close()


@pytest.mark.parametrize("reply", [b"nonsense\n", b"[]\n", b"x" * 600, b""])
def test_a_board_that_speaks_nonsense(board: PinsBoard, reply: bytes) -> None:
    board.nonsense = reply
    with pytest.raises(HardwareMissingError):
        SimLine(str(board.path), "strike", 0)


@pytest.mark.parametrize(
    "name", ["", "sim:", "sim:/x", "gpio:0", "gpio:0:x", "gpio:100:1", "usb:1:1"]
)
def test_a_line_that_has_no_such_name(name: str) -> None:
    with pytest.raises(ConfigError, match="neither"):
        open_line(name, 0)


@pytest.mark.parametrize("lock", list(Lock))
@pytest.mark.parametrize("relay", list(Relay))
def test_an_output_speaks_of_the_door(
    board: PinsBoard, lock: Lock, relay: Relay
) -> None:
    wiring = Wiring(lock, relay)
    line = SimLine(str(board.path), "strike", wiring.safe_level)
    output = Output(line, wiring)
    output.drive(released=False)
    assert len(board.trace) == 1
    output.drive(released=True)
    output.drive(released=True)
    output.drive(released=False)
    line.close()
    assert [wiring.released(at) for _, at in board.trace] == [False, True, False]


class Chip:
    """What lgpio is to GpioLine: one chip, as its calls and levels."""

    class error(Exception):  # noqa: N801, N818 - lgpio's own name for it
        """What lgpio raises."""

    def __init__(self, label: str = "pinctrl-bcm2711", broken: str = "") -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._label = label
        self._broken = broken

    def _call(self, *call: Any) -> None:
        self.calls.append(call)
        if call[0] == self._broken:
            raise Chip.error("GPIO busy")

    def gpiochip_open(self, chip: int) -> int:
        self._call("open", chip)
        return 5

    def gpio_get_chip_info(self, handle: int) -> list[Any]:
        assert handle == 5
        return [0, 58, "gpiochip0", self._label]

    def gpio_claim_output(self, handle: int, gpio: int, level: int) -> int:
        self._call("claim", handle, gpio, level)
        return 0

    def gpio_write(self, handle: int, gpio: int, level: int) -> int:
        self._call("write", handle, gpio, level)
        return 0

    def gpiochip_close(self, handle: int) -> int:
        self._call("close", handle)
        return 0


@pytest.mark.parametrize("level", [0, 1])
def test_a_real_line_is_claimed_once_with_its_level(level: Level) -> None:
    chip = Chip()
    line = GpioLine(chip, 0, 17, level)
    assert chip.calls == [("open", 0), ("claim", 5, 17, level)]
    line.set(1)
    line.close()
    assert chip.calls[2:] == [("write", 5, 17, 1), ("close", 5)]


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [("open", "cannot be opened"), ("claim", "another program")],
)
def test_a_real_line_that_cannot_be_had(broken: str, sentence: str) -> None:
    chip = Chip(broken=broken)
    with pytest.raises(HardwareMissingError, match=sentence):
        GpioLine(chip, 4, 17, 0)
    assert ("close", 5) in chip.calls or broken == "open"


def test_a_real_line_that_is_lost() -> None:
    line = GpioLine(Chip(broken="write"), 0, 17, 0)
    with pytest.raises(HardwareMissingError, match="cannot be driven"):
        line.set(1)


def test_another_chip_than_the_header_s_is_refused() -> None:
    chip = Chip(label="gpio-brcmstb@107d508500")
    with pytest.raises(HardwareMissingError, match="not the chip of the pin header"):
        GpioLine(chip, 0, 17, 0)
    assert chip.calls == [("open", 0), ("close", 5)]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place where an lgpio of the test's choice is found first."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "lgpio", raising=False)
    return tmp_path / "lgpio.py"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("raise ImportError", "not installed"),
        ("open('/nowhere/at/all')", "working directory"),
        ("", "empty package"),
        (
            """
class error(Exception): pass
def gpio_claim_output(*_): pass
def gpiochip_open(chip): raise error('no such chip')
""",
            "cannot be opened",
        ),
    ],
)
def test_an_lgpio_that_does_not_serve(library: Path, text: str, sentence: str) -> None:
    library.write_text(text)
    try:
        with pytest.raises(HardwareMissingError, match=sentence):
            open_line("gpio:0:17", 0)
    finally:
        sys.modules.pop("lgpio", None)


def test_an_lgpio_that_serves(library: Path) -> None:
    library.write_text(
        "class error(Exception): pass\n"
        "def gpiochip_open(chip): return 1\n"
        "def gpio_get_chip_info(handle): return [0, 54, 'gpiochip0', 'pinctrl-rp1']\n"
        "def gpio_claim_output(handle, gpio, level): return 0\n"
        "def gpiochip_close(handle): return 0\n"
    )
    try:
        open_gpio(0, 17, 1).close()
    finally:
        sys.modules.pop("lgpio", None)
