"""The commands, in this process: what they print, write and answer."""

import importlib
import json
import os
import runpy
import sys
from pathlib import Path

import pytest

from ledger import actions
from ledger.cli import run
from ledger.clock import read_stamp
from ledger.entry import Draft
from ledger.errors import KeyFileError
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.seal_file import load_first_key
from tests.ledger_world import ORIGIN, Key, Made, history, make

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def place(tmp_path: Path) -> Made:
    """A ledger with a life, its signing key and the seal's first key in files."""
    made = make(tmp_path)
    history(made)
    made.key.save(tmp_path / "ledger.key")
    assert made.seal_key is not None
    (tmp_path / "seal-key").write_text(made.seal_key.hex())
    return made


def answer(capsys: Capture, *arguments: object) -> tuple[int, str]:
    code = run([str(argument) for argument in arguments])
    return code, capsys.readouterr().out


def test_init_hands_over_both_keys(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "ledger.db"
    code, vkey = answer(capsys, "init", path, "--origin", ORIGIN)
    assert code == 0
    key = SigningKey.load(tmp_path / "ledger.key")
    assert vkey.strip() == str(key.vkey(ORIGIN))
    assert len(load_first_key(tmp_path / "ledger.seal-key")) == 32
    assert answer(capsys, "init", path, "--origin", ORIGIN)[0] == 3
    other = tmp_path / "other.db"
    options = ("--key", tmp_path / "ledger.key", "--seal-out", tmp_path / "out")
    assert answer(capsys, "init", other, "--origin", ORIGIN, *options)[1] == vkey
    code, text = answer(
        capsys, "verify", path, "--vkey", vkey.strip(), "--seal-key",
        tmp_path / "ledger.seal-key",
    )  # fmt: skip
    assert code == 0
    assert "The seal is whole" in text


def test_first_keys_that_are_none_are_refused(tmp_path: Path) -> None:
    for content in ("", "zz", "00"):
        (tmp_path / "k").write_text(content)
        with pytest.raises(KeyFileError):
            load_first_key(tmp_path / "k")
    with pytest.raises(KeyFileError):
        load_first_key(tmp_path / "none")


def test_usage_errors_end_with_2(tmp_path: Path) -> None:
    for arguments in (
        [],
        ["verify", "x", "--vkey", "x"],
        ["verify", "x", "--expect", "x"],
        ["init", "x", "--origin", "a b"],
        ["export", "x", "--from", "2026-01-01"],
    ):
        with pytest.raises(SystemExit) as caught:
            run(arguments)
        assert caught.value.code == 2
    assert run(["verify", str(tmp_path / "none")]) == 3


def test_an_export_is_verified_deeply(place: Made, capsys: Capture) -> None:
    file = place.path.with_name("x.jsonl")
    assert answer(capsys, "export", place.path, "--output", file)[0] == 0
    code, text = answer(capsys, "verify", file, "--vkey", place.vkey, "--deep")
    assert code == 0
    assert text.startswith("VERIFIED: 17 entries of example.com/front")
    assert "6 openings and 2 enrolments checked again" in text
    seal = ("--seal-key", place.path.with_name("seal-key"))
    code, text = answer(capsys, "verify", file, "--vkey", place.vkey, *seal, "--json")
    assert code == 0
    assert json.loads(text)["sealed"]
    checkpoint = f"{json.loads(text)['entries']}:{json.loads(text)['root']}"
    code, text = answer(capsys, "verify", file, "--expect", checkpoint)
    assert code == 4
    assert text.startswith("INCOMPLETE")


def test_the_database_itself_is_verified(place: Made, capsys: Capture) -> None:
    assert answer(capsys, "verify", place.path, "--vkey", place.vkey)[0] == 0
    place.path.with_name("ledger.key").unlink()
    assert answer(capsys, "verify", place.path, "--vkey", place.vkey)[0] == 4


def test_a_program_beside_it_is_told_how_far_it_is(
    place: Made, capsys: Capture
) -> None:
    assert run(["verify", str(place.path), "--vkey", place.vkey, "--progress"]) == 0
    assert capsys.readouterr().err.splitlines() == ["0 17", "17 17"]


def test_what_is_wrong_is_said_with_its_place(place: Made, capsys: Capture) -> None:
    file = place.path.with_name("x.jsonl")
    lines = place.lines()
    file.write_bytes(b"".join(lines).replace(b'"h2"', b'"h3"', 1))
    code, text = answer(capsys, "verify", file, "--vkey", place.vkey)
    assert code == 1
    assert text.startswith("TAMPERED")
    assert "(entry " in text
    code, text = answer(capsys, "verify", file, "--json", "--deep")
    assert json.loads(text)["exit"] == code == 1


def test_an_opening_without_proof_is_tampering(place: Made, capsys: Capture) -> None:
    place.append(Draft("door.grant", {"credential": "eve"}))
    code, text = answer(capsys, "verify", place.path, "--vkey", place.vkey, "--deep")
    assert code == 1
    assert "Entry 17: the door was opened by a key that was never enrolled." in text


def test_stretches_tables_and_selections(place: Made, capsys: Capture) -> None:
    code, text = answer(
        capsys, "export", place.path, "--format", "csv", "--door", "front"
    )
    assert code == 0
    assert text.count("door.grant") == 6
    code = run(["export", str(place.path), "--first", "3", "--last", "5"])
    assert code == 0
    assert capsys.readouterr().out.startswith('{"base":')
    since = "2026-09-21T14:14:23+00:00"
    run(["export", str(place.path), "--from", since])
    assert capsys.readouterr().out.startswith('{"base":')
    run(["export", str(place.path), "--until", since, "--format", "csv"])
    assert capsys.readouterr().out.count("\n") == 3
    run(["export", str(place.path), "--kind", "door.grant", "--holder", "h1"])
    receipts = capsys.readouterr().out.splitlines()
    assert len(receipts) == 3
    file = place.path.with_name("receipt")
    file.write_text(receipts[0] + "\n")
    code, text = answer(capsys, "check-proof", file, "--vkey", place.vkey)
    assert code == 0
    assert "own signature" in text


def test_proofs_are_made_and_checked(place: Made, capsys: Capture) -> None:
    code, text = answer(capsys, "prove", place.path, 2)
    assert code == 0
    file = place.path.with_name("proof")
    file.write_text(text)
    assert answer(capsys, "check-proof", file)[0] == 4
    code, said = answer(capsys, "check-proof", file, "--vkey", place.vkey)
    assert code == 0
    assert "own signature" not in said
    file.write_text(text.replace('"proof":["', '"proof":["A'))
    assert answer(capsys, "check-proof", file, "--vkey", place.vkey)[0] == 1
    code, text = answer(capsys, "consistency", place.path, 3, 17)
    file.write_text(text)
    assert answer(capsys, "check-proof", file)[0] == code == 0
    assert answer(capsys, "consistency", place.path, 3, 18)[0] == 3


def test_a_bundle_is_complete(place: Made, capsys: Capture) -> None:
    directory = place.path.with_name("bundle")
    code, text = answer(capsys, "bundle", place.path, directory)
    assert code == 0
    assert "README.md" in text
    names = {path.name for path in directory.iterdir()}
    assert names == {
        "ledger.jsonl", "checkpoint.txt", "verify.py", "README.md", "SHA256SUMS"
    }  # fmt: skip
    assert ORIGIN in (directory / "README.md").read_text()
    assert "{{" not in (directory / "README.md").read_text()
    assert answer(capsys, "bundle", place.path, directory)[0] == 3


def test_entries_are_shown_to_people(place: Made, capsys: Capture) -> None:
    code, text = answer(capsys, "show", place.path, "--last", 3)
    assert code == 0
    assert len(text.splitlines()) == 3
    assert "credential.state" in text
    code, text = answer(capsys, "show", place.path, "--kind", "enrol")
    assert len(text.splitlines()) == 2
    code, text = answer(capsys, "show", place.path, "--entry", 0)
    assert json.loads(text)["ev"] == "genesis"
    code, text = answer(capsys, "stats", place.path)
    assert text.startswith("17 entries from 2026-09-21T14:14:21.000Z")
    assert "6  door.grant" in text


def test_checkpoints_are_printed(place: Made, capsys: Capture) -> None:
    code, text = answer(capsys, "checkpoint", place.path)
    assert code == 0
    assert text.startswith(f"{ORIGIN}\n17\n")
    code, text = answer(capsys, "checkpoint", place.path, "--qr")
    assert "█" in text


def test_keys_are_rotated(place: Made, capsys: Capture) -> None:
    code, vkey = answer(capsys, "rotate", place.path)
    assert code == 0
    assert vkey.strip() != place.vkey
    code, text = answer(capsys, "verify", place.path, "--vkey", place.vkey)
    assert code == 0
    assert "last key rotation" in text


def test_a_witness_signs_only_what_continues(place: Made, capsys: Capture) -> None:
    folder = place.path.parent
    SigningKey.generate().save(folder / "w.key")
    witness = ("--name", "w.example", "--key", folder / "w.key")
    code, note = answer(capsys, "checkpoint", place.path)
    (folder / "note").write_text(note)
    sign = ("cosign", folder / "note", *witness, "--vkey", place.vkey)
    code, line = answer(capsys, *sign)
    assert code == 0
    with Reader.open(place.path) as reader:
        writer_size = reader.size()
    writer = place.open()
    writer.checkpoint()
    writer.close()
    (folder / "line").write_text(line)
    vkey = SigningKey.load(folder / "w.key").vkey("w.example")
    witness_key = type(vkey)("w.example", 4, vkey.public)
    add = ("add-cosignature", place.path, writer_size, folder / "line", "--witness")
    assert answer(capsys, *add, witness_key)[0] == 0
    verify = ("verify", place.path, "--vkey", place.vkey, "--witness", witness_key)
    code, text = answer(capsys, *verify)
    assert code == 0
    assert "Witness w.example saw 17 entries." in text

    code, text = answer(capsys, "consistency", place.path, 5, 17)
    (folder / "proof").write_text(text)
    root = json.loads(text)["consistency"]["from_root"]
    held = (*sign, "--proof", folder / "proof", "--held")
    assert answer(capsys, *held, f"5:{root}")[0] == 0
    assert answer(capsys, *held, f"6:{root}")[0] == 3
    assert answer(capsys, *sign, "--held", f"5:{root}")[0] == 3
    other = SigningKey.generate().vkey(ORIGIN)
    wrong = ("cosign", folder / "note", *witness, "--vkey", other)
    assert answer(capsys, *wrong)[0] == 3


def test_old_history_is_dropped(place: Made, capsys: Capture) -> None:
    writer = place.open()
    writer.checkpoint()
    writer.close()
    code, text = answer(capsys, "prune", place.path, "--before", 17)
    assert code == 0
    assert "begins at entry 17" in text
    verify = ("verify", place.path, "--vkey", place.vkey, "--deep")
    code, text = answer(capsys, *verify)
    assert code == 0
    assert "from entry 17 on, 0 not proved" in text
    file = place.path.with_name("pruned.jsonl")
    assert answer(capsys, "export", place.path, "--output", file)[0] == 0
    assert answer(capsys, "verify", file, *verify[2:])[0] == 0
    writer = place.open()
    writer.append([place.door.grant(Key("anna", counter=4), "h1")], place.door.stamp())
    base = writer.size
    writer.checkpoint()
    writer.append([place.door.grant(Key("anna", counter=5), "h1")], place.door.stamp())
    writer.close()
    stretch = file.with_name("stretch.jsonl")
    options = ("--first", base, "--output", stretch)
    assert answer(capsys, "export", place.path, *options)[0] == 0
    code, text = answer(capsys, "verify", stretch, *verify[2:])
    assert code == 4
    assert f"Entry {base}: it rests on entries before" in text
    rubbish = file.with_name("rubbish")
    for first in (b"[]\n", b"rubbish\n", b'{"base":1}\n', b'{"base":{"n":"1"}}\n', b""):
        rubbish.write_bytes(first)
        assert answer(capsys, "verify", rubbish, *verify[2:])[0] != 0


def test_progress_is_for_people(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions._progress(1, 2)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    actions._progress(1, 2)
    actions._progress(2, 2)
    assert capsys.readouterr().err == "\r 50 % of 2 entries\r100 % of 2 entries\n"


def test_a_reader_that_leaves_is_no_error(
    place: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(_line: object) -> None:
        raise BrokenPipeError

    reader, writer = os.pipe()
    monkeypatch.setattr(actions, "_say", leave)
    with os.fdopen(writer, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert run(["stats", str(place.path)]) == 0
    os.close(reader)


def test_the_module_is_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["keyra-ledger", "--help"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("ledger", run_name="__main__")
    assert caught.value.code == 0


def test_importing_the_command_does_not_run_it() -> None:
    assert importlib.import_module("ledger.__main__").main


def test_the_clock_is_read() -> None:
    first, second = read_stamp(), read_stamp()
    assert first.boot == second.boot
    assert first.up_ms <= second.up_ms
