"""service.ledger_facade.LedgerFacade, by processes beside the gateway's.

The gateway's own process never opens the ledger for this: its event loop and its
interpreter stay the door's, and SQLite's locks stay the writer's (ledger.store). One
reader lives from the first question on, each export and the one verification have a
process of their own, and all of them are niced.
"""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from gateway.errors import (
    EntryUnknownError,
    LedgerBusyError,
    LedgerReadError,
    VerificationRunningError,
)
from gateway.service.ledger_facade import (
    Question,
    VerificationView,
    VerificationWish,
)

ANSWER_S_MAX: Final = 10
ANSWER_BYTES_MAX: Final = 2 * 1024 * 1024
WAITING_MAX: Final = 16
EXPORTS_MAX: Final = 2
EXPORTS_PER_UID_MAX: Final = 1
EXPORT_S_MAX: Final = 2 * 3600
PIECE_BYTES: Final = 64 * 1024
COMPLAINT_BYTES_MAX: Final = 4096

_READER: Final = "gateway.adapters.ledger_books.reader"
_ERRAND: Final = "gateway.adapters.ledger_books.errand"
_KEPT: Final = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LANG", "TZ")
_STATES: Final = {0: "verified", 1: "tampered", 4: "incomplete"}
_LOG: Final = logging.getLogger(__name__)


class LedgerBooks:
    """Reads one ledger for everybody who may; `run` must be running.

    Args:
        ledger: its database; the signing key lies beside it.
    """

    def __init__(self, ledger: Path) -> None:
        self._ledger: Final = ledger
        self._turn: Final = asyncio.Lock()
        self._waiting = 0
        self._reader: Process | None = None
        self._exports: Final[Counter[int]] = Counter()
        self._view = VerificationView()
        self._wanted: Final = asyncio.Event()
        self._wish = VerificationWish()
        self._turns = 0
        self._verifier: Process | None = None

    async def run(self) -> None:
        """Carry out verifications until cancelled, then end every process."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                await self._verify(self._wish, self._turns)
        finally:
            await _end(self._verifier)
            await _end(self._reader)

    # Questions.

    async def ask(self, question: Question) -> bytes:
        """Return the answer to a question, as JSON; see LedgerFacade."""
        if self._waiting >= WAITING_MAX:
            raise LedgerBusyError(
                f"{WAITING_MAX} questions about the ledger wait already; ask again in "
                "a moment."
            )
        self._waiting += 1
        try:
            async with self._turn:
                line = await self._asked(json.dumps(question).encode() + b"\n")
        finally:
            self._waiting -= 1
        return _answer_in(line)

    async def _asked(self, line: bytes) -> bytes:
        reader = self._reader
        try:
            if reader is None or reader.returncode is not None:
                reader = self._reader = await _start(_READER, str(self._ledger))
            assert reader.stdin is not None  # noqa: S101 - started with both
            assert reader.stdout is not None  # noqa: S101
            async with asyncio.timeout(ANSWER_S_MAX):
                reader.stdin.write(line)
                await reader.stdin.drain()
                answer = await reader.stdout.readuntil()
        except (TimeoutError, OSError, ValueError, EOFError) as error:
            _LOG.warning("The ledger's reader failed: %r", error)
            await self._end_reader()
            raise LedgerReadError(
                "The ledger's reader gave no answer; ask again, and see `keyra doctor` "
                "if that does not help. The door is not affected."
            ) from error
        except BaseException:
            # A half-asked question must not be the next one's answer.
            await self._end_reader()
            raise
        return answer

    async def _end_reader(self) -> None:
        reader, self._reader = self._reader, None
        await _end(reader)

    # Exports.

    @asynccontextmanager
    async def export(
        self, first: int | None, last: int | None, uid: int
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield a sealed export in pieces; see LedgerFacade."""
        mine, all_ = self._exports[uid], self._exports.total()
        if mine >= EXPORTS_PER_UID_MAX or all_ >= EXPORTS_MAX:
            raise LedgerBusyError(
                f"{EXPORTS_PER_UID_MAX} export for one user, {EXPORTS_MAX} for all are "
                "the most; wait for it, or end it."
            )
        self._exports[uid] += 1
        process = None
        try:
            stretch = [
                f"--{name}={n}"
                for name, n in (("first", first), ("last", last))
                if n is not None
            ]
            process = await _start(_ERRAND, "export", str(self._ledger), *stretch)
            yield _pieces(process)
        finally:
            await _end(process)
            self._exports[uid] -= 1
            if not self._exports[uid]:
                del self._exports[uid]

    # Verification.

    def verification(self) -> VerificationView:
        """Return the verification under way, or the last one."""
        return self._view

    def verify(self, wish: VerificationWish) -> VerificationView:
        """Begin to verify; see LedgerFacade."""
        if self._view.state == "running":
            raise VerificationRunningError(
                "The ledger is being verified; wait for the verdict, or cancel it."
            )
        self._view = VerificationView(state="running", deep=wish.deep)
        self._wish = wish
        self._turns += 1
        self._wanted.set()
        return self._view

    def cancel_verification(self) -> VerificationView:
        """End the verification under way without a verdict."""
        if self._view.state == "running":
            self._view = replace(self._view, state="cancelled")
            if self._verifier is not None and self._verifier.returncode is None:
                with suppress(ProcessLookupError):
                    self._verifier.kill()
        return self._view

    def _is_wanted(self, turn: int) -> bool:
        return self._view.state == "running" and turn == self._turns

    async def _verify(self, wish: VerificationWish, turn: int) -> None:
        arguments = ["verify", str(self._ledger), "--json", "--progress"]
        arguments += [f"--vkey={wish.vkey}"] if wish.vkey else []
        arguments += [f"--expect={wish.expect}"] if wish.expect else []
        arguments += ["--deep"] if wish.deep else []
        if not self._is_wanted(turn):  # cancelled before it began
            return
        try:
            process = self._verifier = await _start(_ERRAND, *arguments)
            if not self._is_wanted(turn):
                process.kill()
            async with asyncio.TaskGroup() as group:
                told = group.create_task(self._listen(process, turn))
                said = group.create_task(_all_of(process))
            code = await process.wait()
            if self._is_wanted(turn):
                self._view = _judged(self._view, code, said.result(), told.result())
        except* (OSError, ValueError) as group_error:
            _LOG.warning("A verification failed: %r", group_error.exceptions)
            if self._is_wanted(turn):
                self._view = replace(
                    self._view,
                    state="unreadable",
                    detail="The verification could not be carried out; see the log.",
                )
        finally:
            await _end(self._verifier)
            self._verifier = None

    async def _listen(self, process: Process, turn: int) -> str:
        """Follow the progress; return what else was said last."""
        assert process.stderr is not None  # noqa: S101 - started with it
        complaint = ""
        async for line in process.stderr:
            done, _, whole = line.decode(errors="replace").strip().partition(" ")
            if done.isdigit() and whole.isdigit():
                if not self._is_wanted(turn):
                    continue
                self._view = replace(self._view, done=int(done), whole=int(whole))
            else:
                complaint = line.decode(errors="replace").strip()
        return complaint[:COMPLAINT_BYTES_MAX]


