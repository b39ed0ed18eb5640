"""`keyra policy replay` where one touch waits for another, over real ledgers."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.adapters.ledger_journal import LedgerHistory
from gateway.bootstrap.past import Past
from gateway.bootstrap.policy import policy_of
from gateway.cli.replay import replay_past
from gateway.config import defaults_text, load
from gateway.core import entries
from gateway.core.entries import Record, by_uid
from gateway.core.ids import CredentialId, DoorId, HolderId
from gateway.core.policy import Grant
from gateway.core.registry import Registry
from ledger.entry import Draft, Stamp
from ledger.keys import SigningKey
from ledger.writer import Writer
from tests.desk import NOON_MS, Desk, SoftKey, at, key_number

Run = Callable[..., Any]
DOOR = DoorId("front-door")
PEOPLE = ("anna", "ben", "cleo")
WAITS = "second-person-needed"
POLICY = """
[[schedule]]
id = "office"
windows = ["Mon-Fri 08:00-18:00"]
[[group]]
id = "staff"
doors = ["front-door"]
schedule = "office"
"""
TWO = {"two_person_s = 0": "two_person_s = 30"}
TWO_AT_ONCE = {"two_person_s = 0": "two_person_s = 5"}
HARD = {'passback = "off"': 'passback = "hard"'}
STEP_UP = {'#step_up = "office-hours"': 'step_up = "office"'}


class Door:
    """A door with three holders; what it decides is written and folded for real."""

    def __init__(self, folder: Path, command: Run) -> None:
        self.folder, self.command = folder, command
        self.text = (
            defaults_text()
            .replace("/var/lib/keyra", str(folder / "state"))
            .replace('zone = "Etc/UTC"', 'zone = "Europe/Berlin"')
        ) + POLICY
        self.config = self.written("gateway", {})
        assert command("init", "--config", str(self.config)).code == 0
        self.ledger = folder / "state" / "ledger.db"
        self.past = Past(Registry())
        self.policy = policy_of(load(self.config))
        self.now_s = 0
        self.last_grant = -1
        self.desks = {name: self._desk(n) for n, name in enumerate(PEOPLE, 1)}
        self._fold()
        for desk in self.desks.values():
            desk.registry, desk.policy = self.past.registry, self.policy
        self.enrol()

    def _desk(self, n: int) -> Desk:
        key = SoftKey(CredentialId(bytes([n]) * 32), key_number(n))
        return Desk(key, door=DOOR)

    def written(self, name: str, changes: dict[str, str]) -> Path:
        """A config of this door, with things changed."""
        text, path = self.text, self.folder / f"{name}.toml"
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return path

    def rule(self, changes: dict[str, str]) -> None:
        """Have the door decide by another policy from now on."""
        self.policy = policy_of(load(self.written("ruling", changes)))
        for desk in self.desks.values():
            desk.policy = self.policy

    def enrol(self, **changes: Any) -> None:
        """Register the three; changes are anna's."""
        for name, desk in self.desks.items():
            mine = changes if name == PEOPLE[0] else {}
            holder = desk.holder(id=HolderId(name), **mine)
            self.write(entries.holder_record(holder, by_uid(0)))
            if self.past.registry.credential(desk.key.id) is None:
                enrolled = desk.enrolled(holder_id=holder.id)
                self.write(Record("enrol", enrolled.row()))

    def write(self, *records: Record) -> None:
        """Append entries, and fold them."""
        key = SigningKey.load(self.folder / "state" / "ledger.key")
        writer = Writer.open(self.ledger, key)
        now = at(self.now_s * 1_000, NOON_MS + self.now_s * 1_000)
        stamp = Stamp(now.wall_ms, now.boot, now.err_ms, now.up_ms)
        writer.append([Draft(one.ev, one.what) for one in records], stamp)
        writer.close()
        self._fold()

    def _fold(self) -> None:
        for past in LedgerHistory(self.ledger).entries(self.past.registry.entries):
            self.past.tell(past)
            if past.ev == "door.grant":
                self.last_grant = past.n

    def touch(self, name: str, second: int) -> str:
        """One touch at a second after noon, decided and written down."""
        self.now_s = second
        now = at(second * 1_000, NOON_MS + second * 1_000)
        outcome = self.desks[name].decide(now)
        if isinstance(outcome, Grant):
            self.write(entries.grant_record(outcome))
            return "granted"
        self.write(entries.deny_record(outcome))
        return str(outcome.reason.value)

    def replay(self, changes: dict[str, str]) -> list[tuple[str, str, str, int]]:
        """Ask a proposed policy: who, was, becomes, how often."""
        proposed = str(self.written("proposed", changes))
        ended = self.command(
            *("policy", "replay", "--policy", proposed, "--json"),
            *("--config", str(self.config)),
        )
        rows = json.loads(ended.out)
        assert ended.code == (1 if rows else 0)
        return [
            (row["holder"], row["was"], row["becomes"], row["count"]) for row in rows
        ]


