"""Orders: what is signed about, and when signatures make a warrant."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
import rfc8785

from gateway.core import order_state
from gateway.core.administration import (
    Change,
    Proposal,
    Warrant,
    WarrantRefusal,
    authorise,
    enrolment_change,
    may_sign,
    need_of,
)
from gateway.core.assertion import Verified
from gateway.core.challenge import Purpose
from gateway.core.encoding import to_base64url
from gateway.core.entries import by_uid, evidence_members
from gateway.core.facts import CredentialState
from gateway.core.ids import HolderId
from gateway.core.order_entries import (
    Refused,
    break_glass_record,
    change_record,
    order_refused_record,
    order_signed_record,
)
from gateway.core.order_state import OrderState, OrderStep
from gateway.core.provenance import genuine
from gateway.core.rights import NEEDS, Action, Need, Role
from gateway.errors import EvidenceError
from tests.desk import HOLDER, NOON_MS, OTHER_CREDENTIAL, Desk, SoftKey, at, key_number

CHANGE = Change("holder", {"holder": "h-2", "state": "active"})
ADMINS = frozenset({Role.ADMIN})


class Office(Desk):
    """A desk whose holder is an administrator, and maybe a second one."""

    def __init__(self) -> None:
        super().__init__()
        self.tell("holder", self.holder(role=Role.ADMIN).row())
        self.second = SoftKey(OTHER_CREDENTIAL, key_number(2))

    def hire(self, role: Role = Role.ADMIN) -> None:
        """Enrol a second one."""
        self.tell("holder", self.holder(id=HolderId("h-2"), role=role).row())
        self.tell(
            "enrol",
            {
                **self.enrolled(id=self.second.id, holder_id=HolderId("h-2")).row(),
                "public_key": to_base64url(self.second.cose),
            },
        )

    def proposal(self, signers: int = 1, **changes: Any) -> Proposal:
        proposal = Proposal(Action.ROLE, (CHANGE,), Need(ADMINS, signers), bytes(16))
        return replace(proposal, **changes)

    def signature(self, proposal: Proposal, key: SoftKey | None = None) -> Verified:
        key = key or self.key
        challenge = self.ask(
            credential_id=key.id,
            purpose=Purpose.ADMIN_ORDER,
            order=proposal.digest(),
        )
        verified = self.judge(
            challenge,
            key.answer(challenge),
            credential=self.registry.credential(key.id),
            expected=Purpose.ADMIN_ORDER,
        )
        assert isinstance(verified, Verified), verified
        return verified

    def judged(
        self, proposal: Proposal, *answers: Verified, wall_ms: int = NOON_MS
    ) -> Warrant | WarrantRefusal:
        now = at(1_002, wall_ms=wall_ms)
        return authorise(proposal, answers, self.registry, 1000, now)


@pytest.fixture
def office() -> Office:
    return Office()


def test_the_order_is_the_hash_that_the_page_describes(office: Office) -> None:
    change = rfc8785.dumps({"ev": CHANGE.ev, "what": dict(CHANGE.what)})
    digest = sha256(b"keyra/change/v1\0" + change).hexdigest()
    assert CHANGE.digest() == digest
    document: dict[str, Any] = {
        "action": "role",
        "changes": [digest],
        "nonce": "A" * 22,
        "roles": ["admin"],
        "signers": 1,
        "v": 1,
    }
    order = sha256(b"keyra/order/v1\0" + rfc8785.dumps(document)).digest()
    assert office.proposal().digest() == order
    number = int.from_bytes(sha256(b"keyra/code/v1\0" + order).digest()) % 10**6
    assert office.proposal().code() == f"{number:06}"


@pytest.mark.parametrize(
    "changes",
    [
        {"action": Action.IMPORT},
        {"changes": ()},
        {"changes": (CHANGE, CHANGE)},
        {"changes": (Change("holder", {"holder": "h-3"}),)},
        {"need": Need(ADMINS, 2)},
        {"need": Need(frozenset(), 1)},
        {"nonce": bytes(15) + b"\1"},
    ],
)
def test_everything_in_an_order_changes_what_is_signed(
    office: Office, changes: dict[str, Any]
) -> None:
    assert office.proposal(**changes).digest() != office.proposal().digest()


def test_one_administrator_signs(office: Office) -> None:
    proposal = office.proposal()
    warrant = office.judged(proposal, office.signature(proposal))
    assert isinstance(warrant, Warrant)
    assert warrant.by() == {
        "credential": to_base64url(office.key.id),
        "order": proposal.digest().hex(),
        "uid": 1000,
    }
    forged = object.__new__(Warrant)
    with pytest.raises(EvidenceError):
        genuine(forged, Warrant)
    with pytest.raises(EvidenceError):
        forged.by()


def test_two_administrators_sign(office: Office) -> None:
    office.hire()
    proposal = office.proposal(signers=2)
    first = office.signature(proposal)
    assert office.judged(proposal, first) is WarrantRefusal.SIGNATURES_MISSING
    second = office.signature(proposal, office.second)
    assert isinstance(office.judged(proposal, first, second), Warrant)


def test_nobody_signs_nothing(office: Office) -> None:
    assert office.judged(office.proposal(signers=0)) is (
        WarrantRefusal.SIGNATURES_MISSING
    )


def test_the_same_person_does_not_count_twice(office: Office) -> None:
    proposal = office.proposal(signers=2)
    twice = office.signature(proposal), office.signature(proposal)
    assert office.judged(proposal, *twice) is WarrantRefusal.SIGNED_TWICE


def test_a_signature_is_for_one_order(office: Office) -> None:
    other = office.signature(office.proposal(nonce=bytes(15) + b"\1"))
    assert office.judged(office.proposal(), other) is WarrantRefusal.ORDER_MISMATCH


def test_a_touch_at_the_door_signs_nothing(office: Office) -> None:
    answer = office.verified()
    assert office.judged(office.proposal(), answer) is WarrantRefusal.ORDER_MISMATCH


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"role": Role.OPERATOR}, WarrantRefusal.ROLE_MISSING),
        ({"role": Role.AUDITOR}, WarrantRefusal.ROLE_MISSING),
        ({"suspended": True, "role": Role.ADMIN}, WarrantRefusal.SIGNER_NOT_ACTIVE),
        ({"until_ms": NOON_MS, "role": Role.ADMIN}, WarrantRefusal.SIGNER_NOT_ACTIVE),
        (
            {"from_ms": NOON_MS + 1, "role": Role.ADMIN},
            WarrantRefusal.SIGNER_NOT_ACTIVE,
        ),
    ],
)
def test_who_lost_the_right_meanwhile_has_signed_for_nothing(
    office: Office, changes: dict[str, Any], refusal: WarrantRefusal
) -> None:
    office.hire()  # so that the first one may go
    proposal = office.proposal()
    answer = office.signature(proposal)
    office.tell("holder", office.holder(**changes).row())
    assert office.judged(proposal, answer) is refusal


def test_a_key_that_was_suspended_meanwhile_has_signed_for_nothing(
    office: Office,
) -> None:
    proposal = office.proposal()
    answer = office.signature(proposal)
    office.tell(
        "credential.state",
        {
            "credential": to_base64url(office.key.id),
            "state": CredentialState.SUSPENDED.value,
        },
    )
    assert office.judged(proposal, answer) is WarrantRefusal.SIGNER_NOT_ACTIVE


def test_a_key_that_is_not_enrolled_here_has_signed_for_nothing(
    office: Office,
) -> None:
    proposal = office.proposal()
    answer = office.signature(proposal)
    assert Office().judged(proposal, answer) is not None
    stranger = Desk(SoftKey(OTHER_CREDENTIAL))
    refusal = authorise(proposal, [answer], stranger.registry, 0, at())
    assert refusal is WarrantRefusal.SIGNER_NOT_ACTIVE


def test_nobody_may_sign(office: Office) -> None:
    refusal = may_sign(office.proposal(), None, NOON_MS)
    assert refusal is WarrantRefusal.SIGNER_NOT_ACTIVE


def test_a_quorum_is_asked_for_once_there_can_be_one(office: Office) -> None:
    assert need_of(Action.ROLE, office.registry).signers == 1
    office.hire()
    assert need_of(Action.ROLE, office.registry).signers == 2
    # Suspending somebody makes it no easier; revoking takes fingers.
    other = {"credential": to_base64url(office.second.id)}
    office.tell("credential.state", {**other, "state": "suspended"})
    assert need_of(Action.ROLE, office.registry).signers == 2
    office.tell("credential.state", {**other, "state": "revoked"})
    assert need_of(Action.ROLE, office.registry).signers == 1
    assert need_of(Action.LOCKDOWN, office.registry).signers == 0


def test_every_action_has_its_line_in_the_table() -> None:
    assert set(NEEDS) == set(Action)
    for action, need in NEEDS.items():
        assert bool(need.roles) is bool(need.signers), action
        assert Role.NONE not in need.roles
        assert action.sentence.endswith(".")


def test_what_an_enrolment_orders() -> None:
    assert enrolment_change(HOLDER, 5, None).what == {"holder": HOLDER, "until_ms": 5}
    change = enrolment_change(HOLDER, 0, b"\0" * 16)
    assert change.what["replaces"] == "A" * 22


def test_the_entries_of_an_order(office: Office) -> None:
    proposal, by = office.proposal(), by_uid(7)
    answer = office.signature(proposal)
    signed = order_signed_record(proposal, answer, by)
    assert signed.ev == "order.signed"
    assert set(signed.what) == {
        *("action", "by", "changes", "counter", "credential", "evidence", "holder"),
        *("nonce", "order", "roles", "signers", "v"),
    }
    office.tell(signed.ev, signed.what)
    assert office.credential.counter == answer.counter
    bare = order_refused_record(proposal, Refused("no-touch", office.key.id), by)
    assert set(bare.what) == {"action", "by", "credential", "order", "reason"}
    full = Refused("credential-suspended", office.key.id, 9, answer.answer)
    refused = order_refused_record(proposal, full, by)
    assert refused.what["counter"] == 9
    assert refused.what["evidence"] == evidence_members(answer.answer)
    office.tell(refused.ev, refused.what)
    assert office.credential.counter == 9
    assert change_record(CHANGE, by).what == {**CHANGE.what, "by": by}
    assert Change.of("holder", change_record(CHANGE, by).what) == CHANGE
    glass = break_glass_record(Action.ROLE, "a\x1bb", by)
    assert glass.what == {"action": "role", "by": by, "reason": "a\ufffdb"}


def test_an_orders_life() -> None:
    every = {(state, step) for state in OrderState for step in OrderStep}
    for state, step in every - set(order_state.TRANSITIONS):
        assert order_state.advance(state, step) is state
    for (state, step), then in order_state.TRANSITIONS.items():
        assert order_state.advance(state, step) is then
    final = set(OrderState) - {state for state, _ in order_state.TRANSITIONS}
    assert {state.value for state in final} == {
        *("done", "failed", "cancelled", "expired"),
    }
    assert all(state.hint.endswith(".") for state in OrderState)


def test_what_is_ordered_has_its_kind_and_its_roles(office: Office) -> None:
    assert enrolment_change(HOLDER, 5, None).ev == "enrol"
    assert need_of(Action.ROLE, office.registry).roles == NEEDS[Action.ROLE].roles


def test_a_key_that_expired_meanwhile_has_signed_for_nothing(office: Office) -> None:
    ends = office.enrolled(until_ms=NOON_MS + 1)
    office.registry._credentials[office.key.id] = ends
    proposal = office.proposal()
    answer = office.signature(proposal)
    assert isinstance(office.judged(proposal, answer), Warrant)
    refusal = office.judged(proposal, answer, wall_ms=NOON_MS + 1)
    assert refusal is WarrantRefusal.SIGNER_NOT_ACTIVE
