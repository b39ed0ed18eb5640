"""What the models' members are made of."""

import re
from datetime import date
from enum import Enum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

WALL_MS_MAX: Final = 2**53 - 1  # what JSON carries exactly everywhere (RFC 8259 §6)

_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def word(value: object) -> object:
    """Return an enumeration's word."""
    return value.value if isinstance(value, Enum) else value


def printable(text: str) -> str:
    """Return the text, or complain."""
    if not text.isprintable() or text != text.strip():
        raise ValueError("must hold printable characters only, with no outer spaces")
    return text


def _whole(value: object) -> object:
    """217.0 is an integer to JSON Schema, and the only kind that some clients have."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= WALL_MS_MAX:
        return int(value)
    return value


def _day(value: object) -> object:
    if isinstance(value, str) and not _ISO_DAY.fullmatch(value):
        raise ValueError("must be a day such as 2030-12-31")
    return value


WHOLE: Final = BeforeValidator(_whole)
"""Stands behind a strict integer's Field, or the document loses its bounds."""

WallMs = Annotated[int, Field(strict=True, ge=0, le=WALL_MS_MAX), WHOLE]

Day = Annotated[date, BeforeValidator(_day)]
"""A day by its date; a bare number, which pydantic takes for a moment, is none."""
