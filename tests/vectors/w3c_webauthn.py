"""The test vectors of W3C WebAuthn Level 3, section 16, derived as the section says.

Every random value there is HKDF-SHA-256 over 'WebAuthn test vectors' with the example's
name as info and a counting salt; ECDSA nonces follow RFC 6979; the RSA key is made of
two Mersenne primes. So the examples can be computed instead of copied, and
w3c_webauthn.json holds the SHA-256 of each published value to prove them the same.
The attestation statements of TPM and Android Key are not derived: their formats are
refused by name before a statement is looked at.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from fido2 import cbor

from gateway.core.encoding import to_base64url

RP_ID = "example.org"
ORIGIN = "https://example.org"
TOP_ORIGIN = "https://example.com"
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40

CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm, int, int]] = {
    "ES256": (ec.SECP256R1(), hashes.SHA256(), -7, 1),
    "ES384": (ec.SECP384R1(), hashes.SHA384(), -35, 2),
    "ES512": (ec.SECP521R1(), hashes.SHA512(), -36, 3),
}


@dataclass(frozen=True)
class Example:
    """What one subsection publishes.

    Attributes:
        info: the HKDF info, which is the example's name.
        fmt: attestation statement format.
        attestation_object: None where the statement is not derived.
        created_data: the authenticatorData inside it.
        created_client, client: the two clientDataJSON.
    """

    info: str
    fmt: str
    credential_id: bytes
    cose: bytes
    challenge: bytes
    attestation_object: bytes | None
    created_data: bytes
    created_client: bytes
    data: bytes
    client: bytes
    signature: bytes

    @property
    def published(self) -> dict[str, bytes]:
        """The published values that were derived, by name."""
        values = {
            "created_data": self.created_data,
            "created_client": self.created_client,
            "data": self.data,
            "client": self.client,
            "signature": self.signature,
        }
        if self.attestation_object is not None:
            values["attestation_object"] = self.attestation_object
        return values


class Draws:
    """The section's random values, one after the other."""

    def __init__(self, info: str) -> None:
        self._info = info
        self._salts = iter(range(256))

    def __call__(self, length: int) -> bytes:
        """Draw the next value."""
        salt = bytes((next(self._salts),))
        return HKDF(hashes.SHA256(), length, salt, self._info.encode()).derive(
            b"WebAuthn test vectors"
        )


