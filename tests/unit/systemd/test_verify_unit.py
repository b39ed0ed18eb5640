"""keyra-verify.service leaves its mark after a whole ledger, and after no other."""

import configparser
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.adapters.upkeep_files import VERIFIED_NAME, UpkeepFiles
from ledger.entry import Draft, Stamp
from ledger.keys import SigningKey
from ledger.writer import Writer, initialise

UNIT = Path(__file__).parents[3] / "systemd" / "keyra-verify.service"
STATE = "/var/lib/keyra"
PROGRAM = "/opt/keyra/current/bin/keyra-ledger"

pytestmark = pytest.mark.processes


class Unit(configparser.ConfigParser):
    """A unit's keys are as they are written."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def service() -> configparser.SectionProxy:
    unit = Unit(strict=False, interpolation=None)
    unit.read(UNIT)
    return unit["Service"]


def carry_out(state: Path) -> bool:
    """Do what systemd does with the two lines, in another directory."""
    made = service()
    fine = {0, *map(int, made.get("SuccessExitStatus", "").split())}
    python = shlex.quote(sys.executable)
    for step in ("ExecStart", "ExecStartPost"):  # systemd stops where one fails
        line = made[step].replace(PROGRAM, f"{python} -m ledger")
        done = subprocess.run(
            shlex.split(line.replace(STATE, str(state))),
            capture_output=True,
            timeout=120,
            check=False,
        )
        if done.returncode not in fine:
            return False
    return True


@pytest.fixture
def state(tmp_path: Path) -> Path:
    key = SigningKey.from_seed(bytes(32))
    stamp = Stamp(1_000, "0123456789abcdef", 5, 7)
    path = tmp_path / "ledger.db"
    initialise(path, "site/door", key, stamp, bytes(range(32)))
    writer = Writer.open(path, key)
    writer.append([Draft("stop", {"why": "x"})], stamp)
    writer.close()
    (tmp_path / "ledger.vkey").write_text(f"{key.vkey('site/door')}\n")
    return tmp_path


def test_a_whole_ledger_leaves_the_mark_that_health_reads(state: Path) -> None:
    upkeep = UpkeepFiles(state / "ledger.db", lambda: None)
    assert upkeep.read().verified_ms == -1
    assert carry_out(state)
    assert (state / VERIFIED_NAME).exists()
    assert upkeep.read().verified_ms > 0


def test_an_edited_ledger_leaves_none(state: Path) -> None:
    with sqlite3.connect(state / "ledger.db") as database:
        query = "SELECT sql FROM sqlite_schema WHERE name='entry_update'"
        (guard,) = database.execute(query).fetchone()
        database.execute("DROP TRIGGER entry_update")
        database.execute(
            """UPDATE entry SET body =
            CAST(replace(CAST(body AS TEXT), '"x"', '"y"') AS BLOB)"""
        )
        database.execute(guard)
    assert not carry_out(state)
    assert not (state / VERIFIED_NAME).exists()


def test_the_mark_lies_where_the_unit_may_write() -> None:
    assert service()["ReadWritePaths"] == STATE
    assert service()["ExecStartPost"].split()[-1] == f"{STATE}/{VERIFIED_NAME}"
