"""The gateway's end of keyra-strike's socket: bounded, honest, and it comes back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from gateway.adapters.strike_client import StrikeClient
from gateway.errors import StrikeError

if TYPE_CHECKING:
    from gateway.ports import Strike

OK = b"ok 5 secured\n"
Answer = Callable[[bytes], Awaitable[bytes | None]]


async def good(_: bytes) -> bytes:
    return OK


class Double:
    """A keyra-strike that answers as the test says; None hangs up."""

    def __init__(self, path: Path, answer: Answer = good) -> None:
        self.path = path
        self.answer = answer
        self.heard: list[bytes] = []
        self.peers = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.hung_up = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def hang_up(self) -> None:
        for writer in self.writers:
            writer.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.peers += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.writers.append(writer)
        with suppress(OSError, asyncio.CancelledError):
            while line := await reader.readline():
                self.heard.append(line)
                answer = await self.answer(line)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        self.hung_up.set()
        writer.close()


@asynccontextmanager
async def closed(path: Path, reply_ms_max: int = 10_000) -> AsyncIterator[StrikeClient]:
    """A client that hangs up at the end."""
    with closing(StrikeClient(path, reply_ms_max=reply_ms_max)) as client:
        yield client


async def test_each_command_is_one_line_and_one_reply(tmp_path: Path) -> None:
    async with Double(tmp_path / "s") as strike:
        with closing(StrikeClient(strike.path)) as client:
            port: Strike = client
            await port.keep_alive()
            await port.release(41, 5_000)
            await port.release(-1, 5_000)
            await port.secure()
    assert strike.heard == [
        b"alive\n",
        b"release 41 5000\n",
        b"release -1 5000\n",
        b"secure\n",
    ]
    assert strike.peers == 1


async def test_commands_at_once_take_turns(tmp_path: Path) -> None:
    async with (
        Double(tmp_path / "s") as strike,
        closed(strike.path) as client,
        asyncio.TaskGroup() as group,
    ):
        for serial in range(20):
            group.create_task(client.release(serial, 100))
    assert strike.heard == [f"release {n} 100\n".encode() for n in range(20)]
    assert strike.peers == 1


async def test_a_refusal_is_a_sentence_and_keeps_the_connection(tmp_path: Path) -> None:
    async def refuse(line: bytes) -> bytes:
        return b"error serial-not-rising\n" if line.startswith(b"release") else OK

    async with Double(tmp_path / "s", refuse) as strike, closed(strike.path) as client:
        with pytest.raises(StrikeError, match="served this entry"):
            await client.release(1, 100)
        await client.keep_alive()
        assert strike.peers == 1


async def test_nobody_there_is_a_sentence(tmp_path: Path) -> None:
    client = StrikeClient(tmp_path / "none")
    with pytest.raises(StrikeError, match="is it running"):
        await client.keep_alive()
    client.close()


async def test_a_strike_that_does_not_answer_costs_a_bounded_time(
    tmp_path: Path,
) -> None:
    async def never(_: bytes) -> bytes:
        await asyncio.get_running_loop().create_future()
        return OK

    async with (
        Double(tmp_path / "s", never) as strike,
        closed(strike.path, reply_ms_max=50) as client,
    ):
        with pytest.raises(StrikeError, match="within 50 ms"):
            await client.release(1, 100)
        strike.answer = good
        await client.keep_alive()  # on a connection of its own: no stale reply
        assert strike.peers == 2
        assert strike.heard == [b"release 1 100\n", b"alive\n"]


@pytest.mark.parametrize("reply", [b"nonsense\n", b"ok\n", b"x" * 200, b"error no\n"])
async def test_nonsense_is_a_sentence(tmp_path: Path, reply: bytes) -> None:
    async def nonsense(_: bytes) -> bytes:
        return reply

    async with (
        Double(tmp_path / "s", nonsense) as strike,
        closed(strike.path, reply_ms_max=10_000) as client,
    ):
        with pytest.raises(StrikeError, match="out of reach"):
            await client.release(1, 100)
        strike.answer = good
        await client.keep_alive()


async def test_a_connection_that_was_lost_meanwhile_is_made_anew(
    tmp_path: Path,
) -> None:
    async with Double(tmp_path / "s") as strike, closed(strike.path) as client:
        await client.keep_alive()
        strike.hang_up()
        await strike.hung_up.wait()
        await client.release(1, 100)
        assert strike.heard == [b"alive\n", b"release 1 100\n"]
        assert strike.peers == 2


async def test_a_strike_that_hangs_up_on_every_command_is_out_of_reach(
    tmp_path: Path,
) -> None:
    async def hang_up(_: bytes) -> None:
        return None

    async with Double(tmp_path / "s", hang_up) as strike, closed(strike.path) as client:
        with pytest.raises(StrikeError, match="out of reach"):
            await client.release(1, 100)
        assert strike.peers == 1


async def test_a_cancelled_command_leaves_no_reply_behind(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def late(line: bytes) -> bytes:
        asked.set()
        if line.startswith(b"release"):
            await asyncio.get_running_loop().create_future()
        return OK

    async with Double(tmp_path / "s", late) as strike, closed(strike.path) as client:
        async with asyncio.TaskGroup() as group:
            release = group.create_task(client.release(1, 100))
            await asked.wait()
            release.cancel()
        await client.keep_alive()
        assert strike.peers == 2


async def test_closing_hangs_up(tmp_path: Path) -> None:
    async with Double(tmp_path / "s") as strike, closed(strike.path) as client:
        await client.keep_alive()
        client.close()
        await asyncio.wait_for(strike.hung_up.wait(), 10)
