"""Promises 1 and 2: edits and cut tails, against both verifiers.

The package and the auditor's one file share no code. Each answers every attack; they
must agree, and neither may ever call a changed file verified.
"""

# ruff: noqa: S311 - attacks are chosen by a seed, so that they can be repeated

import copy
import importlib.util
import itertools
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ledger.checkpoint import Checkpoint, sign_checkpoint
from ledger.deep import Replay
from ledger.encoding import canonical, parse_canonical
from ledger.entry import Draft, encode_entry, parse_entry
from ledger.keys import SigningKey
from ledger.prune import prune
from ledger.reader import Reader
from ledger.scan import Scanner
from ledger.seal import Seal, seal_line
from ledger.tree import Edge, leaf_hash
from ledger.verdict import Exit, Expected, Verdict
from ledger.verify import Judge, auditor_of, judge_stretch, verify_lines
from tests.ledger_world import (
    AAGUID,
    ORIGIN,
    Key,
    Made,
    b64url,
    cbor,
    foreseeing,
    history,
    make,
)

ROOT = Path(__file__).parents[2]
KIT = ROOT / "ledger" / "kit" / "verify.py"
FLIPS = 20_000
BITS = int(os.environ.get("KEYRA_TAMPER_BITS", "1"))


def load_kit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("auditors_kit", KIT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


kit = load_kit()


class Judges:
    """Both verifiers, with what the auditor holds."""

    def __init__(self, vkey: str, seal_key: bytes | None = None) -> None:
        self.vkey, self.seal_key = vkey, seal_key
        self.kits_key = kit.Key(vkey)

    def answer(self, lines: Iterable[bytes]) -> tuple[Exit, str]:
        lines = list(lines)
        verdict = verify_lines(lines, vkey=self.vkey, seal_key=self.seal_key)
        code, says, _ = kit.verify(lines, self.kits_key, seal_key=self.seal_key)
        assert code == verdict.exit, (verdict.problem, says)
        return verdict.exit, verdict.problem


def split(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, list[bytes]]:
    """40 entries with every kind of line: a rotation, notes, evidence, the seal."""
    made = make(tmp_path_factory.mktemp("tamper"))
    history(made, 5)
    new = SigningKey.generate()
    writer = made.open()
    writer.rotate(new, made.door.stamp())
    while writer.size < 40:
        writer.append([Draft("door.exit", {"door": "front"})], made.door.stamp())
        if writer.size == 33:
            writer.checkpoint()
    writer.close()
    made.key = new
    return made, made.lines()


@pytest.fixture(scope="module")
def judges(world: tuple[Made, list[bytes]]) -> Judges:
    made, lines = world
    vkey = parse_entry(lines[0][:-1]).what["vkey"]
    found = Judges(vkey)
    assert found.answer(lines)[0] is Exit.VERIFIED
    assert made.seal_key is not None
    assert Judges(vkey, made.seal_key).answer(lines)[0] is Exit.VERIFIED
    return found


def flipped(
    lines: list[bytes], vkey: str, choose: Callable[[int, bytes], Iterable[int]]
) -> int:
    """Flip bits that `choose(line number, line)` names; returns how many.

    The honest lines before are judged once, and the judge is copied for each flip.
    """
    judge, scanner, count = Judge(auditor_of(vkey)), Scanner(), 0
    for at, line in enumerate(lines):
        following = lines[at + 1] if at + 1 < len(lines) else b""
        for bit in choose(at, line):
            changed = bytearray(line)
            changed[bit // 8] ^= 1 << bit % 8
            copied, scanning = copy.deepcopy((judge, scanner))
            rest = itertools.islice(lines, at + 2, None)
            mutated = split(bytes(changed) + following)
            judge_stretch(copied, scanning, itertools.chain(mutated, rest))
            verdict = copied.conclude(None)
            assert verdict.exit is not Exit.VERIFIED, (at, bit)
            assert verdict.problem
            count += 1
        for event in scanner.scan([line]):
            assert judge.hear(event)
    return count


@pytest.mark.timeout(3600)
def test_every_byte(world: tuple[Made, list[bytes]], judges: Judges) -> None:
    """Each byte of each line, in a bit or another; KEYRA_TAMPER_BITS=8 for all."""
    _, lines = world
    rng = random.Random(3)
    count = flipped(
        lines,
        judges.vkey,
        lambda _, line: (
            8 * at + bit
            for at in range(len(line))
            for bit in rng.sample(range(8), BITS)
        ),
    )
    assert count == BITS * sum(map(len, lines))
    print(f"{count} flips refused")  # noqa: T201 - a figure is for people


def test_both_verifiers_agree_on_thousands(
    world: tuple[Made, list[bytes]], judges: Judges
) -> None:
    _, lines = world
    data = b"".join(lines)
    rng = random.Random(4)
    for _ in range(2000):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 5))):
            changed[rng.randrange(len(changed))] = rng.choice(
                (rng.randrange(256), *b'{}[]":,0129abef\\ \n')
            )
        if changed != data:
            assert judges.answer(split(bytes(changed)))[0] is not Exit.VERIFIED


