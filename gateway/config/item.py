"""A setting's description, kept beside its field: kind, meaning, example.

The reader and the default file both work from these, so neither can rot.
"""

from dataclasses import dataclass
from typing import Any, Final

from gateway.config.values import Kind

ITEM: Final = "item"
SECTION: Final = "section"


@dataclass(frozen=True, slots=True)
class Item:
    """One setting of a section.

    Attributes:
        about: what it is for; one or two sentences.
        example: what the default file shows where there is no default.
        required: the file must say it; no default would be honest.
    """

    kind: Kind
    about: str
    example: Any = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """One section of the file.

    Attributes:
        table: its name there.
        holds: the dataclass of its settings.
        many: it may come several times, as [[table]].
    """

    table: str
    holds: type[Any]
    about: str
    many: bool = False


def required(kind: Kind, about: str, example: Any) -> dict[str, Item]:
    """Describe a setting that the file must hold."""
    return {ITEM: Item(kind, about, example, required=True)}


def setting(kind: Kind, about: str, example: Any = None) -> dict[str, Item]:
    """Describe a setting with a default; where that is None, give an example."""
    return {ITEM: Item(kind, about, example)}


def section(
    table: str, holds: type[Any], about: str, *, many: bool = False
) -> dict[str, Heading]:
    """Describe a section."""
    return {SECTION: Heading(table, holds, about, many)}
