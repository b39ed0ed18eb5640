"""A restore that is killed anywhere leaves the old state or the new one, whole."""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from ledger.export import export_lines
from ledger.keys import SigningKey
from ledger.reader import Reader
from ledger.verdict import Exit
from ledger.verify import verify_lines
from tests.backups import Vault, fingerprint, size_of
from tests.restore_killed import Restorer, restorer
from tests.virtual_site import RP_ID, SEAL_KEY, VirtualSite

pytestmark = pytest.mark.processes

OWN = "own.txt"
NAME, OTHER = "Ångström-Öhler, Zoë", "Somebody Else"
FEW, SPACED = 4, 24
LAST = 24
"""The writes around the moment at which the two states change places."""


@dataclass
class Kills:
    """A backup, what it replaces, and a process that restores it.

    Attributes:
        old: the state directory as it is before; None for an empty one.
        entries: of the backup.
    """

    folder: Path
    vault: Vault
    file: Path
    old: Path
    entries: int
    process: Restorer
    run: int = 0

    def fresh(self, *, empty: bool) -> Path:
        """A state directory in a folder of its own."""
        self.run += 1
        state = self.folder / str(self.run) / "keyra"
        state.parent.mkdir()
        if empty:
            state.mkdir()
        else:
            shutil.copytree(self.old, state)
        return state

    def words(self, state: Path) -> list[str]:
        given = (self.vault.identity, "--state-dir", state)
        seal = ("--seal-key", self.vault.seal_key)
        return list(map(str, ("restore", self.file, "--identity", *given, *seal)))

    def check(self, state: Path, *, empty: bool, at: str) -> str:
        """See which state is there, whole, and restore a second time."""
        found = self._state(state, empty=empty, at=at)
        said = self.vault.run(*self.words(state))
        if found == "new":
            assert (said.code, "is newer" in said.err) == (1, True), (at, said)
        else:
            assert said.code == 0, (at, said)
        assert self._state(state, empty=empty, at=f"{at}, then again") == "new"
        beside = sorted(path.name for path in state.parent.iterdir())
        kept = [name for name in beside if name.startswith("keyra.before-restore-")]
        assert beside == ["keyra", *kept], at
        assert len(kept) == (not empty), at
        for name in kept:
            assert (state.parent / name / OWN).exists(), at
            assert not (state.parent / name / "ledger.seal").exists(), at
        shutil.rmtree(state.parent)
        return found

    def _state(self, state: Path, *, empty: bool, at: str) -> str:
        assert not (state / "unfinished").exists(), at
        if not (state / "from-backup").exists():
            before = {} if empty else fingerprint(self.old)
            assert fingerprint(state).items() >= before.items(), at
            return "old"
        assert not (state / OWN).exists(), at
        assert size_of(state) == self.entries + 2, at
        names = (state / "people.db").read_bytes()
        assert NAME.encode() in names, at
        assert OTHER.encode() in names, at
        key = SigningKey.load(state / "ledger.key")
        with Reader.open(state / "ledger.db") as reader:
            verdict = verify_lines(
                export_lines(reader, key=key),
                vkey=str(key.vkey(f"{RP_ID}/gateway-1")),
                seal_key=SEAL_KEY,
            )
        assert verdict.exit is Exit.VERIFIED, (at, verdict)
        assert verdict.sealed, at
        return "new"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
async def kills(
    site: VirtualSite,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    stack: ExitStack,
) -> Kills:
    """An old state with one holder, and a backup that has one more."""
    site.signing_key.save(site.folder / "ledger.key")
    vault, old = Vault(folder, site.folder, capsys), tmp_path / "old"
    async with site.running() as now:
        await site.enrol(now, "h1", name=NAME)
        await now.gateway.stop("told to")
    shutil.copytree(site.folder, old)
    (old / OWN).write_text("somebody's own")
    async with site.running() as now:
        await site.enrol(now, "h2", name=OTHER)
        await now.gateway.stop("told to")
    file = vault.backup()
    states = tmp_path / "states"
    states.mkdir()
    process = stack.enter_context(restorer())
    return Kills(states, vault, file, old, size_of(site.folder), process)


def at_writes(kills: Kills, *, empty: bool, few: bool) -> dict[str, int]:
    """Kill at writes from the first to the last; return how often which was found."""
    state = kills.fresh(empty=empty)
    code, writes = kills.process.run(kills.words(state))
    assert (code, writes > LAST) == (0, True)
    assert kills.check(state, empty=empty, at="the end") == "new"
    spaced = range(1, writes, writes // (2 if few else SPACED))
    last = range(writes - LAST, writes, LAST // FEW if few else 1)
    moments = {*spaced, *last}
    found = {"old": 0, "new": 0}
    for at in sorted(moments):
        state = kills.fresh(empty=empty)
        assert kills.process.run(kills.words(state), at=at)[0] == -9
        found[kills.check(state, empty=empty, at=f"write {at} of {writes}")] += 1
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("empty", [False, True])
async def test_killed_at_each_write_of_the_exchange_and_at_many_before(
    kills: Kills, *, empty: bool
) -> None:
    assert all(at_writes(kills, empty=empty, few=False).values())


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_killed_at_some_writes(kills: Kills) -> None:
    assert all(at_writes(kills, empty=False, few=True).values())


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_killed_at_any_moment(kills: Kills) -> None:
    """Between two statements, or in the middle of a write of SQLite's."""
    state = kills.fresh(empty=False)
    began_s = time.perf_counter()
    assert kills.process.run(kills.words(state))[0] == 0
    lasted_us = int((time.perf_counter() - began_s) * 1e6)
    kills.check(state, empty=False, at="the end")
    chance = Random(5)  # noqa: S311 - moments, no secret
    killed = 0
    for _ in range(20):
        state = kills.fresh(empty=False)
        after_us = chance.randrange(1, lasted_us)
        code, _ = kills.process.run(kills.words(state), after_us=after_us)
        assert code in {0, -9}
        killed += code == -9
        kills.check(state, empty=False, at=f"{after_us} us")
    assert killed
