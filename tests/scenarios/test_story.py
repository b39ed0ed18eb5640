"""`keyra demo` as a stranger runs it: what it says, what it leaves, how it fails."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.core.facts import DenialReason
from gateway.sim.faults import DIE_AFTER
from ledger.entry import parse_entry
from ledger.reader import Reader

pytestmark = pytest.mark.processes

OPENINGS_MIN = 4
DENIALS_MIN = 9
PEAK_MIB_MAX = 200
STORY_S_MAX = 300
BYTES_FLIPPED = 8


@dataclass(frozen=True)
class Told:
    """One telling.

    Attributes:
        folder: where the export is.
    """

    code: int
    said: str
    complained: str
    folder: Path


def tell(folder: Path, *options: str, also: Mapping[str, str] = environ) -> Told:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "demo", "--plain", "--out", folder, *options],
        capture_output=True,
        check=False,
        env={**environ, **also, "COLUMNS": "60", "KEYRA_DEBUG": "1"},
        text=True,
        timeout=STORY_S_MAX,
    )
    return Told(done.returncode, done.stdout, done.stderr, folder)


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """The usual story, told once."""
    with TemporaryDirectory(prefix="keyra-") as name:
        yield tell(Path(name))


def verify(told: Told) -> subprocess.CompletedProcess[str]:
    """Run the command that the story ends with, as a person would paste it."""
    command = shlex.split(told.said.strip().splitlines()[-1])
    assert command[:2] == ["keyra-ledger", "verify"], command
    return subprocess.run(
        [sys.executable, "-m", "ledger", *command[1:]],
        capture_output=True,
        check=False,
        text=True,
    )


def peak_mib(told: Told) -> float:
    stated = re.search(r"the gateway's peak memory was ([\d.]+) MiB", told.said)
    assert stated is not None, told.said
    return float(stated[1])


def test_it_ends_as_it_must(told: Told) -> None:
    assert told.code == 0, told.said + told.complained
    assert told.complained == ""
    assert "✗" not in told.said
    assert "\x1b" not in told.said  # nobody watches: no colour, no motion


def test_it_opens_often_enough(told: Told) -> None:
    opened = [line for line in told.said.splitlines() if " granted, entry " in line]
    assert len(opened) >= OPENINGS_MIN
    for line in opened:
        stages = re.findall(r"([a-z]+) [\d.]+(?=  | ms)", line)
        assert stages == [
            *("connect", "challenge", "answer", "verify", "decide", "append", "strike")
        ]


def test_it_denies_for_one_reason_each(told: Told) -> None:
    denied = dict(
        re.findall(
            r"^ *\d+ ⊘ .*?  +([a-z-]+): (.+) \(entry \d+\)$", told.said, re.MULTILINE
        )
    )
    assert len(denied) >= DENIALS_MIN
    sentences = {reason.value: reason.sentence for reason in DenialReason}
    for word, sentence in denied.items():
        assert sentence == sentences[word]
    assert set(denied) >= {
        "key-unknown",
        "finger-not-recognised",
        "credential-revoked",
        "outside-hours",
        "answer-replayed",
        "challenge-expired",
        "user-not-verified",
        "counter-not-rising",
        "lockdown",
        "second-person-needed",
    }


def test_administrators_arm_every_ceremony_after_the_first(told: Told) -> None:
    said = re.findall(
        r"^ *\d+ ✓ .*?  +(?:order \d{6} )?(armed by .*?);.*, attested;",
        told.said,
        re.MULTILINE,
    )
    assert said[0] == "armed by the machine's owner, this once"
    assert set(said[1:]) == {"armed by admin's touch", "armed by admin-2's touch"}
    with Reader.open(told.folder / "state" / "ledger.db") as reader:
        bodies = [parse_entry(body) for body in reader.entries(0, reader.size())]
    by = [one.what["by"] for one in bodies if one.ev == "enrol"]
    assert [sorted(one) for one in by] == [
        ["bootstrap", "uid"],
        *[["credential", "order", "uid"]] * (len(by) - 1),
    ]
    assert "lifted by admin" in told.said


def test_two_persons_and_duress_are_told(told: Told) -> None:
    assert "which names both touches: admin, holder-1" in told.said
    assert "alone is marked, and the guard-desk was called" in told.said
    ordinary = (told.folder / "gateway.toml").read_text()
    assert "[rules]" not in ordinary
    assert "[duress]" not in ordinary


def test_it_verifies_what_it_leaves(told: Told) -> None:
    assert re.search(r"^ *\d+ ✓ Verify +VERIFIED: \d+ entries", told.said, re.MULTILINE)
    done = verify(told)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("VERIFIED: ")
    assert "The seal is whole" in done.stdout


def test_the_person_who_left_is_in_no_file(told: Told) -> None:
    assert "the name was in people.db and is in no file now" in told.said
    assert b"The night's cleaner" not in b"".join(
        path.read_bytes()
        for path in (told.folder / "state").rglob("*")
        if path.is_file()
    )


def test_a_flipped_byte_is_found(told: Told) -> None:
    export = told.folder / "ledger.jsonl"
    whole = export.read_bytes()
    try:
        for number in range(BYTES_FLIPPED):
            at = len(whole) * number // BYTES_FLIPPED
            export.write_bytes(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :])
            done = verify(told)
            assert done.returncode not in {0, 2}, f"byte {at}: {done.stdout}"
            assert "VERIFIED" not in done.stdout.split()
    finally:
        export.write_bytes(whole)
    assert verify(told).returncode == 0


def test_its_figures_are_stated(told: Told) -> None:
    assert 0 < peak_mib(told) < PEAK_MIB_MAX
    assert re.search(r"│ verify +│ [\d.]+ ms +│", told.said)


@pytest.mark.slow
def test_a_busy_door(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = tell(folder, "--keys", "200", "--seed", "7")
    assert told.code == 0, told.said + told.complained
    assert "A busy door, seed 7" in told.said
    assert 0 < peak_mib(told) < PEAK_MIB_MAX
    with capsys.disabled():
        sys.stdout.write(f"\n200 keys: peak {peak_mib(told)} MiB\n")


@pytest.mark.slow
def test_a_step_that_fails_ends_it_and_names_the_seed(folder: Path) -> None:
    """The gateway dies in the first touch, so the first opening never comes."""
    told = tell(folder, "--seed", "424242", also={DIE_AFTER: "append"})
    assert told.code == 1
    assert re.search(r"^ *\d+ ✗ admin opens ", told.said, re.MULTILINE)
    assert "Seed 424242" in told.complained
    assert "verify" not in told.said.splitlines()[-1]
