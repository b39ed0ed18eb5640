"""What the service manager and journald get to hear."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.adapters.systemd import JOURNAL_SOCKET, start_log, watchdog_from
from gateway.errors import StrikeError


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def test_the_manager_is_told_each_step(manager: socket.socket) -> None:
    watchdog = watchdog_from({"NOTIFY_SOCKET": manager.getsockname()})
    watchdog.ready()
    watchdog.alive()
    watchdog.stopping()
    heard = [manager.recv(1_000).decode().split("\n")[0] for _ in range(3)]
    assert heard == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


@pytest.mark.parametrize("socket_name", ["", "/nowhere/notify", "@keyra-nobody"])
def test_a_manager_that_is_not_there_harms_nothing(socket_name: str) -> None:
    watchdog = watchdog_from({"NOTIFY_SOCKET": socket_name})
    said = [watchdog.ready, watchdog.alive, watchdog.stopping]
    for say in said:
        say()
    assert len(said) == 3


def test_a_manager_that_does_not_read_holds_nothing_up(manager: socket.socket) -> None:
    watchdog = watchdog_from({"NOTIFY_SOCKET": manager.getsockname()})
    for _ in range(10_000):  # more than any socket's buffer holds
        watchdog.alive()
    assert manager.recv(1_000) == b"WATCHDOG=1"


def fields(datagram: bytes) -> dict[str, str]:
    """An entry in systemd's native journal protocol, read the way journald does."""
    found = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length_bytes = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length_bytes], rest[9 + length_bytes :]
        found[name.decode()] = value.decode()
        datagram = rest
    return found


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()  # pytest's own, which basicConfig would close
    yield root
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def journald(manager: socket.socket, root_logger: logging.Logger) -> socket.socket:
    """What journald would hear of this process."""
    here = manager.getsockname()
    start_log({"JOURNAL_STREAM": "8:1"}, {"KEYRA_DOOR": "front-door"}, here)
    assert len(root_logger.handlers) == 1
    return manager


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.CRITICAL, "2"),
        (logging.ERROR, "3"),
        (logging.WARNING, "4"),
        (logging.INFO, "6"),
    ],
)
def test_each_entry_has_its_priority_and_its_door(
    journald: socket.socket, level: int, priority: str
) -> None:
    logging.getLogger("here").log(level, "it is %s", "so")
    entry = fields(journald.recv(10_000))
    assert entry["MESSAGE"] == "here: it is so"
    assert entry["PRIORITY"] == priority
    assert entry["KEYRA_DOOR"] == "front-door"
    assert entry["KEYRA_LOGGER"] == "here"
    assert entry["CODE_FILE"].endswith("test_systemd.py")


def test_lines_and_equals_signs_forge_no_field(journald: socket.socket) -> None:
    logging.getLogger("here").warning("peer says: x\nKEYRA_DOOR=another\nPRIORITY=0")
    entry = fields(journald.recv(10_000))
    assert entry["KEYRA_DOOR"] == "front-door"
    assert entry["PRIORITY"] == "4"
    assert entry["MESSAGE"].count("\n") == 2


def test_an_error_s_code_can_be_searched_for(journald: socket.socket) -> None:
    error = StrikeError("It is out of reach.")
    logging.getLogger("here").error("No release", exc_info=error)
    entry = fields(journald.recv(100_000))
    assert entry["KEYRA_CODE"] == "strike"
    assert entry["MESSAGE"].endswith("StrikeError: It is out of reach.")


def test_a_journal_that_is_away_or_slow_loses_no_line_and_holds_nothing_up(
    journald: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5_000):  # more than any socket's buffer holds
        logging.getLogger("here").warning("line %d\nand more", number)
    heard = capsys.readouterr().err
    assert "<4>here: line 4999\n<4>and more\n" in heard
    assert fields(journald.recv(10_000))["MESSAGE"] == "here: line 0\nand more"


def test_where_no_journal_reads_a_line_has_its_time(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    start_log({}, {}, JOURNAL_SOCKET)
    logging.getLogger("here").warning("something")
    assert len(root_logger.handlers) == 1
    heard = capsys.readouterr().err
    assert heard.startswith("20")
    assert "something" in heard
