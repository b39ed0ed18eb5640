"""Canonical forms: RFC 8785 JSON without floats, base64 and hexadecimal.

One value has exactly one encoding here. Anything looser would let a byte of evidence
change without changing what it says.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from ledger.errors import EncodingError

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
"""What an entry may hold."""

INTEGER_MAX: Final = 2**53 - 1
"""RFC 8785 numbers are IEEE 754 doubles; beyond this they are no longer exact."""

DEPTH_MAX: Final = 12
"""Nesting of lists and objects."""

_INTEGER_DIGITS_MAX: Final = 16
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")

# RFC 8785 §3.2.2.2 escapes exactly what the json module escapes with
# ensure_ascii=False; keys are ASCII, so sorting by code point is sorting by UTF-16.
_encode: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def _plain(value: Any, room: int) -> Any:
    """Return `value` as plain dicts and lists, or say what JSON cannot hold."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise EncodingError("An integer is beyond 2^53.")
        return value
    if room == 0:
        raise EncodingError(f"Objects and lists are nested deeper than {DEPTH_MAX}.")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or not key.isascii():
                raise EncodingError("An object's key is not an ASCII string.")
        return {key: _plain(item, room - 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(item, room - 1) for item in value]
    raise EncodingError(f"A {type(value).__name__} has no place in canonical JSON.")


def canonical(value: Json) -> bytes:
    """Return the one canonical encoding of `value` (RFC 8785).

    Raises:
        EncodingError: floats, integers beyond 2^53, keys that are not ASCII, lone
            surrogates, nesting beyond `DEPTH_MAX`, or types JSON does not know.
    """
    try:
        return _encode(_plain(value, DEPTH_MAX)).encode()
    except UnicodeEncodeError:
        raise EncodingError("A string holds a lone surrogate.") from None


def _integer(digits: str) -> int:
    if len(digits) > _INTEGER_DIGITS_MAX + 1:
        raise EncodingError("An integer is beyond 2^53.")
    return int(digits)


def _no_float(text: str) -> None:
    raise EncodingError(f"{text[:20]} is not an integer.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise EncodingError("An object holds a key twice.")
    return found


_decode: Final = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_integer,
    parse_float=_no_float,
    parse_constant=_no_float,
).decode


def parse_canonical(data: bytes) -> Any:
    """Return the value of canonical JSON.

    Raises:
        EncodingError: anything else, be it one space too many.
    """
    try:
        value = _decode(data.decode())
    except UnicodeDecodeError:
        raise EncodingError("The text is not UTF-8.") from None
    except RecursionError:
        raise EncodingError("The JSON is nested too deep.") from None
    except ValueError as error:
        raise EncodingError(f"Not JSON: {error}.") from None
    if canonical(value) != data:
        raise EncodingError("The JSON is not in canonical form.")
    return value


def to_base64(data: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(data).decode()


def from_base64(text: str) -> bytes:
    """Return the bytes of canonical base64.

    Raises:
        EncodingError: also for spare bits that are not zero (RFC 4648 §3.5).
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EncodingError("Not base64.") from None
    if to_base64(data) != text:
        raise EncodingError("The base64 is not in canonical form.")
    return data


def from_hex(text: str, length_bytes: int) -> bytes:
    """Return the bytes of lowercase hexadecimal digits of the given length.

    Raises:
        EncodingError: another length, uppercase digits, or no hexadecimal at all.
    """
    if len(text) != 2 * length_bytes or not _HEX.fullmatch(text):
        raise EncodingError(f"Not {2 * length_bytes} lowercase hexadecimal digits.")
    return bytes.fromhex(text)
