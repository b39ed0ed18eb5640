"""Verbs that ask the gateway: what they print, and how they end."""

import io
import json
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from gateway.cli import looking, statistics, texts
from gateway.errors import JournalError
from gateway.schemas import Event

Run = Callable[..., Any]
KEY = "cred-0001AAAAAAAAAAAA"


def test_status_for_people(ask: Run) -> None:
    ended = ask("status")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "door     main: secured, mode Locked",
        "health   everything works",
        "gateway  gw-1 at hq, version 0.1.0, up 59 s",
        "ledger   42 entries",
        "time     2023-11-14 22:13:20Z",
        "stage    verify: median 210 us, p99 480 us (500)",
    ]


def test_status_names_what_is_broken(ask: Run, gateway: Any) -> None:
    health = type(gateway.facade.health)
    gateway.facade.health = health(False, True, False, True)
    line = ask("status").out.splitlines()[1]
    assert line == "health   it does not hear keys; its strike is out of reach"


def test_statistics_for_people(ask: Run, gateway: Any) -> None:
    gateway.do(lambda: gateway.facade.telemetry.gauge("signal_dbm", -64))
    gateway.do(lambda: gateway.facade.telemetry.count("touch.granted"))
    lines = ask("stats", "--minutes", "10").out.splitlines()
    assert lines[0] == "The last 10 min 0 s, up to 2023-11-14 22:13:20Z."
    assert [line.split()[:7] for line in lines[3:5]] == [
        ["signal", "dbm", "1", "-64", "-64", "-64", "-64"],
        ["verify", "ms", "1", "0.2", "0.2", "0.2", "0.2"],
    ]
    assert lines[-1].split() == ["1", "touch.granted"]


def test_a_curve_shows_least_greatest_and_gaps() -> None:
    assert statistics.curve([10, 0, 45, 80]) == "▁ ▄█"
    assert statistics.curve([5, 5]) == "▁▁"
    assert statistics.curve([0, 0]) == ""


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("status",), ("door", "id")),
        (("lockdown",), ("door", "mode")),
        (("mode", "Locked"), ("door", "mode")),
        (("stats",), ("series", 0, "name")),
        (("holders",), (0, "id")),
        (("credentials",), (1, "state")),
        (("credential", "suspend", "cred-0001"), ("state",)),
        (("erase", "holder-0001", "--yes"), ("id",)),
    ],
)
def test_json_is_one_line_that_parses(
    ask: Run, words: tuple[str, ...], path: tuple[Any, ...]
) -> None:
    ended = ask(*words, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("\n") == 1
    found = json.loads(ended.out)
    for step in path:
        found = found[step]
    assert isinstance(found, str)


def test_lists_for_people(ask: Run, gateway: Any) -> None:
    assert ask("holders").out.splitlines() == [
        "HOLDER       NAME       GROUPS  FROM  UNTIL  STATE",
        "holder-0001  Ada Byron  staff   -     -      active",
        "holder-0002  (erased)   -       -     -      erased",
    ]
    assert ask("credentials").out.splitlines() == [
        (
            "CREDENTIAL        HOLDER       STATE    MODEL      COUNTER  UNTIL"
            "  ENROLLED              LAST USED"
        ),
        (
            "cred-0001AAAAAAA  holder-0001  active   KEYRA One  7        -    "
            "  2023-11-13 22:13:20Z  2023-11-14 22:13:20Z"
        ),
        (
            "cred-0002AAAAAAA  holder-0002  revoked  KEYRA One  7        -    "
            "  2023-11-13 22:13:20Z  -"
        ),
    ]
    gateway.facade.people = []
    gateway.facade.known = {}
    assert "keyra enrol" in ask("holders").out
    assert "keyra enrol" in ask("credentials").out


def test_names_cannot_steer_the_terminal(ask: Run, gateway: Any) -> None:
    view = type(gateway.facade.people[0])
    gateway.facade.people = [view("h-1", "a\x1b[2J", (), 0, 0, suspended=False)]
    assert "\x1b" not in ask("holders").out


def test_lockdown_and_back(ask: Run, gateway: Any) -> None:
    assert ask("lockdown").out == "The door main is in mode LockedDown.\n"
    assert ask("mode", "Locked").out == "The door main is in mode Locked.\n"
    changes = [what for what, _ in gateway.facade.changes]
    assert changes == ["mode LockedDown", "mode Locked"]


def test_a_key_is_found_by_its_beginning(ask: Run) -> None:
    ended = ask("credential", "suspend", "cred-0001")
    assert ended.out == "cred-0001AAAAAAA of holder-0001 is suspended.\n"
    assert ask("credential", "resume", KEY).out.endswith("is active.\n")


@pytest.mark.parametrize(
    ("wanted", "said"), [("cred-", "Several ids begin"), ("x", "No credential's id")]
)
def test_a_beginning_that_is_none_or_many_changes_nothing(
    ask: Run, gateway: Any, wanted: str, said: str
) -> None:
    ended = ask("credential", "suspend", wanted)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"keyra: {said}")
    assert gateway.facade.changes == []


