"""Attacks on the question: answering twice, too late, another's, or an older one."""

import pytest

from gateway.core.assertion import Verified
from gateway.core.challenge import ChallengeBook, Purpose
from gateway.core.client_data import serialise
from gateway.core.facts import DenialReason
from gateway.core.ids import DoorId
from tests.desk import OTHER_CREDENTIAL, Desk, SoftKey, at, place, reason


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_answer_to_a_question_never_asked(desk: Desk) -> None:
    foreign = ChallengeBook(place()).issue(at(), b"\7" * 32, credential_id=desk.key.id)
    outcome = desk.judge(foreign, desk.key.answer(foreign))
    assert reason(outcome) is DenialReason.CHALLENGE_UNKNOWN


def test_the_same_answer_twice(desk: Desk) -> None:
    challenge = desk.ask()
    answer = desk.key.answer(challenge)
    assert isinstance(desk.judge(challenge, answer), Verified)
    assert reason(desk.judge(challenge, answer)) is DenialReason.CHALLENGE_USED


def test_two_different_answers_to_one_question(desk: Desk) -> None:
    challenge = desk.ask()
    first, second = desk.key.answer(challenge), desk.key.answer(challenge)
    assert isinstance(desk.judge(challenge, first), Verified)
    assert reason(desk.judge(challenge, second)) is DenialReason.CHALLENGE_USED


def test_a_wrong_answer_spends_the_question(desk: Desk) -> None:
    challenge = desk.ask()
    thief = SoftKey(private=Desk(SoftKey()).key.private, id=OTHER_CREDENTIAL)
    assert reason(desk.judge(challenge, thief.answer(challenge))) is (
        DenialReason.CREDENTIAL_MISMATCH
    )
    honest = desk.judge(challenge, desk.key.answer(challenge))
    assert reason(honest) is DenialReason.CHALLENGE_USED


def test_an_answer_that_comes_too_late(desk: Desk) -> None:
    challenge = desk.ask(at(1_000))
    answer = desk.key.answer(challenge)
    outcome = desk.judge(challenge, answer, at(16_000))
    assert reason(outcome) is DenialReason.CHALLENGE_EXPIRED


def test_an_answer_to_a_withdrawn_question(desk: Desk) -> None:
    old = desk.ask()
    desk.ask()
    outcome = desk.judge(old, desk.key.answer(old))
    assert reason(outcome) is DenialReason.CHALLENGE_EXPIRED


def test_yesterdays_answer_to_todays_question(desk: Desk) -> None:
    yesterday = desk.ask()
    answer = desk.key.answer(yesterday)
    desk.judge(yesterday, answer)
    assert reason(desk.judge(desk.ask(), answer)) is DenialReason.ANSWER_REPLAYED


def test_an_answer_that_was_never_sent_before_to_another_question(desk: Desk) -> None:
    """Recorded on air, kept back, and given to the next question."""
    kept_back = desk.key.answer(desk.ask())
    outcome = desk.judge(desk.ask(), kept_back)
    assert reason(outcome) is DenialReason.CHALLENGE_MISMATCH


def test_an_old_signature_under_the_new_question(desk: Desk) -> None:
    old = desk.key.answer(desk.ask())
    challenge = desk.ask()
    mixed = type(old)(
        old.authenticator_data,
        old.signature,
        old.credential_id,
        challenge.client_data_json,
    )
    assert reason(desk.judge(challenge, mixed)) is DenialReason.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("asked_for", "given"),
    [
        (Purpose.ENROL_PROOF, Purpose.DOOR_UNLOCK),
        (Purpose.DOOR_UNLOCK, Purpose.ENROL_PROOF),
    ],
)
def test_a_touch_for_one_purpose_used_for_another(
    desk: Desk, asked_for: Purpose, given: Purpose
) -> None:
    challenge = desk.ask(purpose=given)
    outcome = desk.judge(challenge, desk.key.answer(challenge), expected=asked_for)
    assert reason(outcome) is DenialReason.TYPE_MISMATCH


def test_a_creation_passed_off_as_an_assertion(desk: Desk) -> None:
    challenge = desk.ask()
    raw = serialise("webauthn.create", challenge.digest, challenge.origin)
    outcome = desk.judge(challenge, desk.key.answer(challenge, client_data_json=raw))
    assert reason(outcome) is DenialReason.TYPE_MISMATCH


def test_a_question_to_enrol_never_verifies(desk: Desk) -> None:
    challenge = desk.book.issue(
        at(), desk.nonce(), purpose=Purpose.ENROL, holder=desk.holder().id
    )
    answer = desk.key.answer(
        challenge,
        client_data_json=serialise("webauthn.get", challenge.digest, challenge.origin),
    )
    outcome = desk.judge(challenge, answer, expected=Purpose.ENROL)
    assert reason(outcome) is DenialReason.TYPE_MISMATCH


@pytest.mark.parametrize(
    "origin",
    [
        "keyra://site/back",
        "keyra://other/front",
        "https://site/front",
        "keyra://site/front/",
        "KEYRA://site/front",
    ],
)
def test_an_answer_made_for_another_place(desk: Desk, origin: str) -> None:
    challenge = desk.ask()
    raw = serialise("webauthn.get", challenge.digest, origin)
    outcome = desk.judge(challenge, desk.key.answer(challenge, client_data_json=raw))
    assert reason(outcome) is DenialReason.ORIGIN_MISMATCH


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"crossOrigin":false', b'"crossOrigin":true'),
        (b'"crossOrigin":false', b'"crossOrigin":false,"topOrigin":"keyra://site/x"'),
    ],
)
def test_an_answer_made_inside_a_frame(desk: Desk, old: bytes, new: bytes) -> None:
    challenge = desk.ask()
    raw = challenge.client_data_json.replace(old, new)
    outcome = desk.judge(challenge, desk.key.answer(challenge, client_data_json=raw))
    assert reason(outcome) is DenialReason.ORIGIN_MISMATCH


def test_a_second_origin_hidden_behind_the_first(desk: Desk) -> None:
    challenge = desk.ask()
    raw = challenge.client_data_json[:-1] + b',"origin":"keyra://site/back"}'
    outcome = desk.judge(challenge, desk.key.answer(challenge, client_data_json=raw))
    assert reason(outcome) is DenialReason.CLIENT_DATA_INVALID


def test_an_answer_relayed_from_the_door_next_to_it() -> None:
    front, back = Desk(), Desk(door=DoorId("back"))
    question = back.ask()
    outcome = front.judge(question, back.key.answer(question))
    assert reason(outcome) is DenialReason.CHALLENGE_UNKNOWN
