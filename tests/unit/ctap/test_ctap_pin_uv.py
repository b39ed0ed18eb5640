"""gateway.ctap.pin_uv, against fido2's implementation of the same protocols."""

from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import CoseKey
from fido2.ctap2.pin import ClientPin, PinProtocol, PinProtocolV1, PinProtocolV2
from hypothesis import given
from hypothesis import strategies as st

from gateway.ctap import cbor
from gateway.ctap.command import Protocol
from gateway.ctap.pin_uv import (
    ENTROPY_BYTES,
    KeyAgreement,
    Permission,
    get_key_agreement,
    get_uv_retries,
    parse_uv_retries,
)
from gateway.errors import AuthenticatorError, MessageError, WireError

OK = b"\x00"
ENTROPY = bytes(range(ENTROPY_BYTES))
TOKEN = bytes(range(100, 132))
HASH = bytes([0x11]) * 32
REFERENCES: dict[Protocol, PinProtocol] = {
    Protocol.ONE: PinProtocolV1(),
    Protocol.TWO: PinProtocolV2(),
}
KEY = ec.derive_private_key(7, ec.SECP256R1()).public_key().public_numbers()
POINT: dict[int, Any] = {
    1: 2,
    3: -25,
    -1: 1,
    -2: KEY.x.to_bytes(32, "big"),
    -3: KEY.y.to_bytes(32, "big"),
}


def answer(members: dict[int, Any]) -> bytes:
    return OK + cbor.encode(members)


def agreed(protocol: Protocol) -> tuple[KeyAgreement, bytes]:
    """Our side, and the secret that the reference computes as the key's side.

    The reference can only begin an agreement: it takes our public key for a peer's,
    and ours takes its. Which of both asks does not matter to ECDH.
    """
    probe = KeyAgreement(protocol, ENTROPY, answer({1: POINT}))
    request = cbor.decode_map(probe.get_token(Permission.GET_ASSERTION, "a")[1:])
    public, secret = REFERENCES[protocol].encapsulate(CoseKey(request[3]))
    return KeyAgreement(protocol, ENTROPY, answer({1: dict(public)})), secret


@pytest.mark.parametrize("protocol", Protocol)
def test_a_token_sealed_by_the_reference_opens_and_proves_as_its(
    protocol: Protocol,
) -> None:
    agreement, secret = agreed(protocol)
    reference = REFERENCES[protocol]
    sealed = reference.encrypt(secret, TOKEN)
    token = agreement.open_token(answer({2: sealed}))
    assert token.secret == TOKEN
    proof = token.prove(HASH)
    assert proof.protocol is protocol
    assert proof.param == reference.authenticate(TOKEN, HASH)


def test_protocol_one_has_short_tokens_too() -> None:
    agreement, secret = agreed(Protocol.ONE)
    sealed = REFERENCES[Protocol.ONE].encrypt(secret, TOKEN[:16])
    assert agreement.open_token(answer({2: sealed})).secret == TOKEN[:16]


@pytest.mark.parametrize(
    ("protocol", "length"),
    [
        (Protocol.ONE, 15),
        (Protocol.ONE, 17),
        (Protocol.ONE, 48),
        (Protocol.TWO, 16),
        (Protocol.TWO, 32),
        (Protocol.TWO, 47),
        (Protocol.TWO, 49),
    ],
)
def test_a_token_of_another_length_is_refused(protocol: Protocol, length: int) -> None:
    agreement, _ = agreed(protocol)
    with pytest.raises(MessageError, match="member 2"):
        agreement.open_token(answer({2: bytes(length)}))


def test_the_request_names_permission_and_site() -> None:
    agreement, _ = agreed(Protocol.TWO)
    request = agreement.get_token(Permission.MAKE_CREDENTIAL, "keyra.example")
    parameters = cbor.decode_map(request[1:])
    assert request[0] == 0x06
    assert parameters[1] == 2
    assert parameters[2] == ClientPin.CMD.GET_TOKEN_USING_UV
    assert parameters[3].keys() == {1, 3, -1, -2, -3}
    assert parameters[9] == ClientPin.PERMISSION.MAKE_CREDENTIAL
    assert parameters[10] == "keyra.example"


def test_the_sub_commands_are_the_references() -> None:
    asked = cbor.decode_map(get_key_agreement(Protocol.ONE)[1:])
    assert asked[2] == ClientPin.CMD.GET_KEY_AGREEMENT
    asked = cbor.decode_map(get_uv_retries(Protocol.ONE)[1:])
    assert asked[2] == ClientPin.CMD.GET_UV_RETRIES


def test_a_secret_is_not_shown() -> None:
    agreement, secret = agreed(Protocol.ONE)
    sealed = REFERENCES[Protocol.ONE].encrypt(secret, TOKEN)
    token = agreement.open_token(answer({2: sealed}))
    assert repr(token) == "PinUvToken(protocol=<Protocol.ONE: 1>)"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({1: 1}, "not that of P-256"),
        ({-1: 2}, "not that of P-256"),
        ({-2: bytes(31)}, "member -2"),
        ({-3: "y"}, "member -3"),
        ({-2: bytes(32), -3: bytes(32)}, "not on P-256"),
        ({-2: b"\xff" * 32}, "not on P-256"),
    ],
)
def test_a_point_that_is_not_on_the_curve_is_refused(
    changes: dict[int, Any], why: str
) -> None:
    with pytest.raises(MessageError, match=why):
        KeyAgreement(Protocol.TWO, ENTROPY, answer({1: POINT | changes}))


@pytest.mark.parametrize("entropy", [b"", bytes(32), bytes(49)])
def test_entropy_of_another_length_is_a_mistake(entropy: bytes) -> None:
    with pytest.raises(ValueError, match="bytes of entropy"):
        KeyAgreement(Protocol.TWO, entropy, answer({1: POINT}))


@pytest.mark.parametrize("entropy", [bytes(48), b"\xff" * 48])
def test_any_entropy_makes_a_key(entropy: bytes) -> None:
    agreement = KeyAgreement(Protocol.TWO, entropy, answer({1: POINT}))
    assert agreement.get_token(Permission.GET_ASSERTION, "a")


def test_retries_are_counted() -> None:
    assert parse_uv_retries(answer({5: 0})) == 0
    assert parse_uv_retries(answer({5: 25})) == 25
    for wrong in ({}, {5: 26}, {5: -1}, {5: True}):
        with pytest.raises(MessageError, match="member 5"):
            parse_uv_retries(answer(wrong))
    with pytest.raises(AuthenticatorError):
        parse_uv_retries(b"\x3e")


@given(st.binary(max_size=200), st.dictionaries(st.integers(-4, 6), st.binary()))
def test_rubbish_raises_only_named_errors(
    payload: bytes, members: dict[int, bytes]
) -> None:
    agreement = KeyAgreement(Protocol.TWO, ENTROPY, answer({1: POINT}))
    for rubbish in (payload, OK + payload, answer(members), answer({1: members})):
        for read in (
            parse_uv_retries,
            agreement.open_token,
            lambda raw: KeyAgreement(Protocol.ONE, ENTROPY, raw),
        ):
            with suppress(WireError, AuthenticatorError):
                assert read(rubbish) is not None
