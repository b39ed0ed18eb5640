"""Attacks on the attestation: a key that is not the model or the credential it says."""

from dataclasses import replace
from typing import Any

import pytest
from fido2 import cbor

from gateway.core.attestation import verify_attestation
from gateway.core.attestation_failure import AttestationFailure
from gateway.core.public_key import Algorithm
from gateway.errors import AttestationError
from tests.attested import AAGUID, CLIENT_DATA_HASH, LEAF, Attestation
from tests.desk import AT, NOON_MS, UP, UV, SoftKey, key_number, sign

OTHER_MODEL = bytes(15) + b"\1"


def refusal(attestation: Attestation) -> AttestationFailure:
    with pytest.raises(AttestationError) as caught:
        attestation.verify()
    return next(f for f in AttestationFailure if f.value == caught.value.reason)


def test_self_attestation() -> None:
    """The credential's own key signs, as packed allows without x5c (§8.2)."""
    key = SoftKey()

    def by_itself(statement: dict[str, Any]) -> dict[str, Any]:
        data = Attestation(key=key).authenticator_data
        signature = sign(key.private, data + CLIENT_DATA_HASH)
        return {"alg": statement["alg"], "sig": signature}

    forged = Attestation(key=key, statement=by_itself)
    assert refusal(forged) is AttestationFailure.SELF_ATTESTATION


def test_self_attestation_with_an_empty_chain() -> None:
    assert refusal(Attestation(x5c=[])) is AttestationFailure.SELF_ATTESTATION


@pytest.mark.parametrize("fmt", ["none", "fido-u2f", "tpm", "apple", "android-key", ""])
def test_a_format_that_proves_less(fmt: str) -> None:
    assert refusal(Attestation(fmt=fmt)) is AttestationFailure.FORMAT_NOT_ALLOWED


def test_no_attestation_at_all() -> None:
    raw = cbor.encode(
        {"fmt": "none", "attStmt": {}, "authData": Attestation().authenticator_data}
    )
    with pytest.raises(AttestationError) as caught:
        verify_attestation(raw, CLIENT_DATA_HASH, Attestation().trusted(), NOON_MS)
    assert caught.value.reason == "format-not-allowed"


def test_a_leaf_without_its_model() -> None:
    forged = Attestation(leaf=replace(LEAF, aaguid=None))
    assert refusal(forged) is AttestationFailure.AAGUID_EXTENSION_MISSING


def test_a_leaf_for_another_model() -> None:
    forged = Attestation(leaf=replace(LEAF, aaguid=OTHER_MODEL))
    assert refusal(forged) is AttestationFailure.AAGUID_MISMATCH


@pytest.mark.parametrize("aaguid", [AAGUID[:15], AAGUID + b"\0", b""])
def test_a_leaf_whose_model_is_cut(aaguid: bytes) -> None:
    forged = Attestation(leaf=replace(LEAF, aaguid=aaguid))
    assert refusal(forged) is AttestationFailure.AAGUID_MISMATCH


def test_a_leaf_whose_model_is_critical() -> None:
    forged = Attestation(leaf=replace(LEAF, aaguid_critical=True))
    assert refusal(forged) is AttestationFailure.AAGUID_EXTENSION_CRITICAL


def test_a_cheaper_model_that_claims_a_listed_one() -> None:
    """Its maker is trusted, its own certificate is for the other model."""
    leaf = replace(LEAF, aaguid=OTHER_MODEL)
    forged = Attestation(leaf=leaf, aaguid=AAGUID)
    assert refusal(forged) is AttestationFailure.AAGUID_MISMATCH


def test_a_model_that_is_not_on_the_list() -> None:
    leaf = replace(LEAF, aaguid=OTHER_MODEL)
    forged = Attestation(leaf=leaf, aaguid=OTHER_MODEL)
    assert refusal(forged) is AttestationFailure.AAGUID_NOT_ALLOWED


