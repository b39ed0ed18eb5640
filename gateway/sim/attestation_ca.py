"""The maker's side of attestation: root, batch CA and leaf with the AAGUID extension.

The chain is as a KEYRA maker would issue it (WebAuthn L3 §8.2.1). `issue` takes every
field apart, so that an attack builds any other chain. Keys come from the seed, so the
same seed and dates give the same certificates, byte for byte.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.sim.entropy import SeededEntropy

AAGUID: Final = bytes.fromhex("6b65797261004b455952410000000001")
AAGUID_OID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")  # §8.2.1
ATTESTATION_UNIT: Final = "Authenticator Attestation"  # §8.2.1, subject OU

_SERIAL_BYTES: Final = 16
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def p256_key(entropy: SeededEntropy) -> ec.EllipticCurvePrivateKey:
    """Return a P-256 key that the stream decides."""
    scalar = int.from_bytes(entropy.token(40)) % (_P256_ORDER - 1) + 1
    return ec.derive_private_key(scalar, ec.SECP256R1())


@dataclass(frozen=True, slots=True)
class CertificatePlan:
    """What a certificate says; a default one is an attestation leaf.

    Attributes:
        not_before, not_after: UTC, with a time zone.
        unit: organizational unit, None for none.
        is_ca: basic constraints; None leaves the extension out.
        path_length: basic constraints' path length, only with `is_ca`.
        aaguid: 16 bytes for the AAGUID extension, None leaves it out.
        aaguid_critical: a leaf that marks the extension critical breaks the standard.
        issuer_name: common name to put in as issuer instead of the issuer's own.
    """

    common_name: str
    not_before: datetime
    not_after: datetime
    unit: str | None = ATTESTATION_UNIT
    country: str = "SE"
    organization: str = "KEYRA (simulated)"
    is_ca: bool | None = False
    path_length: int | None = None
    aaguid: bytes | None = AAGUID
    aaguid_critical: bool = False
    issuer_name: str | None = None

    def name(self) -> x509.Name:
        """Return the subject."""
        parts = [
            x509.NameAttribute(NameOID.COUNTRY_NAME, self.country),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization),
        ]
        if self.unit is not None:
            parts.append(
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, self.unit)
            )
        parts.append(x509.NameAttribute(NameOID.COMMON_NAME, self.common_name))
        return x509.Name(parts)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and the key that it is about."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    plan: CertificatePlan

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)


def issue(
    plan: CertificatePlan, entropy: SeededEntropy, issuer: Issued | None = None
) -> Issued:
    """Issue a certificate over a new key; without an issuer it signs itself."""
    key = p256_key(entropy)
    signer = key if issuer is None else issuer.key
    signer_name = plan.name() if issuer is None else issuer.certificate.subject
    if plan.issuer_name is not None:
        signer_name = replace(plan, common_name=plan.issuer_name).name()
    builder = (
        x509.CertificateBuilder()
        .subject_name(plan.name())
        .issuer_name(signer_name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(entropy.token(_SERIAL_BYTES)) >> 1 | 1)
        .not_valid_before(plan.not_before)
        .not_valid_after(plan.not_after)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
    )
    builder = _constrained(builder, plan)
    certificate = builder.sign(signer, hashes.SHA256(), ecdsa_deterministic=True)
    return Issued(certificate, key, plan)


def _constrained(
    builder: x509.CertificateBuilder, plan: CertificatePlan
) -> x509.CertificateBuilder:
    if plan.is_ca is not None:
        builder = builder.add_extension(
            x509.BasicConstraints(plan.is_ca, plan.path_length), critical=True
        )
    if plan.is_ca:
        builder = builder.add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    if plan.aaguid is not None:
        octets = b"\x04" + bytes((len(plan.aaguid),)) + plan.aaguid  # OCTET STRING
        builder = builder.add_extension(
            x509.UnrecognizedExtension(AAGUID_OID, octets),
            critical=plan.aaguid_critical,
        )
    return builder


@dataclass(frozen=True, slots=True)
class AttestationChain:
    """Root, batch CA and the leaf that a batch of keys shares.

    Attributes:
        root: stands in a site's trust store, never in `x5c`.
        aaguid: the model's AAGUID, 16 bytes.
    """

    root: Issued
    batch: Issued
    leaf: Issued
    aaguid: bytes

    @property
    def x5c(self) -> list[bytes]:
        """The certificates that a key sends: leaf, then batch CA, in DER."""
        return [self.leaf.der, self.batch.der]

    @property
    def root_der(self) -> bytes:
        """The trust root, in DER."""
        return self.root.der


def attestation_chain(
    seed: int,
    not_before: datetime,
    not_after: datetime,
    *,
    maker: str = "KEYRA",
    aaguid: bytes = AAGUID,
) -> AttestationChain:
    """Return the chain of one maker.

    Args:
        seed: decides the keys and serial numbers.
        not_before: validity of all three begins, UTC.
        not_after: it ends, UTC.
        maker: goes into the names; another maker has other keys.
        aaguid: of the model, 16 bytes.
    """
    entropy = SeededEntropy(seed, f"attestation/{maker}")
    plan = CertificatePlan(
        f"{maker} Attestation Root",
        not_before,
        not_after,
        unit=None,
        organization=f"{maker} (simulated)",
        is_ca=True,
        path_length=1,
        aaguid=None,
    )
    root = issue(plan, entropy)
    batch = issue(
        replace(plan, common_name=f"{maker} Batch CA 1", path_length=0), entropy, root
    )
    leaf_plan = replace(
        plan,
        common_name=f"{maker} Batch 1",
        unit=ATTESTATION_UNIT,
        is_ca=False,
        path_length=None,
        aaguid=aaguid,
    )
    return AttestationChain(root, batch, issue(leaf_plan, entropy, batch), aaguid)
