"""What a challenge is bound to, and the book's bounded memory."""

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from gateway.core.challenge import Binding, ChallengeBook, Place, Purpose
from gateway.core.facts import DenialReason
from gateway.core.ids import CredentialId, GatewayId, SiteId
from gateway.errors import EvidenceError
from tests.desk import FRONT, HOLDER, OTHER_CREDENTIAL, Desk, at, place

CREDENTIAL = CredentialId(b"\x11" * 32)


def binding() -> Binding:
    return Binding(
        purpose=Purpose.DOOR_UNLOCK,
        site=SiteId("site"),
        gateway=GatewayId("gw-1"),
        door=FRONT,
        credential=bytes(32),
        nonce=bytes(32),
        issued_ms=1_000,
        expires_ms=16_000,
    )


def test_the_binding_is_written_as_documented() -> None:
    assert binding().canonical() == (
        b'{"credential":"' + b"0" * 64 + b'","door":"front","expires":16000,'
        b'"gateway":"gw-1","issued":1000,"nonce":"' + b"A" * 43 + b'",'
        b'"purpose":"door.unlock","site":"site","v":1}'
    )
    assert (
        binding().challenge()
        == sha256(b"keyra/challenge/v1\0" + binding().canonical()).digest()
    )


@pytest.mark.parametrize(
    "change",
    [
        {"door": "back"},
        {"site": "other"},
        {"gateway": "gw-2"},
        {"credential": b"\1" * 32},
        {"nonce": b"\1" * 32},
        {"issued_ms": 1_001},
        {"expires_ms": 16_001},
        {"purpose": Purpose.ENROL_PROOF},
    ],
)
def test_everything_bound_changes_the_challenge(change: dict[str, Any]) -> None:
    assert replace(binding(), **change).challenge() != binding().challenge()


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": bytes(31)},
        {"expires_ms": 1_000},
        {"expires_ms": 999},
        {"expires_ms": 200_000},
        {"credential": None},
        {"holder": HOLDER},
        {"purpose": Purpose.ENROL},
        {"purpose": Purpose.ENROL, "credential": None},
        {"purpose": Purpose.ADMIN_ORDER},
        {"purpose": Purpose.ADMIN_ORDER, "order": bytes(31)},
        {"order": bytes(32)},
    ],
)
def test_what_binds_nothing_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        replace(binding(), **change)


def test_an_order_stands_in_its_binding() -> None:
    order = replace(binding(), purpose=Purpose.ADMIN_ORDER, order=b"\1" * 32)
    assert order.members()["order"] == "01" * 32


@pytest.mark.parametrize("name", ["", "Site", "a/b", 'a"b', "a" * 65, "sité"])
def test_a_place_has_identifiers(name: str) -> None:
    with pytest.raises(EvidenceError):
        Place(SiteId(name), GatewayId("gw-1"), FRONT, "door.example")


def test_a_question_carries_what_is_sent() -> None:
    challenge = Desk().ask()
    assert challenge.digest == challenge.binding.challenge()
    assert challenge.client_data_hash == sha256(challenge.client_data_json).digest()
    assert challenge.origin == "keyra://site/front"
    assert challenge.rp_id == "door.example"
    assert challenge.binding.credential == sha256(CREDENTIAL).digest()
    assert challenge.expires_ms == 16_000
    assert json.loads(challenge.client_data_json)["type"] == "webauthn.get"


def test_a_question_to_enrol_is_of_the_other_type_and_names_the_holder() -> None:
    book = ChallengeBook(place())
    challenge = book.issue(at(), bytes(32), purpose=Purpose.ENROL, holder=HOLDER)
    assert json.loads(challenge.client_data_json)["type"] == "webauthn.create"
    assert challenge.binding.members()["holder"] == HOLDER
    assert "credential" not in challenge.binding.members()


@pytest.mark.parametrize("length", [15, 1_024])
def test_an_impossible_credential_id_is_asked_nothing(length: int) -> None:
    with pytest.raises(EvidenceError):
        ChallengeBook(place()).issue(
            at(), bytes(32), credential_id=CredentialId(bytes(length))
        )


