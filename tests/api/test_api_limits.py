"""Connections, slow peers, heartbeats; time is virtual where nothing is on a wire."""

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import async_solipsism
import httpx
import pytest

from gateway.api import server
from gateway.api.asgi import CONNECTION_KEY, Connection, Message, Peer, Receive, Send
from gateway.api.event_stream import EventStreamResponse, Start, Streams
from gateway.api.guard import BODY_READ_S_MAX, WRITE_S_MAX, Guard
from gateway.api.pace import Turns
from gateway.api.rights import Rights
from gateway.api.server import CONNECTIONS_PER_UID_MAX, listen
from gateway.errors import ConfigError
from gateway.schemas import HEARTBEAT_S

GET = b"GET /v1/status HTTP/1.1\r\nhost: keyra\r\n\r\n"
PUT = b"PUT /v1/door/mode HTTP/1.1\r\nhost: keyra\r\n"


def connect(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    sock.connect(str(path))
    return sock


def answer(sock: socket.socket) -> bytes:
    """Everything until the gateway closes, or what came before it reset."""
    pieces = []
    try:
        while piece := sock.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def test_one_user_has_so_many_connections(gateway: Any, http: httpx.Client) -> None:
    with ExitStack() as stack:
        for _ in range(CONNECTIONS_PER_UID_MAX):
            sock = stack.enter_context(connect(gateway.path))
            sock.sendall(GET)
            assert sock.recv(12) == b"HTTP/1.1 200"
        refused = http.get("/v1/status")
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "too-many-connections"
        sock.recv(65536)
        sock.sendall(GET)
        assert sock.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("beginning", [b"", b"GET /v1/st", GET[:-2]])
def test_who_does_not_ask_is_dropped(
    monkeypatch: pytest.MonkeyPatch, gateway: Any, beginning: bytes
) -> None:
    monkeypatch.setattr(server, "IDLE_S_MAX", 0.1)
    with connect(gateway.path) as sock:
        sock.sendall(beginning)
        assert answer(sock) == b""


def test_who_asks_once_is_dropped_after(
    monkeypatch: pytest.MonkeyPatch, gateway: Any
) -> None:
    monkeypatch.setattr(server, "IDLE_S_MAX", 0.1)
    with connect(gateway.path) as sock:
        sock.sendall(GET)
        assert answer(sock).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\n\r\n",  # no Host
        b"GET /" + b"a" * 20_000,
        GET[:-2] + b"x: " + b"a" * 20_000,
        PUT + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
        PUT + b"content-length: -1\r\n\r\n",
    ],
)
def test_what_is_no_request_gets_a_problem_and_no_more(
    gateway: Any, rubbish: bytes
) -> None:
    with connect(gateway.path) as sock:
        sock.sendall(rubbish)
        said = answer(sock)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"request-invalid"' in said


def test_a_socket_left_behind_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listen(path):
        pass
    assert path.is_socket()
    with listen(path), connect(path):
        pass
    path.unlink()
    path.write_text("precious")
    with pytest.raises(ConfigError, match="no socket"):
        listen(path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("name", ["missing/s", "x" * 200])
def test_a_path_that_cannot_be_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        listen(tmp_path / name)


# From here on nothing is on a wire, and ten seconds take no time.


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[Any, Any, None]], float]]:
    """Runs in virtual time; returns how many seconds went by."""
    loop = async_solipsism.EventLoop()

    def runner(work: Coroutine[Any, Any, None]) -> float:
        began: float = loop.time()
        loop.run_until_complete(work)
        ended: float = loop.time()
        return ended - began

    yield runner
    loop.close()


