"""The ledger over the API: read by whoever may read, harmed by nobody."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
from pydantic import BaseModel

from gateway.schemas.ledger import (
    LedgerCheckpoint,
    LedgerEntryInFull,
    LedgerPage,
    LedgerPosition,
    LedgerReceipt,
    LedgerStats,
    Verification,
)
from gateway.service.ledger_facade import VerificationView

ENTRIES = "/v1/ledger/entries"
VERIFICATION = "/v1/ledger/verification"


MODELS: tuple[tuple[str, type[BaseModel]], ...] = (
    (ENTRIES, LedgerPage),
    (f"{ENTRIES}/7", LedgerEntryInFull),
    (f"{ENTRIES}/7/receipt", LedgerReceipt),
    ("/v1/ledger/position?at_ms=0", LedgerPosition),
    ("/v1/ledger/checkpoint", LedgerCheckpoint),
    ("/v1/ledger/stats", LedgerStats),
    (VERIFICATION, Verification),
)


def test_answers_are_what_the_document_says(http: httpx.Client) -> None:
    for path, model in MODELS:
        answer = http.get(path)
        assert answer.status_code == 200
        found = model.model_validate_json(answer.content)
        # Nothing is said that the document does not know.
        assert found.model_dump(mode="json") == answer.json()


def test_pages_go_on_where_the_last_one_ended(http: httpx.Client) -> None:
    first = http.get(ENTRIES, params={"limit": 10}).json()
    second = http.get(ENTRIES, params={"limit": 10, "cursor": first["next"]}).json()
    numbers = [one["n"] for one in first["items"] + second["items"]]
    assert numbers == list(range(first["size"] - 1, -1, -1))
    assert second["next"] is None


RUBBISH = (
    "cursor=-1",
    "cursor=9007199254740992",
    f"cursor={'9' * 400}",
    "cursor=1e3",
    "cursor=0x10",
    "cursor=%00",
    "limit=0",
    "limit=201",
    "limit=999999999999999999999",
    "order=sideways",
    "from_ms=-1",
    "until_ms=99999999999999999999",
    f"door={'d' * 129}",
    f"kind={'k' * 10_000}",
    "unknown=1",
    "n=1;DROP%20TABLE%20entry",
)


def test_attack_rubbish_is_refused(http: httpx.Client) -> None:
    for query in RUBBISH:
        answer = http.get(f"{ENTRIES}?{query}")
        assert answer.status_code == 422, query
        assert answer.json()["code"] == "request-invalid"


WORDS = (
    "' OR '1'='1",
    "x'; DROP TABLE entry; --",
    "%",
    "*",
    "\\",
    '"',
    "\x00",
    "\u202e",
    "\U0001f511",
    "1) UNION SELECT body FROM entry --",
)


def test_attack_filters_are_words_and_never_sql(http: httpx.Client) -> None:
    for name in ("door", "holder", "kind", "result"):
        for word in WORDS:
            answer = http.get(ENTRIES, params={name: word})
            assert (answer.status_code, answer.json()["items"]) == (200, [])
    assert http.get(ENTRIES, params={"kind": "genesis"}).json()["items"]


def test_attack_no_such_number(http: httpx.Client) -> None:
    codes = {"request-invalid", "not-found", "entry-unknown"}
    for path in ("", "/receipt"):
        for n in ("-1", "1.5", "abc", "9" * 30, "%2e%2e", "1%20or%201"):
            answer = http.get(f"{ENTRIES}/{n}{path}")
            assert answer.status_code in {404, 422}
            assert answer.json()["code"] in codes
        answer = http.get(f"{ENTRIES}/{2**53 - 1}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "entry-unknown")


BODIES: tuple[object, ...] = (
    {"vkey": "no key"},
    {"vkey": "a+0011+x\n"},
    {"expect": "12"},
    {"expect": "-1:" + "A" * 43 + "="},
    {"deep": 1},
    {"ledger": "/etc/passwd"},
    [],
    "x",
)


def test_attack_a_verification_takes_no_rubbish(
    gateway: Any, http: httpx.Client
) -> None:
    for body in BODIES:
        assert http.post(VERIFICATION, json=body).status_code == 422
    assert gateway.books.wishes == []


def test_a_verification_goes_its_way(gateway: Any, http: httpx.Client) -> None:
    books = gateway.books
    assert http.get(VERIFICATION).json()["state"] == "none"
    begun = http.post(VERIFICATION, json={"deep": True})
    assert (begun.status_code, begun.json()["state"]) == (202, "running")
    again = http.post(VERIFICATION, json={})
    assert (again.status_code, again.json()["code"]) == (409, "verification-running")
    assert http.delete(VERIFICATION).json()["state"] == "cancelled"
    findings = [{"n": n, "text": "not proved"} for n in range(50)]
    books.view = replace(
        VerificationView("tampered", done=9, whole=9),
        verdict={"problem": "Line 3.", "findings": findings, "witnessed": {}},
    )
    verdict = http.get(VERIFICATION).json()["verdict"]
    assert verdict["problem"] == "Line 3."
    assert len(verdict["findings"]) == 20


def test_an_export_is_the_file(gateway: Any, http: httpx.Client) -> None:
    answer = http.get("/v1/ledger/export")
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.content == b"".join(gateway.books.made.lines())
    part = http.get("/v1/ledger/export", params={"first": 4, "last": 5})
    assert part.content == b"".join(gateway.books.made.lines(first=4, last=5))


READS = (
    ("GET", ENTRIES),
    ("GET", f"{ENTRIES}/3"),
    ("GET", f"{ENTRIES}/3/receipt"),
    ("GET", "/v1/ledger/position?at_ms=1"),
    ("GET", "/v1/ledger/checkpoint"),
    ("GET", "/v1/ledger/stats"),
    ("GET", "/v1/ledger/export"),
    ("GET", VERIFICATION),
    ("POST", VERIFICATION),
    ("DELETE", VERIFICATION),
)
WRITES = tuple(
    (method, path)
    for path in (ENTRIES, "/v1/ledger/export", "/v1/ledger/stats")
    for method in ("POST", "PUT", "PATCH", "DELETE")
)


def raw(method: str, path: str, *, last: bool = True) -> bytes:
    body = "{}" if method == "POST" else ""
    return (
        f"{method} {path} HTTP/1.1\r\nhost: keyra\r\n"
        f"connection: {'close' if last else 'keep-alive'}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    ).encode()


def statuses(answers: bytes) -> list[int]:
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def test_attack_an_auditor_reads_all_of_it_and_starts_no_write(
    stranger: tuple[Any, int, Callable[[bytes], bytes]],
) -> None:
    gateway, uid, ask = stranger
    gateway.groups[uid] = frozenset({"keyra-audit"})
    # All on one connection.
    asked = [raw(*one, last=one == READS[-1]) for one in READS]
    assert statuses(ask(b"".join(asked))) == [200] * 8 + [202, 200]
    for method, path in WRITES[:2]:
        assert statuses(ask(raw(method, path))) == [403]


def test_attack_a_stranger_learns_nothing_of_the_ledger(
    stranger: tuple[Any, int, Callable[[bytes], bytes]],
) -> None:
    gateway, _, ask = stranger
    for method, path in (READS[0], READS[6], READS[8]):
        assert statuses(ask(raw(method, path))) == [403]
    assert gateway.books.view.state == "none"


def test_nothing_of_the_ledger_is_written_over_the_api(http: httpx.Client) -> None:
    for method, path in WRITES:
        assert http.request(method, path).status_code == 405