async def _start(module: str, *arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # what lies where the gateway was started is not imported
        "-m",
        module,
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        # The reader's complaints belong in the journal, like the gateway's own.
        stderr=None if module == _READER else PIPE,
        limit=ANSWER_BYTES_MAX,
        # Without what the service manager told the gateway alone.
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
    )


async def _end(process: Process | None) -> None:
    """Kill a process that is still there, and wait until nothing of it is left."""
    if process is None:
        return
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    for stream in (process.stdout, process.stderr):
        while stream is not None and await stream.read(PIECE_BYTES):
            pass
    await process.wait()


async def _pieces(process: Process) -> AsyncIterator[bytes]:
    """Yield what a process writes.

    Raises:
        LedgerReadError: it ended with a complaint.
    """
    assert process.stdout is not None  # noqa: S101 - started with both
    assert process.stderr is not None  # noqa: S101
    while piece := await process.stdout.read(PIECE_BYTES):
        yield piece
    complaint = (await process.stderr.read(COMPLAINT_BYTES_MAX)).decode(
        errors="replace"
    )
    if await process.wait():
        raise LedgerReadError(
            "The export was not made: "
            + (complaint.strip().removeprefix("keyra-ledger: ") or "its process ended.")
        )


async def _all_of(process: Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - started with it
    said = bytearray()
    while piece := await process.stdout.read(PIECE_BYTES):
        said += piece[: max(0, ANSWER_BYTES_MAX - len(said))]
    return bytes(said)


def _answer_in(line: bytes) -> bytes:
    """Return the answer's own JSON, unparsed: parsing it is its reader's work.

    Raises:
        EntryUnknownError, LedgerReadError: the reader said so.
    """
    begin, end = b'{"answer":', b"}\n"
    if line.startswith(begin):
        return line[len(begin) : -len(end)]
    said = json.loads(line)
    if said["error"] == "unknown":
        raise EntryUnknownError(said["text"])
    raise LedgerReadError(said["text"])


def _judged(
    view: VerificationView, code: int, said: bytes, complaint: str
) -> VerificationView:
    """Return how a verification ended."""
    state = _STATES.get(code, "unreadable")
    if state == "unreadable":
        detail = complaint or "The verification's process ended without a word."
        return replace(view, state=state, detail=detail)
    verdict: dict[str, Any] = json.loads(said)
    return replace(view, state=state, done=view.whole, verdict=verdict)
