"""The units, as systemd reads them and as the rest of the tree is written."""

import configparser
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gateway.config import defaults_text, parse
from gateway.schemas import SOCKET_PATH

ROOT = Path(__file__).parents[3]
SERVICES = sorted((ROOT / "systemd").glob("*.service"))
EXPOSURE_MAX = 15  # tenths

each_service = pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


class _Unit(configparser.ConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit(path: Path) -> _Unit:
    parser = _Unit(strict=False, interpolation=None, delimiters=("=",))
    parser.read_string(path.read_text())
    return parser


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """The units with programs that this machine has."""
    for path in SERVICES:
        text = re.sub(r"/opt/keyra/current/bin/\S+", sys.executable, path.read_text())
        text = re.sub(r"(?m)^(User|Group|SupplementaryGroups)=.*\n", "", text)
        (tmp_path / path.name).write_text(text)
    return tmp_path


def test_there_is_a_unit_for_each_process_of_the_door() -> None:
    assert [path.name for path in SERVICES] == [
        "keyra-gateway.service",
        "keyra-strike.service",
    ]


@analyze
@each_service
def test_systemd_understands_each_line(path: Path, staged: Path) -> None:
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(staged / path.name)],  # noqa: S607 - the machine's own
        capture_output=True,
        text=True,
        check=False,
    )
    # Units of this machine that ours name may be absent; what is said of ours counts.
    ours = [line for line in result.stderr.splitlines() if path.name in line]
    assert ours == []


@analyze
@each_service
def test_a_stranger_inside_finds_little_to_hold(path: Path) -> None:
    result = subprocess.run(
        [  # noqa: S607 - the machine's own
            "systemd-analyze",
            "security",
            "--offline=true",
            "--no-pager",
            f"--threshold={EXPOSURE_MAX}",
            str(path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-2_000:]


@each_service
def test_each_is_watched_and_comes_back_for_ever(path: Path) -> None:
    settings = unit(path)
    assert settings["Unit"]["StartLimitIntervalSec"] == "0"
    assert settings["Service"]["Type"] == "notify"
    assert settings["Service"]["Restart"] == "always"
    assert int(settings["Service"]["WatchdogSec"]) <= 10


@each_service
def test_each_starts_a_command_of_ours(path: Path) -> None:
    command = Path(unit(path)["Service"]["ExecStart"].split()[0]).name
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert command in project["scripts"]


def test_paths_are_those_of_the_default_config() -> None:
    config = parse(defaults_text(), "defaults")
    gateway = unit(ROOT / "systemd" / "keyra-gateway.service")["Service"]
    strike = unit(ROOT / "systemd" / "keyra-strike.service")["Service"]
    assert f"/var/lib/{gateway['StateDirectory']}" == config.gateway.state_dir
    assert SOCKET_PATH.startswith(f"/run/{gateway['RuntimeDirectory']}/")
    assert config.strike.socket == "/run/keyra-strike/socket"
    assert "%t/keyra-strike/socket" in strike["ExecStart"]
    assert strike["RuntimeDirectory"] == "keyra-strike"


def test_users_and_groups_are_made_by_sysusers() -> None:
    lines = (ROOT / "systemd" / "keyra.sysusers.conf").read_text().splitlines()
    made = {line.split()[1] for line in lines if line and not line.startswith("#")}
    for path in SERVICES:
        service = unit(path)["Service"]
        wanted = {service["User"], service["Group"]}
        assert wanted | set(service["SupplementaryGroups"].split()) <= made
