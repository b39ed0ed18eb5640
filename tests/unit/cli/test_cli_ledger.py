"""`keyra ledger …` over a real API, on a ledger that is there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.ledger_verbs import verdict_lines
from gateway.client import Client
from gateway.schemas.ledger import Finding, LedgerQuery, Verdict, Verification
from gateway.service.ledger_facade import VerificationView, VerificationWish
from ledger.cli import run
from ledger.receipt import check_receipt

Ask = Callable[..., Any]


def test_entries_are_listed_filtered_and_found_by_time(ask: Ask) -> None:
    ended = ask("ledger", "list", "--result", "denied", "-n", "2")
    lines = ended.out.splitlines()
    assert lines[0].split() == [
        "ENTRY", "TIME", "KIND", "RESULT", "HOLDER", "DOOR", "DETAIL"
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == ["15", "12"]
    found = json.loads(ask("ledger", "list", "--kind", "enrol", "--json").out)
    assert [one["holder"] for one in found] == ["h2", "h1"]
    at = json.loads(ask("ledger", "list", "--json", "--oldest", "-n", "3").out)
    later = ask("ledger", "list", "--json", "--at", "2026-09-21T00:00Z").out
    assert [one["n"] for one in at] == [0, 1, 2]
    assert [one["n"] for one in json.loads(later)][:2] == [0, 1]
    assert json.loads(ask("ledger", "list", "--json", "--at", "2050-01-01").out) == []
    nothing = ask("ledger", "list", "--holder", "nobody")
    assert (nothing.code, nothing.out.startswith("No entry fits")) == (0, True)


def test_one_entry_is_shown_and_proved_offline(
    ask: Ask, gateway: Any, tmp_path: Path
) -> None:
    receipt = tmp_path / "receipt.json"
    ended = ask("ledger", "show", "7", "--receipt", str(receipt))
    assert ended.code == 0
    assert "leads to the root of the checkpoint" in ended.out
    proved = check_receipt(
        receipt.read_bytes(), gateway.books.made.key.vkey("example.com/front")
    )
    assert (proved.entry.n, proved.opened) == (7, True)
    assert json.loads(ask("ledger", "show", "7", "--json").out)["proved"] is True
    missing = ask("ledger", "show", "4000")
    assert (missing.code, "holds no entry 4000" in missing.err) == (1, True)


def test_an_export_is_written_once_and_verified(
    ask: Ask, gateway: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "export.jsonl"
    assert ask("ledger", "export", str(file)).code == 0
    assert run(["verify", str(file), "--vkey", gateway.books.made.vkey]) == 0
    capsys.readouterr()
    again = ask("ledger", "export", str(file), "--json")
    assert (again.code, "is there already" in again.err) == (1, True)
    part = tmp_path / "part.jsonl"
    said = ask("ledger", "export", str(part), "--first", "3", "--last", "4", "--json")
    assert json.loads(said.out)["bytes"] == part.stat().st_size


def test_an_export_that_is_refused_leaves_no_file(
    ask: Ask, gateway: Any, tmp_path: Path
) -> None:
    gateway.groups.clear()
    gateway.own_uid = 64_024
    file = tmp_path / "export.jsonl"
    gateway.stop()
    assert ask("ledger", "export", str(file)).code == 69
    assert not file.exists()


@pytest.mark.parametrize(
    ("state", "code"),
    [("verified", 0), ("tampered", 1), ("unreadable", 3), ("incomplete", 4),
     ("cancelled", 1)],
)  # fmt: skip
def test_a_verdict_is_an_exit_code(
    ask: Ask, gateway: Any, state: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = {"entries": 17, "origin": "example.com/front", "signed": 17, "root": "x"}

    def at_once(wish: VerificationWish) -> VerificationView:
        gateway.books.wishes.append(wish)
        gateway.books.view = VerificationView(state, wish.deep, 17, 17, verdict=verdict)
        return VerificationView("running")

    monkeypatch.setattr(gateway.books, "verify", at_once)
    ended = ask("ledger", "verify", "--deep")
    assert ended.code == code
    assert ended.out.startswith(f"{state.upper()}: 17 entries of example.com/front")
    assert gateway.books.wishes == [VerificationWish(deep=True)]
    assert json.loads(ask("ledger", "verify", "--json").out)["state"] == state


def test_a_verdict_in_words() -> None:
    verdict = Verdict(
        problem="Line 3.\x1b[2J",
        entries=9,
        remarks=("A remark.",),
        findings=(Finding(n=4, text="not proved"),),
    )
    found = Verification(
        state="tampered", deep=True, done=9, whole=9, detail="", verdict=verdict
    )
    text = "\n".join(verdict_lines(found))
    assert "Line 3.\ufffd[2J" in text
    assert "Entry 4: not proved" in text
    ended = found.model_copy(
        update={"state": "unreadable", "verdict": None, "detail": "It ended."}
    )
    assert verdict_lines(ended) == ["UNREADABLE", "It ended."]


def test_checkpoint_and_figures(ask: Ask) -> None:
    note = ask("ledger", "checkpoint").out
    assert note.startswith("example.com/front\n17\n")
    assert "█" in ask("ledger", "checkpoint", "--qr").out
    assert json.loads(ask("ledger", "checkpoint", "--json").out)["note"] == note
    assert "17 entries from" in ask("ledger", "stats").out
    assert json.loads(ask("ledger", "stats", "--json").out)["kinds"]["door.grant"] == 6


def test_wrong_use_is_said(ask: Ask) -> None:
    for words in (
        ("show", "-1"),
        ("show", "x"),
        ("list", "-n", "0"),
        ("list", "--from", "yesterday"),
        ("export",),
        (),
    ):
        assert ask("ledger", *words).code == 64


def test_both_clients_walk_the_same_pages(gateway: Any) -> None:
    with Client(str(gateway.path)) as client:
        query = LedgerQuery(limit=4, kind="door")
        found = [one.n for one in client.ledger.entries(query)]
    assert found == sorted(found, reverse=True)
    assert len(found) == 9
