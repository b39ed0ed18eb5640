"""Power cuts at every step of the real writer's trace, and kill -9.

Zero acknowledged entries may be lost with the writer's own settings; with settings that
are wrong on purpose, the same test must catch the loss.
"""

# ruff: noqa: S311 - cuts are chosen by a seed, so that they can be repeated

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.keys import SigningKey
from ledger.seal_file import read_seal
from ledger.tree import leaf_hash
from ledger.writer import Writer
from tests.ledger_disk import MODELS, ROOT, Disk, Step, lay_out, record
from tests.ledger_world import make, seeded

CUTS_MIN = 5000
APPENDS = 40

# The unmodified writer; only how often the log is folded into the database is changed,
# so that a short trace holds many folds, and, where asked, one setting is made wrong.
WRITER = """
import os, sqlite3, sys
from pathlib import Path
from ledger import store
from ledger.entry import Draft
from ledger.keys import SigningKey
from ledger.writer import Writer
from tests.ledger_world import Door, seeded
path, wrong = Path(sys.argv[1]) / "ledger.db", sys.argv[2]
def connect(path):
    connection = store.connect_writer(path)
    if wrong == "psow":
        connection.close()
        name = f"file:{path}?psow=1"
        connection = sqlite3.connect(name, uri=True, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
    if wrong == "normal":
        connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint=8")
    return connection
door, key = Door(), SigningKey.from_seed(seeded("ledger"))
os.write(99, b"try 1\\n")
writer = Writer.open(path, key, connect=connect)
os.write(99, b"ack 1\\n")
for n in range(int(sys.argv[3])):
    drafts = [Draft("door.exit", {"x": "y" * (n * 97 % 900)})] * (1 if n % 7 else 3)
    os.write(99, b"try %d\\n" % (writer.size + len(drafts)))
    writer.append(drafts, door.stamp())
    os.write(99, b"ack %d\\n" % writer.size)
writer.close()
"""


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory in memory: thousands of recoveries wait for no real disk."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - tmpfs
    with tempfile.TemporaryDirectory(dir=base) as name:
        yield Path(name)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A new ledger, for a writer under the recorder."""
    if shutil.which("strace") is None:
        pytest.skip("the recorder needs strace: apt-get install strace")
    directory = tmp_path / "recorded"
    directory.mkdir()
    make(directory)
    return directory


def recovered(directory: Path) -> int:
    """Let stock SQLite recover; returns how many entries stand in an intact chain."""
    connection = sqlite3.connect(directory / "ledger.db")
    try:
        (check,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert check == "ok", check
        rows = connection.execute("SELECT n, body FROM entry ORDER BY n").fetchall()
    finally:
        connection.close()
    prev = bytes(32)
    for at, (n, body) in enumerate(rows):
        assert n == at
        assert prev.hex().encode() in body
        prev = leaf_hash(body)
    return len(rows)


def judge(files: dict[str, bytes], acked: int, tried: int, place: Path) -> str:
    """Return what a recovery finds: ok, or what was lost."""
    lay_out(files, place)
    if "ledger.db" not in files:
        return "lost" if acked else "ok"
    try:
        count = recovered(place)
    except (sqlite3.DatabaseError, AssertionError):
        return "corrupt"
    if count < acked:
        return "lost"
    if count > tried:
        return "invented"
    return "ok" if not acked or read_seal(place / "ledger.seal").n <= count else "ahead"


def files_in(directory: Path) -> dict[str, bytearray]:
    """What a new ledger has made durable."""
    return {path.name: bytearray(path.read_bytes()) for path in directory.iterdir()}


def replay(
    disk: Disk, trace: list[Step], place: Path, samples: int, seed: int
) -> Counter[str]:
    """Cut the power after every step of the trace, under every model."""
    rng, results = random.Random(seed), Counter[str]()
    acked = tried = 0
    for step in trace:
        if step.kind == "ack":
            acked = step.at
        elif step.kind == "try":
            tried = step.at
        else:
            disk.do(step)
        if not tried:
            continue
        for model in MODELS:
            for _ in range(1 if model in {"drop", "keep"} else samples):
                verdict = judge(disk.cut(model, rng), acked, tried, place)
                results[verdict] += 1
                if verdict == "ok" and results["ok"] % 40 == 0 and acked:
                    reopen(place, acked)
    return results


def reopen(place: Path, acked: int) -> None:
    """The writer's own open must agree, and the seal catch up."""
    (place / "ledger.reserve").mkdir()
    writer = Writer.open(place / "ledger.db", SigningKey.from_seed(seeded("ledger")))
    assert writer.size >= acked
    assert read_seal(place / "ledger.seal").n == writer.size
    writer.close()