class CredentialKey:
    """A credential's private key, of any algorithm in the section."""

    def __init__(self, algorithm: str, draw: Draws) -> None:
        self._algorithm = algorithm
        self.private: Any
        if algorithm in CURVES:
            curve = CURVES[algorithm][0]
            secret = int.from_bytes(draw(curve.key_size // 8), "big")
            self.private = ec.derive_private_key(secret, curve)
        elif algorithm == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.from_private_bytes(draw(32))
        elif algorithm == "Ed448":
            self.private = ed448.Ed448PrivateKey.from_private_bytes(draw(57))
        else:
            self.private = _mersenne_key()

    @property
    def cose(self) -> bytes:
        """The COSE key, canonical."""
        public = self.private.public_key()
        if self._algorithm in CURVES:
            curve, _, algorithm, number = CURVES[self._algorithm]
            length = (curve.key_size + 7) // 8
            numbers = public.public_numbers()
            x, y = numbers.x.to_bytes(length, "big"), numbers.y.to_bytes(length, "big")
            return cbor.encode({1: 2, 3: algorithm, -1: number, -2: x, -3: y})
        if self._algorithm in {"EdDSA", "Ed448"}:
            algorithm, number = (-8, 6) if self._algorithm == "EdDSA" else (-53, 7)
            raw = public.public_bytes_raw()
            return cbor.encode({1: 1, 3: algorithm, -1: number, -2: raw})
        numbers = public.public_numbers()
        n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        return cbor.encode({1: 3, 3: -257, -1: n, -2: numbers.e.to_bytes(3, "big")})

    def sign(self, message: bytes) -> bytes:
        """Sign deterministically."""
        if self._algorithm in CURVES:
            scheme = ec.ECDSA(CURVES[self._algorithm][1], deterministic_signing=True)
            return cast("bytes", self.private.sign(message, scheme))
        if self._algorithm == "RS256":
            return cast(
                "bytes",
                self.private.sign(message, padding.PKCS1v15(), hashes.SHA256()),
            )
        return cast("bytes", self.private.sign(message))


def example(
    info: str,
    *,
    fmt: str = "none",
    framed: bool = False,
    top_origin: bool = False,
    id_bytes: int = 32,
) -> Example:
    """Derive one example; `info` ends in the algorithm, or has it second."""
    draw = Draws(info)
    algorithm = info.split(".")[1]
    challenge_bytes = 128 if algorithm == "ES512" else 32
    created_challenge = draw(challenge_bytes)
    key = CredentialKey(algorithm, draw)
    created_client = _client_data(
        "webauthn.create", created_challenge, draw, framed=framed, top=top_origin
    )
    aaguid, credential_id = draw(16), draw(id_bytes)
    flags = 0 if fmt == "fido-u2f" else draw(1)[0] & (UV | BE | BS)
    flags = (flags if flags & BE else flags & ~BS) | UP | AT
    attested = aaguid + id_bytes.to_bytes(2, "big") + credential_id + key.cose
    created_data = _data(flags, attested)
    attestation = _attestation(
        fmt, info, key, draw, created_data, sha256(created_client).digest()
    )

    challenge = draw(challenge_bytes)
    client = _client_data(
        "webauthn.get", challenge, draw, framed=framed, top=top_origin
    )
    kept = flags & BE
    seen = draw(1)[0] & ((UV | BS) if kept else UV)
    data = _data(UP | kept | seen)
    signature = key.sign(data + sha256(client).digest())
    return Example(
        info,
        fmt,
        credential_id,
        key.cose,
        challenge,
        attestation,
        created_data,
        created_client,
        data,
        client,
        signature,
    )


def _data(flags: int, attested: bytes = b"") -> bytes:
    head = sha256(RP_ID.encode()).digest() + bytes((flags,)) + bytes(4)
    return head + attested


def _client_data(
    kind: str, challenge: bytes, draw: Draws, *, framed: bool, top: bool
) -> bytes:
    members: dict[str, object] = {
        "type": kind,
        "challenge": to_base64url(challenge),
        "origin": ORIGIN,
        "crossOrigin": framed or top,
    }
    if top:
        members["topOrigin"] = TOP_ORIGIN
    if draw(1)[0] & 1:
        members["extraData"] = (
            "clientDataJSON may be extended with additional fields in the future, "
            f"such as this: {to_base64url(draw(16))}"
        )
    return json.dumps(members, separators=(",", ":")).encode()


def _attestation(
    fmt: str,
    info: str,
    key: CredentialKey,
    draw: Draws,
    data: bytes,
    client_hash: bytes,
) -> bytes | None:
    statement: dict[str, object] = {}
    message = data + client_hash
    if info.startswith("packed-self"):
        statement = {"alg": -7, "sig": key.sign(message)}
    elif fmt == "apple":
        statement = {"x5c": [_leaf(key.private, draw(16), sha256(message).digest())]}
    elif fmt == "android-key":
        draw(16)
        return None
    elif fmt != "none":
        signer = CredentialKey("ES256", draw)
        serial = draw(16)
        if fmt == "tpm":
            return None
        certificate = _leaf(signer.private, serial)
        if fmt == "fido-u2f":
            point = key.private.public_key().public_numbers()
            public = b"\4" + point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")
            message = b"\0" + data[:32] + client_hash + data[55:87] + public
            statement = {"sig": signer.sign(message), "x5c": [certificate]}
        else:
            signature = signer.sign(message)
            statement = {"alg": -7, "sig": signature, "x5c": [certificate]}
    return cbor.encode({"fmt": fmt, "attStmt": statement, "authData": data})


def root() -> bytes:
    """The attestation trust root certificate of §16.1, DER."""
    return _certificate(_CA, None, None)


def _leaf(key: Any, serial: bytes, nonce: bytes | None = None) -> bytes:
    return _certificate(key, serial, nonce)


def _certificate(key: Any, serial: bytes | None, nonce: bytes | None) -> bytes:
    """Make the root, or with a serial number a leaf, with Apple's nonce if given."""
    is_root = serial is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name("Authenticator Attestation" + " CA" * is_root))
        .issuer_name(_name("Authenticator Attestation CA"))
        .public_key(key.public_key())
        .serial_number(int.from_bytes(serial or _CA_SERIAL, "big"))
        .not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(3024, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(is_root, None), critical=True)
        .add_extension(_usage(is_root=is_root), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    )
    if not is_root:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(_CA.public_key())
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier(issuer.key_identifier, None, None),
            critical=False,
        )
    if nonce is not None:  # SEQUENCE { [1] { OCTET STRING } }
        octets = b"\x30\x24\xa1\x22\x04\x20" + nonce
        oid = x509.ObjectIdentifier("1.2.840.113635.100.8.2")
        builder = builder.add_extension(
            x509.UnrecognizedExtension(oid, octets), critical=False
        )
    signed = builder.sign(_CA, hashes.SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(Encoding.DER)


def _name(unit: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "WebAuthn test vectors"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "W3C"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "AA"),
        ]
    )


def _usage(*, is_root: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_root,
        crl_sign=is_root,
        encipher_only=False,
        decipher_only=False,
    )


def _mersenne_key() -> rsa.RSAPrivateKey:
    p, q, e = 2**1279 - 1, 2**2203 - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    return rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public
    ).private_key()


_DRAW_CA = Draws("Attestation CA")
_CA: Any = CredentialKey("ES256", _DRAW_CA).private
_CA_SERIAL = _DRAW_CA(16)

EXAMPLES = {
    "none-es256": example("none.ES256"),
    "packed-self-es256": example("packed-self.ES256", fmt="packed"),
    "none-es256-crossOrigin": example("none.ES256.crossOrigin", framed=True),
    "none-es256-topOrigin": example("none.ES256.topOrigin", top_origin=True),
    "none-es256-long-credential-id": example(
        "none.ES256.long-credential-id", id_bytes=1023
    ),
    "packed-es256": example("packed.ES256", fmt="packed"),
    "packed-es384": example("packed.ES384", fmt="packed"),
    "packed-es512": example("packed.ES512", fmt="packed"),
    "packed-rs256": example("packed.RS256", fmt="packed"),
    "packed-eddsa": example("packed.EdDSA", fmt="packed"),
    "packed-ed448": example("packed.Ed448", fmt="packed"),
    "tpm-es256": example("tpm.ES256", fmt="tpm"),
    "android-key-es256": example("android-key.ES256", fmt="android-key"),
    "apple-es256": example("apple.ES256", fmt="apple"),
    "fido-u2f-es256": example("fido-u2f.ES256", fmt="fido-u2f"),
}
"""By the fragment of the subsection, after `sctn-test-vectors-`."""
