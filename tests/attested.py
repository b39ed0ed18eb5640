"""A maker's certificates and a new key's attestation, whole or with one thing wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from fido2 import cbor

from gateway.core.attestation import AttestedKey, Trust, verify_attestation
from gateway.core.certificate_path import AAGUID_OID, load_root
from tests.desk import (
    AT,
    NOON_MS,
    UP,
    UV,
    SoftKey,
    authenticator_data,
    key_number,
    sign,
)

AAGUID = bytes.fromhex("6b65797261004b455952410000000001")
RP_ID = "door.example"
CLIENT_DATA_HASH = b"\x33" * 32
NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)
YEAR = timedelta(days=365)

Signer = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def usage(*, certify: bool) -> x509.KeyUsage:
    """A key that signs certificates, or one that signs anything else."""
    return x509.KeyUsage(
        digital_signature=not certify,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certify,
        crl_sign=certify,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True)
class Plan:
    """A certificate to be; a leaf by default. `extensions`: (extension, critical)."""

    name: str = "KEYRA Batch 1"
    key: Signer = field(default_factory=lambda: key_number(12))
    unit: str | None = "Authenticator Attestation"
    country: str = "SE"
    organization: str | None = "KEYRA"
    issuer_name: str | None = None
    not_before: datetime = NOON - YEAR
    not_after: datetime = NOON + YEAR
    constraints: x509.BasicConstraints | None = field(
        default_factory=lambda: x509.BasicConstraints(ca=False, path_length=None)
    )
    constraints_critical: bool = True
    usage: x509.KeyUsage | None = None
    aaguid: bytes | None = AAGUID
    aaguid_critical: bool = False
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = ()
    digest: hashes.HashAlgorithm | None = field(default_factory=hashes.SHA256)

    def subject(self, name: str | None = None) -> x509.Name:
        """The subject, or the same under another common name."""
        parts = [(NameOID.COUNTRY_NAME, self.country)]
        if self.organization:
            parts.append((NameOID.ORGANIZATION_NAME, self.organization))
        if self.unit is not None:
            parts.append((NameOID.ORGANIZATIONAL_UNIT_NAME, self.unit))
        parts.append((NameOID.COMMON_NAME, name or self.name))
        return x509.Name([x509.NameAttribute(*part) for part in parts])


def issue(plan: Plan, issuer: Plan) -> bytes:
    """Sign a certificate, in DER."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(plan.subject())
        .issuer_name(issuer.subject(plan.issuer_name))
        .public_key(plan.key.public_key())
        .serial_number(7)
        .not_valid_before(plan.not_before)
        .not_valid_after(plan.not_after)
    )
    if plan.constraints is not None:
        builder = builder.add_extension(plan.constraints, plan.constraints_critical)
    if plan.usage is not None:
        builder = builder.add_extension(plan.usage, critical=True)
    if plan.aaguid is not None:
        octets = b"\x04" + bytes((len(plan.aaguid),)) + plan.aaguid
        builder = builder.add_extension(
            x509.UnrecognizedExtension(AAGUID_OID, octets), plan.aaguid_critical
        )
    for extension, critical in plan.extensions:
        builder = builder.add_extension(extension, critical)
    digest = None if isinstance(issuer.key, ed25519.Ed25519PrivateKey) else plan.digest
    deterministic = isinstance(issuer.key, ec.EllipticCurvePrivateKey) or None
    signed: Any = builder.sign
    certificate = signed(issuer.key, digest, ecdsa_deterministic=deterministic)
    der: bytes = certificate.public_bytes(Encoding.DER)
    return der


def ca(name: str, key: int, path_length: int | None) -> Plan:
    """A certificate authority's plan."""
    return Plan(
        name=name,
        key=key_number(key),
        unit=None,
        constraints=x509.BasicConstraints(ca=True, path_length=path_length),
        usage=usage(certify=True),
        aaguid=None,
    )


ROOT = ca("KEYRA Root", 10, 1)
BATCH = ca("KEYRA Batch CA", 11, 0)
LEAF = Plan()


@dataclass
class Attestation:
    """One makeCredential answer; change a part before `object` or `verify`."""

    root: Plan = ROOT
    batch: Plan | None = BATCH
    leaf: Plan = LEAF
    key: SoftKey = field(default_factory=SoftKey)
    cose: bytes | None = None
    aaguid: bytes = AAGUID
    rp_id: str = RP_ID
    flags: int = UP | UV | AT
    counter: int = 1
    algorithm: int = -7
    fmt: str = "packed"
    signer: ec.EllipticCurvePrivateKey | None = None
    x5c: list[bytes] | None = None
    data: bytes | None = None
    statement: Callable[[dict[str, Any]], dict[str, Any]] = dict
    trust: Trust | None = None

    @property
    def root_der(self) -> bytes:
        """The root, signed by itself."""
        return issue(self.root, self.root)

    @property
    def chain(self) -> list[bytes]:
        """Leaf and batch CA, as a key sends them."""
        if self.batch is None:
            return [issue(self.leaf, self.root)]
        return [issue(self.leaf, self.batch), issue(self.batch, self.root)]

    @property
    def authenticator_data(self) -> bytes:
        """With the new credential inside."""
        attested = self.aaguid + len(self.key.id).to_bytes(2, "big") + self.key.id
        attested += self.cose or self.key.cose
        rest = attested if self.flags & AT else b""
        return authenticator_data(self.rp_id, self.counter, self.flags, rest)

    @property
    def object(self) -> bytes:
        """The attestation object."""
        data = self.data or self.authenticator_data
        key: Any = self.signer or self.leaf.key
        statement = {
            "alg": self.algorithm,
            "sig": sign(key, data + CLIENT_DATA_HASH),
            "x5c": self.chain if self.x5c is None else self.x5c,
        }
        return cbor.encode(
            {"fmt": self.fmt, "attStmt": self.statement(statement), "authData": data}
        )

    def trusted(self, **changes: Any) -> Trust:
        """What the site trusts: this root and model."""
        trust = Trust(RP_ID, (load_root(self.root_der),), {AAGUID: "KEYRA One"})
        return replace(trust, **changes)

    def verify(self, wall_ms: int = NOON_MS) -> AttestedKey:
        """Judge it."""
        trust = self.trust or self.trusted()
        return verify_attestation(self.object, CLIENT_DATA_HASH, trust, wall_ms)
