"""Attacks with a trial's answer: it opens no door, and signs no order."""

import pytest

from gateway.core.administration import Proposal, WarrantRefusal, authorise
from gateway.core.assertion import Verified
from gateway.core.challenge import Purpose
from gateway.core.facts import DenialReason
from gateway.core.policy import decide
from gateway.core.rights import Action, Need, Role
from gateway.errors import EvidenceError
from tests.desk import Desk, at, reason


@pytest.fixture
def desk() -> Desk:
    return Desk()


def tried(desk: Desk) -> Verified:
    """An honest answer to a trial's question."""
    challenge = desk.ask(purpose=Purpose.TRIAL)
    answer = desk.key.answer(challenge)
    verified = desk.judge(challenge, answer, expected=Purpose.TRIAL)
    assert isinstance(verified, Verified)
    return verified


def test_a_trial_s_answer_is_none_for_the_door(desk: Desk) -> None:
    challenge = desk.ask(purpose=Purpose.TRIAL)
    outcome = desk.judge(challenge, desk.key.answer(challenge))
    assert reason(outcome) is DenialReason.TYPE_MISMATCH


def test_a_trial_s_answer_to_the_door_s_question(desk: Desk) -> None:
    trial = desk.key.answer(desk.ask(purpose=Purpose.TRIAL))
    assert reason(desk.judge(desk.ask(), trial)) is DenialReason.CHALLENGE_MISMATCH


def test_a_door_s_answer_passes_for_no_trial(desk: Desk) -> None:
    challenge = desk.ask()
    outcome = desk.judge(challenge, desk.key.answer(challenge), expected=Purpose.TRIAL)
    assert reason(outcome) is DenialReason.TYPE_MISMATCH


def test_the_evidence_of_a_trial_is_no_reason_to_open(desk: Desk) -> None:
    with pytest.raises(EvidenceError, match="trial opens no door"):
        decide(tried(desk), desk.registry, desk.policy, at(1_002))


def test_the_evidence_of_a_trial_signs_no_order(desk: Desk) -> None:
    desk.tell("holder", desk.holder(role=Role.ADMIN).row())
    need = Need(frozenset({Role.ADMIN}), 1)
    proposal = Proposal(Action.ROLE, (), need, bytes(16))
    judged = authorise(proposal, (tried(desk),), desk.registry, 1000, at(1_002))
    assert judged is WarrantRefusal.ORDER_MISMATCH


def test_a_trial_asks_a_key_and_enrols_nobody(desk: Desk) -> None:
    with pytest.raises(EvidenceError):
        desk.ask(purpose=Purpose.TRIAL, credential_id=None, holder="h-9")
