"""authenticatorData: what the key says and signs (WebAuthn L3 §6.1)."""

import struct
from dataclasses import dataclass
from typing import Any, Final

from fido2 import cbor

from gateway.core.ids import (
    CREDENTIAL_ID_BYTES_MAX,
    CREDENTIAL_ID_BYTES_MIN,
    CredentialId,
)

AUTHENTICATOR_DATA_BYTES_MAX: Final = 2048
"""Ours: 37 bytes, a credential id of up to 1,023, a key of less than 100."""

FLAG_USER_PRESENT: Final = 0x01  # §6.1, flags
FLAG_USER_VERIFIED: Final = 0x04
FLAG_BACKUP_ELIGIBLE: Final = 0x08
FLAG_BACKUP_STATE: Final = 0x10
FLAG_ATTESTED: Final = 0x40
FLAG_EXTENSIONS: Final = 0x80

_HEAD: Final = struct.Struct(">32sBI")
_ATTESTED: Final = struct.Struct(">16sH")

CBOR_ERRORS: Final = (
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    RecursionError,
)
"""What fido2.cbor lets out when it is given rubbish."""


@dataclass(frozen=True, slots=True)
class AttestedCredential:
    """A credential just made (§6.5.1).

    Attributes:
        aaguid: the authenticator's model, 16 bytes.
        public_key_cose: the COSE key as it stands.
    """

    aaguid: bytes
    credential_id: CredentialId
    public_key_cose: bytes


@dataclass(frozen=True, slots=True)
class AuthenticatorData:
    """The parsed bytes; extensions are checked for form and then left alone."""

    rp_id_hash: bytes
    flags: int
    counter: int
    attested: AttestedCredential | None

    @property
    def user_present(self) -> bool:
        """Whether somebody touched the key."""
        return bool(self.flags & FLAG_USER_PRESENT)

    @property
    def user_verified(self) -> bool:
        """Whether the key recognised the finger."""
        return bool(self.flags & FLAG_USER_VERIFIED)


def parse(raw: bytes) -> AuthenticatorData | None:
    """Return what `raw` says, or None where it is malformed.

    Malformed: too short or more than 2,048 bytes, a backup state without eligibility
    (§6.1.3), a credential id of impossible length, CBOR that is not canonical, bytes
    left over.
    """
    if not _HEAD.size <= len(raw) <= AUTHENTICATOR_DATA_BYTES_MAX:
        return None
    rp_id_hash, flags, counter = _HEAD.unpack_from(raw)
    if flags & FLAG_BACKUP_STATE and not flags & FLAG_BACKUP_ELIGIBLE:
        return None
    rest, attested = raw[_HEAD.size :], None
    if flags & FLAG_ATTESTED:
        if (found := _attested(rest)) is None:
            return None
        attested, rest = found
    if flags & FLAG_EXTENSIONS:
        if (split := split_map(rest)) is None:
            return None
        rest = split[1]
    return None if rest else AuthenticatorData(rp_id_hash, flags, counter, attested)


def _attested(raw: bytes) -> tuple[AttestedCredential, bytes] | None:
    if len(raw) < _ATTESTED.size:
        return None
    aaguid, length = _ATTESTED.unpack_from(raw)
    if not CREDENTIAL_ID_BYTES_MIN <= length <= CREDENTIAL_ID_BYTES_MAX:
        return None
    credential_id, rest = (
        raw[_ATTESTED.size : _ATTESTED.size + length],
        raw[_ATTESTED.size + length :],
    )
    if (split := split_map(rest)) is None:
        return None
    return AttestedCredential(aaguid, CredentialId(credential_id), split[0]), split[1]


def split_map(raw: bytes) -> tuple[bytes, bytes] | None:
    """Split canonical CBOR that begins with a map into that map and the rest."""
    try:
        value: Any
        value, rest = cbor.decode_from(raw)
        head = raw[: len(raw) - len(rest)]
        well_formed = isinstance(value, dict) and cbor.encode(value) == head
    except CBOR_ERRORS:
        return None
    return (head, rest) if well_formed else None
