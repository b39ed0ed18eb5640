"""Advertisements of FIDO keys, as a scanner hears them (CTAP 2.2 §11.4.7).

An advert is unsigned radio: it says whom to ask, never whom to trust.
"""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.ctap.gatt import FIDO_SERVICE_UUID
from gateway.errors import AdvertError

# §11.4.7, service data, byte 0. The other bits are reserved and ignored.
SERVICE_DATA_PAIRING: Final = 0x80
SERVICE_DATA_PASSKEY: Final = 0x40

# Supplement to the Bluetooth Core, Part A §1.3, Flags.
FLAG_LIMITED_DISCOVERABLE: Final = 0x01
FLAG_GENERAL_DISCOVERABLE: Final = 0x02
_DISCOVERABLE: Final = FLAG_LIMITED_DISCOVERABLE | FLAG_GENERAL_DISCOVERABLE

# An extended advert holds 1,650 bytes, hence fewer than 825 two-byte elements;
# nobody honest needs a tenth of that.
UUIDS_MAX: Final = 64
SERVICE_DATA_BYTES_MAX: Final = 252  # one AD structure: 255 less type and UUID

NAME_CHARS_MAX: Final = 32
_RAW_NAME_CHARS_MAX: Final = 248  # Bluetooth Core, Vol 3 Part C §12.1, Device Name
_COMBINING_MAX: Final = 1


@dataclass(frozen=True, slots=True)
class FidoAdvert:
    """What one advertisement says.

    Attributes:
        pairing: the key takes new bonds now.
        passkey: pairing will ask for a passkey.
        name: sanitised local name, at most 32 characters, "" where there is none.
    """

    pairing: bool
    passkey: bool
    name: str = ""


def parse_advert(
    service_uuids: Collection[str],
    service_data: Mapping[str, bytes],
    *,
    flags: int | None = None,
    local_name: str | None = None,
) -> FidoAdvert:
    """Read an advertisement.

    Pairing mode counts only if nothing that was heard denies it: some stacks hide the
    flags, some keys send no service data.

    Args:
        service_uuids: 128-bit text form, any case.
        service_data: the same form to raw bytes.
        flags: the AD flags byte, or None where the stack does not tell.
        local_name: as heard; may be hostile.

    Raises:
        AdvertError: not a FIDO advert, or one that contradicts the standard.
    """
    if len(service_uuids) > UUIDS_MAX or len(service_data) > UUIDS_MAX:
        raise AdvertError(
            f"An advert lists more than {UUIDS_MAX} services: it was ignored."
        )
    data = next(
        (
            raw
            for uuid, raw in service_data.items()
            if uuid.lower() == FIDO_SERVICE_UUID
        ),
        None,
    )
    if data is None and FIDO_SERVICE_UUID not in {u.lower() for u in service_uuids}:
        raise AdvertError(
            "An advert does not list the FIDO service (0xFFFD): it was ignored."
        )
    if data is not None and not 1 <= len(data) <= SERVICE_DATA_BYTES_MAX:
        raise AdvertError(
            f"A FIDO advert carries {len(data)} bytes of service data instead of"
            f" 1 to {SERVICE_DATA_BYTES_MAX}: it was ignored."
        )
    if flags is not None and flags & _DISCOVERABLE == _DISCOVERABLE:
        raise AdvertError(
            "A FIDO advert is limited and general discoverable at once: it was ignored."
        )
    bits = data[0] if data is not None else 0
    heard = [flags & _DISCOVERABLE != 0] if flags is not None else []
    heard += [bits & SERVICE_DATA_PAIRING != 0] if data is not None else []
    return FidoAdvert(
        pairing=bool(heard) and all(heard),
        passkey=bits & SERVICE_DATA_PASSKEY != 0,
        name=clean_name(local_name or ""),
    )


def clean_name(raw: str | bytes, chars_max: int = NAME_CHARS_MAX) -> str:
    """Make a peer's text fit for a log or a screen.

    Controls, line breaks, direction marks, surrogates, private and unassigned
    characters go; stacked combining marks shrink to one; runs of space become one.

    Args:
        raw: text, or bytes taken for UTF-8 with errors replaced; any length.
        chars_max: length of the result.
    """
    head = raw[:_RAW_NAME_CHARS_MAX]
    text = head.decode("utf-8", "replace") if isinstance(head, bytes) else head
    kept: list[str] = []
    combining = 0
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        combining = combining + 1 if category in {"Mn", "Me"} else 0
        if combining > _COMBINING_MAX:
            continue
        if category[0] == "Z" or category == "Cc":
            kept.append(" ")
        elif category[0] != "C":
            kept.append(char)
    return " ".join("".join(kept).split())[:chars_max].rstrip()
