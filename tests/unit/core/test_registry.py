"""The registry is what the entries say, and nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.encoding import canonical, to_base64url
from gateway.core.entries import grant_record
from gateway.core.facts import CredentialState
from gateway.core.ids import CredentialId, GroupId, HolderId
from gateway.core.public_key import Algorithm, PublicKey
from gateway.core.registry import (
    ERASED_NAME,
    FOLDED,
    Credential,
    Holder,
    Registry,
    RegistrySnapshot,
    is_erased,
)
from gateway.core.rights import Role
from gateway.errors import RegistryError
from tests.desk import HOLDER, NOON_MS, OTHER_CREDENTIAL, Desk, SoftKey, key_number

DESK = Desk()
HOLDER_ROW = DESK.holder().row()
KEY_ROW = DESK.enrolled().row()
KEY_TEXT = to_base64url(DESK.key.id)


def state(desk: Desk, to: str) -> None:
    desk.tell("credential.state", {"credential": KEY_TEXT, "state": to})


def test_rows_come_back() -> None:
    assert Holder.from_row(HOLDER_ROW) == DESK.holder()
    assert Credential.from_row(KEY_ROW) == DESK.enrolled()
    assert DESK.enrolled().algorithm is Algorithm.ES256
    assert DESK.enrolled().public_key_cose == DESK.key.cose


def test_a_visitors_pass_and_a_duress_key_come_back() -> None:
    visitor = DESK.holder(uses_max=3)
    assert Holder.from_row(visitor.row()) == visitor
    forced = DESK.enrolled(duress=True)
    assert Credential.from_row(forced.row()) == forced
    assert Credential.from_row({**forced.row(), "duress": 1}) == forced


def test_what_an_entry_says_besides_is_left_alone() -> None:
    more = {**HOLDER_ROW, "by": {"uid": 0}}
    assert Holder.from_row(more) == DESK.holder()


@pytest.mark.parametrize(
    "change",
    [
        {"holder": "H 1"},
        {"holder": 1},
        {"name": "0" * 63},
        {"name": "A" * 64},
        {"groups": "staff"},
        {"groups": ["Staff"]},
        {"groups": [1]},
        {"groups": ["a"] * 33},
        {"state": "revoked"},
        {"from_ms": -1},
        {"from_ms": True},
        {"until_ms": 2**53},
        {"until_ms": 1.0},
        {"from_ms": 5, "until_ms": 5},
        {"uses_max": -1},
        {"uses_max": 1_000_001},
    ],
)
def test_no_holder(change: dict[str, Any]) -> None:
    with pytest.raises(RegistryError) as caught:
        Holder.from_row({**HOLDER_ROW, **change})
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("name", sorted(HOLDER_ROW))
def test_a_holder_lacks_nothing(name: str) -> None:
    row = {key: value for key, value in HOLDER_ROW.items() if key != name}
    with pytest.raises(RegistryError):
        Holder.from_row(row)


@pytest.mark.parametrize(
    "change",
    [
        {"credential": to_base64url(bytes(15))},
        {"credential": to_base64url(bytes(1024))},
        {"credential": KEY_TEXT + "="},
        {"credential": None},
        {"holder": ""},
        {"public_key": ""},
        {"public_key": to_base64url(bytes(129))},
        {"aaguid": to_base64url(bytes(15))},
        {"model": "a\nb"},
        {"model": "a" * 65},
        {"counter": 2**32},
        {"counter": "1"},
        {"state": "expired"},
        {"until_ms": -1},
        {"duress": "yes"},
        {"duress": 0.0},
        {"duress": None},
    ],
)
def test_no_credential(change: dict[str, Any]) -> None:
    with pytest.raises(RegistryError):
        Credential.from_row({**KEY_ROW, **change})


@given(
    st.dictionaries(
        st.sampled_from([*HOLDER_ROW, *KEY_ROW]),
        st.none() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=4)),
    )
)
def test_rubbish_is_a_registry_error(changes: dict[str, Any]) -> None:
    registry = Registry()
    for ev in FOLDED:
        try:
            registry.apply(registry.entries, ev, {**HOLDER_ROW, **KEY_ROW, **changes})
        except RegistryError:
            continue


def test_it_follows_the_entries() -> None:
    desk = Desk()
    assert desk.registry.entries == 2
    assert desk.registry.holder(HOLDER) == desk.holder()
    assert list(desk.registry.holders()) == [desk.holder()]
    assert list(desk.registry.credentials()) == [desk.credential]
    desk.tell("door.opened", {"door": "front"})
    assert desk.registry.entries == 3


def test_a_holder_entry_is_the_whole_new_state() -> None:
    desk = Desk()
    changed = desk.holder(groups=(GroupId("night"),), suspended=True, from_ms=7)
    desk.tell("holder", changed.row())
    assert desk.registry.holder(HOLDER) == changed


def test_an_erased_holder_is_a_tombstone_for_ever() -> None:
    desk = Desk()
    assert not is_erased(desk.registry.holder(HOLDER))
    desk.tell("erase", {"holder": HOLDER})
    holder = desk.registry.holder(HOLDER)
    assert holder == Holder(HOLDER, ERASED_NAME, (), 0, 0, suspended=True)
    assert is_erased(holder)
    other = to_base64url(OTHER_CREDENTIAL)
    before = desk.registry.snapshot()
    for ev, what in (
        ("erase", {"holder": HOLDER}),
        ("holder", HOLDER_ROW),
        ("enrol", {**KEY_ROW, "credential": other}),
    ):
        with pytest.raises(RegistryError):
            desk.registry.check(ev, what)
    assert desk.registry.snapshot() == before
    restored = Registry.restored(before, snapshot_entry(before))
    assert is_erased(restored.holder(HOLDER))


def test_whoever_was_never_registered_can_be_erased_and_no_entry_makes_erased() -> None:
    desk = Desk()
    desk.tell("erase", {"holder": "h-9"})
    assert is_erased(desk.registry.holder(HolderId("h-9")))
    assert not is_erased(None)
    for holder in ("H 9", None):
        with pytest.raises(RegistryError):
            desk.tell("erase", {"holder": holder})
    with pytest.raises(RegistryError, match="erased"):
        desk.tell("holder", {**HOLDER_ROW, "name": ERASED_NAME})


def test_an_entry_counts_once_and_gaps_are_other_kinds() -> None:
    desk = Desk()
    with pytest.raises(RegistryError):
        desk.registry.apply(1, "holder", HOLDER_ROW)
    desk.registry.apply(9, "holder", HOLDER_ROW)
    assert desk.registry.entries == 10


@pytest.mark.parametrize(
    ("path", "last"),
    [
        (["suspended"], CredentialState.SUSPENDED),
        (["suspended", "active"], CredentialState.ACTIVE),
        (["revoked"], CredentialState.REVOKED),
        (["suspended", "revoked"], CredentialState.REVOKED),
    ],
)
def test_a_credentials_life(path: list[str], last: CredentialState) -> None:
    desk = Desk()
    for word in path:
        state(desk, word)
    assert desk.credential.state is last


@pytest.mark.parametrize(
    "path",
    [
        ["active"],
        ["suspended", "suspended"],
        ["revoked", "active"],
        ["revoked", "suspended"],
        ["revoked", "revoked"],
        ["expired"],
        ["gone"],
    ],
)
def test_an_illegal_change_changes_nothing(path: list[str]) -> None:
    desk = Desk()
    for word in path[:-1]:
        state(desk, word)
    before = desk.registry.snapshot()
    with pytest.raises(RegistryError):
        state(desk, path[-1])
    assert desk.registry.snapshot() == before


def test_a_change_can_be_checked_before_it_is_written() -> None:
    desk = Desk()
    desk.registry.check(
        "credential.state", {"credential": KEY_TEXT, "state": "revoked"}
    )
    desk.registry.check("boot", {})
    assert desk.credential.state is CredentialState.ACTIVE
    with pytest.raises(RegistryError):
        desk.registry.check(
            "credential.state", {"credential": KEY_TEXT, "state": "active"}
        )


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"credential": to_base64url(OTHER_CREDENTIAL), "holder": "nobody"},
        {"credential": to_base64url(OTHER_CREDENTIAL), "state": "suspended"},
        {"credential": to_base64url(OTHER_CREDENTIAL), "public_key": "AAAA"},
    ],
    ids=["twice", "nobody's", "suspended", "no key"],
)
def test_an_enrolment_that_is_none(change: dict[str, Any]) -> None:
    desk = Desk()
    with pytest.raises(RegistryError):
        desk.tell("enrol", {**KEY_ROW, **change})


@pytest.mark.parametrize("ev", ["door.grant", "door.deny"])
def test_a_use_moves_the_counter_and_never_back(ev: str) -> None:
    desk = Desk()
    for counter, expected in ((5, 5), (3, 5), (6, 6)):
        desk.tell(ev, {"credential": KEY_TEXT, "counter": counter})
        assert desk.credential.counter == expected


def test_a_denial_without_an_authentic_answer_moves_nothing() -> None:
    desk = Desk()
    desk.tell("door.deny", {"door": "front", "reason": "signature-invalid"})
    assert desk.credential.counter == 0


@pytest.mark.parametrize("ev", ["door.grant", "door.deny", "credential.state"])
def test_nothing_happens_to_a_credential_that_is_not_there(ev: str) -> None:
    what = {
        "credential": to_base64url(OTHER_CREDENTIAL),
        "counter": 1,
        "state": "revoked",
    }
    with pytest.raises(RegistryError):
        Desk().tell(ev, what)


@pytest.mark.parametrize(
    ("stored", "until_ms", "expected"),
    [
        (CredentialState.ACTIVE, 0, CredentialState.ACTIVE),
        (CredentialState.ACTIVE, NOON_MS + 1, CredentialState.ACTIVE),
        (CredentialState.ACTIVE, NOON_MS, CredentialState.EXPIRED),
        (CredentialState.SUSPENDED, NOON_MS, CredentialState.SUSPENDED),
        (CredentialState.REVOKED, NOON_MS, CredentialState.REVOKED),
    ],
)
def test_expiry_follows_from_the_clock(
    stored: CredentialState, until_ms: int, expected: CredentialState
) -> None:
    credential = DESK.enrolled(state=stored, until_ms=until_ms)
    assert credential.state_at(NOON_MS) is expected


@pytest.mark.parametrize(
    ("stored", "received", "accepted"),
    [
        (0, 0, True),
        (0, 1, True),
        (1, 0, False),
        (1, 1, False),
        (1, 2, True),
        (2, 1, False),
    ],
)
def test_the_counter_rule(stored: int, received: int, *, accepted: bool) -> None:
    assert DESK.enrolled(counter=stored).accepts(received) is accepted


def test_parsing_a_key_is_not_repeated_with_each_use() -> None:
    desk = Desk()
    key = desk.credential.public_key
    desk.tell("door.grant", {"credential": KEY_TEXT, "counter": 1})
    assert desk.credential.public_key is key


def snapshot_entry(snapshot: RegistrySnapshot) -> dict[str, Any]:
    return {
        "digest": snapshot.digest(),
        "entries": snapshot.entries,
        "rows": snapshot.rows,
    }


def test_a_snapshot_that_the_ledger_vouches_for_is_restored() -> None:
    desk = Desk()
    snapshot = desk.registry.snapshot()
    assert snapshot.rows == 3  # a holder, a key, and where it was enrolled
    restored = Registry.restored(snapshot, snapshot_entry(snapshot))
    assert restored.snapshot() == snapshot
    assert restored.entries == desk.registry.entries


def edited() -> list[RegistrySnapshot]:
    desk = Desk()
    stranger = desk.enrolled(id=OTHER_CREDENTIAL)
    entries, holders, keys = 2, (desk.holder(),), (desk.enrolled(),)
    return [
        RegistrySnapshot(entries, (desk.holder(groups=(GroupId("it"),)),), keys),
        RegistrySnapshot(entries, holders, (*keys, stranger)),
        RegistrySnapshot(
            entries, holders, (desk.enrolled(public_key=PublicKey(b"x")),)
        ),
        RegistrySnapshot(entries, holders, (desk.enrolled(counter=9),)),
        RegistrySnapshot(entries, holders, (stranger,)),
        RegistrySnapshot(entries, holders, ()),
        RegistrySnapshot(3, holders, keys),
    ]


@pytest.mark.parametrize("snapshot", edited())
def test_a_snapshot_edited_by_hand_is_refused(snapshot: RegistrySnapshot) -> None:
    entry = snapshot_entry(Desk().registry.snapshot())
    assert not snapshot.vouched_by(entry)
    with pytest.raises(RegistryError):
        Registry.restored(snapshot, entry)


def test_a_snapshots_digest_is_over_its_canonical_rows_in_order() -> None:
    desk = Desk()
    a, b = (desk.holder(id=HolderId(name)).row() for name in ("a-1", "b-1"))
    desk.tell("holder", a)
    desk.tell("holder", b)
    snapshot = desk.registry.snapshot()
    assert [holder.id for holder in snapshot.holders] == ["a-1", "b-1", "h-1"]
    assert canonical(snapshot.credentials[0].row()) == canonical(KEY_ROW)
    again = Registry()
    for n, (ev, row) in enumerate(
        [
            ("holder", HOLDER_ROW),
            ("enrol", KEY_ROW),
            ("holder", b),
            ("holder", a),
        ]
    ):
        again.apply(n, ev, row)
    assert again.snapshot().digest() == snapshot.digest()


def test_many_credentials_are_found_and_changed_as_fast_as_one() -> None:
    registry = Registry()
    registry.apply(0, "holder", HOLDER_ROW)
    for n in range(1, 2_001):
        row = {**KEY_ROW, "credential": to_base64url(n.to_bytes(32, "big"))}
        registry.apply(n, "enrol", row)
    assert registry.credential(CredentialId((77).to_bytes(32, "big"))) is not None
    assert registry.snapshot().rows == 4_001  # the holder, their keys, where enrolled


SECOND = HolderId("h-2")


def test_a_draft_knows_who_is_there_and_changes_nothing() -> None:
    desk = Desk()
    new = ("holder", desk.holder(id=SECOND).row())
    suspended = {"credential": to_base64url(desk.key.id), "state": "suspended"}
    alias = {"alias": "a" * 64, "by": {"uid": 0}, "holder": HOLDER}
    desk.registry.check_all([new, ("credential.state", suspended), ("alias", alias)])
    assert desk.credential.state is CredentialState.ACTIVE
    assert desk.registry.holder(SECOND) is None
    other = desk.enrolled(id=OTHER_CREDENTIAL, holder_id=SECOND).row()
    key = to_base64url(SoftKey(OTHER_CREDENTIAL, key_number(2)).cose)
    for _ in range(2):  # the first time has left nothing behind
        desk.registry.check_all([new, ("enrol", {**other, "public_key": key})])
        assert desk.registry.credentials_of(SECOND) == []


def test_a_draft_knows_the_last_administrator() -> None:
    desk = Desk()
    desk.tell("holder", desk.holder(role=Role.ADMIN).row())
    new = ("holder", desk.holder(id=SECOND).row())
    with pytest.raises(RegistryError):
        desk.registry.check_all([new, ("holder", desk.holder().row())])


def test_what_is_checked_is_read_by_whoever_remembers() -> None:
    desk = Desk()
    granted = grant_record(desk.granted()).what
    new = ("holder", desk.holder(id=SECOND).row())
    desk.registry.check("door.grant", granted)
    desk.registry.check_all([new, ("door.grant", granted)])
    broken = {**granted, "decided": 5}
    with pytest.raises(RegistryError):
        desk.registry.check("door.grant", broken)
    with pytest.raises(RegistryError):
        desk.registry.check_all([new, ("door.grant", broken)])


@pytest.mark.parametrize("duress", [False, True])
def test_what_a_key_is_for_is_said_at_its_enrolment_alone(*, duress: bool) -> None:
    """Entries that marked keys were written before any release; nobody reads them."""
    desk = Desk()
    enrolled = desk.enrolled(id=OTHER_CREDENTIAL, duress=duress)
    desk.tell("enrol", enrolled.row())
    row = {"credential": enrolled.row()["credential"], "duress": not duress}
    desk.tell("credential.duress", row)
    standing = desk.registry.credential(OTHER_CREDENTIAL)
    assert standing is not None
    assert standing.duress is duress
