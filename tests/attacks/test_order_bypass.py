"""Five ways round *verified → decided → durable → released*; none of them moves a door.

What types can tell, mypy refuses before anything runs. What only values can tell (used,
another door's, stale) and what Python lets anybody write (a cast, an edit) is refused
when it runs.
"""

import ast
import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.core.assertion import Verified
from gateway.core.challenge import Purpose
from gateway.core.door import Door, step
from gateway.core.door_events import Effect, Event, Refusal, Refused, Release, Unlock
from gateway.core.door_timing import DoorTiming
from gateway.core.ids import DoorId
from gateway.core.policy import Access, Grant, decide
from gateway.core.position import LedgerPosition
from gateway.core.provenance import Maker
from gateway.core.registry import Registry
from gateway.errors import EvidenceError
from tests.desk import FRONT, OFFICE, STAFF, Desk, at
from tests.touches import MemoryJournal, Touches, at_once

ROOT = Path(__file__).parents[2]
TIMING = DoorTiming()
NOW_MS = 1_000


@pytest.fixture
def touches() -> Touches:
    return Touches()


def hear(
    event: Event, up_ms: int = NOW_MS, door: Door | None = None
) -> tuple[Effect, ...]:
    return step(door or Door(FRONT), event, up_ms, TIMING)[1]


def test_the_honest_way_releases(touches: Touches) -> None:
    assert hear(touches.unlock(NOW_MS)) == (Release(0, 5_000),)


# 1. Forged: evidence that its maker did not make.


def forged_grant(verified: Verified, maker: Any) -> Grant:
    return Grant(
        maker,
        verified=verified,
        policy=Desk().policy,
        door=FRONT,
        release_ms=5_000,
        rule=Access(STAFF, OFFICE),
        decided=at(NOW_MS),
        time_trusted=True,
        touches=(),
        passed_again=False,
        duress_route=None,
        extended=False,
    )


@pytest.mark.parametrize("maker", [None, object(), "Maker", Maker.__new__(Maker)])
def test_forged_by_its_constructor(maker: Any) -> None:
    with pytest.raises((EvidenceError, AttributeError)):
        forged_grant(Desk().verified(), maker)
    with pytest.raises((EvidenceError, AttributeError)):
        LedgerPosition(maker, 1, bytes(32), None)


def test_forged_by_claiming_the_right_again() -> None:
    for kind in (Verified, Grant, LedgerPosition):
        with pytest.raises(EvidenceError):
            Maker(kind)


def blank(kind: type[Any], like: Any) -> Any:
    """An object of the right class with the right fields, made past its constructor."""
    forged = object.__new__(kind)
    for field in dataclasses.fields(kind):
        object.__setattr__(forged, field.name, getattr(like, field.name))
    return forged


def test_forged_past_its_constructor(touches: Touches) -> None:
    grant = touches.grant(NOW_MS)
    position = touches.position(grant)
    with pytest.raises(EvidenceError):
        Unlock(blank(Grant, grant), position)
    with pytest.raises(EvidenceError):
        Unlock(grant, blank(LedgerPosition, position))
    with pytest.raises(EvidenceError):
        hear(never_checked(grant))
    with pytest.raises(EvidenceError):
        at_once(touches.journal.append_grant(blank(Grant, grant)))
    desk = Desk()
    verified = desk.verified()
    with pytest.raises(EvidenceError):
        decide(blank(Verified, verified), desk.registry, desk.policy, at())


def never_checked(grant: Grant) -> Unlock:
    """An Unlock that was never checked, with a position that covers nothing."""
    forged = object.__new__(Unlock)
    object.__setattr__(forged, "grant", grant)
    object.__setattr__(forged, "position", None)
    return forged


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_forged_by_a_copy(touches: Touches, way: Callable[[object], object]) -> None:
    grant = touches.grant(NOW_MS)
    for evidence in (grant, grant.verified, touches.position(grant)):
        with pytest.raises(EvidenceError):
            way(evidence)


def test_forged_by_an_edit(touches: Touches) -> None:
    grant = touches.grant(NOW_MS, release_ms=1)
    position = touches.position(grant)
    object.__setattr__(grant, "release_ms", 9_999)
    with pytest.raises(EvidenceError):
        Unlock(grant, position)


def test_forged_by_an_edit_after_the_check(touches: Touches) -> None:
    unlock = touches.unlock(NOW_MS, release_ms=1)
    object.__setattr__(unlock.grant, "release_ms", 9_999)
    with pytest.raises(EvidenceError):
        hear(unlock)


# 2. Reused: one entry, one release.


def test_reused(touches: Touches) -> None:
    unlock = touches.unlock(NOW_MS)
    door, effects = step(Door(FRONT), unlock, NOW_MS, TIMING)
    assert effects == (Release(0, 5_000),)
    assert hear(unlock, NOW_MS + 1, door) == (Refused(0, Refusal.REUSED),)


def test_reused_with_the_entry_of_another_grant(touches: Touches) -> None:
    first, second = touches.grant(NOW_MS), touches.grant(NOW_MS)
    with pytest.raises(EvidenceError):
        Unlock(second, touches.position(first))


