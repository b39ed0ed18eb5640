"""Attacks with the key: another's, a downgraded, a cloned or a revoked one."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

from gateway.core.assertion import Answer, Verified
from gateway.core.facts import CredentialState, DenialReason
from gateway.core.public_key import PublicKey
from tests.desk import (
    AT,
    BS,
    ED,
    NOON_MS,
    OTHER_CREDENTIAL,
    UP,
    UV,
    Desk,
    SoftKey,
    at,
    key_number,
    reason,
)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_answer_without_user_verification(desk: Desk) -> None:
    challenge = desk.ask()
    outcome = desk.judge(challenge, desk.key.answer(challenge, flags=UP))
    assert reason(outcome) is DenialReason.USER_NOT_VERIFIED


def test_an_answer_without_user_presence(desk: Desk) -> None:
    challenge = desk.ask()
    outcome = desk.judge(challenge, desk.key.answer(challenge, flags=UV))
    assert reason(outcome) is DenialReason.USER_NOT_PRESENT


@pytest.mark.parametrize("flag", [UP, UV])
def test_a_flag_set_on_the_way(desk: Desk, flag: int) -> None:
    challenge = desk.ask()
    answer = desk.key.answer(challenge, flags=(UP | UV) & ~flag)
    data = bytearray(answer.authenticator_data)
    data[32] |= flag
    outcome = desk.judge(challenge, replace(answer, authenticator_data=bytes(data)))
    assert reason(outcome) is DenialReason.SIGNATURE_INVALID


@pytest.mark.parametrize("rp_id", ["elsewhere.example", "", "door.example."])
def test_an_answer_for_another_domain(desk: Desk, rp_id: str) -> None:
    challenge = desk.ask()
    outcome = desk.judge(challenge, desk.key.answer(challenge, rp_id=rp_id))
    assert reason(outcome) is DenialReason.RP_ID_MISMATCH


@pytest.mark.parametrize(
    ("flags", "rest"),
    [
        (UP | UV, b"\0"),
        (UP | UV | ED, b""),
        (UP | UV | ED, b"\xa0\0"),
        (UP | UV | BS, b""),
        (
            UP | UV | AT,
            b"\x22" * 16 + b"\0\x20" + SoftKey().id + SoftKey().cose,
        ),
    ],
    ids=["trailing", "no extensions", "after extensions", "backed up", "creation"],
)
def test_malformed_data_under_a_good_signature(
    desk: Desk, flags: int, rest: bytes
) -> None:
    challenge = desk.ask()
    outcome = desk.judge(challenge, desk.key.answer(challenge, flags=flags, rest=rest))
    assert reason(outcome) is DenialReason.AUTHENTICATOR_DATA_INVALID


def test_another_enrolled_key_answers_in_its_place(desk: Desk) -> None:
    other = SoftKey(id=OTHER_CREDENTIAL, private=key_number(2))
    challenge = desk.ask()
    outcome = desk.judge(challenge, other.answer(challenge))
    assert reason(outcome) is DenialReason.CREDENTIAL_MISMATCH


def test_the_caller_looks_up_another_credential(desk: Desk) -> None:
    other = SoftKey(private=key_number(2))
    credential = desk.enrolled(id=OTHER_CREDENTIAL, public_key=PublicKey(other.cose))
    challenge = desk.ask()
    outcome = desk.judge(challenge, other.answer(challenge), credential=credential)
    assert reason(outcome) is DenialReason.CREDENTIAL_MISMATCH


def test_a_strangers_key_under_the_holders_credential_id(desk: Desk) -> None:
    stranger = SoftKey(private=key_number(2))
    challenge = desk.ask()
    outcome = desk.judge(challenge, stranger.answer(challenge))
    assert reason(outcome) is DenialReason.SIGNATURE_INVALID


def test_a_credential_that_is_not_enrolled(desk: Desk) -> None:
    challenge = desk.ask()
    outcome = desk.judge(challenge, desk.key.answer(challenge), credential=None)
    assert reason(outcome) is DenialReason.CREDENTIAL_UNKNOWN


@pytest.mark.parametrize("algorithm", [-48, -35, -36, -257, -65535, -9, -19])
def test_an_algorithm_that_is_not_pinned(desk: Desk, algorithm: int) -> None:
    cose: Any = cbor.decode(desk.key.cose)
    cose[3] = algorithm
    credential = desk.enrolled(public_key=PublicKey(cbor.encode(cose)))
    challenge = desk.ask()
    outcome = desk.judge(challenge, desk.key.answer(challenge), credential=credential)
    assert reason(outcome) is DenialReason.ALGORITHM_NOT_ALLOWED


def test_es256_on_another_curve(desk: Desk) -> None:
    numbers = ec.derive_private_key(99, ec.SECP256K1()).public_key().public_numbers()
    x, y = (value.to_bytes(32, "big") for value in (numbers.x, numbers.y))
    cose = cbor.encode({1: 2, 3: -7, -1: 8, -2: x, -3: y})
    challenge = desk.ask()
    outcome = desk.judge(
        challenge,
        desk.key.answer(challenge),
        credential=desk.enrolled(public_key=PublicKey(cose)),
    )
    assert reason(outcome) is DenialReason.ALGORITHM_NOT_ALLOWED


@pytest.mark.parametrize("tail", [b"\0", b"\x05\0"])
def test_a_signature_with_something_behind_it(desk: Desk, tail: bytes) -> None:
    challenge = desk.ask()
    answer = desk.key.answer(challenge)
    outcome = desk.judge(challenge, replace(answer, signature=answer.signature + tail))
    assert reason(outcome) is DenialReason.SIGNATURE_INVALID


@pytest.mark.parametrize(
    "signature",
    [b"", b"\0" * 64, bytes.fromhex("3006020100020100"), b"\x30" * 100_000],
    ids=["none", "raw zeros", "r and s zero", "endless"],
)
def test_a_signature_that_is_none(desk: Desk, signature: bytes) -> None:
    challenge = desk.ask()
    answer = desk.key.answer(challenge)
    outcome = desk.judge(challenge, replace(answer, signature=signature))
    assert reason(outcome) is DenialReason.SIGNATURE_INVALID


@pytest.mark.parametrize("counter", [7, 6, 1, 0])
def test_a_cloned_key_whose_counter_does_not_rise(desk: Desk, counter: int) -> None:
    challenge = desk.ask()
    outcome = desk.judge(
        challenge,
        desk.key.answer(challenge, counter=counter),
        credential=desk.enrolled(counter=7),
    )
    assert not isinstance(outcome, Verified)
    assert (outcome.reason, outcome.counter) == (DenialReason.COUNTER_NOT_RISING, None)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"state": CredentialState.SUSPENDED}, DenialReason.CREDENTIAL_SUSPENDED),
        ({"state": CredentialState.REVOKED}, DenialReason.CREDENTIAL_REVOKED),
        ({"until_ms": NOON_MS}, DenialReason.CREDENTIAL_EXPIRED),
        ({"until_ms": 1}, DenialReason.CREDENTIAL_EXPIRED),
    ],
)
def test_a_key_that_may_no_longer_open(
    desk: Desk, change: dict[str, Any], expected: DenialReason
) -> None:
    challenge = desk.ask()
    credential = desk.enrolled(**change)
    outcome = desk.judge(challenge, desk.key.answer(challenge), credential=credential)
    assert reason(outcome) is expected


def test_an_expired_key_while_the_clock_is_not_believed(desk: Desk) -> None:
    challenge = desk.ask()
    outcome = desk.judge(
        challenge,
        desk.key.answer(challenge),
        at(1_001, err_ms=-1),
        credential=desk.enrolled(until_ms=NOON_MS),
    )
    assert reason(outcome) is DenialReason.CREDENTIAL_EXPIRED


def test_a_forged_answer_is_kept_as_evidence_and_moves_no_counter(desk: Desk) -> None:
    challenge = desk.ask()
    forged = Answer(b"\1" * 37, b"sig", desk.key.id, challenge.client_data_json)
    outcome = desk.judge(challenge, forged)
    assert not isinstance(outcome, Verified)
    assert outcome.answer is not None
    assert outcome.answer.signature == b"sig"
    assert outcome.counter is None