@pytest.mark.parametrize(
    ("answer", "revoked"), [("y\n", True), ("YES\n", True), ("\n", False), ("", False)]
)
def test_revoking_is_asked_with_no_as_default(
    ask: Run,
    gateway: Any,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    *,
    revoked: bool,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    ended = ask("credential", "revoke", "cred-0001")
    assert "Revoke cred-0001AAAAAAA of holder-0001 for ever? [y/N]" in ended.err
    assert ended.code == (0 if revoked else 1)
    assert bool(gateway.facade.changes) == revoked


def test_revoking_unasked(ask: Run, gateway: Any) -> None:
    assert ask("credential", "revoke", KEY, "--yes").code == 0
    assert gateway.facade.changes[0][0] == f"{KEY} revoked"


def test_a_refusal_is_one_sentence(ask: Run, gateway: Any) -> None:
    gateway.fail_with(JournalError("The disk is full; make room."))
    ended = ask("lockdown")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "keyra: The disk is full; make room.\n"


def test_tail_follows_and_ends_with_the_terminal(
    ask: Run, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.publish("door.deny", reason="lockdown", holder="h-1", evidence={"x": 1})
    gateway.publish("door.grant", holder="h-2", entry=7)
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if len(lines) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(looking, "say", say)
    assert ask("tail").code == 130
    sentence = "The door is locked down."
    assert lines == [
        f"2023-11-14 22:13:20Z  door.deny    reason=lockdown holder=h-1  {sentence}",
        "2023-11-14 22:13:20Z  door.grant   holder=h-2 entry=7",
    ]


def test_tail_in_json_is_a_line_for_each_event(
    ask: Run, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.publish("door.grant", holder="h-2", entry=7)
    got: list[Any] = []

    def say_json(event: Event) -> None:
        got.append(event)
        raise KeyboardInterrupt

    monkeypatch.setattr(looking, "say_json", say_json)
    assert ask("tail", "--json", "-n", "5").code == 130
    assert [event.data for event in got] == [{"holder": "h-2", "entry": 7}]


def test_tail_says_when_the_gateway_is_gone_and_waits(
    ask: Run, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.publish("door.grant", entry=1)
    entries: list[str] = []

    def say(line: str) -> None:
        entries.append(line)
        if len(entries) == 1:
            gateway.stop()
            threading.Thread(target=gateway.start).start()
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr(looking, "say", say)
    ended = ask("tail")
    assert ended.code == 130
    assert "Trying again." in ended.err


@pytest.mark.parametrize("answer", ["", "n\n", "maybe\n"])
def test_nobody_is_erased_without_a_yes(
    ask: Run, gateway: Any, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    ended = ask("erase", "holder-0001")
    assert (ended.code, ended.out) == (1, "")
    assert "Erase the name of holder-0001 for ever, and revoke their 1 keys?" in (
        ended.err
    )
    assert "Nothing was changed" in ended.err
    assert gateway.facade.changes == []


def test_a_holder_is_erased(
    ask: Run, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    ended = ask("erase", "holder-0001")
    assert (ended.code, ended.out) == (
        0,
        "holder-0001 is erased; keys revoked: 1. The pseudonym is used up.\n",
    )
    assert [what for what, _ in gateway.facade.changes] == ["erase holder-0001"]
    assert "holder-0001  (erased)" in ask("holders").out
    again = ask("erase", "nobody", "--yes")
    assert (again.code, again.out) == (1, "")
    assert "No holder has this id" in again.err


def order(*more: str) -> tuple[str, ...]:
    return ("enrol", "h-1", "--name", "Ada Byron", "--group", "staff", *more)


class Ceremony:
    """Lets the ceremony go on when the gateway is asked for it."""

    def __init__(self, gateway: Any, *steps: dict[str, Any]) -> None:
        self._gateway = gateway
        self._steps = list(steps)
        self._facade = gateway.facade
        self._enrolment = gateway.facade.enrolment
        gateway.facade.enrolment = self

    def __call__(self) -> Any:
        if self._steps:
            view = self._facade.ceremony
            fields = {name: getattr(view, name) for name in ("id", "holder_id", "hint")}
            with suppress(IndexError):
                self._facade.step(type(view)(**{**fields, **self._steps.pop(0)}))
        return self._enrolment()


def test_an_enrolment_is_seen_through(
    ask: Run, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ceremony(
        gateway,
        {"step": "pairing", "hint": "Keep the key near."},
        {"step": "comparing", "hint": "Compare.", "number": 4711},
        {"step": "proving", "hint": "Touch again."},
        {
            "step": "registered",
            "hint": "Done.",
            "credential_id": "abc",
            "model": "KEYRA One",
        },
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    ended = ask(*order("--until", "2031-12-31T00:00+00:00"))
    assert ended.code == 0
    assert "Does the key show 004 711? [y/N]" in ended.err
    assert ended.out.splitlines() == [
        "armed      Press the key's button.",
        "pairing    Keep the key near.",
        "comparing  Compare.",
        "creating   Compare.",
        "proving    Touch again.",
        "Registered: KEYRA One abc.",
    ]
    changes = [what for what, _ in gateway.facade.changes]
    assert changes == ["enrol h-1", "comparison True"]


def test_numbers_that_differ_end_it(
    ask: Run, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ceremony(gateway, {"step": "comparing", "number": 1})
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    ended = ask(*order())
    assert ended.code == 1
    assert "The enrolment of h-1 failed (numbers-differ)" in ended.err


def test_an_enrolment_in_json_prints_only_its_end(ask: Run, gateway: Any) -> None:
    Ceremony(gateway, {"step": "registered", "credential_id": "abc"})
    ended = ask(*order("--json"))
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["credential_id"] == "abc"


def test_ctrl_c_ends_the_ceremony(
    ask: Run, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        def readline(self) -> str:
            raise KeyboardInterrupt

    Ceremony(gateway, {"step": "comparing", "number": 1})
    monkeypatch.setattr(sys, "stdin", Interrupted())
    assert ask(*order()).code == 130
    assert gateway.facade.changes[-1][0] == "cancel"


def test_a_ceremony_of_somebody_else_is_not_followed(ask: Run, gateway: Any) -> None:
    Ceremony(gateway, {"step": "armed", "id": "e2"})
    ended = ask(*order())
    assert ended.code == 1
    assert "begin anew" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("enrol", "Not An Id", "--name", "x"),
        ("enrol", "h-1", "--name", " x"),
        (
            "enrol",
            "h-1",
            "--name",
            "x",
            "--from",
            "2031-01-02",
            "--until",
            "2031-01-01",
        ),
    ],
)
def test_an_order_that_makes_no_sense_is_not_sent(
    ask: Run, gateway: Any, words: tuple[str, ...]
) -> None:
    ended = ask(*words)
    assert ended.code == 1
    assert ended.err.startswith("keyra: This cannot be enrolled: ")
    assert gateway.facade.changes == []


def test_a_clock_that_is_not_believed_is_said_before_the_pairing(
    ask: Run, gateway: Any
) -> None:
    Ceremony(gateway, {"step": "failed", "hint": "No.", "reason": "clock-untrusted"})
    assert "not synchronised" not in ask(*order()).err
    health = type(gateway.facade.health)
    gateway.facade.health = health(True, True, True, False)
    Ceremony(gateway, {"step": "failed", "hint": "No.", "reason": "clock-untrusted"})
    ended = ask(*order())
    assert ended.err.startswith("keyra: The gateway's clock is not synchronised.")


@pytest.mark.parametrize(
    ("duration_ms", "said"),
    [
        (0, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min 0 s"),
        (3_661_000, "1 h 1 min"),
        (90_000_000, "1 d 1 h"),
    ],
)
def test_durations_have_two_units(duration_ms: int, said: str) -> None:
    assert texts.duration(duration_ms) == said


def test_an_instant_beyond_the_calendar_is_a_number() -> None:
    assert texts.instant(10**18) == f"{10**18} ms"


def test_a_mode_for_a_while(ask: Run, gateway: Any) -> None:
    assert "mode Unlocked" in ask("mode", "Unlocked", "--for", "30m").out
    assert ask("mode", "Unlocked", "--for", "half").code == 64
    assert ask("lockdown", "--for", "2d").code == 0
    assert "mode Unlocked" in ask("unlock").out
    assert ask("unlock", "--for", "5s").code == 0
    assert [what for what, _ in gateway.facade.changes] == [
        "mode Unlocked for 1800000",
        "mode LockedDown for 172800000",
        "mode Unlocked for 30000",
        "mode Unlocked for 5000",
    ]


def test_a_self_test_asks_nobody_when_nobody_is_there(ask: Run, gateway: Any) -> None:
    ended = ask("self-test", "--unattended")
    assert (ended.code, ended.out) == (0, "Self-test, entry 7: released ok.\n")
    view = gateway.facade.door
    gateway.facade.door = type(view)("main", "secured", view.mode, None)
    assert "not commissioned" in ask("status").out
    assert [what for what, _ in gateway.facade.changes] == ["self-test"]
