"""Roles in the registry, and changes that are checked together."""

from typing import Any

import pytest

from gateway.core.encoding import to_base64url
from gateway.core.holder import Holder
from gateway.core.ids import CredentialId, HolderId
from gateway.core.public_key import PublicKey
from gateway.core.registry import Registry
from gateway.core.rights import Role
from gateway.errors import RegistryError
from tests.desk import HOLDER, NOON_MS, OTHER_CREDENTIAL, Desk, SoftKey, key_number

SECOND = HolderId("h-2")


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.tell("holder", made.holder(role=Role.ADMIN).row())
    return made


def test_a_role_stands_in_the_row_only_where_there_is_one(desk: Desk) -> None:
    assert "role" not in desk.holder().row()
    for role in Role:
        holder = desk.holder(role=role)
        assert Holder.from_row(holder.row()) == holder
    with pytest.raises(RegistryError):
        Holder.from_row({**desk.holder().row(), "role": "root"})


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"from_ms": NOON_MS}, True),
        ({"from_ms": NOON_MS + 1}, False),
        ({"until_ms": NOON_MS + 1}, True),
        ({"until_ms": NOON_MS}, False),
        ({"until_ms": 1}, False),
        ({"suspended": True}, False),
    ],
)
def test_when_a_holder_counts(
    desk: Desk, changes: dict[str, Any], *, counts: bool
) -> None:
    assert desk.holder(**changes).valid_at(NOON_MS) is counts


def test_who_administrates(desk: Desk) -> None:
    assert [one.id for one in desk.registry.administrators()] == [HOLDER]
    desk.tell("holder", desk.holder(id=SECOND, role=Role.ADMIN).row())
    assert [one.id for one in desk.registry.administrators()] == [HOLDER]  # no key
    assert [one.id for one in desk.registry.credentials_of(HOLDER)] == [desk.key.id]
    assert desk.registry.credentials_of(SECOND) == []


def test_a_holder_has_every_key_that_was_enrolled(desk: Desk) -> None:
    for number in (2, 3):
        other = SoftKey(CredentialId(bytes((number,)) * 32), key_number(number))
        row = desk.enrolled(id=other.id, public_key=PublicKey(other.cose)).row()
        desk.tell("enrol", row)
    found = [one.id for one in desk.registry.credentials_of(HOLDER)]
    assert found == [desk.key.id, b"\2" * 32, b"\3" * 32]


def test_the_only_administrator_keeps_the_role(desk: Desk) -> None:
    desk.tell("holder", desk.holder(id=SECOND, role=Role.ADMIN).row())
    for change in (
        ("holder", desk.holder().row()),
        ("holder", desk.holder(role=Role.OPERATOR).row()),
        ("erase", {"holder": HOLDER}),
    ):
        with pytest.raises(RegistryError, match="only administrator"):
            desk.registry.check(*change)
    key = desk.enrolled(id=OTHER_CREDENTIAL, holder_id=SECOND)
    desk.tell("enrol", key.row())
    desk.tell("holder", desk.holder().row())
    assert [one.id for one in desk.registry.administrators()] == [SECOND]


def test_changes_are_checked_one_after_the_other(desk: Desk) -> None:
    before = desk.registry.snapshot()
    holder = ("holder", desk.holder(id=SECOND).row())
    key = desk.enrolled(id=OTHER_CREDENTIAL, holder_id=SECOND)
    revoked = {"credential": to_base64url(OTHER_CREDENTIAL), "state": "revoked"}
    desk.registry.check_all([holder, ("enrol", key.row())])
    desk.registry.check_all(
        [holder, ("enrol", key.row()), ("credential.state", revoked), ("boot", {})]
    )
    wrongs: list[list[tuple[str, Any]]] = [
        [("enrol", key.row())],
        [("enrol", key.row()), holder],
        [holder, ("enrol", key.row()), ("enrol", key.row())],
        [holder, ("credential.state", revoked)],
    ]
    for wrong in wrongs:
        with pytest.raises(RegistryError):
            desk.registry.check_all(wrong)
    assert desk.registry.snapshot() == before


def test_a_restored_registry_knows_whose_keys_there_are(desk: Desk) -> None:
    snapshot = desk.registry.snapshot()
    what = {
        "digest": snapshot.digest(),
        "entries": snapshot.entries,
        "rows": snapshot.rows,
    }
    restored = Registry.restored(snapshot, what)
    assert [one.id for one in restored.administrators()] == [HOLDER]
