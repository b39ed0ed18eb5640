"""clientDataJSON: what the key signs, in words (WebAuthn L3 §5.8.1).

The gateway writes it itself and only its hash goes on air. It is parsed all the same as
a stranger's, since what is verified must be what was signed.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.encoding import from_base64url, to_base64url

CLIENT_DATA_BYTES_MAX: Final = 1024
"""Ours: type, challenge and the longest origin take less than 300."""

TYPE_CREATE: Final = "webauthn.create"
TYPE_GET: Final = "webauthn.get"


@dataclass(frozen=True, slots=True)
class ClientData:
    """The members that are checked; others may follow (§5.8.1, future extensions).

    Attributes:
        embedded: crossOrigin is true or a topOrigin is given: asked inside a frame.
    """

    type: str
    challenge: bytes
    origin: str
    embedded: bool


def serialise(kind: str, challenge: bytes, origin: str) -> bytes:
    """Return the bytes in the order of §5.8.1.1.

    Args:
        kind: TYPE_CREATE or TYPE_GET.
        challenge: raw bytes.
        origin: ASCII without characters that JSON escapes, as Place makes it.
    """
    return (
        f'{{"type":"{kind}","challenge":"{to_base64url(challenge)}",'
        f'"origin":"{origin}","crossOrigin":false}}'
    ).encode()


def parse(raw: bytes) -> ClientData | None:
    """Return what `raw` says, or None where it is malformed.

    Malformed: more than 1,024 bytes, not UTF-8, not JSON, a key given twice, a number
    that JSON does not know, a checked member that is missing or of another type, a
    challenge that is not canonical base64url.
    """
    if len(raw) > CLIENT_DATA_BYTES_MAX:
        return None
    try:
        members = _DECODE(raw.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    kind, origin = members.get("type"), members.get("origin")
    challenge, cross = members.get("challenge"), members.get("crossOrigin", False)
    if not (isinstance(kind, str) and isinstance(origin, str)):
        return None
    if not (isinstance(challenge, str) and isinstance(cross, bool)):
        return None
    challenge_bytes = from_base64url(challenge)
    if challenge_bytes is None:
        return None
    return ClientData(kind, challenge_bytes, origin, cross or "topOrigin" in members)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("A key stands twice.")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON.")


_DECODE: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse
).decode