def test_twenty_thousand_flips_over_a_thousand_entries(tmp_path: Path) -> None:
    made = make(tmp_path)
    keys = history(made)
    writer = made.open()
    for n in range(1000):
        writer.append([made.door.grant(keys[0], "h1")], made.door.stamp())
        if n % 100 == 0:
            writer.checkpoint()
    writer.close()
    lines, rng = made.lines(), random.Random(5)
    places = Counter(rng.randrange(len(lines)) for _ in range(FLIPS))
    count = flipped(
        lines,
        made.vkey,
        lambda at, line: (rng.randrange(8 * len(line)) for _ in range(places[at])),
    )
    assert count == FLIPS


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "flips",
    [
        int(os.environ.get("KEYRA_TAMPER_FLIPS", "4")),
        pytest.param(200, marks=pytest.mark.slow),
    ],
)
def test_through_the_real_commands(
    world: tuple[Made, list[bytes]], judges: Judges, tmp_path: Path, flips: int
) -> None:
    """Flips through both programs; KEYRA_TAMPER_FLIPS=N asks for more of them."""
    _, lines = world
    data = b"".join(lines)
    rng = random.Random(6)
    file = tmp_path / "x.jsonl"
    programs = ([sys.executable, "-m", "ledger", "verify"], [sys.executable, str(KIT)])
    for _ in range(flips):
        changed = bytearray(data)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        file.write_bytes(changed)
        for program in programs:
            done = subprocess.run(
                [*program, file, "--vkey", judges.vkey],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode in {1, 4}
            assert done.stdout.startswith(("TAMPERED", "INCOMPLETE"))


def test_lines_inserted_dropped_swapped_and_repeated(
    world: tuple[Made, list[bytes]], judges: Judges
) -> None:
    _, lines = world
    for at in range(len(lines)):
        attacks = {
            "drop": lines[:at] + lines[at + 1 :],
            "repeat": [*lines[: at + 1], *lines[at:]],
            "insert": [*lines[:at], lines[(at + 7) % len(lines)], *lines[at:]],
        }
        if at + 1 < len(lines):
            attacks["swap"] = [
                *lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]
            ]  # fmt: skip
        for name, attack in attacks.items():
            answer, _ = judges.answer(attack)
            # A checkpoint that nothing hangs on may be left out: nothing is lost.
            if name == "drop" and lines[at].startswith(b'{"note"'):
                continue
            assert answer is not Exit.VERIFIED, (name, at)


