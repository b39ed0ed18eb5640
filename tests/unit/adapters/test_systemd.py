"""What the service manager and journald get to hear."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.adapters.systemd import JournaldFormatter, log_to_stderr, watchdog_from


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


@pytest.mark.parametrize(
    ("level", "mark"),
    [
        (logging.CRITICAL, "<2>"),
        (logging.ERROR, "<3>"),
        (logging.WARNING, "<4>"),
        (logging.INFO, "<6>"),
        (logging.DEBUG, "<7>"),
    ],
)
def test_each_line_of_a_record_has_its_priority(level: int, mark: str) -> None:
    record = logging.LogRecord("x", level, "x.py", 1, "one\ntwo", None, None)
    assert JournaldFormatter().format(record) == f"{mark}one\n{mark}two"


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()  # pytest's own, which basicConfig would close
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    ("environment", "beginning"),
    [({"JOURNAL_STREAM": "8:1"}, "<4>here: "), ({}, "20")],
)
def test_a_line_fits_who_reads_it(
    root_logger: logging.Logger,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    beginning: str,
) -> None:
    log_to_stderr(environment)
    logging.getLogger("here").warning("something")
    assert len(root_logger.handlers) == 1
    heard = capsys.readouterr().err
    assert heard.startswith(beginning)
    assert "something" in heard
