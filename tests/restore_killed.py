"""Restores backups in processes of their own, and kills each one at a moment told.

Run as a module; a line of JSON says which, and a line says how it ended. Forking keeps
each one cheap: the program is loaded once.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any

from gateway.cli import main

ROOT = Path(__file__).parents[1]
WRITES = frozenset(
    {
        *("write", "writelines", "truncate", "open", "close", "fsync"),
        *("execute", "executemany", "executescript", "commit"),
        *("rename", "replace", "unlink", "remove", "mkdir", "rmdir"),
        *("chmod", "chown", "link", "touch"),
    }
)
"""What changes a file system or a database, or comes between two that do."""

IN_PYTHON = frozenset({"_rename", "rename_new", "swap", "sync_directory"})


class Killer:
    """Counts writes, before and after each; at one of them the process is killed."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.seen = 0

    def __call__(self, frame: FrameType, event: str, function: Any) -> None:
        if event.startswith("c_"):
            is_write = getattr(function, "__name__", "") in WRITES
        else:
            is_write = frame.f_code.co_name in IN_PYTHON
        self.seen += is_write
        if is_write and self.seen == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class Restorer:
    """The process that forks; asked by a test."""

    def __init__(self, to: IO[str], back: IO[str]) -> None:
        self._to, self._back = to, back

    def run(self, words: list[str], at: int = 0, after_us: int = 0) -> tuple[int, int]:
        """Restore; return the exit code, -9 if killed, and how many writes there were.

        With `at`, kill at that write; with `after_us`, so many microseconds later.
        """
        asked = {"words": words, "at": at, "after_us": after_us}
        self._to.write(json.dumps(asked) + "\n")
        self._to.flush()
        code, seen = json.loads(self._back.readline())
        return code, seen


@contextmanager
def restorer() -> Iterator[Restorer]:
    """Start it."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.restore_killed"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Restorer(process.stdin, process.stdout)
        process.stdin.close()


def _child(asked: dict[str, Any], told: int) -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    if asked["after_us"]:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, asked["after_us"] / 1e6)
    killer = Killer(asked["at"])
    sys.setprofile(killer)
    code = main(asked["words"])
    sys.setprofile(None)
    os.write(told, str(killer.seen).encode())
    return code


def _serve() -> None:
    for line in sys.stdin:
        reader, writer = os.pipe()
        if (child := os.fork()) == 0:
            os._exit(_child(json.loads(line), writer))
        os.close(writer)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        with os.fdopen(reader) as told:
            seen = told.read()
        ended = -signal.SIGKILL if code == -signal.SIGALRM else code
        sys.stdout.write(json.dumps([ended, int(seen or 0)]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
