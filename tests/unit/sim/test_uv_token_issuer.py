"""The token side of a simulated key, against fido2's implementation of a client."""

from typing import Any

import pytest
from fido2.cose import CoseKey
from fido2.ctap2.pin import PinProtocol, PinProtocolV1, PinProtocolV2
from hypothesis import given
from hypothesis import strategies as st

from gateway.ctap import cbor
from gateway.ctap.command import (
    CtapCommand,
    PinUvAuth,
    Protocol,
    RelyingParty,
    UserEntity,
    get_assertion,
    get_info,
    make_credential,
)
from gateway.ctap.pin_uv import Permission, get_key_agreement
from gateway.ctap.response import parse_response
from gateway.ctap.status import CtapStatus
from gateway.sim.attestation_ca import attestation_chain
from gateway.sim.authenticator import UV_RETRIES_MAX, Authenticator, Finger
from gateway.sim.entropy import SeededEntropy
from gateway.sim.key_model import KeyModel
from gateway.sim.place import MADE_FROM, MADE_UNTIL

RP_ID = "site.example"
HASH = b"c" * 32
CHAIN = attestation_chain(1, MADE_FROM, MADE_UNTIL)
BOTH = (Protocol.TWO, Protocol.ONE)
REFERENCES: dict[Protocol, PinProtocol] = {
    Protocol.ONE: PinProtocolV1(),
    Protocol.TWO: PinProtocolV2(),
}
MC, GA = Permission.MAKE_CREDENTIAL, Permission.GET_ASSERTION


class Client:
    """A key, and what fido2 would say to it."""

    def __init__(self, protocol: Protocol = Protocol.TWO, **model: Any) -> None:
        self.protocol = protocol
        self.key = KeyModel(tokens=BOTH, **model).authenticator(
            CHAIN, SeededEntropy(1, "key")
        )
        self.reference = REFERENCES[protocol]
        self.secret = b""

    def members(self, request: bytes) -> dict[int, Any]:
        answer = self.key.begin(request)
        assert answer is not None
        assert answer[0] == CtapStatus.OK
        return dict(cbor.decode_map(answer[1:]))

    def order(self, permission: int, rp_id: str | None = RP_ID) -> bytes:
        """A request for a token, as bytes."""
        agreed = self.members(get_key_agreement(self.protocol))[1]
        public, self.secret = self.reference.encapsulate(CoseKey(agreed))
        parameters = {
            1: int(self.protocol),
            2: 6,
            3: dict(public),
            9: int(permission),
            10: rp_id,
        }
        return b"\x06" + cbor.encode(
            {number: value for number, value in parameters.items() if value is not None}
        )

    def token(self, permission: int, rp_id: str = RP_ID) -> bytes:
        """A token, after the right finger."""
        assert self.key.begin(self.order(permission, rp_id)) is None
        answer = self.key.act(Finger.RIGHT)
        assert answer[0] == CtapStatus.OK
        sealed = cbor.decode_map(answer[1:])[2]
        return bytes(self.reference.decrypt(self.secret, sealed))

    def proof(self, token: bytes) -> PinUvAuth:
        return PinUvAuth(self.protocol, self.reference.authenticate(token, HASH))

    def make(self, token: bytes) -> bytes | None:
        return self.key.begin(
            make_credential(
                client_data_hash=HASH,
                rp=RelyingParty(RP_ID, "Site"),
                user=UserEntity(b"user", "n", "d"),
                algorithms=[-7],
                pin_uv=self.proof(token),
            )
        )

    def ask(self, token: bytes, rp_id: str = RP_ID) -> bytes | None:
        return self.key.begin(
            get_assertion(
                rp_id=rp_id,
                client_data_hash=HASH,
                credential_id=next(iter(self.key.credentials), b"n" * 32),
                pin_uv=self.proof(token),
            )
        )


def status(code: CtapStatus) -> bytes:
    return bytes((code,))


def enrolled(**model: Any) -> Client:
    client = Client(**model)
    answer = client.make(client.token(MC))
    if answer is None:
        answer = client.key.act(Finger.RIGHT)
    assert answer[0] == CtapStatus.OK
    return client


def test_it_says_so_and_prefers_protocol_two() -> None:
    payload = Client().key.begin(get_info())
    assert payload is not None
    info = parse_response(CtapCommand.GET_INFO, payload)
    assert info.issues_uv_tokens
    assert info.pin_uv_protocol is Protocol.TWO


@pytest.mark.parametrize("protocol", Protocol)
def test_one_touch_makes_a_credential_and_one_uses_it(protocol: Protocol) -> None:
    client = enrolled(protocol=protocol)
    answer = client.ask(client.token(GA))
    assert answer is not None
    assert parse_response(CtapCommand.GET_ASSERTION, answer).auth_data[32] == 0x05


def test_an_answered_touch_uses_the_token_up() -> None:
    client = enrolled()
    token = client.token(GA)
    first = client.ask(token)
    assert first is not None
    assert first[0] == CtapStatus.OK
    assert client.ask(token) == status(CtapStatus.PIN_AUTH_INVALID)


