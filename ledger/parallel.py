"""Verification of a large export by two processes, with the same answer as by one.

The file is cut before an entry whose number is a multiple of 2^12, where no subtree
crosses; the second half is scanned elsewhere, and one judge hears both in their order.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, BinaryIO, Final

from ledger.scan import BLOCK_BITS, LINE_BYTES_MAX, Event, Fault, Scanner, peek_number
from ledger.verdict import Auditor, Exit, Verdict
from ledger.verify import Judge, auditor_of, judge_stretch, verify_lines

SPLIT_BYTES_MIN: Final = 8 * 1024 * 1024


def read_lines(file: BinaryIO, stop: int | None = None) -> Iterator[bytes]:
    """Yield lines up to an offset, none longer than shows that it is too long."""
    at = file.tell()
    while stop is None or at < stop:
        line = file.readline(LINE_BYTES_MAX + 1)
        if not line:
            return
        at += len(line)
        yield line


def verify_file(
    path: Path, *, split_bytes_min: int = SPLIT_BYTES_MIN, **options: Any
) -> Verdict:
    """Verify an export; `options` are those of `verify_lines`.

    The seal and deep verification need every entry in order, so they use one process.

    Raises:
        OSError: the file cannot be read.
        NoteError: a key among the options is none.
    """
    size = path.stat().st_size
    ordered = options.get("seal_key") or options.get("on_entry")
    with path.open("rb") as file:
        split = 0 if ordered or size < split_bytes_min else find_split(file, size // 2)
        file.seek(0)
        if not split:
            return verify_lines(read_lines(file), **options)
        options.pop("on_entry", None)
        return _verify_both(file, path, split, auditor_of(**options))


def _verify_both(file: BinaryIO, path: Path, split: int, auditor: Auditor) -> Verdict:
    judge = Judge(auditor)
    # Spawned, not forked: the caller may have threads.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        second = pool.submit(scan_from, str(path), split, judge.marks)
        judge_stretch(judge, Scanner(marks=judge.marks), read_lines(file, split))
        for event in second.result():
            if judge.verdict.exit is Exit.TAMPERED:
                break
            judge.hear(event)
    return judge.conclude(None)


def scan_from(path: str, start: int, marks: frozenset[int]) -> list[Event]:
    """Scan an export from an offset to its end, or to the first fault."""
    scanner = Scanner(marks=marks, starts_anywhere=True)
    with Path(path).open("rb") as file:
        file.seek(start)
        events = list(scanner.scan(read_lines(file)))
    if events and isinstance(events[-1], Fault):
        return events
    return [*events, scanner.end()]


def find_split(file: BinaryIO, middle: int) -> int:
    """Return the offset of a line to cut before, 0 if there is none soon enough."""
    file.seek(middle)
    at = middle + len(file.readline(LINE_BYTES_MAX))
    for _ in range(2 << BLOCK_BITS):
        line = file.readline(LINE_BYTES_MAX)
        number = peek_number(line)
        if number and number % (1 << BLOCK_BITS) == 0:
            return at
        at += len(line)
    return 0
