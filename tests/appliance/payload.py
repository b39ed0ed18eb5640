"""What is carried into the machine: the product and its wheels, as a disk."""

import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "locks" / "door.txt"
GUEST_PYTHON: Final = "3.13"
GUEST_GLIBC: Final = "2014", "_2_5", "_2_17", "_2_28", "_2_34"
_SECTOR_BYTES: Final = 512


def make_payload(wheels: Path, payload: Path) -> None:
    """Pack what the machine is given: a disk that is one tar file.

    Args:
        wheels: a directory that keeps the wheels of the lock from run to run.
        payload: the file to make.
    """
    _fetch(wheels)
    own = payload.with_name("own")
    _call("-m", "hatchling", "-q", "build", "-t", "wheel", "-d", str(own))
    with tarfile.open(payload, "w") as tar:
        for directory in (wheels, own):
            for wheel in sorted(directory.glob("*.whl")):
                tar.add(wheel, f"wheels/{wheel.name}")
        tar.add(ROOT / "systemd", "systemd")
    with payload.open("ab") as file:
        file.write(bytes(-file.tell() % _SECTOR_BYTES))


def _fetch(wheels: Path) -> None:
    done = wheels / "done"
    if done.exists() and done.read_text() == LOCK.read_text():
        return
    wheels.mkdir(parents=True, exist_ok=True)
    for wheel in wheels.glob("*.whl"):
        wheel.unlink()
    _call(
        *("-m", "pip", "download", "-qq", "--no-deps", "--disable-pip-version-check"),
        *("--only-binary", ":all:", "--implementation", "cp"),
        *("--python-version", GUEST_PYTHON),
        *(f"--platform=manylinux{glibc}_x86_64" for glibc in GUEST_GLIBC),
        *("--require-hashes", "--requirement", str(LOCK), "--dest", str(wheels)),
    )
    done.write_text(LOCK.read_text())


def _call(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True)
