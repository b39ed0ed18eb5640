"""The power goes at every step of an erasure: the next start removes the name for good.

Every write and sync of the unmodified store is recorded, and cut after each under the
disk models of tests.ledger_disk.
"""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.adapters.people_store import SqlitePeopleStore
from gateway.sim.entropy import SeededEntropy
from tests.ledger_disk import MODELS, Disk, lay_out, record

NAME = "Ångström-Öhler, Zoë"
OTHER = "Somebody Else"
NAMES = 24
SAMPLES = 4
CUTS_MIN = 100

ERASES = """
import os, sys
from pathlib import Path
from gateway.adapters.people_store import SqlitePeopleStore
from gateway.sim.entropy import SeededEntropy
store = SqlitePeopleStore(Path(sys.argv[1]) / "people.db", SeededEntropy(2))
os.write(99, b"try 1\\n")
assert store.erase("h-1") == int(sys.argv[2])
os.write(99, b"ack 1\\n")
"""


def store_in(folder: Path) -> SqlitePeopleStore:
    return SqlitePeopleStore(folder / "people.db", SeededEntropy(3))


def holds(folder: Path, name: str) -> bool:
    return any(name.encode() in file.read_bytes() for file in folder.iterdir())


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory in memory: hundreds of recoveries wait for no real disk."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - tmpfs
    with tempfile.TemporaryDirectory(dir=base) as name:
        yield Path(name)


def commit(store: SqlitePeopleStore, subject: str, value: str) -> str:
    opening = store.seal(value)
    store.keep(subject, opening)
    return opening.commitment


@pytest.mark.processes
def test_a_cut_at_every_step_of_an_erasure_leaves_no_name_after_the_next_start(
    memory: Path,
) -> None:
    if shutil.which("strace") is None:
        pytest.skip("the recorder needs strace: apt-get install strace")
    folder = memory / "recorded"
    folder.mkdir()
    store = store_in(folder)
    kept = [commit(store, f"h-{n}", f"{OTHER} {n} "[:-1] * 10) for n in range(2, 8)]
    for n in range(NAMES):
        commit(store, "h-1", f"{NAME} {n} " * 10)
    disk = Disk({path.name: bytearray(path.read_bytes()) for path in folder.iterdir()})
    trace = record(ERASES, folder, str(NAMES))
    assert not holds(folder, NAME)

    rng = random.Random(1)  # noqa: S311 - repeatable
    place, cuts, named, told = memory / "cut", 0, 0, False
    for step in trace:
        told = told or step.kind == "ack"
        disk.do(step)
        for model in MODELS:
            for _ in range(1 if model in {"drop", "keep"} else SAMPLES):
                lay_out(disk.cut(model, rng), place)
                named += holds(place, NAME)
                assert not (told and holds(place, NAME)), "told, and still there"
                again = store_in(place)
                again.erase("h-1")  # as the next start does
                assert not holds(place, NAME), (step.kind, step.file, model)
                assert all(again.reveal(name) is not None for name in kept)
                cuts += 1
    assert told
    assert named > 0  # the cuts were in time to matter
    assert cuts >= CUTS_MIN
