"""W3C WebAuthn Level 3, section 16: the published examples, and why each is refused.

Each example is a genuine registration and assertion, made for the web site example.org.
A door's full check refuses it, and only for the rules it does break: the origin is
never a door's, the domain is not the site's unless the site is example.org, and some
were made without user verification. What this gateway supports of them verifies.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fido2 import cbor

from gateway.core import authenticator_data, client_data
from gateway.core.assertion import Answer, Case, broken_rules
from gateway.core.attestation import Trust, verify_attestation
from gateway.core.certificate_path import load_root
from gateway.core.challenge import Challenge, Place, Purpose
from gateway.core.facts import CredentialState, DenialReason
from gateway.core.ids import CredentialId, GatewayId, HolderId, SiteId
from gateway.core.public_key import Algorithm, PublicKey
from gateway.core.registry import Credential
from gateway.errors import AttestationError
from tests.desk import FRONT, Desk, at
from tests.vectors.w3c_webauthn import EXAMPLES, ORIGIN, RP_ID, Example, root

PUBLISHED: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("w3c_webauthn.json").read_text()
)["sha256"]
NOT_DERIVED = {"tpm-es256", "android-key-es256"}
NAMES = sorted(EXAMPLES)
UNSUPPORTED = ["packed-ed448", "packed-es384", "packed-es512", "packed-rs256"]
SUPPORTED = [name for name in NAMES if name not in UNSUPPORTED]

ORIGIN_ = DenialReason.ORIGIN_MISMATCH
RP_ID_ = DenialReason.RP_ID_MISMATCH
UV_ = DenialReason.USER_NOT_VERIFIED

# What each assertion breaks at a door of the site door.example, and nothing else.
BREAKS = {
    "android-key-es256": [ORIGIN_, RP_ID_, UV_],
    "apple-es256": [ORIGIN_, RP_ID_, UV_],
    "fido-u2f-es256": [ORIGIN_, RP_ID_, UV_],
    "none-es256": [ORIGIN_, RP_ID_, UV_],
    "none-es256-crossOrigin": [ORIGIN_, RP_ID_],
    "none-es256-long-credential-id": [ORIGIN_, RP_ID_],
    "none-es256-topOrigin": [ORIGIN_, RP_ID_],
    "packed-eddsa": [ORIGIN_, RP_ID_, UV_],
    "packed-es256": [ORIGIN_, RP_ID_],
    "packed-self-es256": [ORIGIN_, RP_ID_, UV_],
    "tpm-es256": [ORIGIN_, RP_ID_],
}

# Why each registration is refused by a site that is example.org itself.
REFUSED = {
    "android-key-es256": "format-not-allowed",
    "apple-es256": "format-not-allowed",
    "fido-u2f-es256": "format-not-allowed",
    "none-es256": "format-not-allowed",
    "none-es256-crossOrigin": "format-not-allowed",
    "none-es256-long-credential-id": "format-not-allowed",
    "none-es256-topOrigin": "format-not-allowed",
    "packed-eddsa": "user-not-verified",
    "packed-ed448": "user-not-verified",
    "packed-es256": "aaguid-extension-missing",
    "packed-es384": "user-not-verified",
    "packed-es512": "algorithm-not-requested",
    "packed-rs256": "algorithm-not-requested",
    "packed-self-es256": "self-attestation",
    "tpm-es256": "format-not-allowed",
}


def case(example: Example, rp_id: str) -> Case:
    """The example as the answer to its own question, at a door of `rp_id`."""
    place = Place(SiteId("site"), GatewayId("gw-1"), FRONT, rp_id)
    credential_id = CredentialId(example.credential_id)
    challenge = Challenge(
        binding=Desk().ask().binding,
        digest=example.challenge,
        credential_id=credential_id,
        place=place,
        client_data_json=example.client,
        client_data_hash=sha256(example.client).digest(),
    )
    credential = Credential(
        id=credential_id,
        holder_id=HolderId("h-1"),
        public_key=PublicKey(example.cose),
        aaguid=bytes(16),
        model="",
        counter=0,
        state=CredentialState.ACTIVE,
    )
    answer = Answer(example.data, example.signature, credential_id, example.client)
    return Case(challenge, answer, credential, Purpose.DOOR_UNLOCK, at())


def test_no_example_is_left_out() -> None:
    assert {*NAMES, "attestation-root-cert"} == set(PUBLISHED)
    assert set(BREAKS) == set(SUPPORTED)
    assert set(REFUSED) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_values_are_the_published_ones(name: str) -> None:
    values = {
        what: sha256(value).hexdigest()
        for what, value in EXAMPLES[name].published.items()
    }
    expected = dict(PUBLISHED[name])
    if name in NOT_DERIVED:
        del expected["attestation_object"]
    assert values == expected


def test_the_root_is_the_published_one() -> None:
    published = PUBLISHED["attestation-root-cert"]["certificate"]
    assert sha256(root()).hexdigest() == published
    assert load_root(root()).der == root()


@pytest.mark.parametrize("name", NAMES)
def test_it_parses(name: str) -> None:
    example = EXAMPLES[name]
    client = client_data.parse(example.client)
    assert client is not None
    assert (client.type, client.origin) == ("webauthn.get", ORIGIN)
    assert client.challenge == example.challenge
    assert client.embedded is (name.endswith(("crossOrigin", "topOrigin")))
    created_client = client_data.parse(example.created_client)
    assert created_client is not None
    assert created_client.type == "webauthn.create"
    data = authenticator_data.parse(example.data)
    assert data is not None
    assert (data.counter, data.attested) == (0, None)
    created = authenticator_data.parse(example.created_data)
    assert created is not None
    assert created.attested is not None
    assert created.attested.credential_id == example.credential_id
    assert created.attested.public_key_cose == example.cose


@pytest.mark.parametrize("name", SUPPORTED)
def test_the_signature_of_a_supported_algorithm_verifies(name: str) -> None:
    example = EXAMPLES[name]
    key = PublicKey(example.cose)
    message = example.data + sha256(example.client).digest()
    expected = Algorithm.EDDSA if name == "packed-eddsa" else Algorithm.ES256
    assert key.algorithm is expected
    assert key.verify(example.signature, message)
    assert not key.verify(example.signature, message + b"\0")


@pytest.mark.parametrize("name", SUPPORTED)
def test_a_door_refuses_it_for_what_it_breaks_and_nothing_else(name: str) -> None:
    example = EXAMPLES[name]
    assert list(broken_rules(case(example, "door.example"))) == BREAKS[name]
    at_home = [reason for reason in BREAKS[name] if reason is not RP_ID_]
    assert list(broken_rules(case(example, RP_ID))) == at_home


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_an_unsupported_algorithm_is_refused_by_name(name: str) -> None:
    example = EXAMPLES[name]
    assert PublicKey(example.cose).algorithm is None
    reasons = set(broken_rules(case(example, RP_ID)))
    assert DenialReason.ALGORITHM_NOT_ALLOWED in reasons
    assert reasons - {ORIGIN_, UV_} == {
        DenialReason.ALGORITHM_NOT_ALLOWED,
        DenialReason.SIGNATURE_INVALID,
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_registration_is_refused_by_name(name: str) -> None:
    example = EXAMPLES[name]
    raw = example.attestation_object or _without_statement(example)
    created = authenticator_data.parse(example.created_data)
    assert created is not None
    assert created.attested is not None
    trust = Trust(RP_ID, (load_root(root()),), {created.attested.aaguid: "W3C"})
    client_hash = sha256(example.created_client).digest()
    with pytest.raises(AttestationError) as caught:
        verify_attestation(raw, client_hash, trust, at().wall_ms)
    assert caught.value.reason == REFUSED[name]


def _without_statement(example: Example) -> bytes:
    members: dict[str, Any] = {
        "fmt": example.fmt,
        "attStmt": {},
        "authData": example.created_data,
    }
    return cbor.encode(members)
