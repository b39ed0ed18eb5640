"""What an installer must be asked: the settings that have no honest default.

Pure: what is asked comes from the settings' own descriptions, and the answers become a
file that the ordinary reader takes or refuses.
"""

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from gateway.config.checks import LINES
from gateway.config.config import Config
from gateway.config.hardware import Pins
from gateway.config.item import ITEM, SECTION, Heading, Item
from gateway.config.values import key_of

_OPTIONAL_PINS: Final = tuple(
    field.name
    for field in dataclasses.fields(Pins)
    if field.default is None and field.name in LINES
)
"""Lines that a door may do without; an empty answer leaves them out."""


@dataclass(frozen=True, slots=True)
class Question:
    """One setting to ask for.

    Attributes:
        table: its section.
        key: its name there.
        item: what it is for and what it may be.
        optional: an empty answer is one.
    """

    table: str
    key: str
    item: Item
    optional: bool = False

    def toml(self, answer: str) -> str:
        """Return the answer as TOML.

        Args:
            answer: as typed; words need no quotes.

        Raises:
            WrongValueError: it is none of what is allowed.
        """
        value: object = answer
        with suppress(ValueError, RecursionError):  # else it is a word
            value = tomllib.loads(f"value = {answer}")["value"]
        return self.item.kind.write(self.item.kind.read(value))


def questions() -> Iterator[Question]:
    """Yield what must be asked, in the order of the file, the pins last."""
    for section in dataclasses.fields(Config):
        heading: Heading | None = section.metadata.get(SECTION)
        if heading is None or heading.many:
            continue
        for field in dataclasses.fields(heading.holds):
            item: Item = field.metadata[ITEM]
            optional = heading.holds is Pins and field.name in _OPTIONAL_PINS
            if item.required or optional:
                yield Question(heading.table, key_of(field.name), item, optional)


def answered_text(answers: Mapping[Question, str]) -> str:
    """Return a config file of the answers, as TOML; all else keeps its default."""
    lines = ["# Written by install.sh; `keyra print-config` explains all settings."]
    table = ""
    for question, value in answers.items():
        if question.table != table:
            table = question.table
            lines += ["", f"[{table}]"]
        lines.append(f"{question.key} = {value}")
    return "\n".join(lines) + "\n"
