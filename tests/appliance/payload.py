"""What is carried into the machine: the product and its wheels, as a disk."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = (ROOT / "locks" / "door.txt", ROOT / "locks" / "build.txt")
TREE: Final = (
    *("install.sh", "pyproject.toml", "README.md", "LICENSE"),
    *("gateway", "ledger", "tui", "locks", "systemd"),
)
GUEST_PYTHON: Final = "3.13"
GUEST_GLIBC: Final = "2014", "_2_5", "_2_17", "_2_28", "_2_34"
_SECTOR_BYTES: Final = 512


def make_payload(wheels: Path, payload: Path) -> None:
    """Pack what the machine is given: a disk that is one tar file.

    In it are `tree`, of which install.sh is a part, and `wheelhouse`.

    Args:
        wheels: a directory that keeps the wheels of the locks from run to run.
        payload: the file to make.
    """
    _fetch(wheels)
    with tarfile.open(payload, "w") as tar:
        tar.add(wheels, "wheelhouse")
        for name in TREE:
            tar.add(ROOT / name, f"tree/{name}", filter=_without_caches)
    with payload.open("ab") as file:
        file.write(bytes(-file.tell() % _SECTOR_BYTES))


def _without_caches(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name.endswith("__pycache__") else member


def _fetch(wheels: Path) -> None:
    """Build the wheelhouse of a door whose Python this machine may not have."""
    wanted = "".join(lock.read_text() for lock in LOCKS)
    done = wheels / "made-from"
    if done.exists() and done.read_text() == wanted:
        return
    shutil.rmtree(wheels, ignore_errors=True)
    wheels.mkdir(parents=True)
    for lock in LOCKS:
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "-qq", "--no-deps"),
                *("--disable-pip-version-check", "--only-binary", ":all:"),
                *("--implementation", "cp", "--python-version", GUEST_PYTHON),
                *(f"--platform=manylinux{glibc}_x86_64" for glibc in GUEST_GLIBC),
                *("--require-hashes", "--requirement", str(lock)),
                *("--dest", str(wheels)),
            ],
            check=True,
        )
    sums = [
        f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}\n"
        for wheel in sorted(wheels.glob("*.whl"))
    ]
    (wheels / "SHA256SUMS").write_text("".join(sums))
    done.write_text(wanted)
