"""The SDK, blocking and async, against a real API."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.client import AsyncClient, Client, Disconnected, Heartbeat, printable
from gateway.client.answers import reaching
from gateway.client.following import PAUSE_S_MAX, Follower
from gateway.errors import ApiError, UnreachableError
from gateway.schemas import EnrolmentOrder, Event, Snapshot

ORDER = EnrolmentOrder(holder_id="h-1", name="Ada Byron", groups=("staff",))
KEY = "cred-0001AAAAAAAAAAAA"


class Pauses:
    """Counts pauses instead of making them; each may change the world."""

    def __init__(self, *then: Any) -> None:
        self.durations_s: list[float] = []
        self._then = list(then)

    def __call__(self, duration_s: float) -> None:
        self.durations_s.append(duration_s)
        if self._then:
            self._then.pop(0)()

    async def wait(self, duration_s: float) -> None:
        self(duration_s)


@pytest.fixture
def client(gateway: Any) -> Iterator[Client]:
    with Client(str(gateway.path)) as made:
        yield made


def test_everything_can_be_asked(gateway: Any, client: Client) -> None:
    assert client.status().site == "hq"
    assert [h.id for h in client.holders()] == ["holder-0001", "holder-0002"]
    assert [c.state for c in client.credentials()] == ["active", "revoked"]
    assert client.enrolment() is None
    assert client.enrol(ORDER).step == "armed"
    assert client.cancel_enrolment().is_over
    assert client.set_credential_state(KEY, "suspended").state == "suspended"
    assert client.set_mode("LockedDown").door.mode == "LockedDown"
    assert client.erase_holder("holder-0001").erased
    assert {uid for _, uid in gateway.facade.changes} == {os.getuid(), -1}


async def test_everything_can_be_asked_async(gateway: Any) -> None:
    async with AsyncClient(str(gateway.path)) as client:
        assert (await client.status()).site == "hq"
        assert [h.id async for h in client.holders()] == ["holder-0001", "holder-0002"]
        assert [c.state async for c in client.credentials()] == ["active", "revoked"]
        assert await client.enrolment() is None
        assert (await client.enrol(ORDER)).step == "armed"
        with pytest.raises(ApiError) as caught:
            await client.answer_comparison(agree=True)
        assert (caught.value.status, caught.value.code) == (409, "enrolment")
        assert (await client.cancel_enrolment()).is_over
        changed = await client.set_credential_state(KEY, "suspended")
        assert changed.state == "suspended"
        assert (await client.set_mode("LockedDown")).door.mode == "LockedDown"
        assert (await client.erase_holder("holder-0001")).erased


def test_both_clients_offer_the_same() -> None:
    blocking = {name for name in vars(Client) if not name.startswith("_")}
    assert blocking == {name for name in vars(AsyncClient) if not name.startswith("_")}


def test_long_lists_come_whole(gateway: Any, client: Client) -> None:
    facade = gateway.facade
    one = facade.people[0]
    view = type(one)
    facade.people = [
        view(f"h-{n:04}", "N", (), 0, 0, suspended=False) for n in range(450)
    ]
    assert [h.id for h in client.holders()] == [f"h-{n:04}" for n in range(450)]


async def test_only_who_matches_is_listed(gateway: Any, client: Client) -> None:
    assert [one.id for one in client.holders("ADA")] == ["holder-0001"]
    assert [one.id for one in client.holders("staff")] == ["holder-0001"]
    assert client.holder_page(matching="nobody").items == ()
    assert [one.id for one in client.credentials("holder-0002")] == [
        "cred-0002AAAAAAAAAAAA"
    ]
    async with AsyncClient(str(gateway.path)) as waiting:
        assert len((await waiting.holder_page(matching="holder")).items) == 2
        assert [one.id async for one in waiting.holders("ada")] == ["holder-0001"]
        assert not [one async for one in waiting.credentials("nobody")]


def test_a_refusal_says_code_status_and_sentence(client: Client) -> None:
    with pytest.raises(ApiError) as caught:
        client.set_credential_state("cred-0002AAAAAAAAAAAA", "active")
    assert (caught.value.code, caught.value.status) == ("registry", 409)
    assert str(caught.value) == "A revoked credential stays revoked; enrol anew."
    with pytest.raises(ApiError) as caught:
        client.set_credential_state("../../door/mode", "active")
    assert caught.value.status in {404, 422}


def test_nobody_there_is_one_sentence(tmp_path: Path) -> None:
    with (
        Client(str(tmp_path / "none")) as client,
        pytest.raises(UnreachableError, match="No gateway answers at"),
    ):
        client.status()


async def test_nobody_there_is_one_sentence_async(tmp_path: Path) -> None:
    async with AsyncClient(str(tmp_path / "none")) as client:
        with pytest.raises(UnreachableError, match="No gateway answers at"):
            await client.status()
        assert isinstance(await anext(client.events()), Disconnected)


def test_a_socket_that_one_may_not_open_is_said() -> None:
    refused = httpx.ConnectError("no")
    refused.__cause__ = PermissionError()
    with pytest.raises(UnreachableError, match="keyra-audit"), reaching("/s"):
        raise refused


def test_a_gateway_that_hangs_is_said() -> None:
    with pytest.raises(UnreachableError, match="in time"), reaching("/s"):
        raise httpx.ReadTimeout("slow")


def play(path: Path, *answers: bytes) -> threading.Thread:
    """A server that says what it was told to, one connection each."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def run() -> None:
        with listener:
            left = list(answers)
            while left:
                connection, _ = listener.accept()
                with connection:
                    if connection.recv(65536):  # else it only knocked
                        connection.sendall(left.pop(0))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def http_answer(
    body: bytes, kind: bytes = b"application/json", status: int = 200
) -> bytes:
    return (
        b"HTTP/1.1 %d X\r\nconnection: close\r\ncontent-type: %s\r\n"
        b"content-length: %d\r\n\r\n%s" % (status, kind, len(body), body)
    )


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (http_answer(b"{}"), 200),
        (http_answer(b"not JSON"), 200),
        (http_answer(b"Bad Gateway", b"text/html", 502), 502),
    ],
)
def test_an_answer_of_something_else_is_an_error(
    folder: Path, answer: bytes, status: int
) -> None:
    thread = play(folder / "s", answer)
    with Client(str(folder / "s")) as client, pytest.raises(ApiError) as caught:
        client.status()
    thread.join()
    assert (caught.value.code, caught.value.status) == ("answer-unknown", status)


