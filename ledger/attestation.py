"""Whether an enrolment's attestation leads to a root that the site trusted then.

Packed attestation with a certificate (WebAuthn L3 §8.2); the rules for a path are those
of RFC 5280 §6.1, as far as attestation certificates go.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from ledger.errors import EvidenceError
from ledger.webauthn import ES256, verify_es256

AAGUID_OID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
CERTIFICATES_MAX: Final = 4
_MS_PER_S: Final = 1000
_OCTETS_16: Final = b"\x04\x10"

_X509_ERRORS: Final = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def check_attestation(
    statement: Any,
    signed: bytes,
    aaguid: bytes,
    roots: Sequence[bytes],
    at_ms: int,
) -> None:
    """Check a packed attestation statement.

    `statement` is the CBOR map attStmt, `signed` authenticatorData ‖ client data hash,
    `roots` DER certificates, `at_ms` the wall clock at which dates must hold.

    Raises:
        EvidenceError: the first rule that it breaks.
    """
    fields = statement if isinstance(statement, dict) else {}
    chain, signature = fields.get("x5c"), fields.get("sig")
    if (
        fields.get("alg") != ES256
        or not isinstance(signature, bytes)
        or not isinstance(chain, list)
        or not 0 < len(chain) <= CERTIFICATES_MAX
    ):
        raise EvidenceError("the attestation has no certificate of its key.")
    try:
        certificates = [_load(der) for der in chain if der not in roots]
        trusted = [_load(root) for root in roots]
        _check_leaf(certificates[0], aaguid)
        key = certificates[0].public_key()
        if not isinstance(key, EllipticCurvePublicKey):
            raise EvidenceError("the attestation's key is no elliptic curve key.")
        verify_es256(key, signature, signed)
        _check_path(certificates, trusted, at_ms)
    except (*_X509_ERRORS, IndexError) as error:
        raise EvidenceError(
            f"the attestation's certificates are wrong: {str(error)[:100]}"
        ) from None


def _load(der: Any) -> x509.Certificate:
    certificate = x509.load_der_x509_certificate(der)
    for extension in certificate.extensions:
        if extension.critical and not isinstance(
            extension.value, x509.BasicConstraints | x509.KeyUsage
        ):
            raise EvidenceError("a certificate has a critical extension unknown here.")
    return certificate


def _check_leaf(leaf: x509.Certificate, aaguid: bytes) -> None:
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    if constraints.value.ca:
        raise EvidenceError("the attestation certificate is itself an authority.")
    extension = leaf.extensions.get_extension_for_oid(AAGUID_OID).value
    value = getattr(extension, "value", b"")
    if value != _OCTETS_16 + aaguid:
        raise EvidenceError("the attestation certificate is for another model.")


def _check_path(
    chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], at_ms: int
) -> None:
    at = datetime.fromtimestamp(at_ms / _MS_PER_S, UTC)
    root = next((one for one in roots if one.subject == chain[-1].issuer), None)
    if root is None:
        raise EvidenceError("the attestation leads to no root that the site trusts.")
    path = [*chain, root]
    for certificate in path:
        if (
            not certificate.not_valid_before_utc
            <= at
            <= certificate.not_valid_after_utc
        ):
            raise EvidenceError("a certificate was not valid at that time.")
    for below, (child, issuer) in enumerate(pairwise(path)):
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
        limit = constraints.value.path_length
        if not constraints.value.ca or (limit is not None and below > limit):
            raise EvidenceError("a certificate was issued by one that may not.")
        child.verify_directly_issued_by(issuer)