def test_an_answered_question_is_gone() -> None:
    desk = Desk()
    challenge = desk.ask()
    assert desk.book.redeem(challenge.digest, at()) is challenge
    assert desk.book.redeem(challenge.digest, at()) is DenialReason.CHALLENGE_USED
    assert len(desk.book) == 0


def test_a_question_never_asked_is_unknown() -> None:
    assert Desk().book.redeem(bytes(32), at()) is DenialReason.CHALLENGE_UNKNOWN


@pytest.mark.parametrize(("up_ms", "late"), [(15_999, False), (16_000, True)])
def test_a_question_lives_until_its_last_millisecond(up_ms: int, *, late: bool) -> None:
    desk = Desk()
    challenge = desk.ask(at(1_000))
    outcome = desk.book.redeem(challenge.digest, at(up_ms))
    assert outcome is (DenialReason.CHALLENGE_EXPIRED if late else challenge)
    after = desk.book.redeem(challenge.digest, at(up_ms))
    assert after is (
        DenialReason.CHALLENGE_EXPIRED if late else DenialReason.CHALLENGE_USED
    )


def test_expiry_returns_what_ended() -> None:
    desk = Desk()
    first = desk.ask(at(1_000))
    second = desk.ask(at(2_000), credential_id=OTHER_CREDENTIAL)
    assert desk.book.expire(at(15_999)) == []
    assert desk.book.expire(at(16_500)) == [first]
    assert desk.book.expire(at(17_000)) == [second]
    assert len(desk.book) == 0


def test_a_new_question_to_the_same_key_withdraws_the_old_one() -> None:
    desk = Desk()
    old, new = desk.ask(), desk.ask()
    assert len(desk.book) == 1
    assert desk.book.redeem(old.digest, at()) is DenialReason.CHALLENGE_EXPIRED
    assert desk.book.redeem(new.digest, at()) is new


def test_the_oldest_gives_way_in_a_full_book() -> None:
    book = ChallengeBook(place(), open_max=2, closed_max=1)
    questions = [
        book.issue(
            at(), bytes(31) + bytes((n,)), credential_id=CredentialId(bytes((n,)) * 32)
        )
        for n in range(4)
    ]
    assert len(book) == 2
    outcomes = [book.redeem(question.digest, at()) for question in questions]
    assert outcomes == [
        DenialReason.CHALLENGE_UNKNOWN,  # forgotten: one closed question is remembered
        DenialReason.CHALLENGE_EXPIRED,
        questions[2],
        questions[3],
    ]


def test_a_random_source_that_repeats_itself_is_noticed() -> None:
    book = ChallengeBook(place())
    question = book.issue(at(), bytes(32), credential_id=CREDENTIAL)
    with pytest.raises(EvidenceError):
        book.issue(at(), bytes(32), credential_id=CREDENTIAL)
    book.redeem(question.digest, at())
    with pytest.raises(EvidenceError):
        book.issue(at(), bytes(32), credential_id=CREDENTIAL)


def test_answers_are_remembered_up_to_a_bound() -> None:
    book = ChallengeBook(place(), answers_max=2)
    assert book.spend_answer(b"a")
    assert not book.spend_answer(b"a")
    assert book.spend_answer(b"b")
    assert book.spend_answer(b"c")
    assert book.spend_answer(b"a"), "the oldest was forgotten"


def test_one_may_be_asked_to_open_and_to_prove_at_once() -> None:
    desk = Desk()
    opens = desk.ask()
    proves = desk.ask(purpose=Purpose.ENROL_PROOF)
    assert desk.book.redeem(opens.digest, at()) is opens
    assert desk.book.redeem(proves.digest, at()) is proves


def test_a_question_that_was_tidied_away_is_remembered_as_expired() -> None:
    desk = Desk()
    challenge = desk.ask(at(1_000))
    late = at(challenge.expires_ms)
    assert desk.book.expire(late) == [challenge]
    again = desk.book.redeem(challenge.digest, late)
    assert again is DenialReason.CHALLENGE_EXPIRED
