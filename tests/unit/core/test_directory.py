"""Purposes, aliases and uses are what the entries say, and nothing else."""

from typing import Any

import pytest

from gateway.core.challenge import Purpose
from gateway.core.directory import (
    ALIAS_CHARS_MAX,
    ALIASES_PER_HOLDER_MAX,
    BUILT_IN,
    DIRECTORY_ENTRIES,
    PURPOSES_MAX,
    TTL_S_MAX,
    Directory,
    KeyUse,
    PurposeRule,
    Verification,
    normal_alias,
)
from gateway.core.encoding import to_base64url
from gateway.core.holder import Holder
from gateway.core.ids import CredentialId, HolderId
from gateway.core.registry import FOLDED, Registry
from gateway.errors import RegistryError
from tests.desk import HOLDER, OTHER_CREDENTIAL, Desk

KEY = to_base64url(Desk().key.id)
ALIAS = "a" * 64
PAYMENT = PurposeRule("payment", 60, Verification.PREFERRED)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def alias(commitment: str = ALIAS, holder: str = HOLDER) -> dict[str, Any]:
    return {"alias": commitment, "by": {"uid": 0}, "holder": holder}


def nobody(_: HolderId) -> Holder | None:
    return None


def test_two_purposes_are_there_from_the_start(desk: Desk) -> None:
    directory = desk.registry.directory
    assert [(one.name, one.ttl_s) for one in directory.purposes()] == [
        ("sign-in", 120),
        ("step-up", 600),
    ]
    assert directory.purpose("sign-in") == BUILT_IN["sign-in"]
    assert directory.purpose("payment") is None
    assert not directory.is_set("sign-in")


def test_a_purpose_is_set_changed_and_deleted(desk: Desk) -> None:
    directory = desk.registry.directory
    desk.tell("purpose", {**PAYMENT.row(), "by": {"uid": 0}})
    assert directory.purpose("payment") == PAYMENT
    assert directory.is_set("payment")
    desk.tell("purpose", PurposeRule("sign-in", 30).row())
    assert [one.name for one in directory.purposes()] == [
        "payment",
        "sign-in",
        "step-up",
    ]
    desk.tell("purpose.removed", {"purpose": "payment"})
    desk.tell("purpose.removed", {"purpose": "sign-in"})
    # A pruned ledger repeats a removal without what was removed.
    desk.tell("purpose.removed", {"purpose": "payment"})
    assert directory.purposes() == list(BUILT_IN.values())


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "Payment"},
        {"purpose": 1},
        *({"purpose": purpose.value} for purpose in Purpose),
        {"ttl_s": 9},
        {"ttl_s": TTL_S_MAX + 1},
        {"ttl_s": True},
        {"user_verification": "none"},
        {"user_verification": None},
    ],
    ids=str,
)
def test_a_purpose_in_no_words_of_ours_is_refused(
    desk: Desk, change: dict[str, Any]
) -> None:
    with pytest.raises(RegistryError):
        desk.registry.check("purpose", {**PAYMENT.row(), **change})


def test_there_is_a_bound_on_purposes_and_a_known_one_can_still_change(
    desk: Desk,
) -> None:
    for number in range(PURPOSES_MAX):
        desk.tell("purpose", PurposeRule(f"p{number}", 60).row())
    with pytest.raises(RegistryError, match="delete one"):
        desk.registry.check("purpose", PAYMENT.row())
    desk.registry.check("purpose", PurposeRule("p1", 90).row())


def test_an_alias_belongs_to_its_holder_until_it_is_removed(desk: Desk) -> None:
    directory = desk.registry.directory
    desk.tell("alias", alias())
    assert directory.alias_holder(ALIAS) == HOLDER
    assert directory.alias_count(HOLDER) == 1
    desk.tell("alias.removed", alias())
    desk.tell("alias.removed", alias())
    assert directory.alias_holder(ALIAS) is None
    assert directory.alias_count(HOLDER) == 0


def test_aliases_go_with_whoever_is_erased(desk: Desk) -> None:
    other = HolderId("h-2")
    desk.tell("holder", desk.holder(id=other).row())
    desk.tell("alias", alias())
    desk.tell("alias", alias("b" * 64, other))
    desk.tell("erase", {"by": {"uid": 0}, "holder": HOLDER})
    directory = desk.registry.directory
    assert directory.alias_holder(ALIAS) is None
    assert directory.alias_holder("b" * 64) == other


