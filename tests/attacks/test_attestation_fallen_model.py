"""A key of a model that has fallen, whose own attestation is in order."""

import pytest

from gateway.errors import AttestationError
from tests.attested import Attestation
from tests.desk import NOON_MS
from tests.model_lists import Published, entry


def test_attack_a_revoked_model() -> None:
    attestation = Attestation()
    assert attestation.verify().model == "KEYRA One"
    attestation.trust = attestation.trusted(model_list=Published().load())
    with pytest.raises(AttestationError) as caught:
        attestation.verify()
    assert caught.value.reason == "model-revoked"


def test_attack_a_list_that_nobody_renewed() -> None:
    """Whoever keeps the list from being renewed stops enrolment, and nothing else."""
    attestation = Attestation()
    listed = Published(entries=[entry(b"\5" * 16, "REVOKED")]).load()
    attestation.trust = attestation.trusted(model_list=listed)
    assert attestation.verify().model == "KEYRA One"
    with pytest.raises(AttestationError) as caught:
        listed.check(b"\6" * 16, NOON_MS * 2)
    assert caught.value.reason == "model-list-expired"
