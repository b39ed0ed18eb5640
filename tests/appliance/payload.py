"""What is carried into the machine: the product and its wheels, as a disk."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

from tests.appliance.kind import Kind

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = tuple(
    ROOT / "locks" / f"{name}.txt" for name in ("door", "build", "lgpio")
)
TREE: Final = (
    *("install.sh", "pyproject.toml", "README.md", "LICENSE"),
    *("gateway", "ledger", "tui", "locks", "systemd"),
)
FETCH_S_MAX: Final = 600
_SECTOR_BYTES: Final = 512


def make_payload(kind: Kind, cache: Path, payload: Path) -> None:
    """Pack what the machine is given: a disk that is one tar file.

    In it are `tree`, of which install.sh is a part, and `wheelhouse`.

    Args:
        kind: of machine.
        cache: a directory that keeps the wheels of the locks from run to run.
        payload: the file to make.
    """
    wheels = cache / f"wheels-{kind.python}"
    _fetch(kind, wheels)
    with tarfile.open(payload, "w") as tar:
        tar.add(wheels, "wheelhouse")
        for name in TREE:
            tar.add(ROOT / name, f"tree/{name}", filter=_without_caches)
    with payload.open("ab") as file:
        file.write(bytes(-file.tell() % _SECTOR_BYTES))


def _without_caches(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name.endswith("__pycache__") else member


def _fetch(kind: Kind, wheels: Path) -> None:
    """Have the wheelhouse built, unless it is there for these very locks."""
    wanted = "".join(lock.read_text() for lock in LOCKS)
    done = wheels / "made-from"
    if done.exists() and done.read_text() == wanted:
        return
    shutil.rmtree(wheels, ignore_errors=True)
    os.environ["KEYRA_PYTHON"] = sys.executable
    arguments = ("--build-wheelhouse", wheels, "--for", kind.python)
    run_bounded(FETCH_S_MAX, ROOT / "install.sh", *arguments)
    done.write_text(wanted)


def run_bounded(within_s: float, *command: str | Path) -> None:
    """Run a program; its whole group ends with its time, or with this process.

    Raises:
        subprocess.CalledProcessError: it failed, or took longer.
    """
    ending = ("setpriv", "--pdeathsig", "TERM", "timeout", "--kill-after=10")
    subprocess.run([*ending, str(within_s), *command], check=True)
