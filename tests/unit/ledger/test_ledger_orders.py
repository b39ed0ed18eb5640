"""Administrators' orders, judged from the entries: each way one may be forged."""

import hashlib
from typing import Any

import pytest

from ledger.deep import Replay
from ledger.encoding import canonical
from ledger.entry import Draft, encode_entry
from tests.ledger_world import Door, Key, b64url

CHANGE = b"keyra/change/v1\0"
ORDER = b"keyra/order/v1\0"


def digest(ev: str, what: dict[str, Any]) -> str:
    members = canonical({"ev": ev, "what": what})
    return hashlib.sha256(CHANGE + members).hexdigest()


def bare(draft: Draft) -> dict[str, Any]:
    return {name: value for name, value in draft.what.items() if name != "by"}


class Site:
    """A door with an administrator, and what is found wrong with further entries."""

    def __init__(self, *, administered: bool = True) -> None:
        self.replay, self.door, self.n = Replay(), Door(), 0
        self.adm, self.op, self.guest = Key("adm"), Key("op"), Key("guest")
        assert not self.tell(self.door.boot(), self.door.config())
        if administered:
            assert not self.tell(
                self.holder("adm", "admin"), self.door.enrol(self.adm, "adm")
            )

    def tell(self, *drafts: Draft) -> list[str]:
        before = len(self.replay.findings)
        for draft in drafts:
            entry = encode_entry(self.n, bytes(32), self.door.stamp(1000), draft)
            self.replay.on_entry(self.n, entry, b"")
            self.n += 1
        return [found.text for found in self.replay.findings[before:]]

    def holder(self, name: str, role: str = "", **changes: Any) -> Draft:
        what = dict(self.door.holder(name).what)
        if role:
            what["role"] = role
        return Draft("holder", what | changes)

    def hire(self, key: Key, name: str, role: str) -> None:
        glass = {"by": {"break_glass": True, "uid": 0}}
        assert not self.tell(
            self.holder(name, role, **glass),
            self.door.enrol(key, name, what=glass),
        )

    def signed(
        self, key: Key, holder: str, *changes: str, **how: Any
    ) -> tuple[Draft, dict[str, Any]]:
        """An `order.signed` entry, and the `by` of its changes."""
        document = {
            "action": "role",
            "changes": list(changes),
            "nonce": b64url(bytes(16)),
            "roles": ["admin"],
            "signers": 1,
            "v": 1,
        } | how.get("document", {})
        order = hashlib.sha256(ORDER + canonical(document)).hexdigest()
        if not how.get("counter_stuck"):
            key.counter += 1
        binding = self.door.credential_binding(
            key, "admin.order", **({"order": order} | how.get("binding", {}))
        )
        what: dict[str, Any] = {
            **document,
            "by": {"uid": 0},
            "counter": key.counter,
            "credential": b64url(key.id),
            "evidence": self.door.assertion(key, binding),
            "holder": holder,
            "order": order,
        }
        by = {"credential": b64url(key.id), "order": order, "uid": 0}
        return Draft("order.signed", what | how.get("what", {})), by


def ordered(draft: Draft, by: Any) -> Draft:
    return Draft(draft.ev, {**draft.what, "by": by})


@pytest.fixture
def site() -> Site:
    return Site()


def test_what_was_ordered_and_signed_stands(site: Site) -> None:
    change = site.holder("h1")
    signed, by = site.signed(site.adm, "adm", digest("holder", bare(change)))
    assert not site.tell(signed, ordered(change, by))


def test_an_enrolment_is_ordered_before_its_key_is_known(site: Site) -> None:
    change = site.holder("h1")
    enrol = digest("enrol", {"holder": "h1", "until_ms": 0})
    signed, by = site.signed(site.adm, "adm", digest("holder", bare(change)), enrol)
    key = site.door.enrol(site.guest, "h1", what={"by": by})
    assert not site.tell(signed, ordered(change, by), key)


