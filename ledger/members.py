"""Members of an entry's content, each of the kind that it must be.

In Python `true` equals 1 and a list cannot be a key: neither may decide what evidence
says, nor stop whoever checks it.
"""

from collections.abc import Mapping
from typing import Any

from ledger.errors import EvidenceError


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """Return a member that is text.

    Raises:
        EvidenceError: it is missing or of another kind.
    """
    value = fields.get(name)
    if not isinstance(value, str):
        raise EvidenceError(f"there is no {name}, or it is no text.")
    return value


def integer_of(fields: Mapping[str, Any], name: str) -> int:
    """Return a member that is an integer.

    Raises:
        EvidenceError: it is missing or of another kind.
    """
    value = fields.get(name)
    if type(value) is not int:
        raise EvidenceError(f"there is no {name}, or it is no integer.")
    return value


def list_of(fields: Mapping[str, Any], name: str) -> list[Any]:
    """Return a member that is a list.

    Raises:
        EvidenceError: it is missing or of another kind.
    """
    value = fields.get(name)
    if not isinstance(value, list):
        raise EvidenceError(f"there is no {name}, or it is no list.")
    return value