def test_a_tail_cut_at_every_line_is_seen(
    world: tuple[Made, list[bytes]], judges: Judges
) -> None:
    made, lines = world
    sealed = Judges(judges.vkey, made.seal_key)
    for at in range(len(lines)):
        answer, problem = judges.answer(lines[:at])
        assert answer is Exit.INCOMPLETE
        assert "Removal of the newest" in problem or "nothing is proved" in problem
        assert sealed.answer(lines[:at])[0] is Exit.INCOMPLETE
        cut_in_line = [*lines[:at], lines[at][: len(lines[at]) // 2]]
        assert judges.answer(cut_in_line)[0] is Exit.TAMPERED


def test_a_splice_from_another_gateway(
    world: tuple[Made, list[bytes]], judges: Judges, tmp_path: Path
) -> None:
    _, lines = world
    other = make(tmp_path, seed="other")
    history(other, 5)
    theirs = other.lines()
    for at in range(1, min(len(lines), len(theirs))):
        assert judges.answer([*lines[:at], *theirs[at:]])[0] is Exit.TAMPERED


def test_a_head_replaced_by_an_older_one(
    world: tuple[Made, list[bytes]], judges: Judges
) -> None:
    _, lines = world
    notes = [at for at, line in enumerate(lines) if line.startswith(b'{"note"')]
    older = [*lines[: notes[-1]], lines[notes[0]], *lines[notes[-1] + 1 :]]
    assert judges.answer(older)[0] is Exit.TAMPERED


class Forger:
    """Rewrites history from an entry on, with whatever keys are in hand."""

    def __init__(
        self, lines: list[bytes], at: int, change: tuple[bytes, bytes]
    ) -> None:
        self.edge, self.leaf, self.leaves = Edge(), bytes(32), list[bytes]()
        self.lines: list[bytes] = []
        for line in lines:
            if line.startswith((b'{"note"', b'{"seal"')):
                if self.edge.size <= at:
                    self.lines.append(line)
                continue
            entry = parse_entry(line[:-1])
            if entry.n < at:
                body = line[:-1]
            else:
                old = canonical(entry.what)
                what = parse_canonical(old.replace(*change) if entry.n == at else old)
                body = encode_entry(
                    entry.n, self.leaf, entry.stamp, Draft(entry.ev, what)
                )
            self.leaf = leaf_hash(body)
            self.leaves.append(self.leaf)
            self.edge.add(self.leaf)
            self.lines.append(body + b"\n")

    def sign(self, key: SigningKey, seal: Seal) -> list[bytes]:
        checkpoint = Checkpoint(ORIGIN, self.edge.size, self.edge.root())
        note = sign_checkpoint(checkpoint, key.public, key.sign)
        closing = seal_line(ORIGIN, seal, key.sign)
        return [
            *self.lines,
            canonical({"note": note}) + b"\n",
            canonical({"seal": closing}) + b"\n",
        ]


def test_a_whole_ledger_made_anew_by_a_forger(judges: Judges, tmp_path: Path) -> None:
    forged = make(tmp_path, seed="forger")
    history(forged, 5)
    answer, problem = judges.answer(forged.lines())
    assert answer is Exit.TAMPERED
    assert "another key" in problem


def test_seizure_of_the_keys_of_today(world: tuple[Made, list[bytes]]) -> None:
    """Promise 3. The rotation is entry 23: the forger holds the key after it."""
    made, lines = world
    vkey = parse_entry(lines[0][:-1]).what["vkey"]
    rotated = next(parse_entry(line[:-1]).n for line in lines if b'"ev":"key"' in line)
    assert made.seal_key is not None
    stolen = Seal.first(made.seal_key).over(
        leaf_hash(line[:-1]) for line in lines if line.startswith(b'{"at"')
    )
    plain, sealed = Judges(vkey), Judges(vkey, made.seal_key)
    before, after = 8, rotated + 5

    old = Forger(lines, before, (b"front", b"fromt"))
    rewritten = old.sign(made.key, stolen)
    assert plain.answer(rewritten)[0] is Exit.TAMPERED
    assert sealed.answer(rewritten)[0] is Exit.TAMPERED

    newer = Forger(lines, after, (b"front", b"fromt")).sign(made.key, stolen)
    assert plain.answer(newer)[0] is Exit.VERIFIED
    said = " ".join(verify_lines(newer, vkey=vkey).remarks)
    assert f"up to {rotated}, the last key rotation" in said
    assert "cannot be excluded without the seal" in said
    answer, problem = sealed.answer(newer)
    assert answer is Exit.TAMPERED
    assert "seal does not match" in problem


def test_who_cuts_back_to_an_older_export_is_seen_by_the_holder_of_a_later_one(
    tmp_path: Path,
) -> None:
    made = make(tmp_path)
    history(made)
    old = made.lines()
    made.append(Draft("door.exit", {"door": "front"}))
    held = verify_lines(made.lines(), vkey=made.vkey)
    verdict = verify_lines(
        old, vkey=made.vkey, expect=Expected(held.entries, held.root)
    )
    assert verdict.exit is Exit.TAMPERED
    assert "cut off" in verdict.problem


def test_deep_verification_agrees_on_forged_openings(tmp_path: Path) -> None:
    """Promise 4, against both verifiers: the door's own ledger lies."""
    made = make(tmp_path)
    anna, bert = history(made)
    door = made.door
    honest = door.grant(anna, "h1")
    binding = door.credential_binding(anna, "door.unlock")
    first = door.grant(anna, "h1", whole_binding=binding)
    evidence: Any = honest.what["evidence"]
    lies = {
        "moved signature": door.grant(
            anna, "h1", evidence={"signature": evidence["signature"]}
        ),
        "after revocation": door.grant(bert, "h2"),
        "UV cleared": door.grant(anna, "h1", answer={"flags": 1}),
        "repeated challenge": door.grant(anna, "h1", whole_binding=binding),
        "lowered counter": door.grant(Key("anna", counter=1), "h1"),
        "enrolment by hand": door.enrol(Key("eve"), "h1", chain=[b"by hand"]),
        "never enrolled": door.grant(Key("mallory"), "h1"),
    }
    erased = Draft("erase", {"holder": "h1"})
    after = {"opens": door.grant(anna, "h1"), "comes back": door.holder("h1")}
    start = made.append(honest, first)
    made.append(*lies.values())
    size = made.append(erased)
    made.append(*after.values())
    lines, replay = made.lines(), Replay()
    assert verify_lines(lines, vkey=made.vkey, on_entry=replay.on_entry).exit == 0
    found = {finding.n for finding in replay.findings}
    lying = set(range(start + 1, start + 1 + len(lies)))
    assert found == lying | {size + 1, size + 2}
    code, _, kits = kit.verify(lines, kit.Key(made.vkey), deep=True)
    assert code == Exit.TAMPERED
    # The kit does not read certificates, and says so.
    assert {n for n, _ in kits.bad} == found - {start + 6}
    assert verify_lines(lines, vkey=made.vkey).exit is Exit.VERIFIED


def deeply(
    lines: list[bytes], vkey: str, **options: Any
) -> tuple[Verdict, Replay, set[int], set[int]]:
    """Verify deeply by both; returns the package's answer, and what the kit found."""
    replay = foreseeing(lines)
    verdict = verify_lines(lines, vkey=vkey, on_entry=replay.on_entry, **options)
    replay.check_bases(verdict.first, verdict.base_root)
    if (held := options.get("expect")) is not None:
        options["expect"] = held.size, held.root
    code, _, kits = kit.verify(lines, kit.Key(vkey), deep=True, **options)
    expected = verdict.exit
    if expected is not Exit.TAMPERED and replay.findings:
        expected = Exit.TAMPERED
    if expected is Exit.VERIFIED and replay.gaps:
        expected = Exit.INCOMPLETE
    assert code == expected, (verdict.problem, replay.findings, kits.bad)
    return verdict, replay, {n for n, _ in kits.bad}, {n for n, _ in kits.gaps}


def pruned(made: Made, base: int) -> None:
    """Prune as the command does."""
    with Reader.open(made.path) as reader:
        first = reader.base()[0]
        replay = Replay()
        if first:
            replay.foresee(first, reader.entries(first, reader.size()))
        for n, body in enumerate(reader.entries(first, base), first):
            replay.on_entry(n, body, b"")
    prune(made.path, made.key, base, replay.live(), made.door.stamp())


def kept(made: Made) -> int:
    """Keep the newest head; returns its size."""
    writer = made.open()
    writer.checkpoint()
    size = writer.size
    writer.close()
    return size


def test_both_replay_a_ledger_that_was_pruned_twice(tmp_path: Path) -> None:
    made = make(tmp_path)
    anna, bert = history(made)
    for _ in range(2):
        pruned(made, kept(made))
    last = made.append(made.door.grant(anna, "h1"), made.door.grant(bert, "h2"))
    lines = made.lines()
    verdict, replay, bad, _ = deeply(lines, made.vkey)
    assert verdict.exit is Exit.VERIFIED
    assert {found.n for found in replay.findings} == bad == {last}
    # A base whose history never was: its proofs lead to another root.
    replay.findings.clear()
    replay.check_bases(verdict.first, bytes(32))
    assert replay.findings


def test_a_prune_makes_no_revocation_forgotten_and_no_opening_suspect(
    tmp_path: Path,
) -> None:
    """What a prune restates held at its base, before what came between."""
    made = make(tmp_path)
    anna, _ = history(made)
    base = kept(made)
    made.append(made.door.grant(anna, "h1"), made.door.state(anna, "revoked"))
    pruned(made, base)
    honest = deeply(made.lines(), made.vkey)
    assert (honest[0].exit, honest[1].findings, honest[2]) == (Exit.VERIFIED, [], set())
    last = made.append(made.door.grant(anna, "h1"))
    _, replay, bad, _ = deeply(made.lines(), made.vkey)
    assert [found.n for found in replay.findings] == [last] == list(bad)
    assert "not active" in replay.findings[0].text


def test_a_stretch_accuses_nobody_and_proves_no_opening(tmp_path: Path) -> None:
    """Its keys were enrolled before it begins: exit 4, by entry number."""
    made = make(tmp_path)
    anna, _ = history(made)
    base = kept(made)
    last = made.append(made.door.grant(anna, "h1"))
    lines = made.lines(first=base)
    verdict, replay, bad, gaps = deeply(lines, made.vkey)
    assert (verdict.first, replay.findings, bad) == (base, [], set())
    assert [found.n for found in replay.gaps] == [last] == list(gaps)


def test_a_checkpoint_from_before_the_base_is_not_said_to_be_held(
    tmp_path: Path,
) -> None:
    """A forger with the newest key begins a history of their own at a base."""
    made = make(tmp_path)
    history(made)
    base = kept(made)
    made.append(Draft("door.exit", {"door": "front"}))
    with Reader.open(made.path) as reader:
        held = [(3, reader.edge(3).root()), (base, reader.edge(base).root())]
    lines = made.lines(first=base)
    for size, root in [*held, (3, bytes(32))]:
        verdict = deeply(lines, made.vkey, expect=Expected(size, root))[0]
        wanted = Exit.VERIFIED if size == base else Exit.INCOMPLETE
        assert verdict.exit is wanted, verdict.problem
    forged = deeply(lines, made.vkey, expect=Expected(base, bytes(32)))[0]
    assert forged.exit is Exit.TAMPERED


def test_an_enrolment_whose_key_speaks_of_extensions_is_not_accused(
    tmp_path: Path,
) -> None:
    """CTAP keys may add a map after their public key; the gateway lets it stand."""
    made = make(tmp_path)
    door, key = made.door, Key("anna")
    attested = AAGUID + len(key.id).to_bytes(2) + key.id + key.cose
    data = key.data(0xC5) + attested + cbor({"credProtect": 2})
    made.append(door.boot(), door.config(), door.holder("h1"))
    made.append(door.enrol(key, "h1", attestation={"data": data}))
    made.append(door.grant(key, "h1"))
    verdict, replay, bad, gaps = deeply(made.lines(), made.vkey)
    assert verdict.exit is Exit.VERIFIED
    assert (replay.findings, bad, gaps) == ([], set(), set())


@pytest.mark.parametrize(
    "change",
    [
        {"what": {"counter": True}},
        {"what": {"credential": ["anna"]}},
        {"what": {"holder": {}}},
        {"binding": {"v": True}},
        {"binding": {"issued": False}},
        {"evidence": {"clientDataJSON": b64url(b"[" * 40_000)}},
        {"evidence": {"binding": []}},
    ],
    ids=lambda change: str(change)[:40],
)
def test_values_of_another_kind_end_neither_verifier(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    """True equals 1 in Python, a list is no name, and nesting ends a parser."""
    made = make(tmp_path)
    anna, _ = history(made)
    last = made.append(made.door.grant(anna, "h1", **change))
    _, replay, bad, _ = deeply(made.lines(), made.vkey)
    assert {found.n for found in replay.findings} == bad == {last}


@pytest.mark.parametrize("y", [1, 2**255 - 18, 2**255 - 20], ids=["1", "p+1", "-1"])
def test_no_key_under_which_anybody_signs(y: int) -> None:
    """With and without a library, the answer is the same: no."""
    r_of_5 = "edc876d6831fd2105d0b4389ca2e283166469289146e2ce06faefe98b22548df"
    signature = bytes.fromhex(r_of_5) + (5).to_bytes(32, "little")
    for sign in (0, 1):
        public = (y | sign << 255).to_bytes(32, "little")
        assert not kit.ed25519(public, b"anything", signature)
