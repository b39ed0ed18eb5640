"""The proof of a new key's model and maker: packed attestation, with a certificate.

A credential is believed to live in the hardware it claims only if all of these hold;
each is one AttestationFailure and one attack in tests/attacks:

    the object is canonical, and of the format packed with certificates
    authenticatorData holds a new credential, for this site, UP and UV set
    its algorithm was asked for, and its model is on the site's list
    the model has not fallen, by the list of models if the site has one
    every certificate and every link keeps the rules of certificate_path
    the leaf is none that may sign, and names what WebAuthn L3 §8.2.1 demands
    the leaf's AAGUID extension is there, not critical, and names the same model
    the leaf's key signed authenticatorData ‖ clientDataHash

A counter or a state is not looked at here: the second touch of the ceremony does that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from fido2 import cbor

from gateway.core import authenticator_data
from gateway.core.attestation_failure import AttestationFailure, refused
from gateway.core.authenticator_data import (
    CBOR_ERRORS,
    AttestedCredential,
    AuthenticatorData,
)
from gateway.core.certificate_path import (
    AAGUID_OID,
    CERTIFICATES_MAX,
    Certificate,
    check_path,
    parse,
)
from gateway.core.ids import CredentialId
from gateway.core.model_list import ModelList
from gateway.core.public_key import Algorithm, PublicKey

ATTESTATION_OBJECT_BYTES_MAX: Final = 16 * 1024

LEAF_UNIT: Final = "Authenticator Attestation"  # §8.2.1
COUNTRY_CHARS: Final = 2  # ISO 3166, §8.2.1

_OCTET_STRING_16: Final = b"\x04\x10"


@dataclass(frozen=True, slots=True)
class Trust:
    """What the site trusts when a key is enrolled.

    Attributes:
        rp_id: the site's domain.
        roots: certificate_path.load_root of each.
        models: what each allowed AAGUID (16 bytes) is called.
        algorithms: those that makeCredential asks for.
        model_list: says which models have fallen; None where the site has no list.
    """

    rp_id: str
    roots: tuple[Certificate, ...]
    models: Mapping[bytes, str]
    algorithms: tuple[Algorithm, ...] = (Algorithm.ES256, Algorithm.EDDSA)
    model_list: ModelList | None = None


@dataclass(frozen=True, slots=True)
class AttestedKey:
    """A new credential whose model is proved.

    Attributes:
        model: what the site calls its AAGUID.
        maker: the organization that the leaf names.
        root: SHA-256 of the root certificate at the path's end.
    """

    credential_id: CredentialId
    public_key: PublicKey
    aaguid: bytes
    model: str
    maker: str
    counter: int
    root: bytes


@dataclass(frozen=True, slots=True)
class _Statement:
    algorithm: int
    signature: bytes
    certificates: tuple[bytes, ...]
    authenticator_data: bytes


def verify_attestation(
    attestation_object: bytes, client_data_hash: bytes, trust: Trust, wall_ms: int
) -> AttestedKey:
    """Verify, then believe.

    Args:
        attestation_object: canonical CBOR {"fmt", "attStmt", "authData"}
            (WebAuthn L3 §6.5.4).
        client_data_hash: of the question that the key answered, 32 bytes.
        trust: what the site trusts.
        wall_ms: the moment at which certificates must be valid. The caller has a clock
            that it believes, or says that it has none.

    Raises:
        AttestationError: `reason` is the value of an AttestationFailure.
    """
    statement = _statement(attestation_object)
    data, attested = _credential(statement.authenticator_data, trust)
    if trust.model_list is not None:
        trust.model_list.check(attested.aaguid, wall_ms)
    chain = [parse(der) for der in statement.certificates]
    if len(chain) > 1 and any(chain[-1].der == root.der for root in trust.roots):
        chain.pop()  # some makers send their root along
    path = check_path(chain, trust.roots, wall_ms)
    maker = _check_leaf(path[0], attested.aaguid)
    message = statement.authenticator_data + client_data_hash
    if not _signed(path[0], statement, message):
        raise refused(AttestationFailure.SIGNATURE_INVALID)
    return AttestedKey(
        credential_id=attested.credential_id,
        public_key=PublicKey(attested.public_key_cose),
        aaguid=attested.aaguid,
        model=trust.models[attested.aaguid],
        maker=maker,
        counter=data.counter,
        root=sha256(path[-1].der).digest(),
    )


def _statement(raw: bytes) -> _Statement:
    members = _canonical_map(raw)
    if set(members) != {"fmt", "attStmt", "authData"}:
        raise refused(AttestationFailure.MALFORMED)
    if members["fmt"] != "packed":
        raise refused(AttestationFailure.FORMAT_NOT_ALLOWED)
    statement, data = members["attStmt"], members["authData"]
    if not isinstance(statement, dict) or not isinstance(data, bytes):
        raise refused(AttestationFailure.MALFORMED)
    algorithm, signature = statement.pop("alg", None), statement.pop("sig", None)
    if type(algorithm) is not int or not isinstance(signature, bytes):
        raise refused(AttestationFailure.MALFORMED)
    return _Statement(algorithm, signature, _chain(statement), data)


def _chain(rest: dict[Any, Any]) -> tuple[bytes, ...]:
    """Return the certificates of a statement without its `alg` and `sig`."""
    if not rest or rest == {"x5c": []}:
        raise refused(AttestationFailure.SELF_ATTESTATION)
    chain = rest.pop("x5c", None)
    if rest or not isinstance(chain, list):
        raise refused(AttestationFailure.MALFORMED)
    if len(chain) > CERTIFICATES_MAX:
        raise refused(AttestationFailure.PATH_TOO_LONG)
    if not all(isinstance(der, bytes) for der in chain):
        raise refused(AttestationFailure.MALFORMED)
    return tuple(chain)


def _canonical_map(raw: bytes) -> dict[Any, Any]:
    if len(raw) > ATTESTATION_OBJECT_BYTES_MAX:
        raise refused(AttestationFailure.MALFORMED)
    try:
        members: Any = cbor.decode(raw)
        if isinstance(members, dict) and cbor.encode(members) == raw:
            return members
    except CBOR_ERRORS as error:
        raise refused(AttestationFailure.MALFORMED) from error
    raise refused(AttestationFailure.MALFORMED)


def _credential(
    raw: bytes, trust: Trust
) -> tuple[AuthenticatorData, AttestedCredential]:
    data = authenticator_data.parse(raw)
    if data is None or data.attested is None:
        raise refused(AttestationFailure.AUTHENTICATOR_DATA_INVALID)
    if data.rp_id_hash != sha256(trust.rp_id.encode()).digest():
        raise refused(AttestationFailure.RP_ID_MISMATCH)
    if not data.user_present:
        raise refused(AttestationFailure.USER_NOT_PRESENT)
    if not data.user_verified:
        raise refused(AttestationFailure.USER_NOT_VERIFIED)
    if PublicKey(data.attested.public_key_cose).algorithm not in trust.algorithms:
        raise refused(AttestationFailure.ALGORITHM_NOT_REQUESTED)
    if data.attested.aaguid not in trust.models:
        raise refused(AttestationFailure.AAGUID_NOT_ALLOWED)
    return data, data.attested


def _check_leaf(leaf: Certificate, aaguid: bytes) -> str:
    """Hold the leaf to WebAuthn L3 §8.2.1, and return its maker."""
    constraints = leaf.extension(x509.BasicConstraints)
    if constraints is None or constraints.value.ca:
        raise refused(AttestationFailure.LEAF_IS_A_CA)
    usage = leaf.extension(x509.KeyUsage)
    if usage is not None and not usage.value.digital_signature:
        raise refused(AttestationFailure.KEY_USAGE)
    country, maker, unit, model = (
        _only(leaf.subject, oid)
        for oid in (
            NameOID.COUNTRY_NAME,
            NameOID.ORGANIZATION_NAME,
            NameOID.ORGANIZATIONAL_UNIT_NAME,
            NameOID.COMMON_NAME,
        )
    )
    if len(country) != COUNTRY_CHARS or unit != LEAF_UNIT or not (maker and model):
        raise refused(AttestationFailure.LEAF_SUBJECT)
    extension = next((e for e in leaf.extensions if e.oid == AAGUID_OID), None)
    if extension is None:
        raise refused(AttestationFailure.AAGUID_EXTENSION_MISSING)
    if extension.value.public_bytes() != _OCTET_STRING_16 + aaguid:
        raise refused(AttestationFailure.AAGUID_MISMATCH)
    return maker


def _only(subject: x509.Name, oid: x509.ObjectIdentifier) -> str:
    """Return the one value of a part of the subject; empty for none or several."""
    values = [part.value for part in subject.get_attributes_for_oid(oid)]
    value = values[0] if len(values) == 1 else ""
    return value if isinstance(value, str) else ""


def _signed(leaf: Certificate, statement: _Statement, message: bytes) -> bool:
    key = leaf.key
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(statement.signature, message)
            return statement.algorithm == Algorithm.EDDSA
        if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
            key.verify(statement.signature, message, ECDSA(SHA256()))
            return statement.algorithm == Algorithm.ES256
    except InvalidSignature:
        return False
    return False