@pytest.fixture
def door(tmp_path: Path, command: Run) -> Door:
    return Door(tmp_path, command)


def both(was: str, becomes: str) -> list[tuple[str, str, str, int]]:
    return [(name, was, becomes, 1) for name in ("anna", "ben")]


def test_two_who_came_together_are_two(door: Door) -> None:
    assert door.touch("anna", 0) == door.touch("ben", 10) == "granted"
    assert door.replay(TWO) == []


def test_who_came_alone_would_have_waited_in_vain(door: Door) -> None:
    assert door.touch("anna", 0) == door.touch("ben", 60) == "granted"
    assert door.replay(TWO) == both("granted", WAITS)


def test_the_window_is_the_proposed_ones(door: Door) -> None:
    door.rule(TWO)
    assert (door.touch("anna", 0), door.touch("ben", 10)) == (WAITS, "granted")
    assert door.replay(TWO) == []
    assert door.replay(TWO_AT_ONCE) == both("granted", WAITS)


def test_a_longer_window_would_have_joined_them(door: Door) -> None:
    door.rule(TWO_AT_ONCE)
    assert door.touch("anna", 0) == door.touch("ben", 10) == WAITS
    assert door.touch("cleo", 20) == WAITS
    assert door.replay(TWO) == both(WAITS, "granted")


def test_a_first_touch_that_was_followed_was_no_denial(door: Door) -> None:
    door.rule(TWO)
    assert door.touch("cleo", 0) == WAITS
    assert (door.touch("anna", 100), door.touch("ben", 110)) == (WAITS, "granted")
    assert door.replay({}) == [("cleo", WAITS, "granted", 1)]


def test_the_third_one_waits_for_a_fourth(door: Door) -> None:
    for second, name in enumerate(PEOPLE):
        assert door.touch(name, second) == "granted"
    assert door.replay(TWO) == [("cleo", "granted", WAITS, 1)]


def test_who_waits_has_not_passed_yet(door: Door) -> None:
    door.enrol(uses_max=1)
    assert door.touch("anna", 0) == door.touch("ben", 10) == "granted"
    assert door.replay(TWO | HARD) == []


def test_a_first_touch_counts_once(door: Door) -> None:
    door.enrol(uses_max=1)
    assert door.touch("anna", 0) == "granted"
    assert door.touch("anna", 5) == "pass-used-up"
    assert door.touch("ben", 10) == "granted"
    assert door.touch("anna", 15) == "pass-used-up"
    # Both of anna's touches would wait; ben's rests on the newer one.
    assert door.replay(TWO) == [
        ("anna", "granted", WAITS, 1),
        ("anna", "pass-used-up", "granted", 1),
    ]


def test_a_first_touch_is_worth_nothing_once_its_holder_is_suspended(
    door: Door,
) -> None:
    door.touch("anna", 0)
    door.enrol(suspended=True)
    door.touch("ben", 10)
    assert door.replay(TWO) == both("granted", WAITS)


def test_the_same_holder_twice_is_a_step_up(door: Door) -> None:
    assert door.touch("anna", 0) == door.touch("anna", 10) == "granted"
    assert door.touch("ben", 20) == "granted"
    assert door.replay(STEP_UP) == [("ben", "granted", "step-up-needed", 1)]


def test_what_waits_is_remembered_up_to_a_bound(door: Door) -> None:
    door.rule(TWO)
    for second in range(20):
        assert door.touch("anna", second) == WAITS
    assert door.touch("ben", 20) == "granted"
    assert door.replay(TWO) == []
    assert door.replay({}) == [("anna", WAITS, "granted", 19)]


RULES = (TWO, TWO | HARD, TWO | STEP_UP, STEP_UP | HARD)


@pytest.mark.parametrize(("seed", "rules"), tuple(enumerate(RULES)))
def test_the_policy_that_was_changes_nothing(
    door: Door, seed: int, rules: dict[str, str]
) -> None:
    chance = Random(seed)  # noqa: S311 - a history, no secret
    door.rule(rules)
    second = 0
    for _ in range(40):
        second += chance.choice((1, 4, 20, 40))
        match chance.randrange(8):
            case 0:
                door.write(entries.exit_record(DOOR))
            case 1 if door.last_grant >= 0:
                door.write(entries.unused_record(DOOR, door.last_grant))
            case _:
                door.touch(chance.choice(PEOPLE), second)
    assert door.replay(rules) == []


def test_a_report_tells_when_the_first_and_the_last_were(door: Door) -> None:
    door.rule(TWO)
    for second in (0, 100, 200):
        assert door.touch("anna", second) == WAITS
    plain = policy_of(load(door.config))
    report = replay_past(LedgerHistory(door.ledger).entries(0), plain)
    (change,) = report.changes
    assert (report.touches, change.count) == (3, 3)
    assert (change.first_ms, change.last_ms) == (NOON_MS, NOON_MS + 200_000)
