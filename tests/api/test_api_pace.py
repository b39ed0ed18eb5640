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
import uvicorn
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
    AT_ONCE_MAX,
    BURST_PER_S_MAX,
    READS,
    REQUESTS,
    SLOWER_AT_DOOR,
    UIDS_REMEMBERED_MAX,
    Pace,
    Rates,
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


def test_while_somebody_is_at_the_door_turns_beyond_the_burst_come_slower() -> None:
    touched = True
    pace = Pace(per_s_max=10, burst_max=SLOWER_AT_DOOR, at_door=lambda: touched)
    assert [round(pace.turn_s(100.0), 3) for _ in range(3)] == [0, 0.4, 0.8]
    touched = False
    assert round(pace.turn_s(100.0), 3) == 0.9


def test_a_burst_is_not_served_in_one_turn_of_the_loop(loop: Any) -> None:
    turns, served = Turns(), [0]

    async def ask() -> None:
        await turns.wait(1)
        served[0] += 1

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(REQUESTS.burst_max):
                group.create_task(ask())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert served == [AT_ONCE_MAX]

    loop.run_until_complete(work())
    rest = REQUESTS.burst_max - AT_ONCE_MAX
    assert loop.time() == pytest.approx(rest / BURST_PER_S_MAX, abs=0.01)


def test_a_users_turn_is_known_without_waiting_for_it() -> None:
    turns = Turns(READS)
    waits_s = [turns.turn_s(1, 100.0) for _ in range(2 * READS.burst_max)]
    assert waits_s[READS.burst_max - 1] == 0
    assert waits_s[-1] == pytest.approx(READS.burst_max / READS.per_uid_per_s_max)
    # Whoever sends little is held up by what all send together, and by nothing more.
    assert turns.turn_s(2, 100.0) < waits_s[-1]


class Wire(asyncio.Transport):
    """A connection whose bytes the test brings."""

    def __init__(self, ours: socket.socket) -> None:
        super().__init__()
        self.ours = ours
        self.paused = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.ours if name == "socket" else default

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return False


def test_attack_bytes_letter_by_letter_are_read_at_their_rate(loop: Any) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise AssertionError("No request was whole.")

    async def work() -> None:
        config = uvicorn.Config(app, ws="none", log_config=None)
        protocol = server.PeerProtocol(config, uvicorn.server.ServerState(), {})
        protocol.reads = Turns(Rates(per_s_max=10, per_uid_per_s_max=10, burst_max=1))
        wire = Wire(ours)
        protocol.connection_made(wire)
        for letter in b"GET /v":
            assert not wire.paused
            protocol.data_received(bytes([letter]))
            await asyncio.sleep(0.1)
        # What uvicorn holds for the answer before it is not read on by the clock.
        protocol.data_received(b"1")
        protocol.flow.pause_reading()
        await asyncio.sleep(1)
        assert wire.paused
        protocol.flow.resume_reading()
        protocol.data_received(b"/")
        protocol.data_received(b"/")
        assert wire.paused
        protocol.connection_lost(ConnectionResetError())
        await asyncio.sleep(1)
        assert wire.paused

    with ours, theirs:
        loop.run_until_complete(work())


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
        ask(1, REQUESTS.burst_max + 5 * REQUESTS.per_uid_per_s_max)
    )
    assert one_s == pytest.approx(5, abs=0.1)
    began: float = loop.time()
    ended = loop.run_until_complete(two(5 * REQUESTS.per_s_max))
    assert max(ended) - began >= 2 * 5 - 2 * REQUESTS.burst_max / REQUESTS.per_s_max


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
        sent += message.get("body", b"").count(b"event: change")

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
