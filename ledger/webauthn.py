"""The few pieces of WebAuthn and CTAP2 CBOR that deep verification reads.

Written for evidence, not for talking to keys: it accepts canonical forms alone, and
shares nothing with the code that made the evidence.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.hashes import SHA256

from ledger.checkpoint import load_public_key
from ledger.encoding import Json, canonical
from ledger.errors import EvidenceError

FLAG_PRESENT: Final = 0x01
FLAG_VERIFIED: Final = 0x04
FLAG_ATTESTED: Final = 0x40
ES256: Final = -7
EDDSA: Final = -8

_HEAD_BYTES: Final = 37
_AAGUID_BYTES: Final = 16
_DEPTH_MAX: Final = 6
_CHALLENGE: Final = b"keyra/challenge/v1\0"


def unbase64url(text: object) -> bytes:
    """Return the bytes of base64url without padding, in its one canonical form.

    Raises:
        EvidenceError: anything else.
    """
    if not isinstance(text, str) or not text.isascii():
        raise EvidenceError("a value is not base64url.")
    try:
        data = base64.b64decode(
            text + "=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
    except (binascii.Error, ValueError):
        raise EvidenceError("a value is not base64url.") from None
    if to_base64url(data) != text:
        raise EvidenceError("a value is not canonical base64url.")
    return data


def to_base64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def challenge_of(binding: Json) -> bytes:
    """Return the challenge that a binding stands for."""
    return hashlib.sha256(_CHALLENGE + canonical(binding)).digest()


@dataclass(frozen=True, slots=True)
class AuthenticatorData:
    """What the key signed besides the client data (WebAuthn L3 §6.1).

    Attributes:
        credential, public_key, aaguid: only in an attestation.
    """

    rp_id_hash: bytes
    flags: int
    counter: int
    aaguid: bytes = b""
    credential: bytes = b""
    public_key: bytes = b""


def parse_authenticator_data(data: bytes) -> AuthenticatorData:
    """Return the parts of authenticatorData without extensions.

    Raises:
        EvidenceError: anything else.
    """
    if len(data) < _HEAD_BYTES:
        raise EvidenceError("the authenticator data is cut short.")
    head = (data[:32], data[32], int.from_bytes(data[33:37]))
    rest = data[_HEAD_BYTES:]
    if not data[32] & FLAG_ATTESTED:
        return AuthenticatorData(*head)
    length = int.from_bytes(rest[_AAGUID_BYTES : _AAGUID_BYTES + 2])
    key = rest[_AAGUID_BYTES + 2 + length :]
    credential = rest[_AAGUID_BYTES + 2 : _AAGUID_BYTES + 2 + length]
    if not length or len(credential) != length:
        raise EvidenceError("the attested credential is cut short.")
    _, end = _item(key, 0, _DEPTH_MAX)
    return AuthenticatorData(*head, rest[:_AAGUID_BYTES], credential, key[:end])


def parse_cbor(data: bytes) -> Any:
    """Return the value of one CBOR item: integers, strings, arrays, maps, booleans.

    Raises:
        EvidenceError: anything else, or bytes after it.
    """
    value, end = _item(data, 0, _DEPTH_MAX)
    if end != len(data):
        raise EvidenceError("there are bytes after the CBOR item.")
    return value


def _cbor_head(data: bytes, at: int, room: int) -> tuple[int, int, int, int]:
    """Return major type, additional information, argument, and where it ends."""
    if at >= len(data) or not room:
        raise EvidenceError("a CBOR item is cut short or nested too deep.")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:  # noqa: PLR2004 - RFC 8949 §3: the argument itself
        return major, info, info, at
    length = 1 << (info - 24)
    end = at + length
    if info > 27 or end > len(data):  # noqa: PLR2004 - no indefinite lengths
        raise EvidenceError("a CBOR item is cut short.")
    return major, info, int.from_bytes(data[at:end]), end


def _item(data: bytes, at: int, room: int) -> tuple[Any, int]:
    major, info, argument, at = _cbor_head(data, at, room)
    match major:
        case 0 | 1:
            return (-1 - argument if major else argument), at
        case 2 | 3:
            return _string(data, at, argument, is_text=major == 3)  # noqa: PLR2004 - §3.1
        case 4:
            return _array(data, at, argument, room)
        case 5:
            flat, at = _array(data, at, 2 * argument, room)
            if not all(isinstance(key, int | str) for key in flat[::2]):
                raise EvidenceError("a CBOR map has a key of a strange kind.")
            return dict(zip(flat[::2], flat[1::2], strict=True)), at
        case 7 if info in {20, 21}:
            return info == 21, at  # noqa: PLR2004 - §3.3, false and true
        case _:
            raise EvidenceError("a CBOR item is of a kind that no evidence has.")


def _string(data: bytes, at: int, length: int, *, is_text: bool) -> tuple[Any, int]:
    part = data[at : at + length]
    if len(part) != length:
        raise EvidenceError("a CBOR string is cut short.")
    if not is_text:
        return part, at + length
    try:
        return part.decode(), at + length
    except UnicodeDecodeError:
        raise EvidenceError("a CBOR text is not UTF-8.") from None


def _array(data: bytes, at: int, count: int, room: int) -> tuple[list[Any], int]:
    items = []
    for _ in range(min(count, len(data) - at + 1)):
        item, at = _item(data, at, room - 1)
        items.append(item)
    return items, at


def check_signature(cose_key: bytes, signature: bytes, message: bytes) -> None:
    """Check a signature by a COSE key: ES256 or EdDSA, nothing else (RFC 9053).

    Raises:
        EvidenceError: the key is none of these, or the signature is not its own.
    """
    key = parse_cbor(cose_key)
    fields = key if isinstance(key, dict) else {}
    kind, algorithm, curve, x, y = (fields.get(label) for label in (1, 3, -1, -2, -3))
    try:
        if (kind, algorithm, curve) == (2, ES256, 1):
            numbers = EllipticCurvePublicNumbers(_number(x), _number(y), SECP256R1())
            verify_es256(numbers.public_key(), signature, message)
        elif (kind, algorithm, curve) == (1, EDDSA, 6) and isinstance(x, bytes):
            load_public_key(x).verify(signature, message)
        else:
            raise EvidenceError("the key is neither an ES256 nor an Ed25519 one.")
    except (InvalidSignature, ValueError):
        raise EvidenceError("the signature does not verify.") from None


def verify_es256(key: EllipticCurvePublicKey, signature: bytes, message: bytes) -> None:
    """Check an ES256 signature in DER.

    Raises:
        InvalidSignature: it is not the key's.
    """
    key.verify(signature, message, ECDSA(SHA256()))


def _number(coordinate: object) -> int:
    if not isinstance(coordinate, bytes) or len(coordinate) != 32:  # noqa: PLR2004 - P-256
        raise EvidenceError("a coordinate of the key has not 32 bytes.")
    return int.from_bytes(coordinate)


@dataclass(frozen=True, slots=True)
class Assertion:
    """A `webauthn.get` or `webauthn.create` evidence, taken apart.

    Attributes:
        data: authenticatorData as bytes, or the attestation object.
        signed: what the signature of an assertion is over.
    """

    binding: dict[str, Any]
    challenge: bytes
    client_data: bytes
    data: bytes
    signature: bytes

    @property
    def client_hash(self) -> bytes:
        """SHA-256 of clientDataJSON."""
        return hashlib.sha256(self.client_data).digest()

    @property
    def signed(self) -> bytes:
        """The bytes under an assertion's signature."""
        return self.data + self.client_hash


def read_evidence(value: object, kind: str) -> Assertion:
    """Take evidence apart and check that binding, challenge and client data agree.

    `kind` is `webauthn.get` or `webauthn.create`.

    Raises:
        EvidenceError: a part is missing, malformed or of another challenge.
    """
    fields = value if isinstance(value, dict) else {}
    binding = fields.get("binding")
    if not isinstance(binding, dict):
        raise EvidenceError("there is no binding.")
    is_creation = kind == "webauthn.create"
    data = unbase64url(
        fields.get("attestationObject" if is_creation else "authenticatorData")
    )
    signature = b"" if is_creation else unbase64url(fields.get("signature"))
    client_data = unbase64url(fields.get("clientDataJSON"))
    challenge = challenge_of(binding)
    origin = f"keyra://{binding.get('site')}/{binding.get('door')}"
    # The gateway is the client, and writes these bytes and no others.
    if client_data != (
        f'{{"type":"{kind}","challenge":"{to_base64url(challenge)}",'
        f'"origin":"{origin}","crossOrigin":false}}'
    ).encode(errors="replace"):
        raise EvidenceError(
            f"the client data is not {kind} for the challenge of {origin[:200]!a}."
        )
    return Assertion(binding, challenge, client_data, data, signature)
