"""Reading one member of a row or an entry: of the right kind, or a RegistryError."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.core.encoding import from_base64url
from gateway.errors import RegistryError

TIME_MS_MAX: Final = 2**53 - 1
COMMITMENT_CHARS: Final = 64
MODEL_CHARS_MAX: Final = 64


def word(what: Mapping[str, Any], name: str, is_good: Callable[[str], bool]) -> str:
    """Return a string that `is_good`."""
    value = what.get(name)
    if not isinstance(value, str) or not is_good(value):
        raise RegistryError(f"{value!r:.40} is no {name}.")
    return value


def number(what: Mapping[str, Any], name: str, most: int, least: int = 0) -> int:
    """Return an integer from `least` to `most`."""
    value = what.get(name)
    if type(value) is not int or not least <= value <= most:
        raise RegistryError(
            f"{value!r:.40} is no {name}; it must be {least} to {most}."
        )
    return value


def flag(what: Mapping[str, Any], name: str) -> bool:
    """Return true or false; a store may have kept them as 1 and 0."""
    value = what.get(name)
    if value not in (True, False) or isinstance(value, float):
        raise RegistryError(f"{value!r:.40} is no {name}; it must be true or false.")
    return bool(value)


def binary(what: Mapping[str, Any], name: str, least: int, most: int) -> bytes:
    """Return the bytes of canonical base64url, `least` to `most` of them."""
    value = what.get(name)
    data = from_base64url(value) if isinstance(value, str) else None
    if data is None or not least <= len(data) <= most:
        raise RegistryError(
            f"{value!r:.40} is no {name}; it must be base64url of {least} to {most} "
            "bytes."
        )
    return data


def is_commitment(text: str) -> bool:
    """Tell whether `text` may be a commitment: 64 lower-case hex digits."""
    return len(text) == COMMITMENT_CHARS and set(text) <= set("0123456789abcdef")


def is_model(text: str) -> bool:
    """Tell whether `text` may name a model: up to 64 printable characters."""
    return len(text) <= MODEL_CHARS_MAX and text.isprintable()