def test_a_mode_for_a_while_is_ordered_by_its_length(site: Site) -> None:
    what: dict[str, Any] = {"door": "front", "mode": "Unlocked"}
    ends: dict[str, Any] = {"at": 5, "boot": "b", "for_ms": 60_000, "up": 7}
    change = digest("door.mode", {**what, "for_ms": 60_000})
    signed, by = site.signed(site.adm, "adm", change)
    longer = {**ends, "for_ms": 90_000}
    found = site.tell(signed, Draft("door.mode", {**what, "by": by, "ends": longer}))
    assert found == ["it is not what was ordered, or was done before."]
    assert not site.tell(Draft("door.mode", {**what, "by": by, "ends": ends}))


def test_two_must_have_signed(site: Site) -> None:
    site.hire(site.op, "adm2", "admin")
    change = site.holder("h1")
    how = {"document": {"signers": 2}}
    one, by = site.signed(site.adm, "adm", digest("holder", bare(change)), **how)
    assert site.tell(one, ordered(change, by)) == [
        "too few signed the order that it names."
    ]
    again, _ = site.signed(site.adm, "adm", digest("holder", bare(change)), **how)
    two, _ = site.signed(site.op, "adm2", digest("holder", bare(change)), **how)
    assert len(site.tell(again, ordered(change, by))) == 1
    assert not site.tell(two, ordered(change, by))


