"""A golden export that regenerates byte for byte from fixed keys.

It holds every kind of line of a young ledger: whoever changes the bytes of the ledger
changes this file, and must say why.
"""

from pathlib import Path

from ledger.deep import Replay
from ledger.verdict import Exit
from ledger.verify import verify_lines
from tests.ledger_world import history, make

GOLDEN = Path(__file__).with_name("ledger_golden.jsonl")


def test_the_golden_export_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    made = make(tmp_path)
    history(made)
    assert b"".join(made.lines()) == GOLDEN.read_bytes()


def test_the_golden_export_is_verified_deeply(tmp_path: Path) -> None:
    made, replay = make(tmp_path), Replay()
    verdict = verify_lines(
        GOLDEN.read_bytes().splitlines(keepends=True),
        vkey=made.vkey,
        seal_key=made.seal_key,
        on_entry=replay.on_entry,
    )
    assert verdict.exit is Exit.VERIFIED
    assert verdict.sealed
    assert not replay.findings
    assert replay.openings == 6
