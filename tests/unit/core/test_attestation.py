"""Packed attestation with a certificate: what is believed, and how rubbish fails."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from fido2 import cbor
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.attestation import (
    ATTESTATION_OBJECT_BYTES_MAX,
    AttestedKey,
    verify_attestation,
)
from gateway.core.attestation_failure import AttestationFailure
from gateway.core.certificate_path import CERTIFICATE_BYTES_MAX, load_root
from gateway.core.public_key import Algorithm, PublicKey
from gateway.errors import AttestationError, ConfigError
from tests.attested import (
    AAGUID,
    BATCH,
    CLIENT_DATA_HASH,
    LEAF,
    ROOT,
    Attestation,
    Plan,
    issue,
    usage,
)
from tests.desk import AT, NOON_MS, UP, UV, SoftKey, key_number, sign
from tests.model_lists import Published, entry

GOOD = Attestation()
TRUST = GOOD.trusted()
OBJECT = GOOD.object
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
WEAK_RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused


def failure(attestation: Attestation, wall_ms: int = NOON_MS) -> AttestationFailure:
    with pytest.raises(AttestationError) as caught:
        attestation.verify(wall_ms)
    found = next(f for f in AttestationFailure if f.value == caught.value.reason)
    assert str(caught.value) == found.sentence
    return found


def test_an_honest_key_is_believed() -> None:
    assert Attestation().verify() == AttestedKey(
        credential_id=GOOD.key.id,
        public_key=PublicKey(GOOD.key.cose),
        aaguid=AAGUID,
        model="KEYRA One",
        maker="KEYRA",
        counter=1,
        root=sha256(GOOD.root_der).digest(),
    )


def rsa_root() -> Plan:
    return replace(ROOT, key=rsa.generate_private_key(65537, 2048))


HONEST: dict[str, Any] = {
    "EdDSA": {"key": SoftKey(private=ED25519)},
    "leaf under the root": {"batch": None},
    "root sent along": {"x5c": [*GOOD.chain, GOOD.root_der]},
    "Ed25519 leaf": {"leaf": replace(LEAF, key=ED25519), "algorithm": -8},
    "Ed25519 batch CA": {"batch": replace(BATCH, key=ED25519)},
    "RSA root": {"root": rsa_root()},
    "P-384 root": {"root": replace(ROOT, key=ec.derive_private_key(5, ec.SECP384R1()))},
    "leaf that signs data": {"leaf": replace(LEAF, usage=usage(certify=False))},
    "no path length": {
        "root": replace(
            ROOT, constraints=x509.BasicConstraints(ca=True, path_length=None)
        )
    },
}


@pytest.mark.parametrize("parts", HONEST.values(), ids=HONEST)
def test_other_honest_keys(parts: dict[str, Any]) -> None:
    attested = Attestation(**parts).verify()
    assert attested.public_key.algorithm in set(Algorithm)


def test_an_older_root_of_the_same_name_is_passed_over() -> None:
    other = load_root(
        issue(replace(ROOT, key=key_number(77)), replace(ROOT, key=key_number(77)))
    )
    trust = GOOD.trusted(roots=(other, load_root(GOOD.root_der)))
    assert Attestation(trust=trust).verify().maker == "KEYRA"


MALFORMED: dict[str, Any] = {
    "another member": lambda s: {**s, "ecdaaKeyId": b"x"},
    "x5c missing, another there": lambda s: {"alg": -7, "sig": s["sig"], "x": 1},
    "alg no number": lambda s: {**s, "alg": "ES256"},
    "alg a bool": lambda s: {**s, "alg": True},
    "sig missing": lambda s: {k: v for k, v in s.items() if k != "sig"},
    "sig no bytes": lambda s: {**s, "sig": "x"},
    "x5c no list": lambda s: {**s, "x5c": s["x5c"][0]},
    "x5c of text": lambda s: {**s, "x5c": ["x"]},
}


@pytest.mark.parametrize("statement", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_statement(statement: Any) -> None:
    assert failure(Attestation(statement=statement)) is AttestationFailure.MALFORMED


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xa0",
        OBJECT + b"\0",
        OBJECT[:-1],
        cbor.encode([1]),
        cbor.encode({"fmt": "packed", "attStmt": {}}),
        cbor.encode({"fmt": "packed", "attStmt": [], "authData": b""}),
        cbor.encode({"fmt": "packed", "attStmt": {}, "authData": "x"}),
        cbor.encode({"fmt": "packed", "attStmt": {}, "authData": b"", "x": 1}),
        b"\xbf" + OBJECT[1:] + b"\xff",
        b"\xb8\x03" + OBJECT[1:],
        b"\x81" * 5_000,
        bytes(ATTESTATION_OBJECT_BYTES_MAX + 1),
    ],
)
def test_a_malformed_object(raw: bytes) -> None:
    with pytest.raises(AttestationError) as caught:
        verify_attestation(raw, CLIENT_DATA_HASH, TRUST, NOON_MS)
    assert caught.value.reason == AttestationFailure.MALFORMED.value


FAILURES: dict[str, tuple[AttestationFailure, dict[str, Any]]] = {
    "fmt": (AttestationFailure.FORMAT_NOT_ALLOWED, {"fmt": "none"}),
    "self": (
        AttestationFailure.SELF_ATTESTATION,
        {"statement": lambda s: {"alg": -7, "sig": s["sig"]}},
    ),
    "no certificate": (AttestationFailure.SELF_ATTESTATION, {"x5c": []}),
    "five": (AttestationFailure.PATH_TOO_LONG, {"x5c": [GOOD.chain[0]] * 5}),
    "no credential": (
        AttestationFailure.AUTHENTICATOR_DATA_INVALID,
        {"flags": UP | UV},
    ),
    "no data": (AttestationFailure.AUTHENTICATOR_DATA_INVALID, {"data": b"x"}),
    "rp": (AttestationFailure.RP_ID_MISMATCH, {"rp_id": "elsewhere.example"}),
    "UP": (AttestationFailure.USER_NOT_PRESENT, {"flags": UV | AT}),
    "UV": (AttestationFailure.USER_NOT_VERIFIED, {"flags": UP | AT}),
    "algorithm": (
        AttestationFailure.ALGORITHM_NOT_REQUESTED,
        {"cose": cbor.encode({1: 2, 3: -48, -1: 1, -2: b"x" * 32, -3: b"y" * 32})},
    ),
    "model": (AttestationFailure.AAGUID_NOT_ALLOWED, {"aaguid": bytes(16)}),
    "no DER": (AttestationFailure.CERTIFICATE_MALFORMED, {"x5c": [b"x"]}),
    "long": (
        AttestationFailure.CERTIFICATE_MALFORMED,
        {"x5c": [bytes(CERTIFICATE_BYTES_MAX + 1)]},
    ),
    "extension": (
        AttestationFailure.EXTENSION_UNKNOWN,
        {"leaf": replace(LEAF, extensions=[(x509.InhibitAnyPolicy(0), True)])},
    ),
    "critical model": (
        AttestationFailure.AAGUID_EXTENSION_CRITICAL,
        {"leaf": replace(LEAF, aaguid_critical=True)},
    ),
    "curve": (
        AttestationFailure.KEY_WEAK,
        {"leaf": replace(LEAF, key=ec.derive_private_key(5, ec.SECP256K1()))},
    ),
    "RSA": (
        AttestationFailure.KEY_WEAK,
        {"batch": replace(BATCH, key=WEAK_RSA)},
    ),
    "digest": (
        AttestationFailure.KEY_WEAK,
        {"leaf": replace(LEAF, digest=hashes.SHA224())},
    ),
    "leaf CA": (
        AttestationFailure.LEAF_IS_A_CA,
        {
            "leaf": replace(
                LEAF,
                constraints=x509.BasicConstraints(ca=True, path_length=0),
                usage=usage(certify=True),
            )
        },
    ),
    "leaf unconstrained": (
        AttestationFailure.LEAF_IS_A_CA,
        {"leaf": replace(LEAF, constraints=None)},
    ),
    "leaf usage": (
        AttestationFailure.KEY_USAGE,
        {"leaf": replace(LEAF, usage=usage(certify=True))},
    ),
    "CA usage": (
        AttestationFailure.KEY_USAGE,
        {"batch": replace(BATCH, usage=usage(certify=False))},
    ),
    "CA without usage": (
        AttestationFailure.KEY_USAGE,
        {"batch": replace(BATCH, usage=None)},
    ),
    "CA unconstrained": (
        AttestationFailure.ISSUER_NOT_A_CA,
        {"batch": replace(BATCH, constraints=None)},
    ),
    "CA not critical": (
        AttestationFailure.ISSUER_NOT_A_CA,
        {"batch": replace(BATCH, constraints_critical=False)},
    ),
    "root path": (
        AttestationFailure.PATH_TOO_LONG,
        {
            "root": replace(
                ROOT, constraints=x509.BasicConstraints(ca=True, path_length=0)
            )
        },
    ),
    "names": (
        AttestationFailure.NAMES_NOT_CHAINED,
        {"leaf": replace(LEAF, issuer_name="KEYRA Root")},
    ),
    "chain": (
        AttestationFailure.CHAIN_SIGNATURE_INVALID,
        {
            "x5c": [
                issue(LEAF, replace(BATCH, key=key_number(77))),
                GOOD.chain[1],
            ]
        },
    ),
    "unit": (AttestationFailure.LEAF_SUBJECT, {"leaf": replace(LEAF, unit="IT")}),
    "no unit": (AttestationFailure.LEAF_SUBJECT, {"leaf": replace(LEAF, unit=None)}),
    "no maker": (
        AttestationFailure.LEAF_SUBJECT,
        {"leaf": replace(LEAF, organization=None)},
    ),
    "no model": (
        AttestationFailure.AAGUID_EXTENSION_MISSING,
        {"leaf": replace(LEAF, aaguid=None)},
    ),
    "other model": (
        AttestationFailure.AAGUID_MISMATCH,
        {"leaf": replace(LEAF, aaguid=bytes(16))},
    ),
    "signature": (AttestationFailure.SIGNATURE_INVALID, {"signer": key_number(77)}),
    "signature's algorithm": (
        AttestationFailure.SIGNATURE_INVALID,
        {"algorithm": -8},
    ),
    "signature's curve": (
        AttestationFailure.SIGNATURE_INVALID,
        {"leaf": replace(LEAF, key=ec.derive_private_key(5, ec.SECP384R1()))},
    ),
}


@pytest.mark.parametrize(("expected", "parts"), FAILURES.values(), ids=FAILURES)
def test_each_failure(expected: AttestationFailure, parts: dict[str, Any]) -> None:
    assert failure(Attestation(**parts)) is expected


@pytest.mark.parametrize(
    ("years", "expected"),
    [(2, AttestationFailure.EXPIRED), (-2, AttestationFailure.NOT_YET_VALID)],
)
def test_certificates_have_dates(years: int, expected: AttestationFailure) -> None:
    wall_ms = NOON_MS + years * 365 * 86_400_000
    assert failure(GOOD, wall_ms) is expected


@pytest.mark.parametrize(
    ("models", "wall_ms", "expected"),
    [
        ([entry(AAGUID, "REVOKED")], NOON_MS, AttestationFailure.MODEL_REVOKED),
        ([], 2 * NOON_MS, AttestationFailure.MODEL_LIST_EXPIRED),
    ],
)
def test_a_fallen_model_is_not_enrolled(
    models: list[Any], wall_ms: int, expected: AttestationFailure
) -> None:
    listed = GOOD.trusted(model_list=Published(entries=models).load())
    assert failure(Attestation(trust=listed), wall_ms) is expected


def test_every_failure_is_provoked_here() -> None:
    provoked = {expected for expected, _ in FAILURES.values()} | {
        AttestationFailure.MODEL_REVOKED,
        AttestationFailure.MODEL_LIST_EXPIRED,
        AttestationFailure.MALFORMED,
        AttestationFailure.EXPIRED,
        AttestationFailure.NOT_YET_VALID,
        AttestationFailure.ROOT_UNKNOWN,
    }
    assert provoked == set(AttestationFailure)
    assert failure(Attestation(trust=GOOD.trusted(roots=()))) is (
        AttestationFailure.ROOT_UNKNOWN
    )


def test_a_root_is_loaded_from_pem_and_der() -> None:
    der = GOOD.root_der
    pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    assert load_root(der).der == load_root(b"\n" + pem).der == der


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN nothing",
        issue(LEAF, ROOT),
        bytes(10_000),
    ],
)
def test_what_is_no_root_is_refused_in_one_sentence(data: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        load_root(data)
    assert str(caught.value).endswith(".")


@given(st.binary(max_size=300))
def test_rubbish_is_an_attestation_error(raw: bytes) -> None:
    with pytest.raises(AttestationError):
        verify_attestation(raw, CLIENT_DATA_HASH, TRUST, NOON_MS)


@settings(max_examples=300)
@given(st.integers(0, len(OBJECT) - 1), st.integers(1, 255))
def test_a_changed_byte_is_an_attestation_error(at: int, flip: int) -> None:
    raw = bytearray(OBJECT)
    raw[at] ^= flip
    with pytest.raises(AttestationError):
        verify_attestation(bytes(raw), CLIENT_DATA_HASH, TRUST, NOON_MS)


@settings(max_examples=300)
@given(st.integers(0, 1), st.data())
def test_a_changed_certificate_is_an_attestation_error(
    which: int, data: st.DataObject
) -> None:
    """Whole again around it, so that the certificate's own parser is what hears it."""
    chain = [bytearray(der) for der in GOOD.chain]
    at = data.draw(st.integers(0, len(chain[which]) - 1))
    chain[which][at] ^= data.draw(st.integers(1, 255))
    broken = Attestation(x5c=[bytes(der) for der in chain], trust=TRUST)
    assert failure(broken) in set(AttestationFailure)


