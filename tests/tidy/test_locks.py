"""The locks hold exactly what pyproject.toml asks for, with hashes and no address."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("build", "door", "sim", "test")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BUILD = PROJECT["build-system"]["requires"]
DOOR = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?P<rest>.*)$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def pins(lock: str) -> dict[str, str]:
    """Versions by canonical name."""
    found: dict[str, str] = {}
    for line in (ROOT / "locks" / f"{lock}.txt").read_text().splitlines():
        if match := PIN.match(line):
            name = canonicalize_name(match["name"])
            assert name not in found, f"{lock}.txt pins {name} twice"
            found[name] = match["version"]
    return found


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("build", BUILD),
        ("door", DOOR),
        ("sim", [*DOOR, *EXTRAS["sim"]]),
        ("test", [*BUILD, *DOOR, *EXTRAS["sim"], *EXTRAS["test"]]),
    ],
)
def test_every_dependency_is_locked_at_a_version_that_satisfies_it(
    lock: str, wanted: list[str]
) -> None:
    locked = pins(lock)
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{requirement} is not in {lock}.txt: run .ci/relock"
        assert requirement.specifier.contains(locked[name]), (
            f"{lock}.txt has {name} {locked[name]}, not {requirement}: run .ci/relock"
        )


def test_what_a_door_installs_is_what_was_tested() -> None:
    tested = pins("test").items()
    for lock in LOCKS:
        assert pins(lock).items() <= tested, f"{lock}.txt: run .ci/relock"


def test_a_door_gets_neither_simulator_nor_test_tools() -> None:
    for requirement in map(Requirement, [*EXTRAS["sim"], *EXTRAS["test"]]):
        assert canonicalize_name(requirement.name) not in pins("door")


def test_the_pin_library_is_locked_apart_and_never_the_empty_one() -> None:
    wanted = re.search(
        r"^lgpio_version=(\S+)$",
        (ROOT / "systemd/installer/environment.sh").read_text(),
        re.MULTILINE,
    )
    assert wanted is not None
    assert pins("lgpio") == {"lgpio": wanted[1]}
    assert wanted[1] != "0.0.0.2"


@pytest.mark.parametrize("lock", [*LOCKS, "lgpio", "lgpio-build"])
def test_a_lock_holds_pins_and_hashes_and_nothing_else(lock: str) -> None:
    path = ROOT / "locks" / f"{lock}.txt"
    lines = [
        line
        for line in path.read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines
    for before, line in zip(["", *lines], lines, strict=False):
        assert PIN.match(line) or HASH.match(line), line
        if PIN.match(before):
            assert HASH.match(line), f"{before} has no hash"
