"""Whatever comes in, the API answers with a problem of the asker's, never its own."""

import json
import runpy
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FAKES = runpy.run_path(str(Path(__file__).parent / "fake_gateway.py"))
EXAMPLES = settings(max_examples=60)

ENDPOINTS = [
    ("GET", "/v1/status"),
    ("GET", "/v1/holders"),
    ("GET", "/v1/credentials"),
    ("GET", "/v1/enrolment"),
    ("POST", "/v1/enrolment"),
    ("DELETE", "/v1/enrolment"),
    ("POST", "/v1/enrolment/comparison"),
    ("PUT", "/v1/credentials/cred-0001AAAAAAAAAAAA/state"),
    ("PUT", "/v1/door/mode"),
    ("GET", "/v1/openapi.json"),
]
KEYS = ["holder_id", "name", "groups", "from_ms", "until_ms", "agree", "state", "mode"]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["Locked", "active", "h-1", "\ud800", "\x00", "1" * 400])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=8
        )
    ),
    max_leaves=12,
)


def with_hole(value: object, at: int, hole: bytes) -> bytes:
    """JSON of a wrong shape, or JSON broken off in the middle."""
    text = json.dumps(value).encode()
    return text[: at % (len(text) + 1)] + hole if hole else text


holes = st.sampled_from([b"", b"", b"\xff", b"]", b'"', b"[" * 5000, b"9" * 5000])
bodies = st.binary(max_size=300) | st.builds(
    with_hole, values, st.integers(0, 500), holes
)
queries = st.dictionaries(
    st.sampled_from(["limit", "cursor", "recent", "x"]), st.text(max_size=20)
)


@pytest.fixture(scope="module")
def rubbish_bin() -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="keyra-") as folder:
        gateway = FAKES["FakeGateway"](Path(folder) / "gateway.sock")
        gateway.start()
        yield gateway
        gateway.stop()


@pytest.fixture(scope="module")
def asker(rubbish_bin: Any) -> Iterator[httpx.Client]:
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=str(rubbish_bin.path)),
        base_url="http://keyra",
        trust_env=False,
    ) as client:
        yield client


def check(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if not answer.is_success:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
@EXAMPLES
@given(body=bodies, query=queries, as_json=st.booleans())
def test_rubbish_in_body_and_query_is_the_askers_fault(
    asker: httpx.Client,
    method: str,
    path: str,
    *,
    body: bytes,
    query: dict[str, str],
    as_json: bool,
) -> None:
    headers = {"content-type": "application/json"} if as_json else {}
    check(asker.request(method, path, content=body, params=query, headers=headers))


@EXAMPLES
@given(name=st.text(max_size=40), state=scalars)
def test_rubbish_in_a_path_is_the_askers_fault(
    asker: httpx.Client, name: str, state: object
) -> None:
    path = f"/v1/credentials/{httpx.QueryParams({'': name})!s}/state"
    body = json.dumps({"state": state}).encode()
    headers = {"content-type": "application/json"}
    check(asker.put(path, content=body, headers=headers))


@EXAMPLES
@given(last_id=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=99))
def test_rubbish_in_last_event_id_is_the_askers_fault(
    asker: httpx.Client, last_id: str
) -> None:
    with asker.stream("GET", "/v1/events", headers={"last-event-id": last_id}) as told:
        if not told.is_success:
            told.read()
            check(told)


@EXAMPLES
@given(pieces=st.lists(st.binary(max_size=200), max_size=4))
def test_rubbish_on_the_wire_hurts_nobody_else(
    rubbish_bin: Any, asker: httpx.Client, pieces: list[bytes]
) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(rubbish_bin.path))
        try:
            for piece in pieces:
                sock.sendall(piece)
        except BrokenPipeError:
            pass  # it had heard enough
    assert asker.get("/v1/status").status_code == 200
