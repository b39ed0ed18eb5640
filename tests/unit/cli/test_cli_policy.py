"""`keyra explain` and `keyra policy …` over a config and a ledger of their own."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.cli.expectations import parse_table
from gateway.config import defaults_text
from gateway.core import entries
from gateway.core.entries import Record, by_uid
from gateway.core.facts import Mode
from gateway.core.ids import DoorId, Now
from gateway.core.policy import Grant
from gateway.errors import ConfigError
from ledger.entry import Draft, Stamp
from ledger.keys import SigningKey
from ledger.writer import Writer
from tests.desk import HOLDER, NOON_MS, Desk, at

Run = Callable[..., Any]
DOOR = DoorId("front-door")
HOUR_MS = 3_600_000
POLICY = """
[[schedule]]
id = "office"
windows = ["Mon-Fri 08:00-18:00"]
[[holiday]]
id = "public"
days = ["12-25", "2026-08-03 to 2026-08-09"]
calendar = "{calendar}"
[[exception]]
id = "short"
schedules = ["office"]
days = ["12-24"]
windows = ["08:00-12:00"]
[[group]]
id = "staff"
doors = ["front-door"]
schedule = "office"
"""
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20261003
SUMMARY:A holiday
END:VEVENT
END:VCALENDAR
"""


