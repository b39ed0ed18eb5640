"""What stands in an entry: exactly what docs/entries.md says."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.core import entries, order_entries
from gateway.core.administration import Change, Proposal
from gateway.core.challenge import CHALLENGE_PREFIX, Purpose
from gateway.core.denial import Deny
from gateway.core.directory import PurposeRule
from gateway.core.encoding import Json, canonical, from_base64url, to_base64url
from gateway.core.entries import BY_GATEWAY, ConfigFacts, Record, by_credential, by_uid
from gateway.core.facts import CredentialState, DenialReason, Mode
from gateway.core.ids import HolderId
from gateway.core.order_entries import Refused
from gateway.core.orders import Why, ordered, scheduled
from gateway.core.passages import FORGIVEN
from gateway.core.policy import DoorRules, Passback
from gateway.core.policy_standing import PolicyStanding
from gateway.core.registry import Credential, Registry
from gateway.core.rights import Action, Need, Role
from ledger.encoding import canonical as ledgers_canonical
from tests.desk import FRONT, HOLDER, OFFICE, OTHER_CREDENTIAL, Desk, at

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "entries.md").read_text()
GOLDEN = ROOT / "tests" / "vectors" / "entries_golden.jsonl"


def documented() -> dict[str, tuple[set[str], set[str]]]:
    """(needed, optional) members of each kind, from the page's table."""
    kinds: dict[str, tuple[set[str], set[str]]] = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| `") or "`ev`" in line:
            continue
        words = re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)", "", cells[1]))
        members = {member for word in words for member in word.split()}
        optional = {member.rstrip("?") for member in members if member.endswith("?")}
        for kind in re.findall(r"`([^`]+)`", cells[0]):
            kinds[kind] = ({m for m in members if not m.endswith("?")}, optional)
    opened = kinds["door.opened"]
    kinds["door.opened"] = ({"after", "door"}, opened[1])
    kinds["door.closed"] = ({"door"}, set())
    return kinds


def every_record() -> list[Record]:
    return [
        *records_of_the_gateway(),
        *records_of_keys(),
        *records_of_orders(),
        *records_of_the_door(),
    ]


def records_of_orders() -> list[Record]:
    desk, by = Desk(), by_uid(0)
    need = Need(frozenset({Role.ADMIN}), 1)
    proposal = Proposal(Action.ACKNOWLEDGE, (), need, bytes(16))
    verified = desk.verified()
    acknowledged = Change("break-glass.acknowledged", {})
    alias: dict[str, Json] = {"alias": "a" * 64, "holder": HOLDER}
    looked_up = [
        Change("alias", alias),
        Change("alias.removed", alias),
        Change("purpose", PurposeRule("payment", 60).row()),
        Change("purpose.removed", {"purpose": "payment"}),
    ]
    return [
        *(order_entries.change_record(change, by) for change in looked_up),
        order_entries.order_signed_record(proposal, verified, by),
        order_entries.order_refused_record(
            proposal, Refused("no-touch", desk.key.id), by
        ),
        order_entries.order_refused_record(
            proposal, Refused("lockdown", desk.key.id, 1, verified.answer), by
        ),
        order_entries.break_glass_record(Action.ROLE, "No key at hand", by),
        order_entries.change_record(acknowledged, by),
        order_entries.change_record(
            order_entries.policy_change(FRONT, PolicyStanding("1" * 64, "2" * 64)), by
        ),
        order_entries.policy_stands_record(FRONT, PolicyStanding("1" * 64, "2" * 64)),
        entries.holder_record(desk.holder(role=Role.ADMIN), by),
    ]


def records_of_the_gateway() -> list[Record]:
    place = Desk().place
    facts = ConfigFacts("0" * 64, "any", (b"\1" * 16,), (b"der",), "Front door")
    return [
        entries.boot_record("0.1.0", place),
        entries.stop_record("asked to"),
        entries.config_record(place, ConfigFacts("0" * 64, "any", (), ())),
        entries.config_record(place, facts),
        entries.clock_record("step", -5),
        entries.alarm_record("strike-lost", "gone"),
        entries.restored_record(7, 1_800_000_000_000, "kept"),
    ]


def records_of_keys() -> list[Record]:
    desk = Desk()
    grant = desk.granted()
    creation = desk.book.issue(at(), desk.nonce(), purpose=Purpose.ENROL, holder=HOLDER)
    late = Deny(
        DenialReason.OUTSIDE_HOURS,
        FRONT,
        desk.key.id,
        HOLDER,
        7,
        grant.verified.answer,
    )
    return [
        entries.holder_record(desk.holder(), by_uid(0)),
        entries.erase_record(HolderId("h-9"), by_uid(0)),
        entries.enrol_record(
            desk.enrolled(counter=1),
            by_credential(desk.key.id),
            "numeric-comparison",
            creation,
            b"attestation",
            grant.verified,
            replaces=OTHER_CREDENTIAL,
        ),
        entries.credential_state_record(
            desk.key.id, CredentialState.SUSPENDED, "counter-not-rising", BY_GATEWAY
        ),
        entries.registry_record(desk.registry.snapshot()),
        entries.grant_record(grant),
        entries.deny_record(Deny(DenialReason.KEY_UNKNOWN, FRONT)),
        entries.deny_record(late),
    ]


def records_of_the_door() -> list[Record]:
    return [
        entries.strangers_record(FRONT, 3, 40, 60),
        entries.missed_record(FRONT, {"lockdown": 2, "no-touch": 1}),
        entries.exit_record(FRONT),
        entries.opened_record(FRONT, "grant"),
        entries.closed_record(FRONT),
        entries.unused_record(FRONT, 12),
        entries.forced_record(FRONT),
        entries.held_record(FRONT, 30_000),
        entries.clear_record(FRONT, "held"),
        entries.mode_record(FRONT, Mode.LOCKED, by_uid(1000)),
        entries.order_record(ordered(FRONT, Mode.BLOCKED, by_uid(1000), at(), 5_000)),
        entries.order_record(scheduled(FRONT, entries.BY_GATEWAY, at())),
        entries.over_record(FRONT, Mode.BLOCKED, Why.ORDER),
        entries.input_record(FRONT, "interlock", active=True),
        entries.commissioned_record(FRONT, ["no-power"], "wiring", by_uid(0)),
        entries.self_test_record(FRONT, {"released": True}, by_uid(0), passed=True),
        entries.self_test_seen_record(FRONT, 7, by_uid(0), moved=True),
        order_entries.change_record(
            Change(FORGIVEN, {"door": FRONT, "holder": HOLDER}), by_uid(0)
        ),
    ]


def test_every_kind_of_the_page_has_its_function_and_the_other_way_round() -> None:
    assert {record.ev for record in every_record()} == set(documented())


def test_an_entry_holds_what_the_page_says() -> None:
    page = documented()
    for record in every_record():
        needed, optional = page[record.ev]
        assert needed <= set(record.what) <= needed | optional, record.ev


def test_the_ledger_takes_it() -> None:
    for record in every_record():
        assert canonical(record.what) == ledgers_canonical(dict(record.what))
        assert canonical(record.what).isascii()


def test_an_entry_is_written_as_ever() -> None:
    """A line that must change here changes the format: yesterday's is still read."""
    golden = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    written: list[dict[str, Json]] = [
        {"ev": record.ev, "what": dict(record.what)} for record in every_record()
    ]
    for was, now in zip(golden, written, strict=True):
        assert canonical(now) == canonical(was)


def test_a_stranger_can_check_a_grant_from_its_entry_alone() -> None:
    desk = Desk()
    grant = desk.granted()
    what: Any = entries.grant_record(grant).what
    evidence = what["evidence"]
    challenge = grant.verified.challenge
    assert CHALLENGE_PREFIX == b"keyra/challenge/v1\0"
    assert grant.verified.binding.canonical() == canonical(evidence["binding"])
    client = from_base64url(evidence["clientDataJSON"])
    assert client is not None
    assert to_base64url(challenge).encode() in client
    assert from_base64url(evidence["signature"]) == grant.verified.signature
    data = from_base64url(evidence["authenticatorData"])
    assert data == grant.verified.authenticator_data
    assert (what["purpose"], what["holder"], what["counter"]) == (
        "door.unlock",
        HOLDER,
        1,
    )
    assert what["rule"] == {
        "group": "staff",
        "schedule": "office",
        "time_trusted": True,
    }


def test_an_enrolment_names_what_it_replaces_only_where_it_does() -> None:
    desk = Desk()
    creation = desk.book.issue(at(), desk.nonce(), purpose=Purpose.ENROL, holder=HOLDER)
    parts = (by_uid(0), "passkey", creation, b"object", desk.verified())
    first = entries.enrol_record(desk.enrolled(counter=1), *parts)
    again = entries.enrol_record(desk.enrolled(), *parts, replaces=OTHER_CREDENTIAL)
    assert "replaces" not in first.what
    assert again.what["replaces"] == to_base64url(OTHER_CREDENTIAL)


def test_the_registry_understands_what_is_written_about_it() -> None:
    desk = Desk()
    registry = Registry()
    records = every_record()
    for n, record in enumerate(records):
        if record.ev in {"credential.state", "door.grant", "door.deny"}:
            continue
        registry.apply(n, record.ev, record.what)
    expected = desk.enrolled(counter=1)
    assert registry.credential(desk.key.id) == expected
    for n, record in enumerate(records, start=len(records)):
        if record.ev in {"credential.state", "door.grant", "door.deny"}:
            registry.apply(n, record.ev, record.what)
    expected = replace(expected, counter=7, state=CredentialState.SUSPENDED)
    assert registry.credential(desk.key.id) == expected


def test_the_enrolment_says_all_that_the_credential_is() -> None:
    record = next(record for record in every_record() if record.ev == "enrol")
    desk = Desk()
    assert Credential.from_row(record.what) == desk.enrolled(counter=1)


def test_events_tell_nothing_of_duress() -> None:
    desk = Desk()
    desk.registry._credentials[desk.key.id] = desk.enrolled(duress=True)
    desk.policy = replace(desk.policy, rules=DoorRules(duress_route="guard-desk"))
    record = entries.grant_record(desk.granted())
    assert record.what["duress"] == "guard-desk"
    usual = entries.grant_record(Desk().granted())
    assert "duress" not in usual.what
    assert entries.shown(record) == {**usual.what, "decided": record.what["decided"]}
    enrolled = entries.Record("enrol", desk.enrolled(duress=True).row())
    assert entries.shown(enrolled) == desk.enrolled().row()


def test_a_grant_names_the_touches_that_it_rests_on() -> None:
    desk = Desk()
    desk.policy = replace(
        desk.policy,
        rules=DoorRules(
            step_up=OFFICE, passback=Passback.SOFT, exit_request_clears=False
        ),
    )
    for _ in range(2):
        waiting = desk.decide()
        assert isinstance(waiting, Deny)
        desk.tell("door.deny", entries.deny_record(waiting).what)
        what = entries.grant_record(desk.granted()).what
        desk.tell("door.grant", what)
        assert what["touches"] == (desk.registry.entries - 2,)
    assert what["passed_again"] is True


def test_text_from_outside_is_cut_and_cleaned() -> None:
    what = entries.alarm_record("bond-lost", "a\x1b[31mb\n" + "c" * 500).what
    assert what[
        "detail"
    ] == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}" + ("c" * 192)


def test_missed_denials_are_summed_up() -> None:
    what = entries.missed_record(FRONT, {"lockdown": 2, "no-touch": 1}).what
    assert what == {
        "count": 3,
        "door": "front",
        "reasons": {"lockdown": 2, "no-touch": 1},
    }


def test_a_clock_that_was_not_set_has_no_step() -> None:
    assert entries.clock_record("sync-lost").what["step_ms"] == 0
