"""The commands of the auditor's page do what the page says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.bundle import write_bundle
from ledger.reader import Reader
from ledger.receipt import make_receipt
from ledger.verify import verify_lines
from tests.ledger_world import Made, history, make

PAGE = Path(__file__).parents[3] / "docs" / "auditor.md"
ROOT = PAGE.parents[1]


def blocks(page: Path) -> list[str]:
    """The commands of a page: fenced as sh, or indented."""
    text = page.read_text()
    fenced: list[str] = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return fenced or ["\n".join(re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE))]


@pytest.fixture
def stick(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A bundle with a receipt, and an auditor's environment around it."""
    for tool in ("bash", "jq", "sed", "sha256sum"):
        if shutil.which(tool) is None:
            pytest.skip(f"the page's commands need {tool}: apt-get install {tool}")
    made: Made = make(tmp_path)
    history(made)
    bundle = tmp_path / "stick"
    with Reader.open(made.path) as reader:
        write_bundle(bundle, reader, made.key, lambda *_: None)
        (bundle / "receipt.json").write_bytes(make_receipt(reader, 7))
    assert made.seal_key is not None
    (tmp_path / "seal-key").write_text(made.seal_key.hex())
    verdict = verify_lines(made.lines(), vkey=made.vkey)
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "keyra-ledger"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ledger "$@"\n')
    command.chmod(0o755)
    root = (bundle / "checkpoint.txt").read_text().splitlines()[2]
    environment = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "VKEY": made.vkey,
        "SEALKEY": str(tmp_path / "seal-key"),
        "CHECKPOINT": f"{verdict.entries}:{root}",
    }
    return bundle, environment


@pytest.mark.parametrize("name", ["docs", "bundle"])
def test_the_pages_commands(stick: tuple[Path, dict[str, str]], name: str) -> None:
    bundle, environment = stick
    page = PAGE if name == "docs" else bundle / "README.md"
    said = []
    for block in blocks(page):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],  # noqa: S607 - found above
            cwd=bundle,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (block, done.stdout, done.stderr)
        said.append(done.stdout)
    text = "\n".join(said)
    assert "ledger.jsonl: OK" in text
    assert "VERIFIED" in text
    digests = re.findall(r"^([0-9a-f]{64})\b", text, re.MULTILINE)
    assert len(digests) == 2
    assert digests[0] == digests[1]
