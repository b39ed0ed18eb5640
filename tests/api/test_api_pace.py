"""How fast anybody may come; nothing here takes real time."""

import asyncio
import errno
import runpy
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import async_solipsism
import pytest
from fastapi.routing import APIRoute

from gateway.api import Rights, create_app, server
from gateway.api.event_stream import (
    FRAMES_KEPT_MAX,
    SENT_AT_ONCE_MAX,
    EventStreamResponse,
    Start,
    Streams,
)
from gateway.api.pace import (
    REQUESTS_BURST_MAX,
    REQUESTS_PER_S_MAX,
    REQUESTS_PER_UID_PER_S_MAX,
    UIDS_REMEMBERED_MAX,
    Pace,
    Turns,
)

FAKES: Final[dict[str, Any]] = runpy.run_path(
    str(Path(__file__).parent / "fake_gateway.py")
)


@pytest.fixture
def loop() -> Iterator[Any]:
    made = async_solipsism.EventLoop()
    yield made
    made.close()


def test_after_a_burst_turns_come_at_their_rate() -> None:
    pace = Pace(per_s_max=10, burst_max=3)
    waits_s = [round(pace.turn_s(100.0), 3) for _ in range(6)]
    assert waits_s == [0, 0, 0, 0.1, 0.2, 0.3]
    assert [round(pace.turn_s(200.0), 3) for _ in range(4)] == [0, 0, 0, 0.1]


def test_one_user_goes_at_their_own_rate_and_all_together_at_another(loop: Any) -> None:
    turns = Turns()

    async def ask(uid: int, count: int) -> float:
        for _ in range(count):
            await turns.wait(uid)
        ended: float = loop.time()
        return ended

    async def two(count: int) -> list[float]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(uid, count)) for uid in (1, 2)]
        return [task.result() for task in tasks]

    one_s = loop.run_until_complete(
        ask(1, REQUESTS_BURST_MAX + 5 * REQUESTS_PER_UID_PER_S_MAX)
    )
    assert one_s == pytest.approx(5, abs=0.1)
    began: float = loop.time()
    ended = loop.run_until_complete(two(5 * REQUESTS_PER_S_MAX))
    assert max(ended) - began >= 2 * 5 - 2 * REQUESTS_BURST_MAX / REQUESTS_PER_S_MAX


def test_users_are_remembered_up_to_a_bound(loop: Any) -> None:
    turns = Turns()

    async def many() -> None:
        for uid in range(2 * UIDS_REMEMBERED_MAX):
            await turns.wait(uid)

    loop.run_until_complete(many())
    assert len(turns._users) == UIDS_REMEMBERED_MAX


def test_an_event_is_written_once_for_all_streams(facade: Any) -> None:
    streams = Streams("run")
    for number in range(2 * FRAMES_KEPT_MAX):
        facade.publish("test.event", number=number)
    kept = list(facade.stream._kept)
    frames = [streams.change(event) for event in kept]
    assert streams.change(kept[-1]) is frames[-1]
    assert streams.change(kept[0]) == frames[0]
    assert len(streams._frames) == FRAMES_KEPT_MAX


async def test_a_connection_that_cannot_be_taken_ends_nothing(
    folder: Path, facade: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    accept, failures = loop.sock_accept, [errno.EMFILE, errno.ECONNABORTED]

    async def sock_accept(listener: socket.socket) -> Any:
        if failures:
            raise OSError(failures.pop(), "no")
        return await accept(listener)

    monkeypatch.setattr(loop, "sock_accept", sock_accept)
    opened, path = asyncio.Event(), folder / "gateway.sock"
    books = FAKES["FakeBooks"](folder / "ledger")
    app = create_app(facade, Rights(lambda _: frozenset()), ledger=books)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(app, path, opened=opened.set))
        await opened.wait()
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET /v1/status HTTP/1.1\r\nhost: k\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
        serving.cancel()
    assert failures == []


def test_attack_a_stream_that_begins_with_all_that_is_kept_lets_others_have_their_turn(
    loop: Any, facade: Any
) -> None:
    for number in range(500):
        facade.publish("test.event", number=number)
    sent, sent_at_once = 0, [0]
    response = EventStreamResponse(facade, Streams("run"), 0, Start(0, resumed=False))

    async def send(message: Any) -> None:
        nonlocal sent
        sent += b"event: change" in message.get("body", b"")

    async def look() -> None:
        seen = 0
        while sent < 500:
            sent_at_once.append(sent - seen)
            seen = sent
            await asyncio.sleep(0)

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(response({}, loop.create_future, send))
            await look()
            task.cancel()

    loop.run_until_complete(work())
    assert 0 < max(sent_at_once) <= SENT_AT_ONCE_MAX


async def test_the_document_is_made_once_and_beside_the_loop(
    folder: Path, facade: Any
) -> None:
    app = create_app(facade, ledger=FAKES["FakeBooks"](folder / "ledger"))
    made_in = []
    make = app.openapi

    def openapi() -> Any:
        made_in.append(threading.current_thread())
        return make()

    app.openapi = openapi  # type: ignore[method-assign] # to see who calls it
    (route,) = (
        one
        for one in app.routes
        if isinstance(one, APIRoute) and one.path == "/v1/openapi.json"
    )
    answers = await asyncio.gather(*(route.endpoint() for _ in range(4)))
    assert {answer.body for answer in answers} == {answers[0].body}
    assert len(made_in) == 1
    assert made_in[0] is not threading.current_thread()
