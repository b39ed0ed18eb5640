"""The way of an honest answer, and the order of the rules; attacks are apart."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.assertion import Answer, Case, Verified, broken_rules
from gateway.core.challenge import Purpose
from gateway.core.denial import Deny, SignedAnswer
from gateway.core.facts import CredentialState, DenialReason
from gateway.core.provenance import genuine
from tests.desk import (
    FRONT,
    HOLDER,
    NOON_MS,
    OTHER_CREDENTIAL,
    Desk,
    SoftKey,
    at,
    reason,
)


@pytest.mark.parametrize(
    "key",
    [
        SoftKey(),
        SoftKey(private=ed25519.Ed25519PrivateKey.from_private_bytes(b"\7" * 32)),
    ],
    ids=["ES256", "EdDSA"],
)
def test_an_honest_answer_is_verified(key: SoftKey) -> None:
    desk = Desk(key)
    challenge = desk.ask()
    answer = desk.key.answer(challenge)
    verified = desk.judge(challenge, answer)
    assert isinstance(verified, Verified)
    assert genuine(verified, Verified) is verified
    assert verified.credential_id == desk.key.id
    assert (verified.holder_id, verified.door) == (HOLDER, FRONT)
    assert (verified.purpose, verified.counter) == (Purpose.DOOR_UNLOCK, 1)
    assert (verified.challenge, verified.verified_up_ms) == (challenge.digest, 1_001)
    assert verified.answer == SignedAnswer(
        challenge.binding,
        challenge.client_data_json,
        answer.authenticator_data,
        answer.signature,
    )


def test_a_key_without_a_counter_is_verified_again_and_again() -> None:
    desk = Desk()
    for _ in range(3):
        challenge = desk.ask()
        answer = desk.key.answer(challenge, counter=0)
        assert isinstance(desk.judge(challenge, answer), Verified)


def broken_everywhere(desk: Desk) -> Case:
    challenge = desk.ask()
    answer = Answer(b"", b"", OTHER_CREDENTIAL, b"")
    return Case(challenge, answer, None, Purpose.ENROL_PROOF, at())


def test_each_rule_answers_for_itself() -> None:
    assert list(broken_rules(broken_everywhere(Desk()))) == [
        DenialReason.CLIENT_DATA_INVALID,
        DenialReason.TYPE_MISMATCH,
        DenialReason.CHALLENGE_MISMATCH,
        DenialReason.ORIGIN_MISMATCH,
        DenialReason.AUTHENTICATOR_DATA_INVALID,
        DenialReason.RP_ID_MISMATCH,
        DenialReason.USER_NOT_PRESENT,
        DenialReason.USER_NOT_VERIFIED,
        DenialReason.CREDENTIAL_MISMATCH,
        DenialReason.CREDENTIAL_UNKNOWN,
        DenialReason.ALGORITHM_NOT_ALLOWED,
        DenialReason.SIGNATURE_INVALID,
        DenialReason.COUNTER_NOT_RISING,
        DenialReason.CREDENTIAL_UNKNOWN,
    ]


def test_an_unknown_question_says_no_more_than_that() -> None:
    desk = Desk()
    challenge = desk.ask()
    answer = desk.key.answer(challenge)
    assert isinstance(desk.judge(challenge, answer), Verified)
    outcome = desk.judge(challenge, answer)
    assert reason(outcome) is DenialReason.CHALLENGE_USED
    assert not isinstance(outcome, Verified)
    assert (outcome.answer, outcome.credential_id) == (None, desk.key.id)


def test_an_answer_seen_before_is_a_replay() -> None:
    desk = Desk()
    first = desk.ask()
    answer = desk.key.answer(first)
    desk.judge(first, answer)
    assert reason(desk.judge(desk.ask(), answer)) is DenialReason.ANSWER_REPLAYED


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CredentialState.SUSPENDED, DenialReason.CREDENTIAL_SUSPENDED),
        (CredentialState.REVOKED, DenialReason.CREDENTIAL_REVOKED),
    ],
)
def test_only_the_key_itself_learns_its_state_and_its_counter_counts(
    state: CredentialState, expected: DenialReason
) -> None:
    desk = Desk()
    credential = desk.enrolled(state=state)
    challenge = desk.ask()
    outcome = desk.judge(challenge, desk.key.answer(challenge), credential=credential)
    assert not isinstance(outcome, Verified)
    assert (outcome.reason, outcome.counter) == (expected, 1)
    assert outcome.holder_id == HOLDER

    challenge = desk.ask()
    wrong = SoftKey(private=SoftKey().private, counter=5).answer(challenge, counter=9)
    forged = Answer(wrong.authenticator_data, b"", wrong.credential_id, b"{}")
    outcome = desk.judge(challenge, forged, credential=credential)
    assert not isinstance(outcome, Verified)
    assert outcome.reason is DenialReason.CLIENT_DATA_INVALID
    assert outcome.counter is None


@given(st.binary(max_size=200), st.binary(max_size=100), st.binary(max_size=200))
def test_rubbish_is_denied(data: bytes, signature: bytes, client: bytes) -> None:
    desk = Desk()
    challenge = desk.ask()
    outcome = desk.judge(challenge, Answer(data, signature, desk.key.id, client))
    assert reason(outcome) is DenialReason.CLIENT_DATA_INVALID


@given(st.sampled_from(["data", "signature", "client"]), st.data())
def test_a_flipped_bit_anywhere_is_denied(part: str, draw: st.DataObject) -> None:
    desk = Desk()
    challenge = desk.ask()
    answer = desk.key.answer(challenge)
    parts = {
        "data": answer.authenticator_data,
        "signature": answer.signature,
        "client": answer.client_data_json,
    }
    raw = bytearray(parts[part])
    bit = draw.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    parts[part] = bytes(raw)
    flipped = Answer(
        parts["data"], parts["signature"], answer.credential_id, parts["client"]
    )
    assert reason(desk.judge(challenge, flipped)) is not None


def test_a_denial_holds_the_answer_that_was_denied() -> None:
    desk = Desk()
    challenge = desk.ask()
    answer = desk.key.answer(challenge, flags=0x01)
    denied = desk.judge(challenge, answer)
    assert isinstance(denied, Deny)
    assert denied == Deny(
        DenialReason.USER_NOT_VERIFIED,
        FRONT,
        desk.key.id,
        HOLDER,
        None,
        SignedAnswer(
            challenge.binding,
            answer.client_data_json,
            answer.authenticator_data,
            answer.signature,
        ),
    )


def test_without_its_credential_an_answer_is_of_nobody() -> None:
    desk = Desk()
    challenge = desk.ask()
    denied = desk.judge(challenge, desk.key.answer(challenge), credential=None)
    assert isinstance(denied, Deny)
    assert (denied.reason, denied.holder_id) == (DenialReason.CREDENTIAL_UNKNOWN, None)
    again = desk.judge(challenge, desk.key.answer(challenge))
    assert isinstance(again, Deny)
    assert again.door == FRONT


def test_the_type_is_of_the_answer_and_of_the_question() -> None:
    desk = Desk()
    challenge = desk.ask()
    denied = desk.judge(
        challenge, desk.key.answer(challenge), expected=Purpose.ADMIN_ORDER
    )
    assert reason(denied) is DenialReason.TYPE_MISMATCH
    challenge = desk.ask()
    created = challenge.client_data_json.replace(b"webauthn.get", b"webauthn.create")
    answer = desk.key.answer(challenge, client_data_json=created)
    assert reason(desk.judge(challenge, answer)) is DenialReason.TYPE_MISMATCH


def test_another_credential_with_the_same_key_is_not_the_one_asked() -> None:
    desk = Desk()
    challenge = desk.ask()
    other = desk.enrolled(id=OTHER_CREDENTIAL)
    denied = desk.judge(challenge, desk.key.answer(challenge), credential=other)
    assert reason(denied) is DenialReason.CREDENTIAL_MISMATCH


def test_a_counter_that_does_not_rise_and_a_credential_that_has_ended() -> None:
    desk = Desk()
    challenge = desk.ask()
    credential = desk.enrolled(counter=5)
    answer = desk.key.answer(challenge, counter=5)
    denied = desk.judge(challenge, answer, credential=credential)
    assert reason(denied) is DenialReason.COUNTER_NOT_RISING
    challenge = desk.ask()
    credential = desk.enrolled(until_ms=NOON_MS)
    denied = desk.judge(challenge, desk.key.answer(challenge), credential=credential)
    assert reason(denied) is DenialReason.CREDENTIAL_EXPIRED


def test_a_touch_carries_no_credential_of_its_own() -> None:
    desk = Desk()
    challenge = desk.ask()
    attested = bytes(16) + len(desk.key.id).to_bytes(2, "big") + desk.key.id
    answer = desk.key.answer(challenge, flags=0x45, rest=attested + desk.key.cose)
    denied = desk.judge(challenge, answer)
    assert reason(denied) is DenialReason.AUTHENTICATOR_DATA_INVALID