def test_events_go_on_after_the_gateway_was_away(gateway: Any) -> None:
    pauses = Pauses(lambda: None, gateway.start)
    with (
        Client(str(gateway.path), pause=pauses) as client,
        closing(client.events(recent=10)) as items,
    ):
        gateway.publish("test.event", number=1)
        first = [next(items), next(items)]
        gateway.stop()
        broken = [next(items), next(items)]
        again = next(items)
        gateway.publish("test.event", number=2)
        rest = [next(items)]
        while not (isinstance(rest[-1], Event) and rest[-1].data == {"number": 2}):
            rest.append(next(items))
    assert isinstance(first[0], Snapshot)
    assert isinstance(first[1], Event)
    assert [type(item) for item in broken] == [Disconnected, Disconnected]
    assert isinstance(again, Snapshot)
    assert not again.resumed
    assert pauses.durations_s == [0.25, 0.5]


async def test_events_go_on_async_and_miss_nothing(gateway: Any) -> None:
    pauses = Pauses()
    async with (
        AsyncClient(str(gateway.path), pause=pauses.wait) as client,
        aclosing(client.events()) as items,
    ):
        assert isinstance(await anext(items), Snapshot)
        gateway.publish("test.event", number=1)
        event = await anext(items)
        assert isinstance(event, Event)
        streams = gateway.facade.stream._subscribers
        gateway.do(lambda: next(iter(streams)).__setattr__("fell_behind", True))
        gateway.publish("test.event", number=2)
        seen = [await anext(items) for _ in range(3)]
        gateway.publish("test.event", number=3)
        seen.append(await anext(items))
    kinds = [type(item) for item in seen]
    assert kinds == [Event, Disconnected, Snapshot, Event]
    assert isinstance(seen[2], Snapshot)
    assert seen[2].resumed
    numbers = [item.data["number"] for item in seen if isinstance(item, Event)]
    assert numbers == [2, 3]
    assert pauses.durations_s == [0.25]


def test_a_refusal_for_good_ends_the_following(gateway: Any, folder: Path) -> None:
    body = (
        b'{"type":"x","title":"x","status":403,"detail":"You may not.",'
        b'"code":"forbidden"}'
    )
    thread = play(folder / "s", http_answer(body, status=403))
    with (
        Client(str(folder / "s")) as client,
        pytest.raises(ApiError, match="You may not") as caught,
    ):
        next(client.events())
    thread.join()
    assert caught.value.exit_code == 77
    assert gateway.path.exists()


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_for_now_is_tried_again(folder: Path, status: int) -> None:
    body = b'{"type":"x","title":"x","status":0,"detail":"Later.","code":"busy"}'
    thread = play(folder / "s", http_answer(body, status=status))
    with Client(str(folder / "s"), pause=Pauses()) as client:
        items = client.events()
        assert next(items) == Disconnected("Later.")
        items.close()
    thread.join()


# The reader of lines, without a wire.


def test_lines_become_items() -> None:
    follower = Follower()
    event = '{"id":3,"kind":"door.deny","wall_ms":1,"up_ms":2,"data":{"a":[1]}}'
    lines = [": alive", "", "event: unheard-of", "data: ?", "", "id: r.3"]
    lines += ["event: change", f"data: {event}", "", "retry: 5", ""]
    items = [item for line in lines if (item := follower.line(line)) is not None]
    assert items[0] == Heartbeat()
    assert isinstance(items[1], Event)
    assert len(items) == 2
    assert follower.request()[1]["last-event-id"] == "r.3"


def test_a_half_message_of_a_broken_stream_is_forgotten() -> None:
    follower = Follower()
    follower.line("event: change")
    follower.line("data: {")
    follower.request()
    assert follower.line("") is None


@pytest.mark.parametrize("event", ["snapshot", "change"])
def test_a_message_that_is_not_understood_is_said(event: str) -> None:
    follower = Follower()
    follower.line(f"event: {event}")
    follower.line("data: {}")
    with pytest.raises(UnreachableError, match="does not understand"):
        follower.line("")


def test_pauses_grow_to_their_bound() -> None:
    follower = Follower()
    pauses = [follower.pause_s() for _ in range(10)]
    assert pauses[:3] == [0.25, 0.5, 1.0]
    assert pauses[-1] == PAUSE_S_MAX


def test_what_steers_a_terminal_is_not_printed() -> None:
    assert printable("Zoë\x1b[2J\u202e\n") == "Zoë\ufffd[2J\ufffd\ufffd"