def test_no_acknowledged_entry_is_lost(recorded: Path, memory: Path) -> None:
    disk = Disk(files_in(recorded))
    trace = record(WRITER, recorded, "right", str(APPENDS))
    results = replay(disk, trace, memory / "cut", samples=3, seed=1)
    assert set(results) == {"ok"}, results
    assert results["ok"] >= CUTS_MIN


@pytest.mark.parametrize("wrong", ["normal", "psow"])
def test_wrong_settings_are_caught(recorded: Path, memory: Path, wrong: str) -> None:
    disk = Disk(files_in(recorded))
    trace = record(WRITER, recorded, wrong, "25")
    results = replay(disk, trace, memory / "cut", samples=2, seed=2)
    assert results["lost"] > 0, results


KILLED = """
import os, sys
from pathlib import Path
from ledger.entry import Draft
from ledger.keys import SigningKey
from ledger.writer import Writer
from tests.ledger_world import Door, seeded
path, door = Path(sys.argv[1]), Door()
writer = Writer.open(path, SigningKey.from_seed(seeded("ledger")))
while True:
    writer.append([Draft("door.exit", {"door": "front"})], door.stamp())
    os.write(1, b"%d\\n" % writer.size)
"""


@pytest.mark.processes
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    made, rng, acked = make(tmp_path), random.Random(7), 1
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, made.path], cwd=ROOT, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            for _ in range(rng.randrange(1, 60)):
                acked = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            for line in child.stdout.read().splitlines():
                acked = int(line)
        writer = made.open()
        assert acked <= writer.size <= acked + 1
        writer.close()
        assert recovered(tmp_path) == writer.size


FAILING = """
import sys
from pathlib import Path
from ledger.entry import Draft
from ledger.errors import AppendFailed, LedgerError, StateUnknown
from ledger.keys import SigningKey
from ledger.writer import Writer
from tests.ledger_world import Door, seeded
door, acked = Door(), 1
writer = Writer.open(Path(sys.argv[1]), SigningKey.from_seed(seeded("ledger")))
for _ in range(12):
    try:
        writer.append([Draft("door.exit", {"door": "front"})], door.stamp())
        acked = writer.size
    except StateUnknown:
        print("unknown", acked)
        break
    except AppendFailed:
        print("failed", acked)
        break
else:
    print("none", acked)
"""


@pytest.mark.processes
@pytest.mark.parametrize(
    ("inject", "answers"),
    [
        ("fdatasync:error=EIO:when=4+", {"unknown"}),
        ("fdatasync:error=EIO:when=5+", {"unknown"}),
        ("pwrite64:error=ENOSPC:when=20+", {"failed", "unknown"}),
        ("pwrite64:error=EIO:when=20+", {"failed", "unknown"}),
        ("pwrite64:error=EROFS:when=20+", {"failed", "unknown"}),
    ],
)
def test_disks_that_answer_with_errors(
    recorded: Path, inject: str, answers: set[str]
) -> None:
    """Failed and lost, or failed but persisted: what was acknowledged is there."""
    path = recorded / "ledger.db"
    recorder = ("strace", "-f", "-qq", "-o", recorded.with_suffix(".out"))
    program = (sys.executable, "-c", FAILING, path)
    done = subprocess.run(
        [*recorder, "-e", f"inject={inject}", *program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    answer, acked = done.stdout.split()
    assert answer in answers, (done.stdout, done.stderr)
    writer = Writer.open(path, SigningKey.from_seed(seeded("ledger")))
    assert int(acked) <= writer.size <= int(acked) + 1
    if answer == "failed":
        assert writer.size == int(acked)
    writer.close()
