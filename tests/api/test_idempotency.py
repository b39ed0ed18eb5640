"""A creating request that is sent twice is carried out once."""

import asyncio
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.api import idempotency
from gateway.api.asgi import Message, Receive, Scope, Send
from gateway.api.idempotency import (
    ANSWER_BYTES_MAX,
    KEPT_S,
    KEYS_PER_UID_MAX,
    UIDS_MAX,
    Idempotency,
)
from gateway.client import AsyncClient, Client
from gateway.errors import AnswerLostError, ApiError, JournalError, UnreachableError
from gateway.order_schemas import AcknowledgeOrder
from gateway.schemas import EnrolmentOrder

ACKNOWLEDGE = {"order": {"kind": "acknowledge"}}
HOLDER = EnrolmentOrder(holder_id="h-1", name="Ada Byron")
KEY = "b6c1a0f2-0000-4000-8000-000000000001"


def keyed(key: str = KEY) -> dict[str, str]:
    return {"idempotency-key": key}


def ordered(http: httpx.Client, key: str = KEY, **more: Any) -> httpx.Response:
    return http.post("/v1/orders", json={**ACKNOWLEDGE, **more}, headers=keyed(key))


def test_the_same_again_is_answered_the_same_and_done_once(
    gateway: Any, http: httpx.Client
) -> None:
    first, second = ordered(http), ordered(http)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.status_code == 201
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert len(http.get("/v1/orders").json()) == 1
    assert gateway.facade.changes == [("propose AcknowledgeWish", os.getuid())]


def test_quotes_of_a_structured_field_are_no_part_of_the_key(
    http: httpx.Client,
) -> None:
    assert ordered(http).json()["id"] == ordered(http, f'"{KEY}"').json()["id"]


def test_without_a_key_or_with_another_it_is_done_again(http: httpx.Client) -> None:
    for headers in ({}, {}, keyed("another-key-1"), keyed("another-key-2")):
        http.post("/v1/orders", json=ACKNOWLEDGE, headers=headers)
    assert len(http.get("/v1/orders").json()) == 4


def test_another_request_with_a_known_key_is_refused(http: httpx.Client) -> None:
    ordered(http)
    others = [
        ordered(http, dry_run=True),
        http.post("/v1/door/self-test", headers=keyed()),
        http.post("/v1/orders?x=1", json=ACKNOWLEDGE, headers=keyed()),
    ]
    assert [answer.status_code for answer in others] == [422] * 3
    assert {answer.json()["code"] for answer in others} == {"idempotency-key-reused"}
    assert len(http.get("/v1/orders").json()) == 1


def test_a_refusal_is_kept_too(gateway: Any, http: httpx.Client) -> None:
    http.post("/v1/enrolment", json={"holder_id": "h-1"})
    busy = http.post("/v1/enrolment", json={"holder_id": "h-2"}, headers=keyed())
    assert busy.status_code == 409
    http.delete("/v1/enrolment")
    again = http.post("/v1/enrolment", json={"holder_id": "h-2"}, headers=keyed())
    assert (again.status_code, again.content) == (409, busy.content)
    assert gateway.facade.ceremony.holder_id == "h-1"


def test_what_was_not_done_may_be_tried_again(gateway: Any, http: httpx.Client) -> None:
    gateway.fail_with(JournalError("The disk is full; make room."))
    assert ordered(http).status_code == 503
    gateway.fail_with(None)
    assert ordered(http).status_code == 201


def test_a_mistake_of_ours_is_not_made_twice(gateway: Any, http: httpx.Client) -> None:
    gateway.fail_with(ZeroDivisionError())
    assert ordered(http).status_code == 500
    gateway.fail_with(None)
    again = ordered(http)
    assert (again.status_code, again.json()["code"]) == (500, "internal")


