"""What the documents name is there: files, links, commands, headings."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))
ADR_LINES_MAX = 80
TRACKED = subprocess.run(
    ["git", "ls-files", "-z"],  # noqa: S607 - git is where the machine has it
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split("\0")
DOCUMENTS = [ROOT / name for name in TRACKED if name.endswith(".md")]

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)#\s]+)(#[^)]*)?\)")
# A path of this repository in backticks; {a,b}, * and <…> stand for something else.
OUR_PATH = re.compile(
    r"`(?P<path>(?:gateway|ledger|tui|tests|docs|locks|systemd|\.ci)/[\w./-]*)`"
)
OPTION = re.compile(r"install\.sh (?P<words>(?:--[a-z-]+ ?)+)")

by_name = pytest.mark.parametrize(
    "path", DOCUMENTS, ids=[str(p.relative_to(ROOT)) for p in DOCUMENTS]
)


@pytest.mark.parametrize("path", ADRS, ids=[p.stem for p in ADRS])
def test_a_decision_is_one_page_with_the_same_three_parts(path: Path) -> None:
    lines = path.read_text().splitlines()
    number = int(path.name.partition("-")[0])
    assert re.match(rf"# {number}\. \S", lines[0])
    headings = [line for line in lines if line.startswith("## ")]
    assert headings == ["## Context", "## Decision", "## Consequences"]
    assert len(lines) <= ADR_LINES_MAX


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name.partition("-")[0]) for path in ADRS]
    assert numbers == list(range(1, len(ADRS) + 1))


@by_name
def test_links_lead_somewhere(path: Path) -> None:
    for match in LINK.finditer(path.read_text()):
        target = match["target"]
        if "://" not in target:
            assert (path.parent / target).exists(), target


@by_name
def test_paths_in_text_exist(path: Path) -> None:
    for match in OUR_PATH.finditer(path.read_text()):
        assert (ROOT / match["path"]).exists(), match["path"]


@by_name
def test_options_of_the_installer_are_ones_that_it_knows(path: Path) -> None:
    known = subprocess.run(
        [ROOT / "install.sh", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for match in OPTION.finditer(path.read_text()):
        for option in match["words"].split():
            if option not in {"--keys", "--seed"}:  # of keyra demo
                assert option in known, option


COMMANDS = {"keyra": "gateway", "keyra-ledger": "ledger"}
VERB = re.compile(
    r"(?:`|^ {4}|\$ |; )(?P<command>keyra(?:-ledger)?) (?P<verb>[a-z][a-z-]+)",
    re.MULTILINE,
)


def test_verbs_in_documents_are_ones_that_the_commands_know() -> None:
    verbs = {
        (match["command"], match["verb"], path.name)
        for path in DOCUMENTS
        for match in VERB.finditer(path.read_text())
    }
    assert verbs
    for command, verb, document in sorted(verbs):
        done = subprocess.run(
            [sys.executable, "-m", COMMANDS[command], verb, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{document}: {command} {verb}: {done.stderr}"


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def test_tools_that_a_newcomer_calls_are_in_the_environment() -> None:
    tools = set(re.findall(r"\.venv-test/bin/([\w-]+)", CONTRIBUTING))
    assert tools
    for tool in tools:
        assert (Path(sys.executable).parent / tool).exists(), tool


@pytest.mark.parametrize(
    "words", re.findall(r"-m pytest ((?:-k )?[\w./]+)", CONTRIBUTING)
)
def test_tests_that_a_newcomer_runs_are_there(words: str) -> None:
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *words.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert collected.returncode == 0, collected.stdout
