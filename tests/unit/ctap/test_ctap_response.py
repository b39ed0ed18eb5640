"""gateway.ctap.response: form and bounds of what a key answers."""

from contextlib import suppress
from typing import Any

import pytest
from fido2.ctap2.base import Info as ReferenceInfo
from fido2.webauthn import AttestationObject, AuthenticatorData
from hypothesis import given
from hypothesis import strategies as st

from gateway.ctap import cbor
from gateway.ctap.command import CtapCommand, Protocol
from gateway.ctap.response import (
    Assertion,
    Info,
    MadeCredential,
    parse_response,
)
from gateway.ctap.status import CtapStatus, authenticator_error, status_name
from gateway.errors import AuthenticatorError, MessageError, WireError

OK = b"\x00"
AAGUID = bytes(range(16))
AUTH_DATA = bytes(32) + b"\x05\x00\x00\x00\x2a"
CREDENTIAL = bytes([0x22]) * 32
DESCRIPTOR = {"id": CREDENTIAL, "type": "public-key"}
ASSERTION: dict[int, Any] = {1: DESCRIPTOR, 2: AUTH_DATA, 3: bytes(70)}
MADE: dict[int, Any] = {
    1: "packed",
    2: AUTH_DATA,
    3: {"alg": -7, "sig": bytes(70), "x5c": [b"c"]},
}
INFO: dict[int, Any] = {
    1: ["FIDO_2_0", "FIDO_2_1"],
    2: ["credProtect"],
    3: AAGUID,
    4: {"rk": False, "up": True, "uv": True, "pinUvAuthToken": True},
    5: 1200,
    6: [3, 2, 1],
    9: ["ble"],
    10: [
        {"alg": -7, "type": "public-key"},
        {"alg": -8, "type": "public-key"},
    ],
    14: 1,
}
ANSWERS: dict[CtapCommand, dict[int, Any]] = {
    CtapCommand.GET_INFO: INFO,
    CtapCommand.MAKE_CREDENTIAL: MADE,
    CtapCommand.GET_ASSERTION: ASSERTION,
}


def parse(command: CtapCommand, members: dict[int, Any]) -> object:
    return parse_payload(command, OK + cbor.encode(members))


def parse_payload(command: CtapCommand, payload: bytes) -> object:
    if command is CtapCommand.GET_INFO:
        return parse_response(CtapCommand.GET_INFO, payload)
    if command is CtapCommand.MAKE_CREDENTIAL:
        return parse_response(CtapCommand.MAKE_CREDENTIAL, payload)
    return parse_response(CtapCommand.GET_ASSERTION, payload)


def info(changes: dict[int, Any]) -> Info:
    return parse_response(CtapCommand.GET_INFO, OK + cbor.encode(INFO | changes))


def without(members: dict[int, Any], key: int) -> dict[int, Any]:
    return {k: v for k, v in members.items() if k != key}


def test_info_says_what_a_door_needs() -> None:
    seen = info({})
    assert seen == Info(
        versions=("FIDO_2_0", "FIDO_2_1"),
        aaguid=AAGUID,
        options=INFO[4],
        request_bytes_max=1200,
        pin_uv_protocols=(3, 2, 1),
        algorithms=(-7, -8),
    )
    assert seen.verifies_users
    assert seen.issues_uv_tokens
    assert seen.pin_uv_protocol is Protocol.TWO


def test_info_agrees_with_the_reference_reader() -> None:
    seen, reference = info({}), ReferenceInfo.from_dict(INFO)
    assert list(seen.versions) == reference.versions
    assert seen.aaguid == bytes(reference.aaguid)
    assert seen.options == reference.options
    assert seen.request_bytes_max == reference.max_msg_size
    assert list(seen.pin_uv_protocols) == reference.pin_uv_protocols
    assert [{"type": "public-key", "alg": a} for a in seen.algorithms] == [
        dict(entry) for entry in reference.algorithms
    ]


