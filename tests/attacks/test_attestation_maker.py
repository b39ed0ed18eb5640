"""Attacks on the maker's certificates: a chain that proves less than it claims."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.core.attestation_failure import AttestationFailure
from gateway.core.certificate_path import load_root
from gateway.errors import AttestationError, ConfigError
from tests.attested import (
    AAGUID,
    BATCH,
    LEAF,
    NOON,
    ROOT,
    Attestation,
    Plan,
    ca,
    issue,
    usage,
)
from tests.desk import NOON_MS, key_number

DAY = timedelta(days=1)
MINUTE_MS = 60_000
ROGUE_KEY = key_number(99)
ROGUE_LEAF = replace(LEAF, name="Rogue", key=ROGUE_KEY)


def refusal(attestation: Attestation, wall_ms: int = NOON_MS) -> AttestationFailure:
    with pytest.raises(AttestationError) as caught:
        attestation.verify(wall_ms)
    return next(f for f in AttestationFailure if f.value == caught.value.reason)


def test_a_leaf_used_as_a_ca() -> None:
    """Whoever takes one key apart must not be able to make others."""
    chain = [issue(ROGUE_LEAF, LEAF), issue(LEAF, BATCH), issue(BATCH, ROOT)]
    forged = Attestation(leaf=ROGUE_LEAF, x5c=chain)
    assert refusal(forged) is AttestationFailure.ISSUER_NOT_A_CA


def test_a_leaf_that_says_it_is_a_ca_by_usage_only() -> None:
    leaf = replace(LEAF, usage=usage(certify=True))
    chain = [issue(ROGUE_LEAF, leaf), issue(leaf, BATCH), issue(BATCH, ROOT)]
    forged = Attestation(leaf=ROGUE_LEAF, x5c=chain)
    assert refusal(forged) is AttestationFailure.ISSUER_NOT_A_CA


def test_a_ca_that_vouches_for_a_key_itself() -> None:
    chain = [issue(BATCH, ROOT)]
    forged = Attestation(leaf=BATCH, x5c=chain)
    assert refusal(forged) is AttestationFailure.LEAF_IS_A_CA


def test_a_ca_below_the_last_ca_that_may_be_there() -> None:
    below = ca("KEYRA Sub CA", 20, 0)
    chain = [issue(LEAF, below), issue(below, BATCH), issue(BATCH, ROOT)]
    assert refusal(Attestation(x5c=chain)) is AttestationFailure.PATH_TOO_LONG


@pytest.mark.parametrize(
    ("part", "plan"),
    [("leaf", LEAF), ("batch", BATCH), ("root", ROOT)],
)
def test_an_expired_certificate(part: str, plan: Plan) -> None:
    parts: dict[str, Any] = {part: replace(plan, not_after=NOON - DAY)}
    assert refusal(Attestation(**parts)) is AttestationFailure.EXPIRED


@pytest.mark.parametrize(
    ("part", "plan"),
    [("leaf", LEAF), ("batch", BATCH), ("root", ROOT)],
)
def test_a_certificate_from_the_future(part: str, plan: Plan) -> None:
    parts: dict[str, Any] = {part: replace(plan, not_before=NOON + DAY)}
    assert refusal(Attestation(**parts)) is AttestationFailure.NOT_YET_VALID


def test_dates_count_to_the_second() -> None:
    attestation = Attestation(leaf=replace(LEAF, not_after=NOON))
    assert attestation.verify(NOON_MS).model == "KEYRA One"
    assert refusal(attestation, NOON_MS + 1) is AttestationFailure.EXPIRED


def test_the_wrong_issuers_name() -> None:
    forged = Attestation(leaf=replace(LEAF, issuer_name="KEYRA Batch CA 2"))
    assert refusal(forged) is AttestationFailure.NAMES_NOT_CHAINED


def test_the_right_issuers_name_over_a_strangers_signature() -> None:
    fake = replace(BATCH, key=ROGUE_KEY)
    forged = Attestation(x5c=[issue(LEAF, fake), issue(BATCH, ROOT)])
    assert refusal(forged) is AttestationFailure.CHAIN_SIGNATURE_INVALID


def test_an_unknown_root() -> None:
    other = ca("Another Root", 30, 1)
    forged = Attestation(root=other, trust=Attestation().trusted())
    assert refusal(forged) is AttestationFailure.ROOT_UNKNOWN


def test_a_strangers_root_under_the_trusted_roots_name() -> None:
    forged = Attestation(
        root=replace(ROOT, key=ROGUE_KEY), trust=Attestation().trusted()
    )
    assert refusal(forged) is AttestationFailure.ROOT_UNKNOWN


def test_a_strangers_root_sent_along() -> None:
    other = replace(ROOT, key=ROGUE_KEY)
    forged = Attestation(root=other, trust=Attestation().trusted())
    chain = [*forged.chain, forged.root_der]
    forged = replace(forged, x5c=chain)
    assert refusal(forged) is AttestationFailure.ROOT_UNKNOWN


def test_the_root_alone() -> None:
    root = Attestation().root_der
    assert refusal(Attestation(x5c=[root])) is AttestationFailure.LEAF_IS_A_CA


def test_the_chain_turned_round() -> None:
    chain = Attestation().chain[::-1]
    assert refusal(Attestation(x5c=chain)) is AttestationFailure.NAMES_NOT_CHAINED


def test_without_the_batch_ca_in_between() -> None:
    chain = Attestation().chain[:1]
    assert refusal(Attestation(x5c=chain)) is AttestationFailure.ROOT_UNKNOWN


def test_with_a_certificate_too_many() -> None:
    good = Attestation()
    chain = [*good.chain, issue(ca("Another CA", 31, None), ROOT)]
    assert refusal(Attestation(x5c=chain)) is AttestationFailure.NAMES_NOT_CHAINED


@pytest.mark.parametrize(
    "constraint",
    [
        x509.NameConstraints([x509.DNSName("keyra.example")], None),
        x509.PolicyConstraints(0, None),
        x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.1")]),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.9.9"), b"\x05\0"),
    ],
)
def test_a_constraint_that_would_be_overlooked(constraint: x509.ExtensionType) -> None:
    batch = replace(BATCH, extensions=[(constraint, True)])
    assert refusal(Attestation(batch=batch)) is AttestationFailure.EXTENSION_UNKNOWN


@pytest.mark.parametrize(
    "change",
    [
        lambda: replace(BATCH, digest=hashes.SHA224()),
        lambda: replace(BATCH, key=ec.derive_private_key(9, ec.SECP192R1())),
    ],
    ids=["SHA-224", "P-192"],
)
def test_a_ca_with_weak_cryptography(change: Callable[[], Plan]) -> None:
    forged = Attestation(batch=change())
    assert refusal(forged) is AttestationFailure.KEY_WEAK


@pytest.mark.parametrize(
    "root",
    [
        LEAF,
        replace(ROOT, constraints=None),
        replace(ROOT, usage=None),
        replace(ROOT, usage=usage(certify=False)),
    ],
)
def test_a_trust_store_with_what_is_no_root(root: Plan) -> None:
    with pytest.raises(ConfigError):
        load_root(issue(root, root))


def test_the_model_is_the_leafs_not_a_cas() -> None:
    batch = replace(BATCH, aaguid=AAGUID)
    forged = Attestation(batch=batch, leaf=replace(LEAF, aaguid=None))
    assert refusal(forged) is AttestationFailure.AAGUID_EXTENSION_MISSING
