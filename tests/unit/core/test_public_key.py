"""Two algorithms, each in one encoding; the rest is refused."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from fido2 import cbor
from fido2.cose import ES256, EdDSA
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.public_key import Algorithm, PublicKey
from tests.desk import ed25519_cose, key_number, p256_cose, sign

P256 = key_number(1)
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
P256_KEY = PublicKey(p256_cose(P256.public_key()))
ED25519_KEY = PublicKey(ed25519_cose(ED25519.public_key()))
X, Y = P256_KEY.cose[10:42], P256_KEY.cose[45:]


def cose(**changes: object) -> bytes:
    members = {1: 2, 3: -7, -1: 1, -2: X, -3: Y}
    names = {"kty": 1, "alg": 3, "crv": -1, "x": -2, "y": -3}
    members.update({names[name]: value for name, value in changes.items()})
    return cbor.encode({k: v for k, v in members.items() if v is not None})


def test_the_encoding_is_the_one_that_others_write() -> None:
    to_es256: Any = ES256.from_cryptography_key
    to_eddsa: Any = EdDSA.from_cryptography_key
    assert cbor.encode(to_es256(P256.public_key())) == P256_KEY.cose
    assert cbor.encode(to_eddsa(ED25519.public_key())) == ED25519_KEY.cose


@pytest.mark.parametrize(
    ("key", "private", "algorithm"),
    [(P256_KEY, P256, Algorithm.ES256), (ED25519_KEY, ED25519, Algorithm.EDDSA)],
)
def test_it_knows_its_own_signatures(
    key: PublicKey,
    private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    algorithm: Algorithm,
) -> None:
    assert key.algorithm is algorithm
    assert key.verify(sign(private, b"message"), b"message")
    assert not key.verify(sign(private, b"message"), b"messagf")
    assert not key.verify(b"", b"message")


def test_keys_are_equal_if_their_bytes_are() -> None:
    other = PublicKey(P256_KEY.cose)
    assert P256_KEY.algorithm is Algorithm.ES256, "parsed; the other one is not yet"
    assert other == P256_KEY
    assert hash(other) == hash(P256_KEY)
    assert other != ED25519_KEY


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        P256_KEY.cose + b"\0",
        P256_KEY.cose[:-1],
        ED25519_KEY.cose + b"\0",
        ED25519_KEY.cose[:-1],
        cose(alg=-48),
        cose(alg=-35),
        cose(alg=-257),
        cose(crv=2),
        cose(kty=1),
        cose(y=True),
        cose(y=None),
        cose(x=b"\0" * 31),
        cose(x=b"\xff" * 32),
        cose(y=b"\0" * 32),
        P256_KEY.cose[42:] + P256_KEY.cose[:42],
    ],
)
def test_another_key_or_encoding_is_no_key(bad: bytes) -> None:
    key = PublicKey(bad)
    assert key.algorithm is None
    assert not key.verify(sign(P256, b"message"), b"message")


@given(st.binary(max_size=100))
def test_rubbish_is_no_key(raw: bytes) -> None:
    assert PublicKey(raw).algorithm is None


@given(st.integers(0, 76), st.integers(1, 255))
def test_a_changed_byte_is_another_key_or_none(at: int, flip: int) -> None:
    raw = bytearray(P256_KEY.cose)
    raw[at] ^= flip
    key = PublicKey(bytes(raw))
    assert not key.verify(sign(P256, b"message"), b"message")


def test_a_signature_has_one_encoding() -> None:
    der = P256.sign(b"message", ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    long_form = b"\x30\x81" + der[1:]
    padded = _der_integers(b"\0" + r.to_bytes(33, "big"), s.to_bytes(33, "big"))
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    for other in (der + b"\0", long_form, padded, raw, der[:-1]):
        assert not P256_KEY.verify(other, b"message")
    assert P256_KEY.verify(der, b"message")


def _der_integers(*values: bytes) -> bytes:
    body = b"".join(b"\x02" + bytes((len(value),)) + value for value in values)
    return b"\x30" + bytes((len(body),)) + body