@pytest.mark.parametrize(
    "key", ["", "short", "x" * 129, "a key with blanks", "k\u00e4y-k\u00e4y-k\u00e4y"]
)
def test_a_key_that_is_none_is_refused(http: httpx.Client, key: str) -> None:
    headers = [(b"idempotency-key", key.encode())]
    answer = http.post("/v1/orders", json=ACKNOWLEDGE, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency-key-invalid"


def test_two_keys_are_none(http: httpx.Client) -> None:
    headers = [("idempotency-key", KEY), ("idempotency-key", KEY)]
    answer = http.post("/v1/orders", json=ACKNOWLEDGE, headers=headers)
    assert answer.json()["code"] == "idempotency-key-invalid"


def test_what_is_idempotent_anyway_needs_no_key(http: httpx.Client) -> None:
    for mode in ("Locked", "Blocked"):
        answer = http.put("/v1/door/mode", json={"mode": mode}, headers=keyed())
        assert answer.json()["door"]["mode"] == mode


# The middleware alone.


class Application:
    """Counts what it carries out; says what it is told to, when it is told to."""

    def __init__(self) -> None:
        self.done: list[bytes] = []
        self.answer = b"done"
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        self.done.append((await receive())["body"])
        await self.gate.wait()
        await send({"type": "http.response.start", "status": 201, "headers": []})
        half = len(self.answer) // 2
        for part, more in ((self.answer[:half], True), (self.answer[half:], False)):
            await send({"type": "http.response.body", "body": part, "more_body": more})


class Desk:
    """Asks the middleware, as anybody at any time."""

    def __init__(self) -> None:
        self.application = Application()
        self.now_s = 0.0
        self.wrapped = Idempotency(
            self.application, lambda scope: scope["uid"], lambda: self.now_s
        )

    async def ask(self, key: str, body: bytes = b"", uid: int = 1) -> tuple[int, bytes]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "uid": uid,
            "headers": [(b"idempotency-key", f"key-of-{key:>04}".encode())],
        }
        await self.wrapped(scope, receive, send)
        return sent[0]["status"], b"".join(m.get("body", b"") for m in sent)

    def kept(self) -> int:
        return sum(len(user.kept) for user in self.wrapped._users.values())


async def test_while_it_is_under_way_a_second_one_is_told_so() -> None:
    desk = Desk()
    desk.application.gate.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(desk.ask("1"))
        await asyncio.sleep(0)
        status, body = await desk.ask("1")
        assert (status, b"idempotency-key-in-flight" in body) == (409, True)
        assert (await desk.ask("1", b"other"))[0] == 422
        desk.application.gate.set()
    assert await desk.ask("1") == first.result() == (201, b"done")
    assert len(desk.application.done) == 1


async def test_one_that_is_cut_off_by_our_own_end_is_not_kept() -> None:
    desk = Desk()
    desk.application.gate.clear()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(desk.ask("1"))
        await asyncio.sleep(0)
        task.cancel()
    assert desk.kept() == 0


async def test_a_key_is_one_users() -> None:
    desk = Desk()
    for uid in (1, 2, 1):
        assert (await desk.ask("1", uid=uid))[0] == 201
    assert len(desk.application.done) == 2


async def test_a_key_is_forgotten_in_time() -> None:
    desk = Desk()
    await desk.ask("1")
    desk.now_s = KEPT_S - 1
    await desk.ask("1")
    desk.now_s = KEPT_S
    await desk.ask("1")
    assert len(desk.application.done) == 2


async def test_keys_bytes_and_users_are_bounded() -> None:
    desk = Desk()
    for number in range(3 * KEYS_PER_UID_MAX):
        await desk.ask(str(number))
    assert desk.kept() == KEYS_PER_UID_MAX
    desk.application.answer = b"x" * ANSWER_BYTES_MAX
    for number in range(1_000, 1_000 + 2 * KEYS_PER_UID_MAX):
        await desk.ask(str(number))
    total = sum(one.size_bytes for one in desk.wrapped._users[1].kept.values())
    assert total <= idempotency.ANSWERS_BYTES_PER_UID_MAX
    assert (await desk.ask("1127"))[0] == 201
    assert len(desk.application.done) == 5 * KEYS_PER_UID_MAX
    for uid in range(3 * UIDS_MAX):
        await desk.ask("1", uid=uid)
    assert len(desk.wrapped._users) == UIDS_MAX


async def test_a_user_with_work_under_way_is_not_forgotten() -> None:
    desk = Desk()
    desk.application.gate.clear()
    async with asyncio.TaskGroup() as group:
        for uid in range(UIDS_MAX + 2):
            group.create_task(desk.ask("1", uid=uid))
        await asyncio.sleep(0)
        assert len(desk.wrapped._users) == UIDS_MAX + 2
        desk.application.gate.set()


