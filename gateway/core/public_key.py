"""A credential's public key: two algorithms, each with one curve and one encoding.

Pinned by the COSE encoding as a whole, never guessed from a number alone: one firmware
announces −48 for SM2, which others read as ML-DSA-44.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

COORDINATE_BYTES: Final = 32

# The canonical CBOR of RFC 9053 §7 keys is fixed up to the coordinates. ES256: kty EC2,
# alg −7, crv P-256, x, y. EdDSA: kty OKP, alg −8, crv Ed25519, x.
_ES256_X: Final = bytes.fromhex("a5010203262001215820")
_ES256_Y: Final = bytes.fromhex("225820")
_EDDSA_X: Final = bytes.fromhex("a4010103272006215820")

_ECDSA: Final = ECDSA(SHA256())

Verify = Callable[[bytes, bytes], None]
"""Raises InvalidSignature unless (signature, message) is the key's."""


class Algorithm(IntEnum):
    """The COSE algorithms that a credential may have (RFC 9053 §2)."""

    ES256 = -7
    EDDSA = -8


@dataclass(frozen=True)
class PublicKey:
    """A COSE key, parsed when first needed and then kept. Equal if its bytes are."""

    cose: bytes

    @property
    def algorithm(self) -> Algorithm | None:
        """The algorithm, or None: the key is malformed or of no allowed algorithm."""
        return None if self._parsed is None else self._parsed[0]

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Tell whether the key made this signature (ES256: strict DER)."""
        if self._parsed is None:
            return False
        try:
            self._parsed[1](signature, message)
        except InvalidSignature:
            return False
        return True

    @cached_property
    def _parsed(self) -> tuple[Algorithm, Verify] | None:
        rest = self.cose.removeprefix(_EDDSA_X)
        if len(rest) == COORDINATE_BYTES and rest != self.cose:
            return Algorithm.EDDSA, Ed25519PublicKey.from_public_bytes(rest).verify
        rest = self.cose.removeprefix(_ES256_X)
        x, middle, y = (
            rest[:COORDINATE_BYTES],
            rest[COORDINATE_BYTES:-COORDINATE_BYTES],
            rest[-COORDINATE_BYTES:],
        )
        if middle != _ES256_Y or rest == self.cose:
            return None
        return _p256(int.from_bytes(x, "big"), int.from_bytes(y, "big"))


def _p256(x: int, y: int) -> tuple[Algorithm, Verify] | None:
    try:
        key = EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    except ValueError:  # not a point of the curve
        return None

    def verify(signature: bytes, message: bytes) -> None:
        key.verify(signature, message, _ECDSA)

    return Algorithm.ES256, verify
