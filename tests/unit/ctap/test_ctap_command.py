"""gateway.ctap.command: the bytes that are asked."""

import json
from pathlib import Path

import pytest

from gateway.ctap import cbor
from gateway.ctap.command import (
    PinUvAuth,
    Protocol,
    RelyingParty,
    UserEntity,
    get_assertion,
    get_info,
    make_credential,
)
from gateway.ctap.pin_uv import get_key_agreement, get_uv_retries

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "ctap_ble.json").read_text()
)
HASH = bytes([0x11]) * 32
CREDENTIAL = bytes([0x22]) * 16
RP = RelyingParty("keyra.example", "Site")
USER = UserEntity(b"h3", "a", "Ab")
PROOF = bytes([0x33]) * 4
ES256, EDDSA = -7, -8

REQUESTS = {
    "getInfo": get_info(),
    "getAssertion": get_assertion(
        rp_id=RP.id, client_data_hash=HASH, credential_id=CREDENTIAL
    ),
    "getAssertion with a token's proof": get_assertion(
        rp_id=RP.id,
        client_data_hash=HASH,
        credential_id=CREDENTIAL,
        pin_uv=PinUvAuth(Protocol.TWO, PROOF),
    ),
    "makeCredential": make_credential(
        client_data_hash=HASH,
        rp=RP,
        user=USER,
        algorithms=[ES256, EDDSA],
        exclude=[CREDENTIAL],
    ),
    "makeCredential with a token's proof": make_credential(
        client_data_hash=HASH,
        rp=RP,
        user=USER,
        algorithms=[ES256],
        pin_uv=PinUvAuth(Protocol.ONE, PROOF),
    ),
    "getKeyAgreement": get_key_agreement(Protocol.TWO),
    "getUVRetries": get_uv_retries(Protocol.ONE),
}


def test_every_request_has_a_vector() -> None:
    assert REQUESTS.keys() == VECTORS["requests"].keys()


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_are_those_of_the_standard(name: str) -> None:
    assert REQUESTS[name].hex() == "".join(VECTORS["requests"][name])


@pytest.mark.parametrize("length", [15, 1024, 0])
def test_a_credential_id_out_of_bounds_is_a_mistake(length: int) -> None:
    with pytest.raises(ValueError, match="16 to 1023"):
        get_assertion(rp_id=RP.id, client_data_hash=HASH, credential_id=bytes(length))
    with pytest.raises(ValueError, match="16 to 1023"):
        make_credential(
            client_data_hash=HASH,
            rp=RP,
            user=USER,
            algorithms=[ES256],
            exclude=[bytes(length)],
        )


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="not 32"):
        get_assertion(
            rp_id=RP.id, client_data_hash=bytes(length), credential_id=CREDENTIAL
        )


@pytest.mark.parametrize("length", [0, 65])
def test_a_user_id_has_1_to_64_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        make_credential(
            client_data_hash=HASH,
            rp=RP,
            user=UserEntity(bytes(length), "a", "a"),
            algorithms=[ES256],
        )


def test_an_algorithm_must_be_named() -> None:
    with pytest.raises(ValueError, match="no algorithm"):
        make_credential(client_data_hash=HASH, rp=RP, user=USER, algorithms=[])


def test_names_are_cut_at_64_bytes_between_characters() -> None:
    request = make_credential(
        client_data_hash=HASH,
        rp=RelyingParty(RP.id, "é" * 33),
        user=UserEntity(b"h", "x" + "é" * 32, "z" * 64),
        algorithms=[ES256],
    )
    parameters = cbor.decode_map(request[1:])
    assert parameters[2]["name"] == "é" * 32
    assert parameters[3]["name"] == "x" + "é" * 31
    assert parameters[3]["displayName"] == "z" * 64
