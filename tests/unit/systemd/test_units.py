"""The units, as systemd reads them and as the rest of the tree is written."""

import configparser
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from gateway.config import defaults_text, parse
from gateway.schemas import SOCKET_PATH

ROOT = Path(__file__).parents[3]
SERVICES = sorted((ROOT / "systemd").glob("*.service"))
TIMERS = sorted((ROOT / "systemd").glob("*.timer"))
DOOR = [
    ROOT / "systemd" / "keyra-gateway.service",
    ROOT / "systemd" / "keyra-strike.service",
]
EXPOSURE_MAX = 15  # tenths
# Since systemd 254; older ones say so and go on.
NEWER = re.compile(r"Unknown key (name )?'Restart(Steps|MaxDelaySec)'")

each_unit = pytest.mark.parametrize(
    "path", [*SERVICES, *TIMERS], ids=lambda path: path.name
)
each_service = pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
each_of_the_door = pytest.mark.parametrize("path", DOOR, ids=lambda path: path.name)
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
    for path in [*SERVICES, *TIMERS]:
        text = re.sub(r"/opt/keyra/current/bin/\S+", "/bin/sh", path.read_text())
        text = re.sub(r"(?m)^(User|Group|SupplementaryGroups)=.*\n", "", text)
        (tmp_path / path.name).write_text(text)
    return tmp_path


@analyze
@each_unit
def test_systemd_understands_each_line(path: Path, staged: Path) -> None:
    name = path.name.replace("@.", "@tty2.")
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(staged / name)],  # noqa: S607 - the machine's own
        capture_output=True,
        text=True,
        check=False,
    )
    # Units of this machine that ours name may be absent; what is said of ours counts.
    ours = [
        line
        for line in result.stderr.splitlines()
        if path.name in line or name in line
        if not NEWER.search(line)
    ]
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


@each_of_the_door
def test_each_is_watched_and_comes_back_for_ever(path: Path) -> None:
    settings = unit(path)
    assert settings["Unit"]["StartLimitIntervalSec"] == "0"
    assert settings["Service"]["Type"] == "notify"
    assert settings["Service"]["Restart"] == "always"
    assert int(settings["Service"]["WatchdogSec"]) <= 10


@each_service
def test_each_starts_commands_of_ours(path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for command in re.findall(r"/opt/keyra/current/bin/(\S+)", path.read_text()):
        assert command in project["scripts"]


def test_whatever_ends_the_strike_something_drives_its_line() -> None:
    strike = unit(ROOT / "systemd" / "keyra-strike.service")["Service"]
    start, after = strike["ExecStart"].split(), strike["ExecStopPost"].split()
    assert "--secure" in after
    assert [word for word in after if word != "--secure"] == start


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
        wanted = {service.get("User", "root"), service.get("Group", "root")}
        wanted |= set(service.get("SupplementaryGroups", "").split())
        assert wanted <= made | {"root"}


def test_the_gateway_may_ask_whether_the_clock_is_synchronised() -> None:
    """ntp_gettimex(3) asks by adjtimex(2), which is in @clock, and that in @privileged.

    The last word on a call counts; ProtectClock= is a filter of its own, whose word
    cannot be taken back.
    """
    text = (ROOT / "systemd" / "keyra-gateway.service").read_text()
    settings = re.findall(r"(?m)^(\w+)=(.*)$", text)
    assert ("ProtectClock", "yes") not in settings
    filters = [value for name, value in settings if name == "SystemCallFilter"]
    refused = filters.index("~@privileged @resources")
    assert "adjtimex clock_adjtime" in filters[refused + 1 :]
    assert ("CapabilityBoundingSet", "") in settings


def test_a_boot_in_the_middle_of_an_upgrade_goes_back(tmp_path: Path) -> None:
    start = unit(ROOT / "systemd" / "keyra-unproved.service")["Service"]["ExecStart"]
    script = start.removeprefix("/bin/sh -c '").removesuffix("'")
    (tmp_path / "current").symlink_to("versions/new")
    (tmp_path / "unproved").write_text("versions/old\n")
    subprocess.run(
        ["/bin/sh", "-c", script.replace("/opt/keyra", str(tmp_path))], check=True
    )
    assert str((tmp_path / "current").readlink()) == "versions/old"
    assert [path.name for path in tmp_path.iterdir()] == ["current"]
