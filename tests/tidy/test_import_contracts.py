"""Each import contract catches what it is there to catch."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "ledger", "tui")
CONFIGURED = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "importlinter"
]["contracts"]
CONTRACTS = {contract["id"]: contract["name"] for contract in CONFIGURED}

# (contract, {module, new or there already: a line more}): mistakes that somebody will
# make.
VIOLATIONS: list[tuple[str, dict[str, str]]] = [
    ("distribution", {"ledger/planted.py": "import gateway.errors"}),
    ("distribution", {"ledger/planted.py": "import tui"}),
    ("distribution", {"gateway/service/planted.py": "import tui"}),
    ("layers", {"gateway/service/planted.py": "import gateway.adapters"}),
    ("layers", {"gateway/service/planted.py": "import gateway.sim"}),
    ("layers", {"gateway/api/planted.py": "import gateway.adapters"}),
    ("layers", {"gateway/api/planted.py": "import gateway.sim"}),
    ("layers", {"gateway/adapters/planted.py": "import gateway.sim"}),
    ("layers", {"gateway/sim/planted.py": "import gateway.adapters"}),
    ("layers", {"gateway/core/planted.py": "import gateway.ports"}),
    ("layers", {"gateway/core/planted.py": "import gateway.ctap"}),
    ("layers", {"gateway/ctap/planted.py": "import gateway.core"}),
    ("layers", {"gateway/service/planted.py": "import gateway.client"}),
    ("layers", {"gateway/strike/planted.py": "import gateway.core"}),
    ("layers", {"gateway/a_room_nobody_named.py": "import gateway.errors"}),
    (
        "cycles",
        {
            "gateway/core/planted_a.py": "import gateway.core.planted_b",
            "gateway/core/planted_b.py": "import gateway.core.planted_a",
        },
    ),
    ("pure", {"gateway/core/planted.py": "import asyncio"}),
    ("pure", {"gateway/core/planted.py": "import time"}),
    ("pure", {"gateway/core/planted.py": "import sqlite3"}),
    ("pure", {"gateway/ctap/planted.py": "import secrets"}),
    ("pure", {"gateway/ctap/planted.py": "import logging"}),
    ("strike", {"gateway/strike/planted.py": "import pydantic"}),
    ("strike", {"gateway/strike/planted.py": "import ledger"}),
    ("console", {"tui/planted.py": "import gateway.service"}),
    ("console", {"tui/planted.py": "import gateway.core.facts"}),
    ("simulator", {"tui/planted.py": "import gateway.sim"}),
    ("stage", {"tui/planted.py": "import tui.stage"}),
    ("client", {"gateway/client/planted.py": "import gateway.ports"}),
    ("evidence", {"gateway/service/planted.py": "import gateway.core.provenance"}),
    ("evidence", {"gateway/adapters/planted.py": "import gateway.core.provenance"}),
    ("evidence", {"gateway/core/planted.py": "import gateway.core.provenance"}),
    ("auditor", {"ledger/verify.py": "import sqlite3"}),
    ("auditor", {"ledger/tree.py": "import ledger.store"}),
    ("bleak", {"gateway/service/planted.py": "import bleak"}),
    ("bleak", {"gateway/adapters/planted.py": "import bleak"}),
    ("bumble", {"gateway/adapters/planted.py": "import bumble"}),
    ("web", {"gateway/service/planted.py": "import fastapi"}),
    ("web", {"gateway/client/planted.py": "import uvicorn"}),
    (
        "siblings",
        {"gateway/adapters/planted.py": "import gateway.adapters.bluez_radio"},
    ),
    ("pins", {"gateway/service/planted.py": "import lgpio"}),
    ("people", {"gateway/adapters/planted.py": "import gateway.client"}),
    ("fido2", {"gateway/service/planted.py": "import fido2"}),
    ("cryptography", {"gateway/api/planted.py": "import cryptography"}),
    ("httpx", {"tui/planted.py": "import httpx"}),
    ("dbus", {"gateway/service/planted.py": "import dbus_next"}),
    ("gpio", {"gateway/strike/planted.py": "import gpiozero"}),
    ("chores", {"gateway/service/planted.py": "import apscheduler"}),
    ("calendars", {"gateway/core/planted.py": "import icalendar"}),
    ("vault", {"gateway/backup/planted.py": "import pyrage"}),
    ("tables", {"ledger/planted.py": "import sqlite_utils"}),
    ("screens", {"gateway/cli/planted.py": "import textual"}),
]

Lint = Callable[[dict[str, str]], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the three packages and their contracts."""
    copy = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            copy / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        )
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


@pytest.fixture
def lint(tree: Path, tmp_path: Path) -> Lint:
    """Plant modules in the copy, run import-linter on it, pull them out again."""

    def run(
        planted: dict[str, str], *arguments: str
    ) -> "subprocess.CompletedProcess[str]":
        originals = {
            tree / name: (tree / name).read_bytes() if (tree / name).exists() else None
            for name in planted
        }
        for name, line in planted.items():
            with (tree / name).open("a") as module:
                module.write(f"\n{line}\n")
        try:
            return subprocess.run(
                [
                    str(Path(sys.executable).parent / "lint-imports"),
                    "--no-logo",
                    "--cache-dir",
                    str(tmp_path),
                    *arguments,
                ],
                cwd=tree,
                env={**os.environ, "COLUMNS": "200"},
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            for path, original in originals.items():
                if original is None:
                    path.unlink()
                else:
                    path.write_bytes(original)

    return run


def test_the_tree_as_it_is_keeps_every_contract(lint: Lint) -> None:
    result = lint({})
    assert result.returncode == 0, result.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in result.stdout


@pytest.mark.parametrize(
    ("contract", "planted"),
    VIOLATIONS,
    ids=[f"{c}: {' '.join(p)}: {next(iter(p.values()))}" for c, p in VIOLATIONS],
)
def test_a_planted_violation_is_caught_by_name(
    lint: Lint, contract: str, planted: dict[str, str]
) -> None:
    result = lint(planted)
    assert result.returncode == 1, result.stdout
    assert f"{CONTRACTS[contract]} BROKEN" in result.stdout
    assert Path(next(iter(planted))).stem in result.stdout


def test_every_contract_has_a_planted_violation() -> None:
    assert {contract for contract, _ in VIOLATIONS} == set(CONTRACTS)


def test_an_allowance_that_nobody_uses_is_gone() -> None:
    """A module that is allowed to import something protected does import it."""
    idle = []
    for contract in CONFIGURED:
        if contract.get("as_packages", True):
            continue
        wanted = [name.rpartition(".")[2] for name in contract["protected_modules"]]
        for importer in contract["allowed_importers"]:
            path = ROOT / f"{importer.replace('.', '/')}.py"
            text = path.read_text() if path.exists() else ""
            imports = re.compile(
                rf"^\s*(from|import) .*\b({'|'.join(wanted)})\b", re.MULTILINE
            )
            if not imports.search(text):
                idle.append(f"{contract['id']}: {importer}")
    assert not idle