class Site:
    """A config file, and a ledger that is written at noon and later."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "gateway.toml"
        calendar = folder / "holidays.ics"
        calendar.write_text(CALENDAR.replace("\n", "\r\n"))
        self.text = (
            defaults_text()
            .replace("/var/lib/keyra", str(folder / "state"))
            .replace('zone = "Etc/UTC"', 'zone = "Europe/Berlin"')
        ) + POLICY.format(calendar=calendar)
        self.config.write_text(self.text)
        self.desk = Desk(door=DOOR)
        self.desk.policy = replace(self.desk.policy, door=DOOR)

    def write(self, now: Now, *records: Record) -> None:
        """Append entries."""
        state = self.folder / "state"
        key = SigningKey.load(state / "ledger.key")
        writer = Writer.open(state / "ledger.db", key)
        stamp = Stamp(now.wall_ms, now.boot, now.err_ms, now.up_ms)
        writer.append([Draft(one.ev, one.what) for one in records], stamp)
        writer.close()

    def touch(self, now: Now) -> None:
        """A touch, decided by the desk and written down."""
        outcome = self.desk.decide(now)
        self.write(
            now,
            entries.grant_record(outcome)
            if isinstance(outcome, Grant)
            else entries.deny_record(outcome),
        )

    def proposed(self, old: str, new: str) -> str:
        """Another config, with one thing changed."""
        path = self.folder / "proposed.toml"
        assert old in self.text
        path.write_text(self.text.replace(old, new))
        return str(path)


@pytest.fixture
def site(tmp_path: Path, command: Run) -> Site:
    made = Site(tmp_path)
    assert command("init", "--config", str(made.config)).code == 0
    desk = made.desk
    made.write(
        at(),
        entries.holder_record(desk.holder(), by_uid(0)),
        Record("enrol", desk.enrolled().row()),
    )
    return made


@pytest.fixture
def keyra(site: Site, command: Run) -> Run:
    def run(*words: str) -> Any:
        return command(*words, "--config", str(site.config))

    return run


def test_explain_answers_every_rule(keyra: Run) -> None:
    ended = keyra("explain", HOLDER, DOOR, "2026-07-30T12:00")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[1].split() == ["lockdown", "holds"]
    assert lines[-2].split() == ["step-up", "holds"]
    assert lines[-1] == "h-1 at 2026-07-30T12:00:00+02:00: let in"


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("2026-07-31T18:00", "outside-hours"),
        ("2026-12-24T12:30", "holiday"),
        ("2026-12-25T10:00", "holiday"),
        ("2026-10-03T10:00", "outside-hours"),
        ("2027-08-05T12:00:00Z", "granted"),
        ("2026-08-05T10:00:00Z", "holiday"),
        ("2026-07-30T08:00", "holder-unknown"),
    ],
)
def test_explain_of_a_moment_past_or_future(keyra: Run, when: str, reason: str) -> None:
    ended = keyra("explain", HOLDER, DOOR, when, "--json")
    found = json.loads(ended.out)
    assert found["outcome"] == reason
    assert ended.code == (reason != "granted")
    assert [row["rule"] for row in found["rules"]][:2] == ["lockdown", "policy"]


def test_explain_knows_the_past_from_the_present(site: Site, keyra: Run) -> None:
    later = at(2_000, NOON_MS + HOUR_MS)
    site.write(
        later,
        entries.mode_record(DOOR, Mode.LOCKED_DOWN, by_uid(0)),
        entries.holder_record(site.desk.holder(suspended=True), by_uid(0)),
    )
    site.write(
        replace(later, wall_ms=5, err_ms=-1),
        entries.mode_record(DOOR, Mode.LOCKED, by_uid(0)),
    )
    key = site.desk.enrolled().row()["credential"]
    before = keyra("explain", HOLDER, DOOR, "2026-07-30T12:30", "--key", str(key)[:8])
    assert before.code == 0
    after = keyra("explain", HOLDER, DOOR, "2026-07-30T14:00")
    assert "denied: holder-suspended" in after.out
    assert keyra("explain", HOLDER, DOOR, "now").code == 1


def test_explain_refuses_what_makes_no_sense(keyra: Run) -> None:
    for words in (
        (HOLDER, "side-door", "now"),
        (HOLDER, DOOR, "tomorrow"),
        (HOLDER, DOOR, "1969-01-01T00:00"),
        (HOLDER, DOOR, "2026-07-30T12:00", "--key", "zzzz"),
    ):
        ended = keyra("explain", *words)
        assert ended.code != 0
        assert ended.err.startswith("keyra: ")
        assert ended.err.count("\n") == 1


def test_show_says_what_was_understood(site: Site, keyra: Run) -> None:
    site.config.write_text(
        site.text.replace("two_person_s = 0", "two_person_s = 30")
        .replace('passback = "off"', 'passback = "hard"')
        .replace('#step_up = "office-hours"', 'step_up = "office"')
    )
    out = keyra("policy", "show").out
    assert "staff  office    Mon-Fri 08:00-18:00  -" in out
    assert "office: 08:00-12:00 on 12-24" in out
    assert "office: closed on 12-25, 2026-08-03" in out
    assert "and 3 more" in out
    assert "Two holders within 30 s." in out
    assert "Passback hard; forgiven after 12 h" in out
    assert "During office a second touch by the same holder within 30 s." in out


TABLE = """
[people.anna]
groups = ["staff"]
[[case]]
name = "hours"
steps = '''
2026-07-30 12:00 anna granted
18:00 anna {expected}
'''
"""


@pytest.mark.parametrize(("expected", "code"), [("outside-hours", 0), ("granted", 1)])
def test_a_table_of_expectations(
    site: Site, keyra: Run, expected: str, code: int
) -> None:
    path = site.folder / "cases.toml"
    path.write_text(TABLE.format(expected=expected))
    ended = keyra("policy", "test", str(path))
    assert ended.code == code
    assert ended.out.endswith(f"{2 - code} as expected, {code} otherwise.\n")
    rows = json.loads(keyra("policy", "test", str(path), "--json").out)
    assert [row["found"] for row in rows] == ["granted", "outside-hours"]


def test_a_replay_of_the_policy_that_was_changes_nothing(
    site: Site, keyra: Run
) -> None:
    for hours in (0, 1, 7):
        site.touch(at(1_000, NOON_MS + hours * HOUR_MS))
    site.write(at(), entries.mode_record(DOOR, Mode.LOCKED_DOWN, by_uid(0)))
    ended = keyra("policy", "replay", "--policy", str(site.config))
    assert (ended.code, ended.out) == (
        0,
        "3 touches replayed; the access of 0 changes.\n",
    )


def test_a_replay_lists_whose_access_changes(site: Site, keyra: Run) -> None:
    for hours in (0, 1, 7):
        site.touch(at(1_000, NOON_MS + hours * HOUR_MS))
    shorter = site.proposed(
        'Mon-Fri 08:00-18:00"]\n[[holi', 'Mon-Fri 13:00-20:00"]\n[[holi'
    )
    ended = keyra("policy", "replay", "--policy", shorter)
    assert ended.code == 1
    assert [line.split()[:4] for line in ended.out.splitlines()[1:3]] == [
        ["h-1", "granted", "outside-hours", "1"],
        ["h-1", "outside-hours", "granted", "1"],
    ]
    rows = json.loads(keyra("policy", "replay", "--policy", shorter, "--json").out)
    assert [row["count"] for row in rows] == [1, 1]
    assert rows[0]["first_ms"] == rows[0]["last_ms"] == NOON_MS


def test_a_replay_is_of_one_door(site: Site, keyra: Run) -> None:
    other = site.proposed('id = "front-door"', 'id = "side-door"')
    ended = keyra("policy", "replay", "--policy", other)
    assert (ended.code, ended.out) == (78, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 1",
        "case = 3",
        "[[case]]\nname = 1\nsteps = ''",
        "[[case]]\nname = 'a'\nsteps = ''",
        "[[case]]\nname = 'a'\nsteps = '12:00 anna granted'",
        "[[case]]\nname = 'a'\nsteps = '2026-02-30 12:00 anna granted'",
        "[[case]]\nname = 'a'\nsteps = '2026-02-03 25:00 anna granted'",
        "[[case]]\nname = 'a'\nsteps = '1960-02-03 12:00 anna granted'",
        "[[case]]\nname = 'a'\nsteps = '2026-02-03 12:00 anna welcome'",
        "[[case]]\nname = 'a'\nsteps = '2026-02-03 12:00 anna granted +well'",
        "[[case]]\nname = 'a'\nsteps = '2026-02-03 12:00 * dance'",
        "[[case]]\nname = 'a'\nsteps = '2026-02-03 12:00 * suspend'",
        "[[case]]\nname = 'a'\nsteps = '2026-02-03 12:00 * suspend anna'",
        "[[case]]\nname = 'a'\nsteps = '2026-02-03 12:00 * clock'",
        "[people.A]\n[[case]]\nname = 'a'\nsteps = '2026-02-03 12:00 A granted'",
        *(
            f"[people.anna]\n{line}\n[[case]]\nname = 'a'\n"
            "steps = '2026-02-03 12:00 anna granted'"
            for line in (
                "groups = 1",
                "groups = ['A']",
                "uses = -1",
                "uses = true",
                "key = 'lost'",
                "suspended = 'no'",
                "from = '2026'",
                "colour = 'red'",
            )
        ),
    ],
)
def test_a_table_that_is_none(text: str) -> None:
    with pytest.raises((ConfigError, ValueError)):
        parse_table(text, ZoneInfo("Europe/Berlin"))


def test_what_is_wrong_with_a_table_is_one_sentence(site: Site, keyra: Run) -> None:
    path = site.folder / "cases.toml"
    for text in ("[[case]]\nname = 'a'\nsteps = ''", "[", "\0", "x = 1"):
        path.write_text(text)
        ended = keyra("policy", "test", str(path))
        assert (ended.code, ended.out) == (78, "")
        assert ended.err.startswith(f"keyra: {path}: ")
    assert keyra("policy", "test", str(path) + "-not-there").code == 78
