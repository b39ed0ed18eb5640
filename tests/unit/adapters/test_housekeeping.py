"""Chores come again, alone and in spite of failures, and end with their block."""

import asyncio

import pytest

from gateway.adapters.housekeeping import Chore, Housekeeping

SOON_MS = 20
LATER_MS = 3_600_000


async def test_a_chore_comes_again_and_again() -> None:
    done = asyncio.Semaphore(0)

    async def chore() -> None:
        done.release()

    async with asyncio.timeout(10), Housekeeping([Chore("sweep", SOON_MS, chore)]):
        for _ in range(3):
            await done.acquire()
    assert done.locked()


async def test_one_that_fails_is_logged_and_comes_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries = asyncio.Semaphore(0)

    async def chore() -> None:
        tries.release()
        raise OSError("the disk is away")

    async with asyncio.timeout(10), Housekeeping([Chore("sweep", SOON_MS, chore)]):
        await tries.acquire()
        await tries.acquire()
    assert "The chore sweep failed: the disk is away" in caplog.text


async def test_leaving_cancels_what_runs(caplog: pytest.LogCaptureFixture) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def chore() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with asyncio.timeout(10):
        async with Housekeeping([Chore("sweep", SOON_MS, chore)]):
            await began.wait()
        await ended.wait()
    assert "failed" not in caplog.text


async def test_two_of_one_kind_never_run_at_once() -> None:
    running, most = 0, 0
    ticks, done = asyncio.Semaphore(0), asyncio.Event()

    async def slow() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(3):
            await ticks.acquire()
        running -= 1
        done.set()

    async def quick() -> None:
        ticks.release()

    chores = [Chore("slow", SOON_MS, slow), Chore("quick", SOON_MS, quick)]
    async with asyncio.timeout(10), Housekeeping(chores):
        await done.wait()
    assert most == 1


async def test_nothing_is_done_before_its_time() -> None:
    done: list[str] = []

    async def chore() -> None:
        done.append("too early")

    async with Housekeeping([Chore("sweep", LATER_MS, chore)]):
        await asyncio.sleep(0)
    assert done == []
