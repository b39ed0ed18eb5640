"""The ledger's readers as real processes: they answer, are bounded, and end."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.ledger_books import processes
from gateway.adapters.ledger_books.processes import LedgerBooks
from gateway.errors import (
    EntryUnknownError,
    LedgerBusyError,
    LedgerReadError,
    VerificationRunningError,
)
from gateway.service.ledger_facade import Question, VerificationView, VerificationWish
from ledger.entry import Draft
from tests.ledger_world import Made, history, make

pytestmark = pytest.mark.processes

QUESTION: Question = {
    "ask": "page",
    "newest": True,
    "cursor": None,
    "limit": 5,
    "door": "",
    "holder": "",
    "kind": "",
    "result": "",
    "from_ms": 0,
    "until_ms": 0,
}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    made = make(tmp_path)
    history(made, 3)
    made.key.save(made.path.with_suffix(".key"))
    return made


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[LedgerBooks]:
    books = LedgerBooks(path)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(books.run())
        yield books
        running.cancel()


async def over(books: LedgerBooks) -> VerificationView:
    async with asyncio.timeout(60):
        while books.verification().state == "running":  # noqa: ASYNC110 - as clients do
            await asyncio.sleep(0.02)
    return books.verification()


async def all_of(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_questions_are_answered_beside_a_writer(made: Made) -> None:
    async with opened(made.path) as books:
        before = json.loads(await books.ask(QUESTION))
        writer = made.open()
        for _ in range(3):
            writer.append([Draft("door.exit", {"door": "front"})], made.door.stamp())
        after = json.loads(await books.ask(QUESTION))
        assert after["size"] == before["size"] + 3
        assert after["items"][0]["kind"] == "door.exit"
        writer.close()
        with pytest.raises(EntryUnknownError):
            await books.ask({"ask": "entry", "n": 10_000})
        # Its own reader was in another process: the writer's locks are whole.
        assert made.append(Draft("door.exit", {"door": "front"})) == after["size"]


async def test_many_ask_at_once_and_too_many_are_refused(made: Made) -> None:
    async with opened(made.path) as books:
        answers: list[Any] = await asyncio.gather(
            *(books.ask({"ask": "entry", "n": n % 10}) for n in range(40)),
            return_exceptions=True,
        )
    told = [one for one in answers if isinstance(one, bytes)]
    refused = [one for one in answers if isinstance(one, LedgerBusyError)]
    assert [json.loads(one)["n"] for one in told] == [n % 10 for n in range(16)]
    assert len(refused) == 40 - 16


async def test_a_reader_that_died_is_started_again(made: Made) -> None:
    async with opened(made.path) as books:
        await books.ask(QUESTION)
        reader = books._reader
        assert reader is not None
        reader.kill()
        await reader.wait()
        assert json.loads(await books.ask(QUESTION))["items"]
        # And one that dies over a question is an error of that question alone.
        reader = books._reader
        assert reader is not None
        os.kill(reader.pid, 19)  # SIGSTOP: it neither answers nor ends
        asking = asyncio.ensure_future(books.ask(QUESTION))
        await asyncio.sleep(0.05)
        reader.kill()
        with pytest.raises(LedgerReadError, match="gave no answer"):
            await asking
        assert json.loads(await books.ask(QUESTION))["items"]


async def test_a_reader_that_hangs_is_given_up(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(made.path) as books:
        await books.ask(QUESTION)
        assert books._reader is not None
        os.kill(books._reader.pid, 19)
        monkeypatch.setattr(processes, "ANSWER_S_MAX", 0.2)
        with pytest.raises(LedgerReadError):
            await books.ask(QUESTION)
        monkeypatch.setattr(processes, "ANSWER_S_MAX", 10)
        assert json.loads(await books.ask(QUESTION))["items"]


async def test_no_ledger_is_one_sentence(tmp_path: Path) -> None:
    async with opened(tmp_path / "none.db") as books:
        with pytest.raises(LedgerReadError, match="There is no ledger"):
            await books.ask(QUESTION)
        with pytest.raises(LedgerReadError, match="There is no ledger"):
            async with books.export(None, None, 1) as pieces:
                await all_of(pieces)
        books.verify(VerificationWish())
        view = await over(books)
        assert (view.state, view.verdict) == ("unreadable", {})
        assert "No such file" in view.detail


async def test_an_export_is_the_command_lines_own_file(made: Made) -> None:
    async with opened(made.path) as books:
        async with books.export(None, None, 1) as pieces:
            assert await all_of(pieces) == b"".join(made.lines())
        async with books.export(5, 7, 1) as pieces:
            assert await all_of(pieces) == b"".join(made.lines(first=5, last=7))
        with pytest.raises(LedgerReadError, match="holds no entries"):
            async with books.export(500, None, 1) as pieces:
                await all_of(pieces)


async def test_exports_are_few_and_give_their_place_back(made: Made) -> None:
    async with opened(made.path) as books:
        async with books.export(None, None, 1), books.export(None, None, 2):
            for uid in range(1, 21):
                with pytest.raises(LedgerBusyError):
                    async with books.export(None, None, uid):
                        pass
        # Left in the middle, nothing of them remains.
        async with books.export(None, None, 1) as pieces:
            assert await anext(pieces)
        assert not books._exports


async def test_a_verification_says_how_far_it_is_and_how_it_ended(made: Made) -> None:
    async with opened(made.path) as books:
        assert books.verification().state == "none"
        assert books.verify(VerificationWish()).state == "running"
        for _ in range(20):
            with pytest.raises(VerificationRunningError):
                books.verify(VerificationWish())
        view = await over(books)
        assert view.state == "incomplete"  # by the key that it names for itself
        assert view.done == view.whole == 17
        root = view.verdict["root"]
        books.verify(VerificationWish(made.vkey, f"17:{root}", deep=True))
        view = await over(books)
        assert (view.state, view.verdict["openings"]) == ("verified", 6)
        books.verify(VerificationWish(made.vkey.replace("front", "back")))
        assert (await over(books)).state in {"tampered", "unreadable"}


async def test_a_verification_can_be_cancelled(made: Made) -> None:
    async with opened(made.path) as books:
        assert books.cancel_verification().state == "none"
        books.verify(VerificationWish())
        assert books.cancel_verification().state == "cancelled"
        books.verify(VerificationWish())
        async with asyncio.timeout(10):
            while books._verifier is None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.005)
        assert books.cancel_verification().state == "cancelled"
        assert books.cancel_verification().state == "cancelled"
        books.verify(VerificationWish(made.vkey))
        assert (await over(books)).state == "verified"


async def test_the_readers_are_niced(made: Made) -> None:
    async with opened(made.path) as books:
        await books.ask(QUESTION)
        assert books._reader is not None
        assert os.getpriority(os.PRIO_PROCESS, books._reader.pid) >= 5


async def test_when_the_gateway_ends_nobody_is_left(made: Made) -> None:
    async with opened(made.path) as books:
        await books.ask(QUESTION)
        assert books._reader is not None
        pid = books._reader.pid
        books.verify(VerificationWish(deep=True))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
