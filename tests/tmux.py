"""A terminal that a test presses keys on, and whose screen it reads: tmux's."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

ROOT: Final = Path(__file__).parents[1]
PATIENCE_S: Final = 120
LOOK_AGAIN_S: Final = 0.1
# tmux 3.3a now and then never learns how its own child ended; a shell always does.
_UNTIL_ENDED: Final = """"$@"; echo "It ended with $?."; exec sleep 3600"""
_ENDED: Final = re.compile(r"^It ended with (\d+)\.", re.MULTILINE)


class Tmux:
    """One program on a terminal of its own; nothing is typed but keys."""

    def __init__(
        self, folder: Path, program: Sequence[str], columns: int, lines: int
    ) -> None:
        """Prepare.

        Args:
            folder: where its socket lies; a short name.
            program: the arguments after the Python interpreter.
            columns: of the terminal.
            lines: of the terminal.
        """
        self._folder: Final = folder
        self._command: Final = (sys.executable, *program)
        self._size: Final = ("-x", str(columns), "-y", str(lines))

    def __enter__(self) -> Self:
        """Start the program; what it leaves on the screen stays there."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
        }
        self._tmux(
            *("new-session", "-d", *self._size, "-c", str(self._folder)),
            *("--", "/bin/sh", "-c", _UNTIL_ENDED, "sh", *self._command),
            environment=environment,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up; whoever is still there is told so by the kernel."""
        self._tmux("kill-server")

    def press(self, *keys: str) -> None:
        """Press keys by their names in tmux."""
        self._tmux("send-keys", "--", *keys)

    def type(self, text: str) -> None:
        """Press the keys of a text, letter by letter."""
        self._tmux("send-keys", "-l", "--", text)

    def screen(self) -> str:
        """Return what stands on the screen."""
        return self._tmux("capture-pane", "-p")

    def sees(self, *texts: str) -> str:
        """Wait until all of these stand on the screen; return it."""
        return self.until(lambda shown: all(text in shown for text in texts), texts)

    def misses(self, *texts: str) -> str:
        """Wait until none of these stands on the screen any more; return it."""
        return self.until(lambda shown: not any(t in shown for t in texts), texts)

    def until(self, holds: Callable[[str], bool], what: object) -> str:
        """Wait until it holds of the screen; if it never does, show the screen."""
        ends_s = time.monotonic() + PATIENCE_S
        while not holds(shown := self.screen()):
            assert time.monotonic() < ends_s, f"It never came to {what}:\n{shown}"
            time.sleep(LOOK_AGAIN_S)
        return shown

    def ended(self) -> int:
        """Wait until the program has ended; return its exit code."""
        shown = self.until(lambda shown: _ENDED.search(shown) is not None, "its end")
        found = _ENDED.search(shown)
        assert found is not None
        return int(found[1])

    def _tmux(self, *words: str, environment: Mapping[str, str] | None = None) -> str:
        tmux = shutil.which("tmux")
        assert tmux is not None, "this needs tmux: apt-get install tmux"
        socket = self._folder / "tmux"
        done = subprocess.run(
            (tmux, "-u", "-S", socket, "-f", "/dev/null", *words),
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
        return done.stdout
