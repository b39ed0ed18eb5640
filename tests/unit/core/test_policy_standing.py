"""Which policy holds: folded from the entries, and from nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.facts import DenialReason
from gateway.core.ids import CredentialId
from gateway.core.order_entries import policy_change, policy_stands_record
from gateway.core.policy import (
    VERIFIED_AGE_MS_MAX,
    Grant,
    decide,
    explain,
    judge,
    still_stands,
)
from gateway.core.policy_standing import PolicyStanding, policy_digest
from gateway.core.registry import FOLDED, Registry
from gateway.errors import EvidenceError, RegistryError
from tests.desk import FRONT, HOLDER, Desk, at

ONE, TWO, FILE = "1" * 64, "2" * 64, "f" * 64
STANDING = PolicyStanding(ONE, FILE)


def what(sha256: str = ONE, **changes: Any) -> dict[str, Any]:
    return {**PolicyStanding(sha256, FILE).what(FRONT), **changes}


def test_a_policy_is_named_by_the_hash_of_its_text() -> None:
    # RFC 6234's own answer for "abc".
    assert policy_digest("abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_the_last_entry_says_which_one_holds() -> None:
    assert Registry().policy is None
    registry = Registry()
    registry.apply(0, "policy", what())
    assert registry.policy == STANDING
    registry.apply(1, "policy", what(TWO))
    assert registry.policy == PolicyStanding(TWO, FILE)
    assert {"policy", "policy.stands"} <= FOLDED


def test_saying_it_again_puts_none_in_force() -> None:
    registry = Registry()
    registry.apply(0, "policy.stands", what())  # after a snapshot, the first there is
    assert registry.policy == STANDING
    registry.apply(1, "policy.stands", what(config=TWO))
    assert registry.policy == PolicyStanding(ONE, TWO)
    with pytest.raises(RegistryError, match="another entry"):
        registry.apply(2, "policy.stands", what(TWO))
    assert registry.policy == PolicyStanding(ONE, TWO)


def test_what_is_checked_together_is_checked_against_the_policy_in_force() -> None:
    registry = Registry()
    registry.apply(0, "policy", what())
    registry.check_all([("policy", what(TWO)), ("policy.stands", what(TWO))])
    with pytest.raises(RegistryError):
        registry.check_all([("policy.stands", what(TWO)), ("policy", what(TWO))])
    assert registry.policy == STANDING


@pytest.mark.parametrize("bad", ["", "1" * 63, "G" * 64, "A" * 64, 5, None, "1" * 65])
@pytest.mark.parametrize("name", ["sha256", "config"])
def test_an_entry_that_names_no_policy_is_no_legal_change(name: str, bad: Any) -> None:
    for ev in ("policy", "policy.stands"):
        with pytest.raises(RegistryError):
            Registry().apply(0, ev, what(**{name: bad}))


def test_what_the_entries_hold() -> None:
    change = policy_change(FRONT, STANDING)
    assert (change.ev, dict(change.what)) == ("policy", what())
    record = policy_stands_record(FRONT, STANDING)
    assert (record.ev, dict(record.what)) == ("policy.stands", what())


def test_a_grant_falls_with_the_policy_that_it_was_decided_by() -> None:
    desk = Desk()
    desk.policy = replace(desk.policy, sha256=ONE)
    grant = desk.granted(at())
    assert still_stands(grant, desk.registry)
    desk.tell("policy", what(ONE))
    assert still_stands(grant, desk.registry)
    desk.tell("policy", what(TWO))
    assert not still_stands(grant, desk.registry)


def test_without_the_policy_that_holds_everybody_is_denied_and_told_why() -> None:
    desk = Desk()
    desk.policy = replace(desk.policy, usable=False)
    answers = explain(HOLDER, desk.registry, desk.policy, at(), desk.key.id)
    denials = [answer.denial for answer in answers if answer.denial is not None]
    assert denials == [DenialReason.POLICY_UNAVAILABLE]
    assert getattr(desk.decide(at()), "reason", None) is DenialReason.POLICY_UNAVAILABLE


def test_a_grant_falls_with_its_key() -> None:
    desk = Desk()
    grant = desk.granted()
    assert still_stands(grant, desk.registry)
    del desk.registry._credentials[desk.key.id]
    assert not still_stands(grant, desk.registry)


def test_a_judgement_is_of_the_key_that_is_asked_about() -> None:
    desk = Desk()
    gone = CredentialId(b"\x77" * 32)
    asked = (HOLDER, desk.registry, desk.policy, at())
    assert judge(*asked).denial is None
    assert judge(*asked, gone).denial is DenialReason.CREDENTIAL_UNKNOWN


def test_what_stands_names_its_door() -> None:
    standing = PolicyStanding("1" * 64, "2" * 64)
    assert standing.what(FRONT) == {
        "config": "2" * 64,
        "door": FRONT,
        "sha256": "1" * 64,
    }


def test_an_answer_may_be_decided_up_to_its_age() -> None:
    desk = Desk()
    verified = desk.verified()
    late = at(1_000 + VERIFIED_AGE_MS_MAX)
    assert isinstance(decide(verified, desk.registry, desk.policy, late), Grant)
    verified = desk.verified()
    with pytest.raises(EvidenceError, match="decided within"):
        decide(verified, desk.registry, desk.policy, at(1_001 + VERIFIED_AGE_MS_MAX))


def test_what_is_denied_names_no_line_and_no_touches() -> None:
    desk = Desk()
    desk.tell("holder", desk.holder(suspended=True).row())
    said = judge(HOLDER, desk.registry, desk.policy, at())
    assert (said.denial, said.rule) == (DenialReason.HOLDER_SUSPENDED, None)
    assert said.touches == ()