ATTACKS: dict[str, tuple[dict[str, Any], str]] = {
    "moved": ({"what": {"order": "0" * 64}}, "the signature is for another order."),
    "bound elsewhere": (
        {"binding": {"order": "0" * 64}},
        "the signature is for another order.",
    ),
    "of another holder": (
        {"what": {"holder": "h1"}},
        "the key belongs to another holder.",
    ),
    "for other roles": (
        {"document": {"roles": ["operator"]}},
        "who signed bears no role that the order takes.",
    ),
    "at the door": (
        {"binding": {"purpose": "door.unlock"}},
        "the challenge was bound to another purpose.",
    ),
    "replayed": ({"counter_stuck": True}, "the key's counter fell from 1 to 1."),
    "swapped": ({"what": {"changes": []}}, "the signature is for another order."),
    "without changes": (
        {"document": {"changes": 5}},
        "there is no changes, or it is no list.",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_a_signature(site: Site, attack: str) -> None:
    how, finding = ATTACKS[attack]
    change = site.holder("h1")
    signed, by = site.signed(site.adm, "adm", digest("holder", bare(change)), **how)
    found = site.tell(signed)
    assert found == [finding]
    assert site.tell(ordered(change, by)) == [
        "the order that it names was signed by nobody."
    ]


def test_attack_somebody_without_the_role_signs(site: Site) -> None:
    site.hire(site.op, "op", "operator")
    signed, _ = site.signed(site.op, "op")
    assert site.tell(signed) == ["who signed bears no role that the order takes."]
    stranger, _ = site.signed(site.guest, "h9")
    assert site.tell(stranger) == ["an order was signed by a key never enrolled."]


def test_attack_a_suspended_key_signs(site: Site) -> None:
    assert not site.tell(site.door.state(site.adm, "suspended"))
    signed, _ = site.signed(site.adm, "adm")
    assert site.tell(signed) == ["an order was signed by a key that was not active."]


def test_attack_an_order_is_carried_out_twice(site: Site) -> None:
    change = site.holder("h1")
    signed, by = site.signed(site.adm, "adm", digest("holder", bare(change)))
    assert site.tell(signed, ordered(change, by), ordered(change, by)) == [
        "it is not what was ordered, or was done before."
    ]


def test_attack_a_change_without_an_order(site: Site) -> None:
    unsigned = ["no administrator signed for this change."]
    assert site.tell(site.holder("h1")) == unsigned
    assert site.tell(site.holder("h1", by=None)) == unsigned
    assert site.tell(site.holder("h1", "admin", state="suspended")) == unsigned
    lift: dict[str, Any] = {"by": {"uid": 0}, "door": "front", "mode": "Locked"}
    assert site.tell(Draft("door.mode", lift)) == unsigned
    assert site.tell(Draft("door.mode", lift | {"by": {"bootstrap": True}})) == unsigned
    assert site.tell(Draft("erase", {"by": {"uid": 0}, "holder": "h1"})) == unsigned


def test_what_needs_no_order(site: Site) -> None:
    lockdown: dict[str, Any] = {"by": {"uid": 0}, "door": "front", "mode": "LockedDown"}
    again: dict[str, Any] = {"by": {"gateway": True}, "door": "front", "mode": "Locked"}
    assert not site.tell(
        Draft("door.mode", lockdown),
        Draft("door.mode", again),
        site.holder("h1", by={"break_glass": True, "uid": 0}),
        site.holder("h1", state="suspended"),
        site.door.state(site.adm, "suspended"),
    )
    assert not Site(administered=False).tell(site.holder("h1"))


def test_an_order_before_the_files_beginning_is_not_judged() -> None:
    site = Site(administered=False)
    site.replay._base = 1
    site.tell(site.holder("h1", by={"order": "0" * 64}))
    assert [gap.text for gap in site.replay.gaps] == [
        "its order stands before the file's first entry."
    ]


def policy(sha256: str = "1" * 64, ev: str = "policy", **by: Any) -> Draft:
    what: dict[str, Any] = {"config": "f" * 64, "door": "front", "sha256": sha256}
    return Draft(ev, {**what, "by": by} if by else what)


def test_a_policy_that_was_ordered_and_signed_stands(site: Site) -> None:
    assert not site.tell(policy(gateway=True))  # the config's, of before
    change = policy("2" * 64)
    signed, by = site.signed(site.adm, "adm", digest("policy", bare(change)))
    assert not site.tell(signed, ordered(change, by))
    assert not site.tell(policy("2" * 64, "policy.stands"))
    assert not site.tell(policy("3" * 64, break_glass=True, uid=0))


def test_attack_a_policy_that_nobody_ordered(site: Site) -> None:
    unsigned = ["no administrator signed for this change."]
    assert not site.tell(policy(gateway=True))
    assert site.tell(policy("2" * 64, gateway=True)) == unsigned
    assert site.tell(policy("2" * 64, uid=1000)) == unsigned
    assert site.tell(policy("2" * 64, bootstrap=True, uid=0)) == unsigned


def test_attack_another_policy_under_the_order_of_one(site: Site) -> None:
    change = policy("2" * 64)
    signed, by = site.signed(site.adm, "adm", digest("policy", bare(change)))
    other = ordered(policy("3" * 64), by)
    assert site.tell(signed, other) == [
        "it is not what was ordered, or was done before."
    ]


def test_attack_a_policy_is_slipped_in_by_saying_it_again(site: Site) -> None:
    found = ["the policy that it speaks of was not in force."]
    assert site.tell(policy("1" * 64, "policy.stands")) == found
    assert not site.tell(policy(gateway=True), policy(ev="policy.stands"))
    assert site.tell(policy("2" * 64, "policy.stands")) == found


def test_before_an_administrator_the_config_is_the_policy() -> None:
    site = Site(administered=False)
    assert not site.tell(policy(gateway=True), policy("2" * 64, gateway=True))


def test_a_file_that_begins_later_may_lack_the_policy_before() -> None:
    site = Site()
    replay = Replay()
    replay.foresee(site.n, [])
    replay.orders = site.replay.orders
    for n, draft in enumerate((policy(gateway=True), policy(ev="policy.stands"))):
        entry = encode_entry(n, bytes(32), site.door.stamp(1000), draft)
        replay.on_entry(n, entry, b"")
    assert [gap.n for gap in replay.gaps] == [0]
    assert not replay.findings


def test_a_stretch_believes_what_is_said_again_first() -> None:
    site = Site(administered=False)
    replay = Replay()
    replay.foresee(5, [])
    for n, sha256 in enumerate(("1" * 64, "1" * 64, "2" * 64), 5):
        draft = policy(sha256, "policy.stands")
        entry = encode_entry(n, bytes(32), site.door.stamp(1000), draft)
        replay.on_entry(n, entry, b"")
    assert [found.n for found in replay.findings] == [7]
