"""CTAP2 canonical CBOR (CTAP 2.2 §8): fido2's codec, held to the standard's form.

fido2 reads what is cut short, doubled, over-long or nested without end; here a message
that does not encode back to the same bytes is refused.
"""

import struct
from collections.abc import Mapping
from typing import Any, Final

from fido2 import cbor

from gateway.errors import MessageError

DEPTH_MAX: Final = 4  # §8, message encoding: levels of maps and arrays
MESSAGE_BYTES_MAX: Final = 8192  # ours: an attestation with a chain of four fits twice

CborMap = Mapping[Any, Any]

_CODEC_ERRORS: Final = (
    ValueError,  # covers UnicodeDecodeError
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    RecursionError,
)


def encode(value: CborMap) -> bytes:
    """Return the canonical encoding of a map of int, str, bytes, bool, list and map."""
    return cbor.encode(value)


def decode_map(data: bytes) -> CborMap:
    """Return the one map that `data` encodes.

    Raises:
        MessageError: more than 8,192 bytes, not CBOR, not canonical, nested more than
            four deep, or no map.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise _refusal(f"{len(data)} bytes where {MESSAGE_BYTES_MAX} are the most")
    try:
        value: Any = cbor.decode(data)
        depth = _depth(value)
        canonical = depth > DEPTH_MAX or cbor.encode(value) == data
    except _CODEC_ERRORS as error:
        raise _refusal("not well-formed") from error
    if depth > DEPTH_MAX:
        raise _refusal(f"nested {depth} deep where {DEPTH_MAX} levels are the most")
    if not canonical:
        raise _refusal("not in the canonical form")
    if not isinstance(value, dict):
        raise _refusal("no map")
    return value


def _refusal(what: str) -> MessageError:
    return MessageError(
        f"The peer sent CBOR that breaks CTAP 2.2 §8 ({what}): connect again, and if"
        " it repeats look at the key's firmware."
    )


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
