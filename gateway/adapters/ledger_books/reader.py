"""The reader's process: questions on standard input, answers on standard output.

One JSON object on a line each: a question, then `{"answer":…}` or `{"error":…}`. While
nobody asks, the index catches up. It ends when its standard input does.
"""

import json
import select
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from gateway.adapters.ledger_books.humble import be_humble
from gateway.adapters.ledger_books.pages import Clock, Pages
from ledger.errors import LedgerError, NoSuchEntryError

NICENESS: Final = 5
UNKNOWN: Final = "unknown"
UNREADABLE: Final = "unreadable"

IsAsked = Callable[[bool], bool]
"""Tells whether a question is there; waits for one if told so."""


class Desk:
    """Answers lines; opens the ledger when first asked, and anew after a failure."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path: Final = path
        self._clock: Final = clock
        self._pages: Pages | None = None

    def close(self) -> None:
        """Let go of the files."""
        if self._pages is not None:
            self._pages.close()
            self._pages = None

    def reply(self, line: bytes) -> bytes:
        """Return the line that answers a line."""
        said: dict[str, object]
        try:
            if self._pages is None:
                self._pages = Pages.open(self._path, self._clock)
            said = {"answer": self._pages.answer(json.loads(line))}
        except NoSuchEntryError as error:
            said = {"error": UNKNOWN, "text": str(error)}
        except (LedgerError, sqlite3.Error, OSError) as error:
            self.close()
            said = {"error": UNREADABLE, "text": str(error)}
        return json.dumps(said, separators=(",", ":")).encode() + b"\n"

    def catch_up(self) -> bool:
        """Do some of what is left to do; tell whether there is more."""
        try:
            return self._pages is not None and self._pages.catch_up()
        except (LedgerError, sqlite3.Error, OSError):
            self.close()
            return False


def serve(desk: Desk, questions: BinaryIO, answers: BinaryIO, asked: IsAsked) -> None:
    """Answer until the questions end."""
    behind = False
    while True:
        if not asked(not behind):
            behind = desk.catch_up()
            continue
        line = questions.readline()
        if not line:
            return
        answers.write(desk.reply(line))
        answers.flush()
        behind = True


def _main(path: str) -> None:
    be_humble(NICENESS)
    desk = Desk(Path(path), time.monotonic)  # noqa: TID251 - a process with no other clock
    # Unbuffered, so that what select(2) says is true.
    with open(0, "rb", buffering=0) as questions:

        def asked(waits: bool) -> bool:  # noqa: FBT001 - IsAsked
            ready, _, _ = select.select([questions], [], [], None if waits else 0)
            return bool(ready)

        serve(desk, questions, sys.stdout.buffer, asked)
    desk.close()


if __name__ == "__main__":
    _main(sys.argv[1])
