"""The event stream over a real socket: snapshot, changes, resume, places."""

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from gateway.api.event_stream import STREAMS_MAX, STREAMS_PER_UID_MAX, Start, start
from gateway.service.events import EVENTS_KEPT_MAX, SUBSCRIBERS_MAX

Frame = dict[str, Any]


def frames(answer: httpx.Response) -> Iterator[Frame]:
    """Messages of a stream: id, event and parsed data."""
    fields: Frame = {}
    for line in answer.iter_lines():
        if line.startswith(":"):
            continue
        if not line:
            yield {**fields, "data": json.loads(fields["data"])}
            fields = {}
            continue
        name, _, value = line.partition(": ")
        fields[name] = value


@contextmanager
def following(
    http: httpx.Client, last_id: str | None = None, recent: int = 0
) -> Iterator[Iterator[Frame]]:
    """An open stream."""
    headers = {} if last_id is None else {"last-event-id": last_id}
    path = f"/v1/events?recent={recent}"
    with http.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield frames(answer)


def numbers(stream: Iterator[Frame], count: int) -> list[int]:
    """The `number` in the next events."""
    return [f["data"]["data"]["number"] for f in itertools.islice(stream, count)]


def publish(gateway: Any, *which: int) -> None:
    for number in which:
        gateway.publish("test.event", number=number)


def test_a_snapshot_comes_first_and_then_what_happens(
    gateway: Any, http: httpx.Client
) -> None:
    publish(gateway, 1, 2)
    with following(http) as stream:
        snapshot = next(stream)
        publish(gateway, 3, 4)
        changes = list(itertools.islice(stream, 2))
    assert snapshot["event"] == "snapshot"
    assert snapshot["data"]["resumed"] is False
    assert snapshot["data"]["status"]["last_event_id"] == 2
    assert [c["event"] for c in changes] == ["change", "change"]
    assert [c["data"] for c in changes] == [
        {
            "id": number,
            "kind": "test.event",
            "wall_ms": 1_700_000_000_000,
            "up_ms": 60_000,
            "data": {"number": number},
        }
        for number in (3, 4)
    ]
    run, _, number = snapshot["id"].partition(".")
    assert number == "2"
    assert [c["id"] for c in changes] == [f"{run}.3", f"{run}.4"]


def test_a_new_reader_may_begin_with_the_last_few(
    gateway: Any, http: httpx.Client
) -> None:
    publish(gateway, *range(1, 6))
    with following(http, recent=3) as stream:
        assert next(stream)["data"]["resumed"] is False
        assert numbers(stream, 3) == [3, 4, 5]


def test_what_was_missed_is_told_once_and_in_order(
    gateway: Any, http: httpx.Client
) -> None:
    publish(gateway, 1, 2)
    with following(http, recent=1) as stream:
        next(stream)
        last_id = next(stream)["id"]
    publish(gateway, 3, 4)
    with following(http, last_id) as stream:
        assert next(stream)["data"]["resumed"] is True
        publish(gateway, 5)
        assert numbers(stream, 3) == [3, 4, 5]


def test_a_stream_broken_after_its_snapshot_misses_nothing(
    gateway: Any, http: httpx.Client
) -> None:
    publish(gateway, 1, 2, 3)
    with following(http, recent=2) as stream:
        last_id = next(stream)["id"]
    with following(http, last_id) as stream:
        assert next(stream)["data"]["resumed"] is True
        assert numbers(stream, 2) == [2, 3]


@pytest.mark.parametrize("last_id", ["", "7", "other.1", ".", "x" * 64])
def test_an_id_of_something_else_resumes_nothing(
    gateway: Any, http: httpx.Client, last_id: str
) -> None:
    publish(gateway, 1, 2)
    with following(http, last_id) as stream:
        snapshot = next(stream)
        publish(gateway, 3)
        assert snapshot["data"]["resumed"] is False
        assert numbers(stream, 1) == [3]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("run.5000", Start(5000, resumed=True)),
        ("run.4000", Start(4000, resumed=True)),
        (f"run.{5000 - EVENTS_KEPT_MAX}", Start(5000 - EVENTS_KEPT_MAX, resumed=True)),
        (f"run.{4999 - EVENTS_KEPT_MAX}", Start(4990, resumed=False)),
        ("run.5001", Start(4990, resumed=False)),
        ("run.-1", Start(4990, resumed=False)),
        ("run.٣", Start(4990, resumed=False)),
        ("run." + "9" * 5000, Start(4990, resumed=False)),
        ("earlier.4000", Start(4990, resumed=False)),
        (None, Start(4990, resumed=False)),
    ],
)
def test_only_what_is_kept_of_this_run_is_resumed(
    wanted: str | None, expected: Start
) -> None:
    assert start("run", 5000, wanted, recent=10) == expected


def test_the_beginning_is_before_the_first() -> None:
    assert start("run", 3, None, recent=10) == Start(0, resumed=False)
    assert start("run", 3, "run.0", recent=0) == Start(0, resumed=True)


def test_a_restarted_gateway_does_not_resume_the_numbers_of_the_run_before(
    gateway: Any, http: httpx.Client
) -> None:
    publish(gateway, 1, 2, 3)
    with following(http, recent=2) as stream:
        last_id = next(stream)["id"]
    gateway.stop()
    gateway.start()
    with following(http, last_id) as stream:
        assert next(stream)["data"]["resumed"] is False


def test_one_user_has_so_many_streams_and_gets_them_back(
    gateway: Any, http: httpx.Client
) -> None:
    assert STREAMS_PER_UID_MAX < STREAMS_MAX < SUBSCRIBERS_MAX
    with ExitStack() as stack:
        streams = [
            stack.enter_context(following(http)) for _ in range(STREAMS_PER_UID_MAX)
        ]
        assert [next(stream)["event"] for stream in streams] == ["snapshot"] * 8
        refused = http.get("/v1/events")
        assert refused.status_code == 429
        assert refused.json()["code"] == "too-many-event-streams"
        assert http.get("/v1/status").status_code == 200
    for _ in range(50):
        # Whether the places are free again is only seen once the gateway has heard.
        publish(gateway, 1)
        with http.stream("GET", "/v1/events") as answer:
            if answer.status_code == 200:
                break
    assert answer.status_code == 200


def test_streams_end_when_the_gateway_stops(gateway: Any, http: httpx.Client) -> None:
    with following(http) as stream:
        next(stream)
        gateway.stop()
        assert list(stream) == []
    assert not gateway.path.exists()
