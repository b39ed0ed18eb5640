"""This machine as the doctor sees it: what is not there is no error."""

import os
import socket
import threading
from pathlib import Path

import pytest

from gateway.doctor import LocalMachine
from gateway.doctor.local import TEXT_BYTES_MAX
from ledger.entry import Stamp
from ledger.errors import LedgerMissingError
from ledger.keys import SigningKey
from ledger.writer import initialise


@pytest.fixture
def machine(tmp_path: Path) -> LocalMachine:
    return LocalMachine(tmp_path)


def test_what_is_not_there_is_nothing(machine: LocalMachine) -> None:
    assert machine.read("/etc/none") is None
    assert machine.names("/etc/none") == ()
    assert machine.facts("/etc/none") is None
    assert machine.target("/etc/none") is None
    assert machine.space("/etc/none") is None
    assert machine.pin(0, 17) is None
    assert machine.module("no_such_module") is None
    assert machine.version("no-such-distribution") is None
    assert machine.uid("no-such-user") is None
    assert machine.strike_says("/run/none") is None
    assert machine.unit("no-such-unit.service").get("ActiveState") != "active"


def test_what_is_there_is_seen(machine: LocalMachine, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    text = tmp_path / "etc" / "text"
    text.write_bytes(b"k\xffyra\n")
    text.chmod(0o640)
    (tmp_path / "etc" / "link").symlink_to("text")
    assert machine.read("/etc/text") == "k\ufffdyra\n"
    assert machine.names("/etc") == ("link", "text")
    facts = machine.facts("/etc/text")
    assert facts is not None
    assert facts.mode == 0o640
    assert machine.target("/etc/link") == "text"
    space = machine.space("/etc")
    assert space is not None
    assert space.free_bytes > 0
    assert not space.read_only
    assert machine.module("json") == os.fspath(
        Path(os.__file__).parent / "json/__init__.py"
    )
    assert machine.version("keyra-gateway")
    assert machine.uid("root") == 0
    assert machine.own_uid() == os.geteuid()
    assert machine.wall_ms() > 0
    assert machine.clock_error_ms() >= -1


def test_a_long_file_is_cut(machine: LocalMachine, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("k" * (TEXT_BYTES_MAX + 1))
    assert len(machine.read("/long") or "") == TEXT_BYTES_MAX


def test_a_file_that_is_no_chip_is_no_chip(
    machine: LocalMachine, tmp_path: Path
) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "gpiochip0").touch()
    assert machine.pin(0, 17) is None


def test_the_strike_s_words_to_a_stranger_are_heard(
    machine: LocalMachine, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        def refuse() -> None:
            visitor, _ = listener.accept()
            with visitor:
                visitor.sendall(b"err forbidden\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        assert machine.strike_says("/s") == "err forbidden"
        thread.join(10)


def test_looking_at_a_ledger_never_makes_one(
    machine: LocalMachine, tmp_path: Path
) -> None:
    with pytest.raises(LedgerMissingError):
        machine.ledger_size("/ledger.db")
    assert list(tmp_path.iterdir()) == []
    key = SigningKey.generate()
    initialise(tmp_path / "ledger.db", "door.example/g", key, Stamp(1, "b" * 16, 0, 1))
    before = (tmp_path / "ledger.db").read_bytes()
    assert machine.ledger_size("/ledger.db") == 1
    assert (tmp_path / "ledger.db").read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look at another's files")
def test_root_who_looks_leaves_nothing_of_root_s(
    machine: LocalMachine, tmp_path: Path
) -> None:
    key = SigningKey.generate()
    ledger = tmp_path / "ledger.db"
    initialise(ledger, "door.example/g", key, Stamp(1, "b" * 16, 0, 1))
    os.chown(ledger, 12_345, 12_345)
    assert machine.ledger_size("/ledger.db") == 1
    # SQLite's own -wal and -shm: the gateway could not go on with root's.
    assert {path.stat().st_uid for path in tmp_path.glob("ledger.db*")} == {12_345}