async def test_an_answer_too_long_to_keep_is_not_carried_out_again() -> None:
    desk = Desk()
    desk.application.answer = b"x" * (ANSWER_BYTES_MAX + 1)
    assert (await desk.ask("1"))[0] == 201
    status, body = await desk.ask("1")
    assert (status, b"idempotency-answer-gone" in body) == (409, True)
    assert len(desk.application.done) == 1


# Lost answers, and what the clients make of them.


def whole_request(connection: socket.socket) -> bytes:
    """Read one request; nothing from who only knocks."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        if not (piece := connection.recv(65536)):
            return b""
        asked += piece
    head, _, body = asked.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class Cutter:
    """Stands before a gateway and cuts connections after the gateway has acted."""

    def __init__(self, path: Path, behind: Path, cuts: int) -> None:
        self.path = path
        self.seen: list[bytes] = []
        self._behind = str(behind)
        self._left = cuts
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        while asked := whole_request(connection):
            self.seen.append(asked)
            with socket.socket(socket.AF_UNIX) as behind:
                behind.connect(self._behind)
                behind.sendall(asked.replace(b"keep-alive", b"close"))
                answer = b""
                while piece := behind.recv(65536):
                    answer += piece
            if self._left > 0:
                self._left -= 1
                return
            connection.sendall(answer)
            return


@pytest.fixture
def cutter(gateway: Any, folder: Path) -> Iterator[Cutter]:
    made = Cutter(folder / "cut.sock", gateway.path, cuts=2)
    yield made
    made.close()


def test_an_order_whose_answer_was_lost_exists_once(
    gateway: Any, cutter: Cutter
) -> None:
    waited_s: list[float] = []
    with Client(str(cutter.path), pause=waited_s.append) as client:
        order = client.propose(AcknowledgeOrder(kind="acknowledge"))
    assert [known.id for known in gateway.facade.desk.orders()] == [order.id]
    assert waited_s == [0.25, 0.5]
    assert len(cutter.seen) == 3


async def test_an_order_whose_answer_was_lost_exists_once_async(
    gateway: Any, cutter: Cutter
) -> None:
    async def pause(_: float) -> None:
        await asyncio.sleep(0)

    async with AsyncClient(str(cutter.path), pause=pause) as client:
        order = await client.propose(AcknowledgeOrder(kind="acknowledge"))
        assert (await client.enrol(HOLDER)).step == "armed"
    assert [known.id for known in gateway.facade.desk.orders()] == [order.id]


def test_what_may_not_be_sent_twice_is_not(gateway: Any, cutter: Cutter) -> None:
    with (
        Client(str(cutter.path), pause=lambda _: None) as client,
        pytest.raises(AnswerLostError, match="look whether"),
    ):
        client.set_mode("LockedDown")
    assert len(gateway.facade.changes) == len(cutter.seen) == 1


def test_reading_is_asked_again(cutter: Cutter) -> None:
    with Client(str(cutter.path), pause=lambda _: None) as client:
        assert client.status().site == "hq"


def test_a_gateway_that_went_away_meanwhile_leaves_it_open(
    gateway: Any, cutter: Cutter
) -> None:
    def pause(_: float) -> None:
        cutter.path.unlink(missing_ok=True)

    with (
        Client(str(cutter.path), pause=pause) as client,
        pytest.raises(UnreachableError, match="look whether") as caught,
    ):
        client.propose(AcknowledgeOrder(kind="acknowledge"))
    assert caught.value.exit_code == 69
    assert len(gateway.facade.desk.orders()) == 1


def test_one_that_is_still_under_way_is_waited_for(
    gateway: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cutter = Cutter(folder / "slow.sock", gateway.path, cuts=0)
    answers = iter(["idempotency-key-in-flight", "idempotency-key-in-flight"])

    def check(self: object, *_: object, **__: object) -> None:
        assert self is not None
        if code := next(answers, ""):
            raise ApiError(code, "Still under way.", 409)

    monkeypatch.setattr("gateway.client.answers.check", check)
    waited_s: list[float] = []
    with Client(str(cutter.path), pause=waited_s.append) as client:
        client.propose(AcknowledgeOrder(kind="acknowledge"))
    cutter.close()
    assert waited_s == [0.25, 0.5]
    assert len(gateway.facade.desk.orders()) == 1
