"""Identifiers and instants: the words that every other room shares.

Identifiers of people and things are short ASCII words, so that they can stand in a
ledger entry, a URL and an 80-column screen unchanged. None of them names a person.
"""

import re
from dataclasses import dataclass
from typing import Final, NewType

SiteId = NewType("SiteId", str)
GatewayId = NewType("GatewayId", str)
DoorId = NewType("DoorId", str)
HolderId = NewType("HolderId", str)
GroupId = NewType("GroupId", str)
ScheduleId = NewType("ScheduleId", str)
CredentialId = NewType("CredentialId", bytes)
"""The authenticator's own credential id (WebAuthn §4): 16 to 1,023 bytes."""

PeerAddress = NewType("PeerAddress", str)
"""A Bluetooth identity address, upper case with colons. It never authorises."""

ID_CHARS_MAX: Final = 64
_ID: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")

CREDENTIAL_ID_BYTES_MIN: Final = 16
CREDENTIAL_ID_BYTES_MAX: Final = 1023  # WebAuthn L3 §4, "credential ID"


def is_identifier(text: str) -> bool:
    """Tell whether `text` may name a site, gateway, door, holder, group or schedule."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Now:
    """One reading of the clocks, taken once and handed down.

    Attributes:
        up_ms: milliseconds since boot, suspend included; orders and expires.
        wall_ms: Unix time in milliseconds; believed only as far as `err_ms` says.
        err_ms: bound of the wall clock's error; -1 while it is not synchronised.
        boot: the first 16 hex digits of this boot's id.
        by_rtc: a clock with a battery vouches for that bound, and nobody else.
    """

    up_ms: int
    wall_ms: int
    err_ms: int
    boot: str
    by_rtc: bool = False

    @property
    def wall_is_trusted(self) -> bool:
        """Tell whether rules that need the time of day may be answered."""
        return self.err_ms >= 0
