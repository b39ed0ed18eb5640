"""Evidence: made by one maker, believed only as that very object, unchanged."""

import copy
import dataclasses
import gc
import pickle
from typing import Any, Final

import pytest

from gateway.core.provenance import Evidence, Maker, genuine
from gateway.errors import EvidenceError


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Seal(Evidence):
    word: str


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Other(Evidence):
    word: str


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Unclaimed(Evidence):
    word: str


SEALS: Final = Maker(Seal)
OTHERS: Final = Maker(Other)


def test_what_its_maker_made_is_genuine() -> None:
    seal = Seal(SEALS, "open")
    assert genuine(seal, Seal) is seal


def test_a_kind_has_one_maker() -> None:
    with pytest.raises(EvidenceError, match="already"):
        Maker(Seal)


@pytest.mark.parametrize("maker", [None, object(), OTHERS, "Maker"])
def test_without_its_maker_nothing_is_made(maker: Any) -> None:
    with pytest.raises(EvidenceError):
        Seal(maker, "open")


def test_a_makers_look_alike_makes_nothing() -> None:
    class Forged(Maker[Seal]):  # type: ignore[misc] # Maker is final
        def __init__(self) -> None:
            pass

        def admit(self, evidence: Evidence) -> None:
            pass

    with pytest.raises(EvidenceError):
        Seal(Forged(), "open")


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_is_not_copied(way: Any) -> None:
    with pytest.raises(EvidenceError):
        way(Seal(SEALS, "open"))


def test_an_object_made_without_its_constructor_is_no_evidence() -> None:
    blank = object.__new__(Seal)
    with pytest.raises(EvidenceError):
        genuine(blank, Seal)
    object.__setattr__(blank, "word", "open")
    with pytest.raises(EvidenceError):
        genuine(blank, Seal)


def test_an_edited_one_is_no_evidence() -> None:
    seal = Seal(SEALS, "open")
    object.__setattr__(seal, "word", "open!")
    with pytest.raises(EvidenceError):
        genuine(seal, Seal)


def test_a_field_taken_away_is_noticed() -> None:
    seal = Seal(SEALS, "open")
    object.__delattr__(seal, "word")
    with pytest.raises(EvidenceError):
        genuine(seal, Seal)


def test_replace_does_not_make_evidence() -> None:
    with pytest.raises((EvidenceError, ValueError, TypeError)):
        dataclasses.replace(Seal(SEALS, "open"), word="other")  # type: ignore[call-arg]


@pytest.mark.parametrize("candidate", [None, "open", object()])
def test_another_type_is_no_evidence(candidate: object) -> None:
    with pytest.raises(EvidenceError):
        genuine(candidate, Seal)


def test_another_kind_is_no_evidence() -> None:
    with pytest.raises(EvidenceError):
        genuine(Other(OTHERS, "open"), Seal)
    with pytest.raises(EvidenceError):
        genuine(Seal(SEALS, "open"), Unclaimed)


def test_a_subclass_is_no_evidence() -> None:
    class Looser(Seal):
        pass

    with pytest.raises(EvidenceError):
        Looser(SEALS, "open")


def test_the_maker_remembers_no_longer_than_the_object_lives() -> None:
    before = len(SEALS._admitted)
    seal = Seal(SEALS, "open")
    assert len(SEALS._admitted) == before + 1
    del seal
    gc.collect()
    assert len(SEALS._admitted) == before


def test_equal_is_not_the_same() -> None:
    assert Seal(SEALS, "open") != Seal(SEALS, "open")


def test_a_right_claimed_now_is_the_only_one() -> None:
    """Claimed within the test: what is claimed at import is beyond mutants."""

    @dataclasses.dataclass(frozen=True, slots=True, eq=False)
    class Fresh(Evidence):
        word: str

    maker = Maker(Fresh)
    fresh = Fresh(maker, "open")
    assert genuine(fresh, Fresh) is fresh
    with pytest.raises(EvidenceError, match="Fresh already"):
        Maker(Fresh)
    with pytest.raises(EvidenceError, match="maker of Fresh does not make Seal"):
        Seal(maker, "open")
    object.__setattr__(fresh, "word", "shut")
    with pytest.raises(EvidenceError):
        genuine(fresh, Fresh)
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(EvidenceError, match="A Fresh cannot be"):
            way(fresh)