class Wire:
    """What an ASGI server shows of one request."""

    def __init__(self, *parts: bytes, ends: bool = True) -> None:
        self.sent: list[Message] = []
        self.aborted = asyncio.Event()
        self._parts = list(parts)
        self._ends = ends
        self.scope = {
            "type": "http",
            "method": "PUT",
            "path": "/",
            "headers": [],
            CONNECTION_KEY: Connection(Peer(1, 0, 0), self.aborted.set),
        }

    async def receive(self) -> Message:
        if self._parts:
            body = self._parts.pop(0)
            more = bool(self._parts) or not self._ends
            return {"type": "http.request", "body": body, "more_body": more}
        await self.aborted.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def send_never(self, message: Message) -> None:
        self.sent.append(message)
        await asyncio.Event().wait()

    @property
    def body(self) -> bytes:
        return b"".join(m.get("body", b"") for m in self.sent)


async def echo(_: object, receive: Receive, send: Send) -> None:
    message = await receive()
    assert not message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


Run = Callable[[Awaitable[None]], float]


def test_a_body_in_pieces_arrives_in_one(run: Run) -> None:
    wire = Wire(b"a", b"", b"bc")
    run(Guard(echo, Rights(), Turns())(wire.scope, wire.receive, wire.send))
    assert wire.body == b"abc"


def test_a_slow_body_is_not_waited_for(run: Run) -> None:
    wire = Wire(b"a", ends=False)
    took_s = run(Guard(echo, Rights(), Turns())(wire.scope, wire.receive, wire.send))
    assert took_s == pytest.approx(BODY_READ_S_MAX)
    assert wire.sent[0]["status"] == 408
    assert b'"code":"request-too-slow"' in wire.body


def test_a_peer_gone_in_the_middle_is_no_error(run: Run) -> None:
    wire = Wire(b"a", ends=False)
    wire.aborted.set()
    run(Guard(echo, Rights(), Turns())(wire.scope, wire.receive, wire.send))
    assert wire.sent == []


def test_a_peer_that_does_not_read_is_dropped(run: Run) -> None:
    wire = Wire(b"a")
    took_s = run(
        Guard(echo, Rights(), Turns())(wire.scope, wire.receive, wire.send_never)
    )
    assert took_s == pytest.approx(WRITE_S_MAX)
    assert wire.aborted.is_set()
    assert len(wire.sent) == 1


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_nothing_but_http_gets_through(run: Run, kind: str) -> None:
    wire = Wire(b"a")
    run(Guard(echo, Rights(), Turns())({"type": kind}, wire.receive, wire.send))
    assert wire.sent == []


def test_without_the_kernels_word_nobody_gets_through(run: Run) -> None:
    wire = Wire(b"a")
    del wire.scope[CONNECTION_KEY]
    run(Guard(echo, Rights(), Turns())(wire.scope, wire.receive, wire.send))
    assert wire.sent[0]["status"] == 403


def test_a_quiet_stream_beats(run: Run, facade: Any) -> None:
    streams = Streams("run")
    response = EventStreamResponse(facade, streams, 0, Start(0, resumed=False))
    wire = Wire()

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(response(wire.scope, wire.receive, wire.send))
            await asyncio.sleep(3.5 * HEARTBEAT_S)
            wire.aborted.set()

    run(work())
    assert wire.body.count(b": alive\n\n") == 3
    assert wire.sent[-1] == {
        "type": "http.response.body",
        "body": b"",
        "more_body": False,
    }


def test_who_falls_behind_loses_the_stream_and_the_memory(
    run: Run, facade: Any
) -> None:
    streams = Streams("run")
    response = EventStreamResponse(facade, streams, 0, Start(0, resumed=False))
    wire = Wire()
    slow = asyncio.Event()

    async def send(message: Message) -> None:
        await wire.send(message)
        if b"event: change" in message.get("body", b""):
            await slow.wait()

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(response(wire.scope, wire.receive, send))
            await asyncio.sleep(1)
            for number in range(400):
                facade.publish("test.event", number=number)
                if number == 0:
                    await asyncio.sleep(1)
            slow.set()
            await task

    run(work())
    ids = [line for line in wire.body.split(b"\n") if line.startswith(b"id: run.")]
    # The snapshot, the event being sent, and a full queue; without a gap.
    assert len(ids) == 1 + 1 + 256
    assert ids == [b"id: run.%d" % n for n in itertools.islice(range(400), len(ids))]
