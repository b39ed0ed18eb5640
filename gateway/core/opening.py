"""What opens a commitment of the ledger."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opening:
    """A value, and the salt under which it was committed to."""

    commitment: str
    salt: bytes
    value: str