def test_a_signature_has_one_encoding() -> None:
    """Its BIT STRING may not declare bits unused, even where they are zero."""
    leaf = GOOD.chain[0]
    signature = x509.load_der_x509_certificate(leaf).signature
    assert signature[-1] & 1 == 0
    other = leaf[: -len(signature) - 1] + b"\1" + signature
    forged = Attestation(x5c=[other, GOOD.chain[1]])
    assert failure(forged) is AttestationFailure.CERTIFICATE_MALFORMED


def tlv(tag: int, body: bytes) -> bytes:
    """DER with the shortest length."""
    length = len(body)
    if length < 0x80:
        return bytes((tag, length)) + body
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + body


def test_a_certificate_from_before_extensions() -> None:
    """X.509 version 1: no version field and no extensions, signed by the batch CA."""
    modern = replace(LEAF, constraints=None, aaguid=None)
    parsed = x509.load_der_x509_certificate(issue(modern, BATCH))
    version_3 = bytes.fromhex("a003020102")
    body = parsed.tbs_certificate_bytes.partition(version_3)[2]
    ecdsa_with_sha256 = bytes.fromhex("300a06082a8648ce3d040302")
    signature = b"\0" + sign(key_number(11), tlv(0x30, body))
    old = tlv(0x30, tlv(0x30, body) + ecdsa_with_sha256 + tlv(0x03, signature))
    assert x509.load_der_x509_certificate(old).version is x509.Version.v1
    forged = Attestation(x5c=[old, GOOD.chain[1]])
    assert failure(forged) is AttestationFailure.CERTIFICATE_MALFORMED
