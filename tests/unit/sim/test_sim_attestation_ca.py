from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from gateway.sim.attestation_ca import (
    AAGUID,
    AAGUID_OID,
    ATTESTATION_UNIT,
    AttestationChain,
    CertificatePlan,
    attestation_chain,
    issue,
)
from gateway.sim.entropy import SeededEntropy
from gateway.sim.place import MADE_FROM, MADE_UNTIL

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_a_seed_decides_every_byte(chain: AttestationChain) -> None:
    again = attestation_chain(1, MADE_FROM, MADE_UNTIL)
    other = attestation_chain(2, MADE_FROM, MADE_UNTIL)
    assert again.x5c == chain.x5c
    assert again.root_der == chain.root_der
    assert not set(other.x5c) & set(chain.x5c)


def test_each_certificate_is_signed_by_the_next(chain: AttestationChain) -> None:
    leaf, batch, root = (
        each.certificate for each in (chain.leaf, chain.batch, chain.root)
    )
    leaf.verify_directly_issued_by(batch)
    batch.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert chain.x5c == [chain.leaf.der, chain.batch.der]


def test_the_leaf_is_what_webauthn_wants(chain: AttestationChain) -> None:
    leaf = chain.leaf.certificate
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    aaguid = leaf.extensions.get_extension_for_oid(AAGUID_OID)
    (unit,) = leaf.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
    assert not constraints.value.ca
    assert not aaguid.critical
    assert aaguid.value.public_bytes() == b"\x04\x10" + AAGUID
    assert unit.value == ATTESTATION_UNIT
    assert leaf.version is x509.Version.v3


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"not_after": datetime(2029, 1, 1, tzinfo=UTC)}, False),
        ({"issuer_name": "Somebody Else"}, False),
    ],
)
def test_a_chain_can_be_built_wrong_in_one_field(
    chain: AttestationChain, change: dict[str, object], *, holds: bool
) -> None:
    plan = replace(chain.leaf.plan, **change)  # type: ignore[arg-type] # any field
    leaf = issue(plan, SeededEntropy(1, "attack"), chain.batch)
    batch = chain.batch.certificate
    issued_by = leaf.certificate.issuer == batch.subject
    in_time = leaf.certificate.not_valid_after_utc > NOW
    assert (issued_by and in_time) is holds


def test_a_leaf_without_extensions_can_be_asked_for(chain: AttestationChain) -> None:
    plan = CertificatePlan("bare", MADE_FROM, MADE_UNTIL, is_ca=None, aaguid=None)
    leaf = issue(plan, SeededEntropy(1, "bare"), chain.batch).certificate
    found = {extension.oid for extension in leaf.extensions}
    assert AAGUID_OID not in found
    assert x509.BasicConstraints.oid not in found


def test_the_root_can_stand_in_a_trust_store(chain: AttestationChain) -> None:
    store = Store([chain.root.certificate])
    assert PolicyBuilder().store(store).time(NOW) is not None
