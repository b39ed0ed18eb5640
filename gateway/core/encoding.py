"""The two encodings of evidence: base64url without padding, and canonical JSON.

One value has one encoding; anything looser would let a byte of evidence change without
changing what it says.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

Json: TypeAlias = (
    "bool | int | str | list[Json] | tuple[Json, ...] | Mapping[str, Json] | None"
)
"""What an entry may hold: no floats."""

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)

# For the ASCII strings, integers, lists and objects that core writes, this is RFC 8785.
_ENCODE: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def canonical(value: Mapping[str, Json]) -> bytes:
    """Return the canonical JSON (RFC 8785) of an object with ASCII keys, no floats."""
    return _ENCODE(value).encode()


def to_base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 4648 §5, WebAuthn L3 §3)."""
    text = binascii.b2a_base64(data, newline=False).translate(_TO_URL)
    return text.rstrip(b"=").decode()


def from_base64url(text: str) -> bytes | None:
    """Return the bytes, or None unless `text` is their one encoding.

    Padding, other characters and spare bits that are not zero are refused.
    """
    if not _ALPHABET.fullmatch(text):
        return None
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None
    return data if to_base64url(data) == text else None