def test_the_least_info_has_the_standards_defaults() -> None:
    least = {1: ["FIDO_2_0"], 3: AAGUID}
    seen = parse_response(CtapCommand.GET_INFO, OK + cbor.encode(least))
    assert seen == Info(versions=("FIDO_2_0",), aaguid=AAGUID, options={})
    assert seen.request_bytes_max == 1024
    assert not seen.verifies_users
    assert seen.pin_uv_protocol is None


@pytest.mark.parametrize(
    "changes",
    [
        {4: {"uv": False, "pinUvAuthToken": True}},
        {4: {"uv": True, "pinUvAuthToken": False}},
        {4: {"uv": True}},
        {6: [3, 99]},
        {6: []},
    ],
)
def test_tokens_need_option_verification_and_a_known_protocol(
    changes: dict[int, Any],
) -> None:
    assert not info(changes).issues_uv_tokens


def test_a_made_credential_becomes_webauthns_attestation_object() -> None:
    made = parse_response(CtapCommand.MAKE_CREDENTIAL, OK + cbor.encode(MADE))
    assert made == MadeCredential("packed", AUTH_DATA, MADE[3])
    reference = AttestationObject.create(
        "packed", AuthenticatorData(AUTH_DATA), MADE[3]
    )
    assert made.attestation_object == bytes(reference)


def test_an_assertion_may_leave_the_credential_out() -> None:
    whole = parse(CtapCommand.GET_ASSERTION, ASSERTION)
    assert whole == Assertion(CREDENTIAL, AUTH_DATA, bytes(70))
    bare = parse(CtapCommand.GET_ASSERTION, without(ASSERTION, 1) | {5: 1})
    assert bare == Assertion(None, AUTH_DATA, bytes(70))


def test_unknown_members_are_ignored() -> None:
    for command, members in ANSWERS.items():
        assert parse(command, members | {0x70: [1], 7: b"?"}) == parse(command, members)


BAD = [
    (CtapCommand.GET_INFO, {1: []}),
    (CtapCommand.GET_INFO, {1: "FIDO_2_0"}),
    (CtapCommand.GET_INFO, {1: [1]}),
    (CtapCommand.GET_INFO, {1: ["x" * 65]}),
    (CtapCommand.GET_INFO, {1: ["x"] * 65}),
    (CtapCommand.GET_INFO, {3: bytes(15)}),
    (CtapCommand.GET_INFO, {3: "aaguid"}),
    (CtapCommand.GET_INFO, {4: {"uv": 1}}),
    (CtapCommand.GET_INFO, {4: {1: True}}),
    (CtapCommand.GET_INFO, {4: {"x" * 65: True}}),
    (CtapCommand.GET_INFO, {4: {f"o{n}": True for n in range(65)}}),
    (CtapCommand.GET_INFO, {4: []}),
    (CtapCommand.GET_INFO, {5: 0}),
    (CtapCommand.GET_INFO, {5: True}),
    (CtapCommand.GET_INFO, {5: b"\x04"}),
    (CtapCommand.GET_INFO, {6: [True]}),
    (CtapCommand.GET_INFO, {10: [-7]}),
    (CtapCommand.GET_INFO, {10: [{"type": "public-key"}]}),
    (CtapCommand.GET_INFO, {10: [{"alg": -(2**40)}]}),
    (CtapCommand.MAKE_CREDENTIAL, {1: ""}),
    (CtapCommand.MAKE_CREDENTIAL, {1: "x" * 33}),
    (CtapCommand.MAKE_CREDENTIAL, {1: b"packed"}),
    (CtapCommand.MAKE_CREDENTIAL, {2: bytes(36)}),
    (CtapCommand.MAKE_CREDENTIAL, {2: bytes(2049)}),
    (CtapCommand.MAKE_CREDENTIAL, {3: []}),
    (CtapCommand.GET_ASSERTION, {1: CREDENTIAL}),
    (CtapCommand.GET_ASSERTION, {1: {"id": bytes(15)}}),
    (CtapCommand.GET_ASSERTION, {1: {"type": "public-key"}}),
    (CtapCommand.GET_ASSERTION, {2: bytes(36)}),
    (CtapCommand.GET_ASSERTION, {3: b""}),
    (CtapCommand.GET_ASSERTION, {3: bytes(513)}),
    (CtapCommand.GET_ASSERTION, {5: 2}),
    (CtapCommand.GET_ASSERTION, {5: 0}),
]


