"""The login shell that is the console and nothing else."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

SHELL = Path(__file__).parents[3] / "systemd" / "shell" / "keyra-console"
PROGRAM = "/opt/keyra/current/bin/keyra"
EX_USAGE = 64

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(tmp_path: Path) -> Run:
    """The script, before a program that says what it was given."""
    program = tmp_path / "keyra"
    program.write_text('#!/bin/sh\necho "args: $*"\nenv\n')
    program.chmod(0o755)
    script = tmp_path / "shell"
    text = SHELL.read_text()
    assert text.count(PROGRAM) == 1
    script.write_text(text.replace(PROGRAM, str(program)))
    script.chmod(0o755)

    def run(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        path = os.environ["PATH"]
        return subprocess.run(
            ["-shell", *words],  # noqa: S607 - what login(1) calls it
            executable=script,
            env={"PATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_login_opens_the_console(shell: Run) -> None:
    done = shell(HOME="/srv/guard", TERM="xterm-256color", LANG="de_DE.UTF-8")
    said = done.stdout.splitlines()
    assert (done.returncode, said[0]) == (0, "args: console")
    assert {"HOME=/srv/guard", "TERM=xterm-256color", "LANG=de_DE.UTF-8"} <= {*said}


def test_a_terminal_that_says_nothing_of_itself_is_the_kernel_s(shell: Run) -> None:
    assert "TERM=linux" in shell().stdout.splitlines()


def test_colours_are_the_account_s_to_choose(shell: Run) -> None:
    said = shell(NO_COLOR="1 2", COLORTERM="truecolor").stdout.splitlines()
    assert {"NO_COLOR=1 2", "COLORTERM=truecolor"} <= {*said}
    assert "NO_COLOR" not in shell().stdout


@pytest.mark.parametrize(
    "words", [("-c", "sh"), ("-c", "scp -t /"), ("-i",), ("--help",), ("",)]
)
def test_a_command_is_refused_with_one_sentence(
    shell: Run, words: tuple[str, ...]
) -> None:
    done = shell(*words)
    assert (done.returncode, done.stdout) == (EX_USAGE, "")
    assert done.stderr.startswith("keyra: This account opens the console")


@pytest.mark.parametrize(
    "name", ["PYTHONPATH", "PYTHONSTARTUP", "LD_PRELOAD_X", "KEYRA_SOCKET", "BASH_ENV"]
)
def test_nothing_else_of_the_account_reaches_the_console(shell: Run, name: str) -> None:
    done = shell(**{name: "of-mine"})
    assert done.returncode == 0
    assert "of-mine" not in done.stdout


def test_it_is_executable() -> None:
    assert os.access(SHELL, os.X_OK)
