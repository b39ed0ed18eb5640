"""The way of an honest answer, and the order of the rules; attacks are apart."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.assertion import Answer, Case, Verified, broken_rules
from gateway.core.challenge import Purpose
from gateway.core.denial import SignedAnswer
from gateway.core.facts import CredentialState, DenialReason
from gateway.core.provenance import genuine
from tests.desk import FRONT, HOLDER, OTHER_CREDENTIAL, Desk, SoftKey, at, reason


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