def test_a_site_without_a_list_enrols_nothing() -> None:
    trust = Attestation().trusted(models={})
    forged = Attestation(trust=trust)
    assert refusal(forged) is AttestationFailure.AAGUID_NOT_ALLOWED


def test_an_algorithm_that_was_not_asked_for() -> None:
    trust = Attestation().trusted(algorithms=(Algorithm.EDDSA,))
    forged = Attestation(trust=trust)
    assert refusal(forged) is AttestationFailure.ALGORITHM_NOT_REQUESTED


@pytest.mark.parametrize("algorithm", [-48, -35, -257])
def test_an_algorithm_that_is_not_pinned(algorithm: int) -> None:
    cose = cbor.encode({1: 2, 3: algorithm, -1: 1, -2: b"x" * 32, -3: b"y" * 32})
    forged = Attestation(cose=cose)
    assert refusal(forged) is AttestationFailure.ALGORITHM_NOT_REQUESTED


def test_a_key_that_is_no_point_of_the_curve() -> None:
    cose = cbor.encode({1: 2, 3: -7, -1: 1, -2: b"\xff" * 32, -3: b"\1" * 32})
    forged = Attestation(cose=cose)
    assert refusal(forged) is AttestationFailure.ALGORITHM_NOT_REQUESTED


def test_made_for_another_site() -> None:
    forged = Attestation(rp_id="elsewhere.example")
    assert refusal(forged) is AttestationFailure.RP_ID_MISMATCH


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (UV | AT, AttestationFailure.USER_NOT_PRESENT),
        (UP | AT, AttestationFailure.USER_NOT_VERIFIED),
        (UP | UV, AttestationFailure.AUTHENTICATOR_DATA_INVALID),
    ],
)
def test_made_without_a_finger(flags: int, expected: AttestationFailure) -> None:
    assert refusal(Attestation(flags=flags)) is expected


def test_bytes_behind_the_credential() -> None:
    data = Attestation().authenticator_data + b"\0"
    forged = Attestation(data=data)
    assert refusal(forged) is AttestationFailure.AUTHENTICATOR_DATA_INVALID


def test_bytes_behind_the_object() -> None:
    good = Attestation()
    with pytest.raises(AttestationError) as caught:
        verify_attestation(
            good.object + b"\0", CLIENT_DATA_HASH, good.trusted(), NOON_MS
        )
    assert caught.value.reason == "malformed"


def test_an_attestation_of_another_question() -> None:
    good = Attestation()
    with pytest.raises(AttestationError) as caught:
        verify_attestation(good.object, b"\x34" * 32, good.trusted(), NOON_MS)
    assert caught.value.reason == "signature-invalid"


def test_a_strangers_signature_under_a_makers_certificate() -> None:
    forged = Attestation(signer=key_number(99))
    assert refusal(forged) is AttestationFailure.SIGNATURE_INVALID


def test_another_credential_under_a_makers_signature() -> None:
    good = Attestation()
    members: Any = cbor.decode(good.object)
    members["authData"] = Attestation(
        key=SoftKey(private=key_number(99))
    ).authenticator_data
    with pytest.raises(AttestationError) as caught:
        verify_attestation(
            cbor.encode(members), CLIENT_DATA_HASH, good.trusted(), NOON_MS
        )
    assert caught.value.reason == "signature-invalid"


@pytest.mark.parametrize("algorithm", [-8, -257, -48])
def test_a_statement_that_names_another_algorithm(algorithm: int) -> None:
    forged = Attestation(algorithm=algorithm)
    assert refusal(forged) is AttestationFailure.SIGNATURE_INVALID


@pytest.mark.parametrize(
    "change",
    [
        {"unit": "Authenticator"},
        {"unit": None},
        {"organization": None},
    ],
)
def test_a_certificate_for_something_else(change: dict[str, Any]) -> None:
    forged = Attestation(leaf=replace(LEAF, **change))
    assert refusal(forged) is AttestationFailure.LEAF_SUBJECT
