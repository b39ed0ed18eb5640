"""Two processes give the answer of one, whatever is wrong with the file."""

from pathlib import Path
from typing import Any

import pytest

from ledger.entry import Draft
from ledger.parallel import find_split, scan_from, verify_file
from ledger.reader import Reader
from ledger.scan import Clocks, End, Fault, Scanner, Start
from ledger.verdict import Exit, Expected
from ledger.verify import Judge, auditor_of, judge_stretch, verify_lines
from tests.ledger_world import Made, make

EXIT = Draft("door.exit", {"door": "front"})


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A ledger of 12,289 entries in three blocks, with an export beside it."""
    made = make(tmp_path_factory.mktemp("large"))
    writer = made.open()
    for _ in range(12):
        writer.append([EXIT] * 1024, made.door.stamp())
        writer.checkpoint()
    writer.close()
    made.path.with_suffix(".jsonl").write_bytes(b"".join(made.lines()))
    return made


def both(path: Path, **options: Any) -> tuple[Exit, str]:
    """Verify by two processes and by one, and hold them to one answer."""
    one = verify_lines(path.read_bytes().splitlines(keepends=True), **options)
    two = verify_file(path, split_bytes_min=0, **options)
    assert (two.exit, two.problem) == (one.exit, one.problem)
    assert two == one or one.exit is Exit.TAMPERED
    return two.exit, two.problem


def test_an_honest_export(large: Made) -> None:
    path = large.path.with_suffix(".jsonl")
    assert both(path, vkey=large.vkey)[0] is Exit.VERIFIED
    assert verify_file(path, vkey=large.vkey, on_entry=None).exit is Exit.VERIFIED
    sealed = verify_file(
        path, split_bytes_min=0, vkey=large.vkey, seal_key=large.seal_key
    )
    assert sealed.sealed
    with Reader.open(large.path) as reader:
        for size in (4096, 9000):
            expect = Expected(size, reader.edge(size).root())
            assert both(path, vkey=large.vkey, expect=expect)[0] is Exit.VERIFIED


@pytest.mark.parametrize("entry", [5, 9000, 12_000])
def test_a_changed_entry_in_either_half(
    large: Made, tmp_path: Path, entry: int
) -> None:
    lines = large.path.with_suffix(".jsonl").read_bytes().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if f'"n":{entry},'.encode() in line)
    lines[at] = lines[at].replace(b"front", b"fromt")
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"".join(lines))
    assert both(path, vkey=large.vkey)[0] is Exit.TAMPERED


@pytest.mark.parametrize(
    ("n", "prev", "words"),
    [(7, b"0" * 64, "another belongs"), (1, b"0" * 64, "chain is broken")],
)
def test_a_seam_that_does_not_fit(made: Made, n: int, prev: bytes, words: str) -> None:
    judge = Judge(auditor_of(made.vkey))
    judge_stretch(judge, Scanner(), made.lines()[:2])
    clocks = Clocks(n, 0, 0, b"0" * 16, b"x")
    assert not judge.hear(Start(1, n, prev, clocks))
    assert words in judge.verdict.problem


def test_a_stretch_may_begin_in_the_middle(large: Made) -> None:
    path = large.path.with_suffix(".jsonl")
    with path.open("rb") as file:
        split = find_split(file, path.stat().st_size // 2)
    events = scan_from(str(path), split, frozenset())
    assert isinstance(events[0], Start)
    assert isinstance(events[-1], End)
    assert (events[0].n, events[-1].size) == (8192, 12_289)


def test_a_fault_ends_a_stretch(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"rubbish\n" * 3)
    assert [type(event) for event in scan_from(str(path), 0, frozenset())] == [Fault]


def test_a_file_without_a_seam_is_verified_by_one_process(made: Made) -> None:
    path = made.path.with_suffix(".jsonl")
    path.write_bytes(b"".join(made.lines()))
    assert both(path, vkey=made.vkey)[0] is Exit.VERIFIED
