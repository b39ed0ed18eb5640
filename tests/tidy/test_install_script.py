"""install.sh on machines that lack something; their tools are small scripts here."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What every Debian has; the rest is the machine's own or missing.
ESSENTIAL = ("cat", "dirname", "flock", "id", "rm", "sh", "sha256sum", "tail", "uname")
EX_USAGE, EX_UNAVAILABLE, EX_SOFTWARE, EX_NOPERM = 64, 69, 70, 77

# A Python that fits: answers questions with yes, makes environments that record calls.
PYTHON = r"""#!/bin/sh
echo "python3 $*" >>"$CALLS"
case "$*" in
*'import sys; print'*) echo "a Python" ;;
'-m venv'*)
    for place; do :; done
    mkdir -p "$place/bin"
    cp "$0" "$place/bin/python"
    printf '#!/bin/sh\necho "keyra $*"\n' >"$place/bin/keyra"
    chmod +x "$place/bin/keyra"
    ;;
'-m pip'*) [ ! -e "$BROKEN" ] || { echo "a hash differs"; exit 1; } ;;
esac
"""
TOO_NEW = "#!/bin/sh\nexit 1\n"


class Machine:
    """A copy of what install.sh reads, and a PATH with nothing but what it is given."""

    def __init__(self, top: Path) -> None:
        self.tree = top / "a clone with spaces"
        self.bin = top / "bin"
        self.calls = top / "calls"
        self.broken = top / "broken"
        self.tree.mkdir()
        self.bin.mkdir()
        self.calls.touch()
        shutil.copy(ROOT / "install.sh", self.tree)
        shutil.copy(ROOT / "pyproject.toml", self.tree)
        for folder in ("locks", "systemd"):
            shutil.copytree(ROOT / folder, self.tree / folder)
        for name in (*ESSENTIAL, "cp", "chmod", "mkdir"):
            (self.bin / name).symlink_to(shutil.which(name) or f"/bin/{name}")
        self.has("id", "#!/bin/sh\necho 1000\n")

    def has(self, name: str, script: str) -> None:
        """Put a command on the machine."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(script)
        path.chmod(0o755)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run install.sh from another directory, in an almost empty environment."""
        return subprocess.run(
            [str(self.tree / "install.sh"), *words],
            cwd="/",
            env={
                "PATH": str(self.bin),
                "CALLS": str(self.calls),
                "BROKEN": str(self.broken),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self, words: str) -> int:
        """How often a command line with these words was run."""
        return sum(words in line for line in self.calls.read_text().splitlines())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), EX_NOPERM),
        (("--frobnicate",), EX_USAGE),
        (("--test", "--slow"), EX_USAGE),
        (("--test", "--all", "--quick"), EX_USAGE),
    ],
)
def test_what_it_cannot_do_it_says_in_one_line(
    machine: Machine, words: tuple[str, ...], code: int
) -> None:
    result = machine.run(*words)
    assert result.returncode == code
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("install.sh: ")


def test_help_needs_nothing(machine: Machine) -> None:
    result = machine.run("--help")
    assert result.returncode == 0
    assert "--demo" in result.stdout
    assert "--test" in result.stdout


def test_without_python_it_names_the_apt_line(machine: Machine) -> None:
    result = machine.run("--demo")
    assert result.returncode == EX_UNAVAILABLE
    assert result.stderr == (
        "install.sh: this machine lacks python3 python3-venv; run as root: "
        "apt-get install --yes --no-install-recommends python3 python3-venv\n"
    )


def test_a_python_that_is_too_new_is_no_python(machine: Machine) -> None:
    machine.has("python3", TOO_NEW)
    assert machine.run("--demo").returncode == EX_UNAVAILABLE


def test_the_first_python_that_fits_is_taken(machine: Machine) -> None:
    machine.has("python3", TOO_NEW)
    machine.has("python3.12", PYTHON)
    assert machine.run("--demo").returncode == 0


def test_the_gate_wants_git_too(machine: Machine) -> None:
    machine.has("python3", PYTHON)
    result = machine.run("--test")
    assert result.returncode == EX_UNAVAILABLE
    assert "apt-get install --yes --no-install-recommends git" in result.stderr


def test_root_gets_what_is_missing_from_apt(machine: Machine, tmp_path: Path) -> None:
    machine.has("id", "#!/bin/sh\necho 0\n")
    (tmp_path / "packaged").write_text(PYTHON)
    machine.has(
        "apt-get",
        '#!/bin/sh\necho "apt-get $*" >>"$CALLS"\n'
        f'[ "$1" = update ] || cp "{tmp_path}/packaged" "{machine.bin}/python3"\n'
        f'[ "$1" = update ] || chmod +x "{machine.bin}/python3"\n',
    )
    result = machine.run("--demo")
    assert result.returncode == 0, result.stderr
    assert machine.called("apt-get update") == 1
    assert machine.called("apt-get install") == 1


def test_apt_that_fails_is_said(machine: Machine) -> None:
    machine.has("id", "#!/bin/sh\necho 0\n")
    machine.has("apt-get", "#!/bin/sh\nexit 100\n")
    result = machine.run("--demo")
    assert result.returncode == EX_UNAVAILABLE
    assert "apt failed" in result.stderr


def test_another_system_is_refused(machine: Machine) -> None:
    machine.has("uname", "#!/bin/sh\necho Darwin\n")
    result = machine.run("--demo")
    assert result.returncode == EX_UNAVAILABLE
    assert "Darwin" in result.stderr


def test_the_demo_runs_from_locks_with_hashes_and_gets_its_words(
    machine: Machine,
) -> None:
    machine.has("python3", PYTHON)
    result = machine.run("--demo", "--keys", "3")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "keyra demo --keys 3\n"
    assert machine.called("--require-hashes --only-binary :all:") == 1
    assert machine.called("--no-deps --no-build-isolation --no-index") == 1


def test_a_second_run_makes_nothing_and_a_new_lock_makes_all_anew(
    machine: Machine,
) -> None:
    machine.has("python3", PYTHON)
    machine.run("--demo")
    machine.run("--demo")
    assert machine.called("-m venv") == 1
    with (machine.tree / "locks" / "sim.txt").open("a") as lock:
        lock.write("# another\n")
    machine.run("--demo")
    assert machine.called("-m venv") == 2


def test_a_failed_installation_says_why_and_is_tried_again(machine: Machine) -> None:
    machine.has("python3", PYTHON)
    machine.broken.touch()
    result = machine.run("--demo")
    assert result.returncode == EX_SOFTWARE
    assert "a hash differs" in result.stderr
    machine.broken.unlink()
    assert machine.run("--demo").returncode == 0
