"""The console as a program on a terminal, opened as people open it."""

import os
import pty
import select
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


@pytest.mark.processes
def test_keyra_console_opens_shows_the_door_and_closes(gateway: Any) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gateway",
            "--socket",
            str(gateway.path),
            "console",
            "--read-only",
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"},
    )
    os.close(theirs)
    try:
        shown = read_until(ours, b"SECURED", b"hears keys", b"READ-ONLY")
        os.write(ours, b"q")
        rest = read_until(ours)
        code = process.wait(PATIENCE_S)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"Traceback" not in shown + rest
    assert code == 0


def read_until(terminal: int, *texts: bytes) -> bytes:
    """What the console draws, until all texts were drawn or, for none, its end."""
    shown = b""
    while not texts or not all(text in shown for text in texts):
        ready, _, _ = select.select([terminal], [], [], PATIENCE_S)
        assert ready, shown
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # EIO: nobody holds the other end any more
            assert not texts, shown
            break
    return shown
