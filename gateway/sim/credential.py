"""A credential on a simulated key, and what its private key does."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from gateway.core.public_key import Algorithm
from gateway.ctap import cbor

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential on the key."""

    id: bytes
    rp_id: str
    user_id: bytes
    algorithm: int
    key: PrivateKey = field(repr=False)


def sign(key: PrivateKey, message: bytes) -> bytes:
    """Sign as the key's algorithm does; the same message gives the same bytes."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def cose_key(key: PrivateKey) -> cbor.CborMap:
    """Return the public half as a COSE key (RFC 9053 §7.1, §7.2)."""
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {1: 1, 3: int(Algorithm.EDDSA), -1: 6, -2: public.public_bytes_raw()}
    return {1: 2, 3: int(Algorithm.ES256), **cose_point(public)}


def cose_point(public: ec.EllipticCurvePublicKey) -> cbor.CborMap:
    """Return a point of P-256 as a COSE key has it (RFC 9053 §7.1.1)."""
    point = public.public_numbers()
    return {-1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