def test_reused_with_an_entry_that_is_no_grants(touches: Touches) -> None:
    grant = touches.grant(NOW_MS)
    position = at_once(touches.journal.append())
    with pytest.raises(EvidenceError):
        Unlock(grant, position)


# 3. Another door's.


def test_another_doors(touches: Touches) -> None:
    unlock = touches.unlock(NOW_MS, door=DoorId("side"))
    assert hear(unlock) == (Refused(0, Refusal.OTHER_DOOR),)


def test_another_doors_answer_is_not_decided_here() -> None:
    desk = Desk()
    elsewhere = dataclasses.replace(desk.policy, door=DoorId("side"))
    with pytest.raises(EvidenceError):
        decide(desk.verified(), desk.registry, elsewhere, at())


def test_another_purposes_answer_is_not_decided_here() -> None:
    desk = Desk()
    question = desk.ask(purpose=Purpose.ENROL_PROOF)
    proof = desk.judge(
        question, desk.key.answer(question), at(), expected=Purpose.ENROL_PROOF
    )
    assert isinstance(proof, Verified)
    with pytest.raises(EvidenceError):
        decide(proof, desk.registry, desk.policy, at())


# 4. Stale.


def test_stale_at_the_door(touches: Touches) -> None:
    unlock = touches.unlock(NOW_MS)
    assert hear(unlock, NOW_MS + 10_000) == (Refused(0, Refusal.STALE),)


def test_stale_at_the_decision() -> None:
    desk = Desk()
    verified = desk.verified(at(1_000))
    with pytest.raises(EvidenceError):
        decide(verified, desk.registry, desk.policy, at(60_000))


def test_stale_knowledge_of_the_holder() -> None:
    """Verified a moment ago, and gone from the registry since."""
    desk = Desk()
    verified = desk.verified()
    assert not isinstance(decide(verified, Registry(), desk.policy, at()), Grant)


# 5. Cast: what a type checker is told, the run time does not believe.


def test_cast(touches: Touches) -> None:
    grant = touches.grant(NOW_MS)
    position = touches.position(grant)
    desk = Desk()
    with pytest.raises(EvidenceError):
        Unlock(cast("Grant", grant.verified), position)
    with pytest.raises(EvidenceError):
        Unlock(grant, cast("LedgerPosition", 0))
    with pytest.raises(EvidenceError):
        decide(cast("Verified", desk.ask()), desk.registry, desk.policy, at())
    with pytest.raises(EvidenceError):
        at_once(MemoryJournal().append_grant(cast("Grant", grant.verified)))


def test_no_cast_in_the_product_names_evidence() -> None:
    kinds = {"Verified", "Grant", "LedgerPosition", "Unlock"}
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("cast"):
                assert not kinds & set(
                    ast.unparse(node.args[0]).strip("'\"").split(".")
                ), path


# And by type: each line is a way round, and mypy names an error on each.

PLANTED = '''
from gateway.core.assertion import Answer, Verified
from gateway.core.denial import Deny
from gateway.core.door_events import Egress, Release, Unlock
from gateway.core.ids import Now
from gateway.core.policy import DoorPolicy, Grant, decide
from gateway.core.position import LedgerPosition
from gateway.core.provenance import Maker
from gateway.core.registry import Registry
from gateway.ports import Journal


async def planted(
    answer: Answer,
    verified: Verified,
    outcome: Grant | Deny,
    grant: Grant,
    position: LedgerPosition,
    others: Maker[Verified],
    registry: Registry,
    policy: DoorPolicy,
    now: Now,
    journal: Journal,
) -> None:
    decide(answer, registry, policy, now)  # not verified
    Unlock(verified, position)  # not decided
    Unlock(outcome, position)  # a denial, perhaps
    Unlock(grant, 7)  # not durable
    Unlock(grant, None)  # not durable
    Unlock(grant)  # not durable
    await journal.append_grant(outcome)  # a denial, perhaps
    await journal.append(grant)  # not by its own way
    LedgerPosition(None, 7, b"", grant)  # forged
    LedgerPosition(7, b"", grant)  # forged
    Verified(None)  # forged
    grant.release_ms = 9_999  # edited
    position.n = 7  # edited
    Unlock(grant, position).grant = grant  # edited
    Egress(grant, 7)  # passed off as an exit


class Looser(Unlock):  # without the check
    def __post_init__(self) -> None:
        """Check nothing."""
'''


def test_mypy_refuses_each_of_them(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(PLANTED)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--no-error-summary"),
            *("--config-file", str(ROOT / "pyproject.toml")),
            *("--cache-dir", str(ROOT / ".mypy_cache"), "--show-error-codes"),
            str(planted),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    refused = {
        int(line.split(":")[1])
        for line in run.stdout.splitlines()
        if Path(line.split(":")[0]).name == "planted.py" and " error: " in line
    }
    marked = {
        number
        for number, line in enumerate(PLANTED.splitlines(), start=1)
        if "  # " in line
    }
    assert refused == marked, run.stdout + run.stderr