@pytest.mark.parametrize(("command", "changes"), BAD)
def test_members_out_of_type_or_bounds_are_refused(
    command: CtapCommand, changes: dict[int, Any]
) -> None:
    with pytest.raises(MessageError, match="member") as caught:
        parse(command, ANSWERS[command] | changes)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (CtapCommand.GET_INFO, 1),
        (CtapCommand.GET_INFO, 3),
        (CtapCommand.MAKE_CREDENTIAL, 1),
        (CtapCommand.MAKE_CREDENTIAL, 2),
        (CtapCommand.MAKE_CREDENTIAL, 3),
        (CtapCommand.GET_ASSERTION, 2),
        (CtapCommand.GET_ASSERTION, 3),
    ],
)
def test_required_members_are_required(command: CtapCommand, key: int) -> None:
    with pytest.raises(MessageError, match=f"member {key}"):
        parse(command, without(ANSWERS[command], key))


def test_an_empty_answer_is_refused() -> None:
    with pytest.raises(MessageError, match="empty answer"):
        parse_response(CtapCommand.GET_INFO, b"")


@pytest.mark.parametrize("status", range(1, 256))
def test_a_status_is_an_error_known_or_not(status: int) -> None:
    with pytest.raises(AuthenticatorError) as caught:
        parse_response(CtapCommand.GET_ASSERTION, bytes((status,)) + b"rubbish")
    assert caught.value.status == status
    assert f"{status:#04x}" in str(caught.value)


def test_a_status_goes_by_the_standards_name() -> None:
    assert status_name(CtapStatus.UV_BLOCKED) == "UV_BLOCKED"
    assert status_name(0xF7) == "unknown"
    assert "NO_CREDENTIALS" in str(authenticator_error(0x2E))


READ_AS = {
    CtapCommand.GET_INFO: Info,
    CtapCommand.MAKE_CREDENTIAL: MadeCredential,
    CtapCommand.GET_ASSERTION: Assertion,
}
COMMANDS = st.sampled_from(list(ANSWERS))


@given(COMMANDS, st.binary(max_size=300))
def test_rubbish_raises_only_named_errors(command: CtapCommand, payload: bytes) -> None:
    with suppress(WireError, AuthenticatorError):
        assert isinstance(parse_payload(command, payload), READ_AS[command])


LEAVES = st.integers() | st.booleans() | st.binary(max_size=40) | st.text(max_size=9)
TREES = st.recursive(
    LEAVES.filter(lambda leaf: not isinstance(leaf, int) or abs(leaf) < 2**64),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.integers(0, 9) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(COMMANDS, st.dictionaries(st.integers(0, 11), TREES, max_size=3))
def test_members_of_any_type_raise_only_message_errors(
    command: CtapCommand, changes: dict[int, Any]
) -> None:
    with suppress(MessageError):
        assert isinstance(parse(command, ANSWERS[command] | changes), READ_AS[command])


@given(COMMANDS, st.data())
def test_mutations_raise_only_named_errors(
    command: CtapCommand, draw: st.DataObject
) -> None:
    payload = bytearray(OK + cbor.encode(ANSWERS[command]))
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(payload) - 1))
        payload[at : at + draw.draw(st.integers(0, 2))] = draw.draw(
            st.binary(max_size=2)
        )
        payload = payload or bytearray(OK)
    with suppress(WireError, AuthenticatorError):
        assert isinstance(parse_payload(command, bytes(payload)), READ_AS[command])