def test_an_alias_of_nobody_or_one_too_many_is_refused(desk: Desk) -> None:
    with pytest.raises(RegistryError, match="not registered"):
        desk.registry.check("alias", alias(holder="h-9"))
    with pytest.raises(RegistryError):
        desk.registry.check("alias", alias("A" * 64))
    for number in range(ALIASES_PER_HOLDER_MAX):
        desk.tell("alias", alias(f"{number:064x}"))
    with pytest.raises(RegistryError, match="remove one"):
        desk.registry.check("alias", alias())


def test_a_new_holder_and_their_alias_may_come_in_one_order(desk: Desk) -> None:
    row = desk.holder(id=HolderId("h-2")).row()
    desk.registry.check_all([("holder", row), ("alias", alias(holder="h-2"))])
    with pytest.raises(RegistryError):
        desk.registry.check_all([("alias", alias(holder="h-2")), ("holder", row)])


def test_a_key_is_used_by_each_authentic_answer(desk: Desk) -> None:
    directory = desk.registry.directory
    assert directory.use(desk.key.id) == KeyUse(1)
    desk.tell("door.deny", {"credential": KEY, "door": "front", "reason": "x"})
    assert directory.use(desk.key.id) == KeyUse(1)
    for counter, ev in enumerate(("door.grant", "door.deny", "order.signed"), 1):
        desk.tell(ev, {"counter": counter, "credential": KEY})
        assert directory.use(desk.key.id) == KeyUse(1, desk.registry.entries - 1)
    assert directory.use(OTHER_CREDENTIAL) is None


def test_what_this_fold_does_not_know_it_leaves_alone() -> None:
    directory = Directory()
    assert directory.read(0, "door.exit", {"door": "front"}, nobody) is None
    stranger = {"counter": 1, "credential": KEY}
    assert directory.read(0, "door.grant", stranger, nobody) is None
    known = Desk().registry.directory
    assert known.read(2, "door.exit", stranger, nobody) is None
    assert known.read(2, "door.grant", stranger, nobody) is not None
    assert DIRECTORY_ENTRIES <= FOLDED


def test_all_of_it_comes_back_from_a_snapshot(desk: Desk) -> None:
    other = desk.enrolled(id=CredentialId(OTHER_CREDENTIAL))
    desk.tell("enrol", other.row())
    desk.tell("door.grant", {"counter": 1, "credential": KEY})
    desk.tell("purpose", PAYMENT.row())
    desk.tell("alias", alias())
    snapshot = desk.registry.snapshot()
    assert [row["kind"] for row in snapshot.directory] == [
        "purpose",
        "alias",
        "key",
        "key",
    ]
    assert {row.get("used") for row in snapshot.directory} == {None, 3}
    what = {
        "digest": snapshot.digest(),
        "entries": snapshot.entries,
        "rows": snapshot.rows,
    }
    restored = Registry.restored(snapshot, what)
    assert restored.snapshot() == snapshot
    assert restored.directory.use(other.id) == KeyUse(2)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"kind": "name"},
        {"kind": "purpose"},
        {"kind": "alias", "alias": ALIAS},
        {"kind": "key", "credential": KEY},
        {"kind": "key", "credential": KEY, "enrolled": 1, "used": "2"},
    ],
    ids=str,
)
def test_rows_that_are_none_of_ours_are_refused(row: dict[str, Any]) -> None:
    with pytest.raises(RegistryError):
        Directory().restore([row])


def test_an_alias_is_compared_without_capitals_and_in_one_form() -> None:
    assert normal_alias(" Ada@Example.ORG ") == "ada@example.org"
    assert normal_alias("A\u030angstro\u0308m") == normal_alias("\u00c5NGSTR\u00d6M")


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "a" * (ALIAS_CHARS_MAX + 1)])
def test_what_is_no_alias_is_refused(text: str) -> None:
    with pytest.raises(RegistryError, match="printable"):
        normal_alias(text)


def test_an_alias_may_be_as_short_and_as_long_as_is_said() -> None:
    for text in ("a", "a" * ALIAS_CHARS_MAX):
        assert normal_alias(text) == text
