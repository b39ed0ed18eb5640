"""What the packages import is what pyproject.toml declares and the ADR explains."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
OURS = {"gateway", "ledger", "tui"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Comes from the system or is built by the installer: docs/adr/0002-locks.md.
FROM_THE_SYSTEM = {"lgpio"}


def declared(requirements: list[str]) -> set[str]:
    """Canonical names of the distributions that the requirements name."""
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def imported(folder: str) -> dict[str, str]:
    """Third-party modules that a folder's Python imports, each with one importer."""
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in OURS:
                    found[top] = str(path.relative_to(ROOT))
    return found


DOOR = declared(PROJECT["dependencies"])
SIM = declared(PROJECT["optional-dependencies"]["sim"])
TEST = declared(PROJECT["optional-dependencies"]["test"])


def undeclared(folder: str, allowed: set[str]) -> dict[str, str]:
    """Imports of a folder that no allowed distribution provides."""
    providers = packages_distributions()
    return {
        module: importer
        for module, importer in imported(folder).items()
        if module not in FROM_THE_SYSTEM
        if not {canonicalize_name(n) for n in providers.get(module, [])} & allowed
    }


def test_a_door_imports_only_what_a_door_installs() -> None:
    for folder in sorted(OURS):
        found = undeclared(folder, DOOR | SIM)
        assert not found, found
    outside = {
        importer
        for module, importer in undeclared("gateway", DOOR).items()
        if not importer.startswith("gateway/sim/")
    }
    assert not outside


def test_tests_import_only_what_the_test_lock_installs() -> None:
    built_in = {
        "packaging",
        "_pytest",
        "tests",
    }  # of pytest itself, and our own helpers
    found = undeclared("tests", DOOR | SIM | TEST)
    assert not {
        module: path for module, path in found.items() if module not in built_in
    }


def test_each_dependency_of_a_door_has_its_reason_written_down() -> None:
    text = (ROOT / "docs" / "adr" / "0001-dependencies.md").read_text()
    rows = "\n".join(re.findall(r"^\|([^|]*)\|", text, re.MULTILINE))
    explained = {canonicalize_name(word) for word in re.findall(r"[\w-]+", rows)}
    assert explained >= DOOR | SIM
