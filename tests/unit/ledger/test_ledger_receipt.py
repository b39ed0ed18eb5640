"""Receipts, proofs, pruning, and tables for people."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.checkpoint import parse_vkey
from ledger.deep import Replay
from ledger.encoding import canonical
from ledger.entry import Draft, Entry, Stamp, encode_entry, parse_entry
from ledger.errors import (
    KeyFileError,
    LedgerBusyError,
    LedgerCorruptError,
    LedgerError,
    NoSuchEntryError,
    ProofError,
)
from ledger.keys import SigningKey
from ledger.prune import BATCH, RESTATED_MAX, prune
from ledger.reader import Reader
from ledger.receipt import (
    check_consistency_proof,
    check_receipt,
    make_consistency,
    make_receipt,
)
from ledger.rotation import load_signing_key, rotate_key
from ledger.stats import read_stats
from ledger.table import Filter, csv_lines, harmless, when
from ledger.verdict import Exit
from ledger.verify import verify_lines
from tests.ledger_world import BOOT, START_MS, Key, Made, foreseeing, make

EXIT = Draft("door.exit", {"door": "front"})
GRANT = 7


def receipt(made: Made, n: int, enrolment: int | None = None) -> bytes:
    with Reader.open(made.path) as reader:
        return make_receipt(reader, n, enrolment)


def test_an_opening_is_proved_offline(lived: Made) -> None:
    found = check_receipt(receipt(lived, GRANT), parse_vkey(lived.vkey))
    assert found.entry.ev == "door.grant"
    assert found.opened
    other = check_receipt(receipt(lived, 2), parse_vkey(lived.vkey))
    assert (other.entry.ev, other.opened) == ("config", False)


def test_whoever_knows_that_there_is_no_enrolment_spares_the_search(
    lived: Made,
) -> None:
    with Reader.open(lived.path) as reader:
        line = make_receipt(reader, GRANT, search=False)
    found = check_receipt(line, parse_vkey(lived.vkey))
    assert (found.entry.n, found.opened) == (GRANT, False)


def test_some_entries_are_read_at_once(lived: Made) -> None:
    with Reader.open(lived.path) as reader:
        expected = {n: reader.entry(n) for n in (9, 2)}
        assert reader.bodies([9, 2]) == expected
        assert reader.bodies([]) == {}
        with pytest.raises(NoSuchEntryError, match="no entry 5000"):
            reader.bodies([2, 5000])


def test_a_receipt_of_another_key_is_refused(lived: Made) -> None:
    key = SigningKey.generate().vkey("example.com/front")
    with pytest.raises(ProofError, match="not signed"):
        check_receipt(receipt(lived, GRANT), key)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r.update(v=2), "version"),
        (lambda r: r.update(note=3), "signed note"),
        (lambda r: r.update(entry=3), "not an entry"),
        (lambda r: r.update(proof=3), "list"),
        (lambda r: r.update(proof=[3]), "32 bytes"),
        (lambda r: r.update(proof=[*r["proof"], r["proof"][0]]), "too long"),
        (lambda r: r.update(entry=r["enrolment"]["entry"]), "proof"),
        (lambda r: r.update(enrolment=3), "not an entry"),
        (
            lambda r: r.update(enrolment={"entry": r["entry"], "proof": r["proof"]}),
            "no",
        ),
    ],
)
def test_changed_receipts_are_refused(
    lived: Made, change: Callable[[Any], object], words: str
) -> None:
    value = json.loads(receipt(lived, GRANT))
    change(value["receipt"])
    with pytest.raises(LedgerError, match=words):
        check_receipt(canonical(value), parse_vkey(lived.vkey))


def test_a_receipt_with_another_keys_enrolment_is_refused(lived: Made) -> None:
    with pytest.raises(LedgerError, match="another key"):
        check_receipt(receipt(lived, GRANT, 6), parse_vkey(lived.vkey))


def test_a_receipt_for_another_door_is_refused(lived: Made) -> None:
    door = lived.door
    key = Key("carl")
    lived.append(door.enrol(key, "h1"))
    n = lived.append(door.grant(key, "h1", what={"door": "back"}))
    with pytest.raises(LedgerError, match="another door"):
        check_receipt(receipt(lived, n), parse_vkey(lived.vkey))
    stray = lived.append(Draft("door.grant", {"credential": "AAAA"}))
    found = check_receipt(receipt(lived, stray), parse_vkey(lived.vkey))
    assert not found.opened


@given(st.binary(max_size=100))
def test_rubbish_is_refused_by_name(data: bytes) -> None:
    key = SigningKey.from_seed(bytes(32)).vkey("a")
    with pytest.raises(LedgerError):
        check_receipt(data, key)
    with pytest.raises(LedgerError):
        check_consistency_proof(data)


def test_files_of_another_shape_are_refused() -> None:
    for data in (
        b"x" * 300_000,
        b'{"receipt":1}',
        b"[]",
        b'{"consistency":{"from":1}}',
    ):
        with pytest.raises(LedgerError):
            check_consistency_proof(data)


def test_two_sizes_are_proved_to_be_one_history(lived: Made) -> None:
    with Reader.open(lived.path) as reader:
        proof = make_consistency(reader, 6, 17)
    assert check_consistency_proof(proof) == (6, 17)
    value = json.loads(proof)
    value["consistency"]["from_root"] = value["consistency"]["to_root"]
    with pytest.raises(ProofError):
        check_consistency_proof(canonical(value))


# --- pruning ---


def replayed(made: Made) -> Replay:
    lines = made.lines()
    replay = foreseeing(lines)
    verdict = verify_lines(lines, vkey=made.vkey, on_entry=replay.on_entry)
    assert verdict.exit is Exit.VERIFIED
    replay.check_bases(verdict.first, verdict.base_root)
    return replay


def test_old_history_goes_and_what_matters_is_restated(lived: Made) -> None:
    old = replayed(lived)
    base = lived.open()
    base.checkpoint()
    base.close()
    lived.append(EXIT)
    assert prune(lived.path, lived.key, 17, old.live(), lived.door.stamp()) == 17
    assert b"Draft" not in lived.path.read_bytes()
    verdict = verify_lines(lived.lines(), vkey=lived.vkey)
    assert (verdict.exit, verdict.first) == (Exit.VERIFIED, 17)
    replay = replayed(lived)
    assert not replay.findings
    assert replay.first == 17
    assert {k: v.state for k, v in replay.credentials.items()} == {
        k: v.state for k, v in old.credentials.items()
    }
    assert [c.counter for c in replay.credentials.values()] == [
        c.counter for c in old.credentials.values()
    ]
    lived.append(EXIT)
    with Reader.open(lived.path) as reader:
        assert reader.base()[0] == 17
    with pytest.raises(NoSuchEntryError):
        prune(lived.path, lived.key, 17, [], lived.door.stamp())
    lived.append(*[EXIT] * 300)
    assert verify_lines(lived.lines(), vkey=lived.vkey).exit is Exit.VERIFIED


def test_a_prune_that_cannot_be_done_changes_nothing(lived: Made) -> None:
    stamp, many = lived.door.stamp(), [0] * (RESTATED_MAX + 1)
    with pytest.raises(NoSuchEntryError):
        prune(lived.path, lived.key, 5000, [], stamp)
    with pytest.raises(ProofError):
        prune(lived.path, lived.key, 2, many, stamp)
    writer = lived.open()
    with pytest.raises(LedgerBusyError):
        prune(lived.path, lived.key, 2, [], stamp)
    writer.close()
    with Reader.open(lived.path) as reader:
        reader._connection.execute("BEGIN")
        reader.size()
        lived.append(EXIT)
        with pytest.raises(LedgerCorruptError, match="as it was"):
            prune(lived.path, lived.key, 2, [], lived.door.stamp())
        reader._connection.execute("COMMIT")
    assert verify_lines(lived.lines(), vkey=lived.vkey).exit is Exit.VERIFIED


def test_what_stands_until_the_next_of_its_kind_is_live() -> None:
    replay = Replay()
    drafts = [
        Draft("door.mode", {"mode": "LockedDown", "door": "a"}),
        Draft("door.mode", {"mode": "LockedDown", "door": "a"}),
        Draft("door.mode", {"mode": "Locked", "door": "a"}),
        Draft("commissioned", {"door": "a"}),
        Draft("commissioned", {}),
    ]
    for n, draft in enumerate(drafts):
        entry = encode_entry(n, bytes(32), Stamp(0, "0" * 16, 0, 0), draft)
        replay.on_entry(n, entry, b"")
    assert replay.live() == [1, 2, 3, 4]
    assert replay.findings == []


def test_more_is_restated_than_one_append_holds(lived: Made) -> None:
    lived.append(*[EXIT] * (2 * BATCH))
    writer = lived.open()
    writer.checkpoint()
    base = writer.size
    writer.close()
    live = list(range(base - 2 * BATCH - 1, base))
    assert prune(lived.path, lived.key, base, live, lived.door.stamp()) == base
    verdict = verify_lines(lived.lines(), vkey=lived.vkey)
    assert verdict.exit is Exit.VERIFIED
    with Reader.open(lived.path) as reader:
        again = [parse_entry(body) for body in reader.entries(base, reader.size())]
    assert [entry.ev for entry in again] == [*["restate"] * len(live), "prune"]


def test_history_can_be_pruned_again(lived: Made) -> None:
    for _ in range(3):
        before = replayed(lived)
        writer = lived.open()
        writer.checkpoint()
        base = writer.size
        writer.close()
        prune(lived.path, lived.key, base, before.live(), lived.door.stamp())
        replay = replayed(lived)
        assert not replay.findings
        assert replay.first == base
        assert {key: known.state for key, known in replay.credentials.items()} == {
            key: known.state for key, known in before.credentials.items()
        }
    key = Key("anna", counter=4)
    lived.append(lived.door.grant(key, "h1"))
    assert not replayed(lived).findings


# --- rotation ---


def test_a_rotation_survives_a_cut_at_each_step(tmp_path: Path) -> None:
    made = make(tmp_path)
    path = tmp_path / "ledger.key"
    made.key.save(path)
    announced = tmp_path / "ledger.key.next"
    # Cut before the ledger knew: the new key is dropped.
    SigningKey.generate().save(announced)
    assert load_signing_key(made.path, path).public == made.key.public
    assert not announced.exists()
    # Cut after the ledger knew: the new key takes its place.
    new = SigningKey.generate()
    new.save(announced)
    writer = made.open()
    writer.rotate(new, made.door.stamp())
    writer.close()
    assert load_signing_key(made.path, path).public == new.public
    newest = rotate_key(made.path, path, made.door.stamp())
    assert SigningKey.load(path).public == newest.public != new.public
    with pytest.raises(KeyFileError):
        load_signing_key(made.path, tmp_path / "none")


# --- tables ---


def test_tables_are_in_utc_and_harmless(lived: Made) -> None:
    lived.append(Draft("alarm", {"reason": "=cmd()", "door": 7, "holder": "a\tb"}))
    with Reader.open(lived.path) as reader:
        entries = [parse_entry(body) for body in reader.entries(0, 99)]
    lines = list(csv_lines(entries))
    assert lines[0].startswith(b"entry,time_utc,synchronised,event,door")
    assert lines[1].startswith(b"0,2026-09-21T14:14:21.000Z,yes,genesis,,,,,")
    assert b",'=cmd()," in lines[-1]
    assert b',7,"""a\\tb""",' in lines[-1]
    unsynchronised = Entry(0, Stamp(0, BOOT, -1, 0), "x", {}, bytes(32))
    assert b"Z,no,x" in list(csv_lines([unsynchronised]))[1]


@given(st.text(max_size=20))
def test_no_field_begins_like_a_formula(text: str) -> None:
    assert not harmless(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_filters_take_what_they_name(lived: Made) -> None:
    with Reader.open(lived.path) as reader:
        entries = [parse_entry(body) for body in reader.entries(0, 99)]

    def count(chosen: Filter) -> int:
        return sum(map(chosen.takes, entries))

    assert count(Filter()) == len(entries)
    assert count(Filter(kinds=("door",))) == 9
    assert count(Filter(kinds=("door.deny", "enrol"))) == 5
    assert count(Filter(holder="h1")) == 5
    assert count(Filter(door="none")) == 0


def test_moments_are_shown_in_utc() -> None:
    assert when(START_MS + 7) == "2026-09-21T14:13:20.007Z"
    assert when(2**53).startswith("9999-12-31")


def test_figures(lived: Made) -> None:
    found = read_stats(lived.path)
    assert (found.entries, found.kinds[0]) == (17, ("door.grant", 6))
    assert found.entry_bytes < found.file_bytes
    assert found.first < found.last
