"""The path from an attestation certificate to a root that the site trusts.

Our own validation (RFC 5280 §6.1 as far as attestation needs it), since the libraries'
ones let a leaf sign, an expired leaf pass, or a name go unchained. Every certificate:

     1  parses; X.509 version 3                    CERTIFICATE_MALFORMED
     2  has no critical extension unknown here,    EXTENSION_UNKNOWN,
        nor a critical AAGUID                      AAGUID_EXTENSION_CRITICAL
     3  is within its dates                        NOT_YET_VALID, EXPIRED
     4  has a key and a signature of today         KEY_WEAK

and every link, from the leaf to the root:

     5  names the issuer's subject as its issuer   NAMES_NOT_CHAINED
     6  the issuer is a CA, marked critical        ISSUER_NOT_A_CA
     7  whose path length allows what is below it  PATH_TOO_LONG
     8  and whose key may sign certificates        KEY_USAGE
     9  and did sign this one                      CHAIN_SIGNATURE_INVALID

The last link's issuer is one of the site's roots, else ROOT_UNKNOWN. A root is held to
all of these as well.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from gateway.core.attestation_failure import AttestationFailure, refused
from gateway.errors import AttestationError, ConfigError

CERTIFICATES_MAX: Final = 4
CERTIFICATE_BYTES_MAX: Final = 2048
RSA_BITS_MIN: Final = 2048
AAGUID_OID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
"""Says which model a leaf is for (WebAuthn L3 §8.2.1)."""

X509_ERRORS: Final = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
"""What cryptography lets out when it is given rubbish for a certificate."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNDERSTOOD: Final = (x509.BasicConstraints, x509.KeyUsage)
_CURVES: Final = (SECP256R1, SECP384R1, SECP521R1)
_HASHES: Final = (SHA256, SHA384, SHA512)

PublicKeyTypes = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey
Extension = TypeVar("Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate whose parts have all been parsed."""

    der: bytes
    parsed: x509.Certificate
    subject: x509.Name
    issuer: x509.Name
    key: PublicKeyTypes
    extensions: x509.Extensions

    def extension(self, kind: type[Extension]) -> x509.Extension[Extension] | None:
        """Return an extension of this kind, if there is one."""
        try:
            return self.extensions.get_extension_for_class(kind)
        except x509.ExtensionNotFound:
            return None


def load_root(data: bytes) -> Certificate:
    """Return a trust root from a PEM file's or a DER certificate's bytes.

    Raises:
        ConfigError: not one certificate, or one that could never be a root.
    """
    try:
        if data.lstrip().startswith(b"-----BEGIN"):
            data = x509.load_pem_x509_certificate(data).public_bytes(Encoding.DER)
        root = parse(data)
        _check_issuer(root, below=0)
    except X509_ERRORS as error:
        raise ConfigError(f"This is no root certificate: {error!s:.100}.") from error
    except AttestationError as error:
        raise ConfigError(f"This certificate can be no root: {error}") from error
    return root


def parse(der: bytes, bytes_max: int = CERTIFICATE_BYTES_MAX) -> Certificate:
    """Return a certificate, every part of it parsed (rules 1, 2 and 4).

    Raises:
        AttestationError: which rule it breaks.
    """
    if len(der) > bytes_max:
        raise refused(AttestationFailure.CERTIFICATE_MALFORMED)
    try:
        with warnings.catch_warnings():
            # What the library still lets pass for old certificates, such as a negative
            # serial number, it only warns of.
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            raw = x509.load_der_x509_certificate(der)
            key, digest = raw.public_key(), raw.signature_hash_algorithm
            version, extensions = raw.version, raw.extensions
            subject, issuer = raw.subject, raw.issuer
    except (*X509_ERRORS, CryptographyDeprecationWarning) as error:
        raise refused(AttestationFailure.CERTIFICATE_MALFORMED) from error
    whole_octets = der.endswith(b"\0" + raw.signature)  # DER: no unused bits at its end
    if version is not x509.Version.v3 or not whole_octets:
        raise refused(AttestationFailure.CERTIFICATE_MALFORMED)
    for extension in (one for one in extensions if one.critical):
        if extension.oid == AAGUID_OID:  # WebAuthn L3 §8.2.1: MUST NOT
            raise refused(AttestationFailure.AAGUID_EXTENSION_CRITICAL)
        if not isinstance(extension.value, _UNDERSTOOD):
            raise refused(AttestationFailure.EXTENSION_UNKNOWN)
    if digest is not None and not isinstance(digest, _HASHES):
        raise refused(AttestationFailure.KEY_WEAK)
    if not isinstance(key, PublicKeyTypes) or not _is_strong(key):
        raise refused(AttestationFailure.KEY_WEAK)
    return Certificate(der, raw, subject, issuer, key, extensions)


def check_path(
    certificates: Sequence[Certificate], roots: Sequence[Certificate], wall_ms: int
) -> tuple[Certificate, ...]:
    """Check the whole path and return it, the root included.

    Args:
        certificates: leaf first, without the root.
        roots: what the site trusts.
        wall_ms: the moment at which all of it must be valid, Unix milliseconds.

    Raises:
        AttestationError: the first rule that a certificate or link breaks.
    """
    last = certificates[-1]
    for below, (child, issuer) in enumerate(pairwise(certificates)):
        _check_dates(child, wall_ms)
        _check_link(child, issuer, below)
    _check_dates(last, wall_ms)
    for root in roots:
        if root.subject == last.issuer and _signed(last, root):
            _check_dates(root, wall_ms)
            _check_issuer(root, len(certificates) - 1)
            return (*certificates, root)
    raise refused(AttestationFailure.ROOT_UNKNOWN)


def _check_link(child: Certificate, issuer: Certificate, below: int) -> None:
    if child.issuer != issuer.subject:
        raise refused(AttestationFailure.NAMES_NOT_CHAINED)
    _check_issuer(issuer, below)
    if not _signed(child, issuer):
        raise refused(AttestationFailure.CHAIN_SIGNATURE_INVALID)


def _check_issuer(issuer: Certificate, below: int) -> None:
    """Rules 6 to 8; `below` counts the CAs between the issuer and the leaf."""
    constraints = issuer.extension(x509.BasicConstraints)
    if constraints is None or not constraints.critical or not constraints.value.ca:
        raise refused(AttestationFailure.ISSUER_NOT_A_CA)
    path_length = constraints.value.path_length
    if path_length is not None and below > path_length:
        raise refused(AttestationFailure.PATH_TOO_LONG)
    usage = issuer.extension(x509.KeyUsage)
    if usage is None or not usage.value.key_cert_sign:
        raise refused(AttestationFailure.KEY_USAGE)


def _check_dates(certificate: Certificate, wall_ms: int) -> None:
    now = _EPOCH + timedelta(milliseconds=wall_ms)
    if now < certificate.parsed.not_valid_before_utc:
        raise refused(AttestationFailure.NOT_YET_VALID)
    if now > certificate.parsed.not_valid_after_utc:
        raise refused(AttestationFailure.EXPIRED)


def _signed(child: Certificate, issuer: Certificate) -> bool:
    try:
        child.parsed.verify_directly_issued_by(issuer.parsed)
    except (InvalidSignature, *X509_ERRORS):
        return False
    return True


def _is_strong(key: PublicKeyTypes) -> bool:
    if isinstance(key, EllipticCurvePublicKey):
        return isinstance(key.curve, _CURVES)
    return isinstance(key, Ed25519PublicKey) or key.key_size >= RSA_BITS_MIN
