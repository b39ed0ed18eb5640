"""Verification of exports, and the export and scan under it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.checkpoint import (
    COSIGNATURE,
    Checkpoint,
    VerifierKey,
    cosign,
    parse_note,
    sign_checkpoint,
)
from ledger.encoding import canonical, to_base64
from ledger.entry import Draft, Stamp, encode_entry
from ledger.errors import EncodingError, KeyFileError, NoSuchEntryError, NoteError
from ledger.export import between, export_lines
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.scan import LINE_BYTES_MAX, peek_number, require_canonical
from ledger.seal import Seal, commitment, seal_line
from ledger.tree import Edge, leaf_hash
from ledger.verdict import Exit, Expected, parse_expected
from ledger.verify import verify_lines
from tests.ledger_world import BOOT, ORIGIN, START_MS, Made, seeded

EXIT = Draft("door.exit", {"door": "front"})
KEY = SigningKey.from_seed(seeded("forge"))


class Forge:
    """Writes the lines of an export, right ones and wrong ones."""

    def __init__(self, key: SigningKey = KEY) -> None:
        self.key = key
        self.edge = Edge()
        self.leaf = bytes(32)
        self.seal = Seal.first(bytes(32))
        self.lines: list[bytes] = []

    def genesis(self, **changes: Any) -> "Forge":
        what = {
            "origin": ORIGIN,
            "seal": commitment(bytes(32)),
            "vkey": str(self.key.vkey(ORIGIN)),
        }
        return self.entry("genesis", what | changes)

    def entry(self, ev: str, what: Any, *, n: int | None = None, **at: Any) -> "Forge":
        size = self.edge.size
        stamp = Stamp(
            at.get("at_ms", START_MS + size),
            at.get("boot", BOOT),
            1,
            at.get("up", size),
        )
        body = encode_entry(size if n is None else n, self.leaf, stamp, Draft(ev, what))
        self.leaf = leaf_hash(body)
        self.edge.add(self.leaf)
        self.seal = self.seal.over([self.leaf])
        self.lines.append(body + b"\n")
        return self

    def note(self, key: SigningKey | None = None, origin: str = ORIGIN) -> "Forge":
        signer = key or self.key
        checkpoint = Checkpoint(origin, self.edge.size, self.edge.root())
        return self.add(
            {"note": sign_checkpoint(checkpoint, signer.public, signer.sign)}
        )

    def close(self, **changes: Any) -> "Forge":
        return self.add({"seal": seal_line(ORIGIN, self.seal, self.key.sign) | changes})

    def add(self, value: Any) -> "Forge":
        self.lines.append(canonical(value) + b"\n")
        return self

    def verdict(self, **options: Any) -> tuple[Exit, str]:
        options = {"vkey": str(KEY.vkey(ORIGIN))} | options
        verdict = verify_lines(self.lines, **options)
        return verdict.exit, verdict.problem


def test_a_whole_export_is_verified(lived: Made) -> None:
    seen: list[int] = []
    verdict = verify_lines(
        lived.lines(),
        vkey=lived.vkey,
        seal_key=lived.seal_key,
        on_entry=lambda n, _body, _leaf: seen.append(n),
    )
    assert verdict.exit is Exit.VERIFIED
    assert verdict.problem == ""
    assert verdict.sealed
    assert verdict.closed
    assert verdict.signed == verdict.entries == 17
    assert verdict.boots == 1
    assert verdict.vkey == lived.vkey
    assert seen == list(range(17))


def test_without_the_auditors_key_the_answer_is_incomplete(lived: Made) -> None:
    verdict = verify_lines(lived.lines(), vkey=None)
    assert verdict.exit is Exit.INCOMPLETE
    assert "signed by the key that the file names" in verdict.problem


def test_without_the_seals_key_the_verdict_says_what_it_cannot_exclude(
    lived: Made,
) -> None:
    verdict = verify_lines(lived.lines(), vkey=lived.vkey)
    assert verdict.exit is Exit.VERIFIED
    assert "older export" in verdict.remarks[0]


def test_a_checkpoint_that_is_held_must_be_a_prefix(lived: Made) -> None:
    lines, vkey = lived.lines(), lived.vkey
    with Reader.open(lived.path) as reader:
        held = Expected(9, reader.edge(9).root())
    good = verify_lines(lines, vkey=vkey, expect=held)
    assert good.exit is Exit.VERIFIED
    assert "up to entry 8" in good.remarks[-1]
    for expect, words in (
        (Expected(9, bytes(32)), "history was rewritten"),
        (Expected(99, bytes(32)), "cut off"),
    ):
        verdict = verify_lines(lines, vkey=vkey, expect=expect)
        assert verdict.exit is Exit.TAMPERED
        assert words in verdict.problem


def test_a_tail_that_nobody_vouches_for_is_said_to_be_open(lived: Made) -> None:
    lines = lived.lines()
    cut = [line for line in lines if not line.startswith(b'{"seal"')]
    verdict = verify_lines(cut, vkey=lived.vkey)
    assert verdict.exit is Exit.INCOMPLETE
    assert "Removal of the newest entries cannot be excluded" in verdict.problem
    unsigned = verify_lines(cut[:-1], vkey=lived.vkey)
    assert "No note covers entries" in unsigned.problem
    sealed = verify_lines(cut, vkey=lived.vkey, seal_key=lived.seal_key)
    assert "does not end with its seal line" in sealed.problem
    nothing = verify_lines([], vkey=lived.vkey)
    assert nothing.exit is Exit.INCOMPLETE


def test_a_witness_asked_for_by_name_must_have_signed(made: Made) -> None:
    key = SigningKey.generate()
    witness = VerifierKey("w.example", COSIGNATURE, key.public)
    writer = made.open()
    note = parse_note(writer.checkpoint())
    line = cosign(note, "w.example", key.public, key.sign, 1_790_000_000)
    writer.add_cosignature(1, line, witness)
    writer.close()
    good = verify_lines(made.lines(), vkey=made.vkey, witnesses=[str(witness)])
    assert (good.exit, good.witnessed) == (Exit.VERIFIED, {"w.example": 1})
    other = VerifierKey("w.example", COSIGNATURE, KEY.public)
    pair = [str(witness), str(other)]
    assert verify_lines(made.lines(), vkey=made.vkey, witnesses=pair).exit == 1
    bad = verify_lines(made.lines(), vkey=made.vkey, witnesses=[str(other)])
    assert bad.exit is Exit.TAMPERED
    assert "No note carries" in bad.problem


def test_a_rotation_is_followed(made: Made) -> None:
    new = SigningKey.generate()
    writer = made.open()
    writer.rotate(new, made.door.stamp())
    writer.append([EXIT], made.door.stamp())
    writer.close()
    lines = made.lines(new)
    verdict = verify_lines(lines, vkey=made.vkey)
    assert verdict.exit is Exit.VERIFIED
    assert verdict.vkey == str(new.vkey(ORIGIN))
    assert "last key rotation" in verdict.remarks[-1]
    with pytest.raises(KeyFileError):
        made.lines()


FORGERIES: list[tuple[str, Forge, str]] = [
    ("no beginning", Forge().entry("x", {}).note(), "not the beginning"),
    ("genesis later", Forge().genesis().entry("genesis", {}), "not the beginning"),
    ("two names", Forge().genesis(origin="other"), "two ledgers"),
    ("no key", Forge().genesis(vkey=7), "no verifier key"),
    ("forged", Forge(SigningKey.generate()).genesis().note(), "another key"),
    ("wrong number", Forge().genesis().entry("x", {}, n=7), "stands where"),
    ("foreign note", Forge().genesis().note(origin="other"), "not one of"),
    ("unsigned", Forge().genesis().note(SigningKey.generate()), "not signed"),
    ("two notes", Forge().genesis().note().note(), "second note"),
    ("number note", Forge().genesis().add({"note": 1}), "neither"),
    ("early note", Forge().note(), "before the first"),
    ("unknown", Forge().genesis().add({"other": 1}), "neither"),
    ("two members", Forge().genesis().add({"a": 1, "b": 2}), "neither"),
    ("list", Forge().genesis().add([1]), "neither"),
    ("late base", Forge().genesis().add({"base": {}}), "neither"),
    ("seal early", Forge().genesis().close(), "before a note"),
    ("seal number", Forge().genesis().note().close(n=2), "does not verify"),
    ("seal shape", Forge().genesis().note().close(x=2), "malformed"),
    ("seal type", Forge().genesis().note().close(n="1"), "malformed"),
    ("seal sig", Forge().genesis().note().close(sig=1), "malformed"),
    ("seal tag", Forge().genesis().note().close(tag=1), "malformed"),
    ("after seal", Forge().genesis().note().close().note(), "after the seal"),
    ("entry after", Forge().genesis().note().close().entry("x", {}), "after the seal"),
    (
        "key of another",
        Forge().genesis().note().entry("key", {"vkey": str(KEY.vkey("other"))}),
        "no rotation",
    ),
    (
        "key without note",
        Forge()
        .genesis()
        .entry("key", {"vkey": str(KEY.vkey(ORIGIN))})
        .entry("x", {})
        .note(),
        "note of its own",
    ),
    (
        "two keys",
        Forge()
        .genesis()
        .entry("key", {"vkey": str(KEY.vkey(ORIGIN))})
        .entry("key", {"vkey": str(KEY.vkey(ORIGIN))}),
        "no rotation",
    ),
]


@pytest.mark.parametrize(
    ("forge", "words"), [case[1:] for case in FORGERIES], ids=[c[0] for c in FORGERIES]
)
def test_forgeries_are_refused_with_their_place(forge: Forge, words: str) -> None:
    answer, problem = forge.verdict()
    assert answer is Exit.TAMPERED
    assert words in problem
    assert problem.startswith("Line ")


def test_a_seal_of_the_wrong_size_is_refused_even_if_signed() -> None:
    forge = Forge().genesis().note()
    early = forge.seal
    forge.entry("x", {}).note()
    forge.add({"seal": seal_line(ORIGIN, early, KEY.sign)})
    assert "the seal covers 1 entries" in forge.verdict()[1]


def test_the_seal_is_computed_anew() -> None:
    forge = Forge().genesis().note().close()
    assert forge.verdict(seal_key=bytes(32))[0] is Exit.VERIFIED
    assert "not the one that" in forge.verdict(seal_key=b"x" * 32)[1]
    forged = Forge().genesis()
    forged.seal = Seal(1, bytes(32), bytes(32))
    answer, problem = forged.note().close().verdict(seal_key=bytes(32))
    assert answer is Exit.TAMPERED
    assert "The seal does not match" in problem


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x" * (LINE_BYTES_MAX + 1),
        b"{}",
        b"{}\n",
        b'{"at":1}\n',
        b"\xff\n",
    ],
)
def test_lines_that_are_nothing_are_refused(line: bytes) -> None:
    forge = Forge().genesis().note()
    forge.lines.append(line)
    assert forge.verdict()[0] is Exit.TAMPERED


def test_numbers_beyond_the_limit_are_refused() -> None:
    forge = Forge().genesis()
    forge.lines[0] = forge.lines[0].replace(b'"err":1', b'"err":9999999999999999')
    assert "beyond 2^53" in forge.verdict()[1]


@given(st.lists(st.binary(max_size=60) | st.just(b"{}\n"), max_size=4))
def test_rubbish_is_never_verified(lines: list[bytes]) -> None:
    assert verify_lines(lines, vkey=None).exit is not Exit.VERIFIED


def test_clocks_that_misbehave_are_remarked_on() -> None:
    forge = Forge().genesis()
    forge.entry("x", {}, up=500).entry("x", {}, up=400)
    forge.entry("x", {}, up=401, at_ms=START_MS + 9_999_999)
    forge.entry("clock", {}, up=402, at_ms=START_MS + 5)
    forge.entry("boot", {}, boot="f" * 16, up=0).note()
    verdict = verify_lines(forge.lines, vkey=str(KEY.vkey(ORIGIN)))
    assert [remark[:8] for remark in verdict.remarks[:2]] == ["Entry 2:", "Entry 3:"]
    assert verdict.boots == 2
    for n in range(60):
        forge.entry("x", {}, up=n % 2)
    assert len(verify_lines(forge.lines, vkey=None).remarks) <= 20


def test_a_stretch_proves_its_place(lived: Made) -> None:
    with Reader.open(lived.path) as reader:
        kept = sorted(reader.notes())
        lines = list(export_lines(reader, key=lived.key, first=5, last=6))
    assert json.loads(lines[0])["base"]["n"] == max(n for n in kept if n <= 5)
    verdict = verify_lines(lines, vkey=lived.vkey)
    assert (verdict.exit, verdict.first) == (Exit.VERIFIED, 2)
    sealed = verify_lines(lines, vkey=lived.vkey, seal_key=lived.seal_key)
    assert "whole ledgers" in sealed.problem
    assert verify_lines(lines, vkey=None).exit is Exit.TAMPERED
    held = Expected(1, bytes(32))
    early = verify_lines(lines, vkey=lived.vkey, expect=held)
    assert (early.exit, "before this file begins" in early.problem) == (4, True)
    for root, answer in ((verdict.base_root, Exit.VERIFIED), (bytes(32), 1)):
        beside = verify_lines(lines, vkey=lived.vkey, expect=Expected(2, root))
        assert beside.exit is Exit(answer)
    without = verify_lines([lines[0], *lines[2:]], vkey=lived.vkey)
    assert "not followed by the note" in without.problem


@pytest.mark.parametrize(
    "base",
    [
        7,
        {},
        {"hashes": [], "n": 0, "prev": "0" * 64},
        {"hashes": [], "n": 3, "prev": "0" * 64},
        {"hashes": [1], "n": 4, "prev": "0" * 64},
        {"hashes": ["0" * 64], "n": 4, "prev": 1},
        {"hashes": ["0" * 64], "n": "4", "prev": "0" * 64},
        {"hashes": 4, "n": 4, "prev": "0" * 64},
        {"hashes": ["0" * 63], "n": 4, "prev": "0" * 64},
    ],
)
def test_a_malformed_base_is_refused(base: Any) -> None:
    answer, problem = Forge().add({"base": base}).verdict()
    assert answer is Exit.TAMPERED
    assert problem.startswith("Line 1")


def test_a_long_ledger_crosses_blocks_and_tiles(made: Made) -> None:
    writer = made.open()
    for _ in range(5):
        writer.append([EXIT] * 1000, made.door.stamp())
    writer.close()
    whole = verify_lines(made.lines(), vkey=made.vkey, seal_key=made.seal_key)
    assert (whole.exit, whole.entries) == (Exit.VERIFIED, 5001)
    writer = made.open()
    writer.checkpoint()
    writer.append([EXIT], made.door.stamp())
    writer.close()
    later = verify_lines(made.lines(first=5001), vkey=made.vkey)
    assert (later.exit, later.first) == (Exit.VERIFIED, 5001)


def test_stretches_by_time(lived: Made) -> None:
    with Reader.open(lived.path) as reader:
        assert between(reader, 0, 2**53) == (0, 16)
        assert between(reader, START_MS + 63_000, START_MS + 65_000) == (2, 3)
        with pytest.raises(NoSuchEntryError):
            between(reader, 0, 1)
        with pytest.raises(NoSuchEntryError):
            list(export_lines(reader, first=50, last=60))


def test_progress_is_told(lived: Made) -> None:
    told: list[tuple[int, int]] = []
    with Reader.open(lived.path) as reader:
        list(export_lines(reader, progress=lambda *done: told.append(done)))
    assert told == [(0, 17), (17, 17)]


@pytest.mark.parametrize(
    "what", [b'{"a":1,"b":"x"}', b'{"a":[1,{"b":null}],"c":-3}', '{"a":"é"}'.encode()]
)
def test_canonical_contents_pass_twice(what: bytes) -> None:
    require_canonical(what)
    require_canonical(what)


@pytest.mark.parametrize(
    "what",
    [
        b'{"a":01}',
        b'{"a":-0}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":2}',
        b'{"a":1 }',
        b'{"a":"\\u0041"}',
        b'{"a":\x00}',
        b'{"a":,"b":1}',
        b'{"a":1,}',
        b'{"a":9999999999999999}',
        b'{"a":9007199254740992}',
    ],
)
def test_other_contents_do_not_even_after_their_like(what: bytes) -> None:
    for like in (b'{"a":1}', b'{"a":1,"b":2}', b'{"a":9007199254740991}', b'{"a":"x"}'):
        require_canonical(like)
    with pytest.raises(EncodingError):
        require_canonical(what)


@given(st.binary(max_size=24))
def test_the_short_cut_agrees_with_the_parser(noise: bytes) -> None:
    require_canonical(b'{"a":1,"b":["x","y"],"c":{"d":-5}}')
    what = bytearray(b'{"a":1,"b":["x","y"],"c":{"d":-5}}')
    for at, byte in enumerate(noise):
        what[(at * 7 + byte) % len(what)] = b'{}[]":,01-ab\\ '[byte % 14]
    try:
        require_canonical(bytes(what))
    except EncodingError:
        return
    assert canonical(json.loads(what)) == bytes(what)


def test_the_number_of_a_line(made: Made) -> None:
    lines = made.lines()
    assert [peek_number(line) for line in lines] == [0, None, None]
    assert peek_number(b"") is None


@pytest.mark.parametrize("text", ["", "3", "x:AA==", "3:AA==", "3:x", "²:AA=="])
def test_expected_checkpoints_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(EncodingError):
        parse_expected(text)
    root = to_base64(bytes(32))
    assert parse_expected(f"3:{root}") == Expected(3, bytes(32))


def test_a_verifier_key_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoteError):
        verify_lines([], vkey="x")
    assert tmp_path.is_dir()
