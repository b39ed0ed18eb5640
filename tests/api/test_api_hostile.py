"""Requests that somebody wrote by hand to find out what happens."""

import json
import socket
from typing import Any

import httpx
import pytest

from gateway.api.guard import BODY_BYTES_MAX, IMPORT_BYTES_MAX
from gateway.api.problems import FAULT_CHARS_MAX, FAULTS_MAX
from gateway.order_schemas import IMPORT_HOLDERS_MAX

JSON = {"content-type": "application/json"}
MODE = b'{"mode":"Blocked"}'


def tell(gateway: Any, request: bytes) -> bytes:
    """Send these bytes; return all that comes until the gateway closes."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(str(gateway.path))
        sock.sendall(request)
        told = b""
        while piece := sock.recv(65536):
            told += piece
    return told


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (rb'{"\ud800": 1, "mode": "Blocked"}', 422),
        (rb'{"mode": "\ud800"}', 422),
        (b'{"mode": "Blocked", "for_ms": NaN}', 422),
        (b'{"mode": "Blocked", "for_ms": 1e999}', 422),
        (b'{"mode": "Blocked", "for_ms": 1.5}', 422),
        (b'{"mode": "Blocked", "for_ms": 9007199254740993.0}', 422),
        (b'{"mode": "Blocked", "for_ms": true}', 422),
        (b'{"mode": "Blocked", "for_ms": "5"}', 422),
        (b"[" * 8_000 + b"]" * 8_000, 400),
        (b'{"a":' * 3_000 + b"1" + b"}" * 1_000, 400),
        (b"\xff\xfe\x00", 400),
        (b"9" * 10_000, 400),
    ],
)
def test_attack_json_at_the_edges_is_refused(
    gateway: Any, http: httpx.Client, body: bytes, status: int
) -> None:
    answer = http.put("/v1/door/mode", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (status, "request-invalid")
    assert gateway.facade.changes == []


def test_a_whole_number_may_have_a_fraction_of_nothing(
    gateway: Any, http: httpx.Client
) -> None:
    body = b'{"mode": "Blocked", "for_ms": 5000.0}'
    assert http.put("/v1/door/mode", content=body, headers=JSON).status_code == 200
    assert gateway.facade.changes[0][0] == "mode Blocked for 5000"


def test_attack_a_refusal_repeats_the_askers_words_short_and_printable(
    http: httpx.Client,
) -> None:
    escape = "\x1b]52;c;\x07\u202e"
    kind = http.post("/v1/orders", json={"order": {"kind": escape + "x" * 9_000}})
    many = http.put("/v1/door/mode", json={escape + str(n): n for n in range(500)})
    for answer in (kind, many):
        told = answer.json()
        assert answer.status_code == 422
        assert "".join(told["detail"].split()).isprintable()
        assert len(told["faults"]) <= FAULTS_MAX
        for fault in told["faults"]:
            assert len(fault["where"] + fault["what"]) <= 2 * FAULT_CHARS_MAX
            assert fault["where"].isprintable()
        assert len(answer.content) < 10_000


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 3\r\ncontent-length: 4\r\n",
        b"content-length: -3\r\n",
        b"content-length: 0x12\r\n",
        b"content-length: " + b"9" * 5_000 + b"\r\n",
        b"transfer-encoding: gzip, chunked\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        b"x: a\x00b\r\n",
        b" folded: yes\r\n",
        b"no colon\r\n",
        b"x: " + b"y" * 20_000 + b"\r\n",
    ],
)
def test_attack_a_head_that_two_could_read_differently_ends_the_connection(
    gateway: Any, head: bytes
) -> None:
    request = b"PUT /v1/door/mode HTTP/1.1\r\nhost: k\r\n%s\r\n%s" % (head, MODE)
    try:
        told = tell(gateway, request)
    except ConnectionResetError:
        told = b""
    if told:
        assert told.split(b" ", 2)[1][:1] in {b"4", b"5"}
        assert told.count(b"HTTP/1.1 ") == 1
    assert gateway.facade.changes == []


def test_attack_a_declared_body_that_is_too_large_is_not_waited_for(
    gateway: Any,
) -> None:
    for path, most in (
        (b"/v1/door/mode", BODY_BYTES_MAX),
        (b"/v1/orders", IMPORT_BYTES_MAX),
        (b"/v1/break-glass", IMPORT_BYTES_MAX),
        (b"/v1/orders/", BODY_BYTES_MAX),
        (b"//v1/orders", BODY_BYTES_MAX),
    ):
        head = b"POST %s HTTP/1.1\r\nhost: k\r\ncontent-length: %d\r\n\r\n"
        told = tell(gateway, head % (path, most + 1))
        assert told.startswith(b"HTTP/1.1 413")


def test_a_list_of_the_most_holders_fits_where_root_breaks_the_glass(
    gateway: Any, http: httpx.Client
) -> None:
    holders = [
        {"holder_id": f"h-{n:04}", "name": "Somebody With A Name", "groups": ["staff"]}
        for n in range(IMPORT_HOLDERS_MAX)
    ]
    order = {"kind": "import", "holders": holders}
    body = {"order": order, "reason": "The administrators are away."}
    assert http.post("/v1/break-glass", json=body).status_code == 201
    assert len(gateway.facade.desk.glass) == 1


@pytest.mark.parametrize(
    "query",
    [
        "first=../../etc/passwd",
        "first=/etc/passwd",
        "last=-1",
        "first=1e3",
        "first=--help",
        "last=%00",
        f"last={'9' * 400}",
    ],
)
def test_attack_an_export_takes_numbers_and_never_paths(
    http: httpx.Client, query: str
) -> None:
    answer = http.get(f"/v1/ledger/export?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")


@pytest.mark.parametrize("query", ["first=5&last=3", "last=999999", "first=999999"])
def test_an_export_of_what_there_is_not_is_not_found(
    http: httpx.Client, query: str
) -> None:
    answer = http.get(f"/v1/ledger/export?{query}")
    assert (answer.status_code, answer.json()["code"]) == (404, "entry-unknown")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/ledger/entries/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/ledger/entries/..%2f..%2f..%2fetc%2fpasswd/receipt",
        "/v1/credentials/..%2f..%2fdoor%2fmode/state",
        "/v1/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/holders%00",
        "/v1/status/",
        "//v1/status",
    ],
)
def test_attack_no_path_leads_out(gateway: Any, http: httpx.Client, path: str) -> None:
    for method in ("GET", "PUT", "POST", "DELETE"):
        answer = http.request(method, httpx.URL(f"http://keyra{path}"), json={})
        assert answer.status_code in {404, 405, 422}
        assert json.loads(answer.content)["code"]
    assert gateway.facade.changes == []


def test_allow_names_every_method_of_a_path(http: httpx.Client) -> None:
    for path, allowed in (
        ("/v1/enrolment", "DELETE, GET, POST"),
        ("/v1/orders/ord_0000000000000000", "DELETE, GET"),
        ("/v1/status", "GET"),
    ):
        answer = http.request("PATCH", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


FORGED = (
    "{run}.99",
    "{run}.-1",
    "{run}.+3",
    "{run}.3.3",
    "{run}. 3",
    "{run}.0x3",
    "{run}.3_0",
    "{run}.3e0",
    "{run}." + "0" * 30,
    "{run}.",
    "{run}",
    "{RUN}.3",
    "other.3",
    ".",
    "3",
)


def test_attack_a_forged_id_resumes_nothing(gateway: Any, http: httpx.Client) -> None:
    for number in range(5):
        gateway.publish("test.event", number=number)

    def begins(last_id: str) -> tuple[str, bool]:
        headers = {"last-event-id": last_id}
        with http.stream("GET", "/v1/events", headers=headers) as told:
            first = next(told.iter_text())
        return first.split()[1], '"resumed":true' in first

    now, resumed = begins("none")
    run, _, last = now.partition(".")
    assert (last, resumed) == ("5", False)
    assert begins(f"{run}.3") == (f"{run}.3", True)
    for forged in FORGED:
        last_id = forged.format(run=run, RUN=run.upper() + "X")
        assert begins(last_id) == (now, False), forged