def test_without_remembered_touch_any_finger_is_presence() -> None:
    client = enrolled(remembers_touch=False)
    assert client.ask(client.token(GA)) is None
    assert client.key.act(Finger.DECLINE) == status(CtapStatus.OPERATION_DENIED)
    assert client.ask(client.token(GA)) is None
    assert client.key.act(Finger.WRONG)[0] == CtapStatus.OK
    assert client.key.uv_retries == UV_RETRIES_MAX


def test_a_token_is_for_one_site_and_one_purpose() -> None:
    client = enrolled()
    invalid = status(CtapStatus.PIN_AUTH_INVALID)
    assert client.ask(client.token(MC)) == invalid
    assert client.make(client.token(GA)) == invalid
    assert client.ask(client.token(GA), "elsewhere.example") == invalid
    assert client.ask(client.token(GA, "elsewhere.example")) == invalid


def test_a_token_ends_with_the_next_its_time_or_a_reset() -> None:
    client = enrolled()
    invalid = status(CtapStatus.PIN_AUTH_INVALID)
    old = client.token(GA)
    client.token(GA)
    assert client.ask(old) == invalid
    for end in (client.key.drop_token, client.key.reset):
        token = client.token(GA)
        end()
        assert client.ask(token) == invalid


def test_a_forged_or_foreign_proof_is_refused() -> None:
    client = enrolled()
    client.token(GA)
    assert client.ask(b"\0" * 32) == status(CtapStatus.PIN_AUTH_INVALID)
    token = client.token(GA)
    client.protocol = Protocol.ONE
    assert client.ask(token) == status(CtapStatus.PIN_AUTH_INVALID)
    client.protocol, client.reference = Protocol.ONE, REFERENCES[Protocol.ONE]
    assert client.ask(token) == status(CtapStatus.PIN_AUTH_INVALID)
    plain = Authenticator(CHAIN, SeededEntropy(1))
    request = get_assertion(
        rp_id=RP_ID,
        client_data_hash=HASH,
        credential_id=b"n" * 32,
        pin_uv=client.proof(token),
    )
    assert plain.begin(request) == status(CtapStatus.PIN_AUTH_INVALID)


def test_wrong_fingers_use_up_the_tries() -> None:
    client = Client()
    for left in range(UV_RETRIES_MAX - 1, -1, -1):
        assert client.key.begin(client.order(GA)) is None
        code = CtapStatus.UV_INVALID if left else CtapStatus.UV_BLOCKED
        assert client.key.act(Finger.WRONG) == status(code)
        assert client.key.uv_retries == left
    assert client.key.begin(client.order(GA)) == status(CtapStatus.UV_BLOCKED)


@pytest.mark.parametrize(
    ("permission", "rp_id", "code"),
    [
        (0, RP_ID, CtapStatus.INVALID_PARAMETER),
        (GA | 0x04, RP_ID, CtapStatus.UNAUTHORIZED_PERMISSION),
        (GA, None, CtapStatus.MISSING_PARAMETER),
    ],
)
def test_each_bad_order_has_its_status(
    permission: int, rp_id: str | None, code: CtapStatus
) -> None:
    client = Client()
    assert client.key.begin(client.order(permission, rp_id)) == status(code)


@pytest.mark.parametrize(
    "changes",
    [{1: 1}, {-1: 2}, {-2: 7}, {-3: b"\1" * 32}, {-2: b"\xff" * 33}],
)
def test_a_point_that_is_none_is_refused(changes: dict[int, Any]) -> None:
    client = Client()
    order = cbor.decode_map(client.order(GA)[1:])
    request = {**order, 3: {**order[3], **changes}}
    answer = client.key.begin(b"\x06" + cbor.encode(request))
    assert answer == status(CtapStatus.INVALID_PARAMETER)


def test_an_unknown_protocol_is_refused() -> None:
    key = KeyModel(tokens=(Protocol.TWO,)).authenticator(CHAIN, SeededEntropy(1))
    answer = key.begin(get_key_agreement(Protocol.ONE))
    assert answer == status(CtapStatus.INVALID_PARAMETER)


@given(
    st.sampled_from([1, 2, 6]),
    st.dictionaries(
        st.integers(1, 10),
        st.one_of(
            st.binary(max_size=33),
            st.text(max_size=8),
            st.integers(-9, 9),
            st.dictionaries(st.integers(-3, 3), st.binary(max_size=33), max_size=5),
        ),
    ),
)
def test_ill_typed_requests_are_always_a_status(command: int, members: Any) -> None:
    key = KeyModel(tokens=BOTH).authenticator(CHAIN, SeededEntropy(1))
    answer = key.begin(bytes((command,)) + cbor.encode(members))
    if answer is None:
        answer = key.act(Finger.RIGHT)
    assert CtapStatus(answer[0]) is not None
