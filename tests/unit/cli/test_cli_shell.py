"""What a shell knows of `keyra`: it is what the parser says, and shells take it."""

import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from gateway import errors
from gateway.cli import EXIT_CODES

ROOT: Final = Path(__file__).parents[3]
PLACE: Final = ROOT / "systemd" / "shell"
SHELL: Final[dict[str, Any]] = runpy.run_path(str(ROOT / ".ci" / "shell.py"))
BY_HAND: Final = {"keyra-console"}
"""A login shell, which no parser writes."""
SYNTAX: Final = {
    "bash": ("bash", "-n", "keyra.bash"),
    "zsh": ("zsh", "-n", "_keyra"),
    "fish": ("fish", "-n", "keyra.fish"),
    "man": ("man", "--warnings=w", "-E", "UTF-8", "-l", "keyra.1"),
}
COMPLETE: Final = """
source keyra.bash
COMP_WORDS=(keyra mode LockedD) COMP_CWORD=2
_shtab_keyra
echo "${COMPREPLY[@]}"
COMP_WORDS=(keyra lockd) COMP_CWORD=1
_shtab_keyra
echo "${COMPREPLY[@]}"
"""


def test_the_files_are_what_the_parser_says() -> None:
    stale = [
        name
        for name, text in SHELL["files"]().items()
        if (PLACE / name).read_text() != text
    ]
    assert not stale, f"{stale} are of another parser: run `python .ci/shell.py`"
    there = {path.name for path in PLACE.iterdir()}
    assert there == set(SHELL["files"]()) | BY_HAND


@pytest.mark.parametrize("shell", SYNTAX)
def test_the_shell_takes_its_file(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on this machine")
    done = subprocess.run(
        SYNTAX[shell],
        cwd=PLACE,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_bash_completes_verbs_and_words() -> None:
    bash = shutil.which("bash") or "/bin/bash"
    done = subprocess.run(
        [bash, "-c", COMPLETE],
        cwd=PLACE,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "LockedDown\nlockdown\n"


def test_the_manual_has_every_verb_and_every_exit_code() -> None:
    page = (PLACE / "keyra.1").read_text().replace("\\-", "-")
    verbs = [" ".join(name) for name, _ in SHELL["parts"](SHELL["make_parser"]())]
    assert set(re.findall(r"^\.SS (.+)$", page, re.MULTILINE)) == set(verbs) - {""}
    _, _, section = page.partition(".SH EXIT STATUS")
    section, _, _ = section.partition(".SH ")
    assert re.findall(r"^\\fB(\d+)\\fR$", section, re.MULTILINE) == [
        str(code) for code in EXIT_CODES
    ]


def test_every_error_ends_with_a_code_that_is_explained() -> None:
    codes = {
        thing.exit_code
        for thing in vars(errors).values()
        if isinstance(thing, type) and issubclass(thing, errors.KeyraError)
    }
    assert codes <= EXIT_CODES.keys()
