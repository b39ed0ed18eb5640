"""The wheel holds the three packages and the commands, and nothing else."""

import importlib
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built by the locked backend."""
    place = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return zipfile.ZipFile(next(place.glob("*.whl")))


def test_it_has_the_packages_typed_and_licensed(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    tops = {name.partition("/")[0] for name in names}
    about = f"keyra_gateway-{PROJECT['version']}.dist-info"
    assert tops == {"gateway", "ledger", "tui", about}
    assert {f"{package}/py.typed" for package in ("gateway", "ledger", "tui")} <= names
    assert f"{about}/licenses/LICENSE" in names
    sources = {
        str(path.relative_to(ROOT))
        for package in ("gateway", "ledger", "tui")
        for path in (ROOT / package).rglob("*.py")
    }
    assert sources <= names


@pytest.mark.parametrize("command", PROJECT["scripts"])
def test_each_command_leads_to_a_function(command: str) -> None:
    module, _, function = PROJECT["scripts"][command].partition(":")
    assert callable(getattr(importlib.import_module(module), function))
