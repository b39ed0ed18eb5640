"""One thing that a check found."""

from dataclasses import dataclass
from enum import Enum


class Grade(Enum):
    """How much it matters."""

    GOOD = "good"
    NOTE = "note"
    """The door works; somebody should know."""
    WRONG = "wrong"
    """The door does not work as it should, or is less safe than it could be."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw.

    Attributes:
        check: a stable word, for programs.
        what: one sentence for a person.
        where: the file, pin, unit or device; empty where it is the machine itself.
        advice: what to do, one sentence; empty where there is nothing to do.
    """

    check: str
    grade: Grade
    what: str
    where: str = ""
    advice: str = ""


def good(check: str, what: str, where: str = "") -> Finding:
    """Return a finding that needs nobody."""
    return Finding(check, Grade.GOOD, what, where)


def note(check: str, what: str, where: str, advice: str) -> Finding:
    """Return a finding that somebody should know."""
    return Finding(check, Grade.NOTE, what, where, advice)


def wrong(check: str, what: str, where: str, advice: str) -> Finding:
    """Return a finding that somebody must put right."""
    return Finding(check, Grade.WRONG, what, where, advice)
