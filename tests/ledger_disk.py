"""Disks that lose power: what a trace of writes and syncs may leave behind.

A recorder (strace) notes every write and sync of an unmodified writer. For each cut in
that trace a model says what could be on the disk:

    drop     nothing that was not synced survived
    keep     everything did
    prefix   the first few of the unsynced writes did
    random   each 512-byte sector of them did or did not
    rubbish  as random, and a 4 KiB block that was being written may hold anything
"""

import ast
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORDS = 99
"""Descriptor on which a writer says try and ack, each with a number."""

SECTOR = 512
BLOCK = 4096
MODELS = ("drop", "keep", "prefix", "random", "rubbish")
CALLS = "pwrite64,write,fdatasync,fsync,unlink,unlinkat,ftruncate"


@dataclass(frozen=True)
class Step:
    """One call: write, truncate, sync, delete, syncdir, or a word of the writer."""

    kind: str
    file: str = ""
    at: int = 0
    data: bytes = b""


def _unquote(text: str) -> bytes:
    data: bytes = ast.literal_eval(f'b"{text}"')
    return data


def record(script: str, directory: Path, *arguments: str) -> list[Step]:
    """Run a writer under the recorder; its words are lines on descriptor 99."""
    trace = directory.with_suffix(".trace")
    words = os.open(os.devnull, os.O_WRONLY)
    os.dup2(words, WORDS, inheritable=True)
    try:
        calls = ("-e", f"trace={CALLS}", "-o", trace)
        recorder = ("strace", "-f", "-qq", "-xx", "-s", "200000", "-y", *calls)
        program = (sys.executable, "-c", script, directory, *arguments)
        subprocess.run(
            [str(word) for word in (*recorder, *program)],
            check=True,
            cwd=ROOT,
            pass_fds=(WORDS,),
        )
    finally:
        os.close(words)
        os.close(WORDS)
    return [step for line in _lines(trace) if (step := _step(line, directory))]


def _lines(trace: Path) -> Iterator[str]:
    with trace.open(encoding="latin1") as file:
        for line in file:
            yield re.sub(r"^\d+ +", "", line)


def _step(line: str, directory: Path) -> Step | None:
    call = re.match(r"(\w+)\((.*)\) += (-?\d+)", line)
    if not call or int(call[3]) < 0:
        return None
    name, arguments = call[1], call[2]
    strings = re.findall(r'"([^"]*)"', arguments)
    if name in {"unlink", "unlinkat"}:
        path = Path(os.fsdecode(_unquote(strings[0])))
        return Step("delete", path.name) if path.parent == directory else None
    target = re.match(r"(\d+)<([^>]*)>", arguments)
    if target is None:
        return None
    if name == "write" and target[1] == str(WORDS):
        word, number = _unquote(strings[0]).decode().split()
        return Step(word, at=int(number))
    path = Path(os.fsdecode(_unquote(target[2])))
    if path == directory:
        return Step("syncdir")
    if path.parent != directory:
        return None
    return _file_step(name, path.name, arguments, strings)


def _file_step(name: str, file: str, arguments: str, strings: list[str]) -> Step | None:
    if name == "pwrite64":
        offset = int(arguments.rpartition(", ")[2])
        return Step("write", file, offset, _unquote(strings[0]))
    if name == "ftruncate":
        return Step("truncate", file, int(arguments.rpartition(", ")[2]))
    return Step("sync", file) if name in {"fdatasync", "fsync"} else None


def _apply(image: bytearray, step: Step) -> None:
    if step.kind == "truncate":
        del image[step.at :]
        image.extend(bytes(step.at - len(image)))
        return
    image.extend(bytes(max(0, step.at - len(image))))
    image[step.at : step.at + len(step.data)] = step.data


@dataclass
class Disk:
    """What is durable, what is not yet, and names whose removal is not."""

    durable: dict[str, bytearray] = field(default_factory=dict)
    pending: dict[str, list[Step]] = field(default_factory=dict)
    removed: dict[str, bytes] = field(default_factory=dict)

    def do(self, step: Step) -> None:
        if step.kind in {"write", "truncate"}:
            self.pending.setdefault(step.file, []).append(step)
        elif step.kind == "sync":
            image = self.durable.setdefault(step.file, bytearray())
            for waiting in self.pending.pop(step.file, []):
                _apply(image, waiting)
            self.removed.pop(step.file, None)
        elif step.kind == "delete":
            if step.file in self.durable:
                self.removed[step.file] = bytes(self.durable.pop(step.file))
            self.pending.pop(step.file, None)
        elif step.kind == "syncdir":
            self.removed.clear()

    def cut(self, model: str, rng: random.Random) -> dict[str, bytes]:
        """Return the files as they may be found after a power cut now."""
        files = {}
        for name in {*self.durable, *self.pending}:
            image = bytearray(self.durable.get(name, b""))
            waiting = self.pending.get(name, [])
            if name not in self.durable and model == "drop":
                continue
            for step in self._surviving(waiting, model, rng):
                _apply(image, step)
            if model == "rubbish":
                _spoil(image, waiting, rng)
            files[name] = bytes(image)
        for name, content in self.removed.items():
            if model == "drop" or (model != "keep" and rng.random() < 0.5):
                files.setdefault(name, content)
        return files

    def _surviving(
        self, waiting: list[Step], model: str, rng: random.Random
    ) -> Iterator[Step]:
        if model == "keep":
            yield from waiting
        elif model == "prefix":
            yield from waiting[: rng.randint(0, len(waiting))]
        elif model in {"random", "rubbish"}:
            keep = rng.choice((0.1, 0.5, 0.9))
            for step in waiting:
                for part in _sectors(step):
                    if rng.random() < keep:
                        yield part


def _sectors(step: Step) -> Iterator[Step]:
    if step.kind == "truncate":
        yield step
        return
    at, end = step.at, step.at + len(step.data)
    while at < end:
        stop = min((at // SECTOR + 1) * SECTOR, end)
        yield Step("write", step.file, at, step.data[at - step.at : stop - step.at])
        at = stop


def _spoil(image: bytearray, waiting: list[Step], rng: random.Random) -> None:
    for step in waiting:
        if step.kind == "write" and rng.random() < 0.3:
            end = step.at + len(step.data) - 1
            start = rng.choice((step.at, end)) // BLOCK * BLOCK
            stop = min(len(image), start + BLOCK)
            if stop > start:
                image[start:stop] = rng.randbytes(stop - start)


def lay_out(files: dict[str, bytes], directory: Path) -> None:
    """Put the files where a recovery can find them."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for name, content in files.items():
        if not name.endswith(("-shm", "-lock", ".reserve")):
            (directory / name).write_bytes(content)
