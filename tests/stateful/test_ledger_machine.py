"""The ledger as a state machine: whatever is done, in whatever order, it verifies."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger.entry import Draft
from ledger.errors import AppendFailed
from ledger.export import export_lines
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.receipt import check_consistency_proof, make_consistency
from ledger.verdict import Exit
from ledger.verify import verify_lines
from tests.ledger_world import make

KINDS = st.sampled_from(["door.exit", "boot", "stop", "alarm"])
WORDS = st.text(max_size=20)


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.made = make(Path(self.folder.name))
        self.vkey = self.made.vkey
        self.writer = self.made.open()
        self.size = 1
        self.held: tuple[int, bytes] | None = None

    def teardown(self) -> None:
        self.writer.close()
        self.folder.cleanup()

    @rule(batch=st.lists(st.tuples(KINDS, WORDS), min_size=1, max_size=300))
    def append(self, batch: list[tuple[str, str]]) -> None:
        drafts = [Draft(kind, {"detail": word}) for kind, word in batch]
        entries = self.writer.append(drafts, self.made.door.stamp())
        assert [entry.n for entry in entries] == list(
            range(self.size, self.size + len(batch))
        )
        self.size += len(batch)

    @rule(number=st.floats() | st.integers(min_value=2**53))
    def append_what_cannot_be(self, number: float) -> None:
        try:
            what = {"x": number}
            self.writer.append([Draft("alarm", what)], self.made.door.stamp())  # type: ignore[arg-type] # wrong on purpose
        except AppendFailed:
            return
        raise AssertionError(number)

    @rule()
    def reopen(self) -> None:
        self.writer.close()
        self.writer = self.made.open()

    @rule()
    def keep(self) -> None:
        assert f"\n{self.size}\n" in self.writer.checkpoint()

    @rule(seed=st.binary(min_size=32, max_size=32))
    def rotate(self, seed: bytes) -> None:
        self.made.key = SigningKey.from_seed(seed)
        self.writer.rotate(self.made.key, self.made.door.stamp())
        self.size += 1

    @rule()
    def hold(self) -> None:
        with Reader.open(self.made.path) as reader:
            self.held = (self.size, reader.edge(self.size).root())

    @invariant()
    def it_verifies_and_nothing_is_lost(self) -> None:
        with Reader.open(self.made.path) as reader:
            lines = list(export_lines(reader, key=self.made.key))
            if self.held is not None:
                proof = make_consistency(reader, self.held[0], self.size)
                assert check_consistency_proof(proof) == (self.held[0], self.size)
                assert reader.edge(self.held[0]).root() == self.held[1]
        verdict = verify_lines(lines, vkey=self.vkey, seal_key=self.made.seal_key)
        assert (verdict.exit, verdict.entries) == (Exit.VERIFIED, self.size)
        assert verdict.sealed
        assert self.writer.size == self.size


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(
    max_examples=15, stateful_step_count=12, deadline=None
)
