"""Enumerations whose members are a stable word and a sentence for people."""

from enum import Enum
from typing import Self


class Worded(Enum):
    """A word for machines, which is the value, and what it means in one sentence.

    Derive from it, and write a member as NAME = "the-word", "The sentence.".
    """

    sentence: str

    def __new__(cls, word: str, sentence: str) -> Self:
        """Build a member from its stable word and its sentence."""
        member = object.__new__(cls)
        member._value_ = word
        member.sentence = sentence
        return member
